//! What fails a right statement: the database is away, or cannot work at present.
//!
//! Problem: one accident has another error on each database and in each layer below (the pool, the connection, the
//! server), and callers that recognise only some of them call the others their own mistake. Decision: one enum of
//! accidents, and one function that knows every code. An error that is no outage is a mistake in a statement or in the
//! data. Rejected: codes compared where they are met, as each such place misses others.

use sqlx::sqlite::SqliteError;
use std::fmt;

/// An accident of the database, after which the same statement may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The server cannot be reached, is starting or stopping, or has ended the connection.
    Unreachable,
    /// No connection became free in time, the server has too many, or a lock was held for too long.
    Busy,
    /// The disk is full.
    Full,
    /// The database accepts no writes: a standby server, or a file that this process cannot write.
    ReadOnly,
    /// The disk fails, or the file cannot be opened.
    Disk,
    /// There is no memory.
    Memory,
    /// The statement was interrupted.
    Interrupted,
}

impl Outage {
    /// The accident behind an error. `None` if the error is not an accident of the database.
    #[must_use]
    pub fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast_ref::<SqliteError>() {
                Some(_) => error.code().and_then(|code| Self::of_sqlite(&code)),
                None => error.code().and_then(|code| Self::of_postgres(&code)),
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Some(Self::Unreachable),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => Some(Self::Unreachable),
            sqlx::Error::PoolTimedOut => Some(Self::Busy),
            _ => None,
        }
    }

    /// The result codes of SQLite: an extended code has its primary code in the lowest byte.
    fn of_sqlite(code: &str) -> Option<Self> {
        Some(match code.parse::<i32>().ok()? & 0xff {
            5 | 6 | 15 => Self::Busy,
            7 => Self::Memory,
            8 => Self::ReadOnly,
            9 => Self::Interrupted,
            10 | 14 => Self::Disk,
            13 => Self::Full,
            _ => return None,
        })
    }

    /// The error codes of PostgreSQL, by name or by their class, the first two characters.
    fn of_postgres(code: &str) -> Option<Self> {
        Some(match code {
            "53100" => Self::Full,
            "53200" => Self::Memory,
            "25006" => Self::ReadOnly,
            "57014" => Self::Interrupted,
            // Too many connections, a lock that is not free, a deadlock, and two transactions that exclude each other.
            "53300" | "53400" | "55P03" | "40P01" | "40001" => Self::Busy,
            _ => match code.get(..2)? {
                "08" | "57" => Self::Unreachable,
                "58" => Self::Disk,
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the database cannot be reached",
            Self::Busy => "the database is busy",
            Self::Full => "the disk of the database is full",
            Self::ReadOnly => "the database accepts no writes",
            Self::Disk => "the disk of the database fails",
            Self::Memory => "the database has no memory",
            Self::Interrupted => "the statement was interrupted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accident_is_recognised_on_both_databases() {
        let sqlite = [
            ("5", Outage::Busy),
            ("517", Outage::Busy),
            ("7", Outage::Memory),
            ("8", Outage::ReadOnly),
            ("1544", Outage::ReadOnly),
            ("9", Outage::Interrupted),
            ("778", Outage::Disk),
            ("14", Outage::Disk),
            ("13", Outage::Full),
        ];
        for (code, outage) in sqlite {
            assert_eq!(Outage::of_sqlite(code), Some(outage), "{code}");
        }
        let postgres = [
            ("53100", Outage::Full),
            ("53300", Outage::Busy),
            ("25006", Outage::ReadOnly),
            ("57P01", Outage::Unreachable),
            ("57P03", Outage::Unreachable),
            ("57014", Outage::Interrupted),
            ("08006", Outage::Unreachable),
            ("58030", Outage::Disk),
            ("40P01", Outage::Busy),
        ];
        for (code, outage) in postgres {
            assert_eq!(Outage::of_postgres(code), Some(outage), "{code}");
        }
        let errors = [
            (sqlx::Error::PoolTimedOut, Outage::Busy),
            (sqlx::Error::PoolClosed, Outage::Unreachable),
            (sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into()), Outage::Unreachable),
        ];
        for (error, outage) in errors {
            assert_eq!(Outage::of(&error), Some(outage), "{error}");
        }
    }

    #[test]
    fn a_mistake_is_no_accident() {
        for code in ["1", "19", "2067", "11", "26"] {
            assert_eq!(Outage::of_sqlite(code), None, "{code}");
        }
        for code in ["23505", "42P01", "22P02", "25P02", "XX001", ""] {
            assert_eq!(Outage::of_postgres(code), None, "{code}");
        }
        assert_eq!(Outage::of(&sqlx::Error::RowNotFound), None);
    }
}
