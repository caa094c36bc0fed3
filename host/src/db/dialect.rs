//! SQL that differs between the two databases.

pub(crate) use super::transaction::Inner;

/// One statement in the SQL of each database.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

/// The database's present time, in microseconds since 1970. All hosts share the clock of PostgreSQL; hosts on one SQLite
/// file share a machine.
pub(super) const NOW: Dialect = Dialect {
    sqlite: "select cast(unixepoch('subsec') * 1000 as integer) * 1000",
    postgres: "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)",
};

/// A statement that picks one row and writes to it: `skip_locked!("… where id = (select …", ") …")`. On PostgreSQL, which
/// has several writers at once, it skips rows that another writer has locked instead of waiting for them.
macro_rules! skip_locked {
    ($pick:literal, $rest:literal) => {
        $crate::db::dialect::Dialect {
            sqlite: concat!($pick, $rest),
            postgres: concat!($pick, " for update skip locked", $rest),
        }
    };
}

/// A statement that is given a list of ids as one parameter, a JSON array:
/// `in_list!("… where id in ", "$1", " order by id")`.
macro_rules! in_list {
    ($before:literal, $parameter:literal, $after:literal) => {
        $crate::db::dialect::Dialect {
            sqlite: concat!($before, "(select value from json_each(", $parameter, "))", $after),
            postgres: concat!($before, "(select json_array_elements_text(cast(", $parameter, " as json)))", $after),
        }
    };
}

pub(crate) use {in_list, skip_locked};
