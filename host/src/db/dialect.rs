//! What differs between the two databases, and nothing else.

pub(crate) use super::transaction::Inner;

/// A text for each.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

/// The present time of the database, in microseconds since 1970. All hosts share the one of PostgreSQL; hosts on one
/// SQLite file share a machine.
pub(super) const NOW: Dialect = Dialect {
    sqlite: "select cast(unixepoch('subsec') * 1000 as integer) * 1000",
    postgres: "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)",
};

/// A statement that picks one row and writes to it: `skip_locked!("… where id = (select …", ") …")`. On PostgreSQL, where
/// several write at once, it passes over rows that somebody else is writing to, in place of waiting for them.
macro_rules! skip_locked {
    ($pick:literal, $rest:literal) => {
        $crate::db::dialect::Dialect {
            sqlite: concat!($pick, $rest),
            postgres: concat!($pick, " for update skip locked", $rest),
        }
    };
}

pub(crate) use skip_locked;
