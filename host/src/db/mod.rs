//! The database: SQLite in a file, or PostgreSQL if several hosts share it.
//!
//! Problem: two databases, and one program that must be right on both. Decision: one enum of two pools, and macros that
//! run one SQL text on either; the few texts that differ are in [`dialect`]. Column types are BIGINT, TEXT and BYTEA
//! only: ids are text, instants are microseconds since 1970, structures are JSON, enums are words ([`string_enum`]).
//! Every statement runs in a [`Tx`], and no remote call is made while one is open ([`outside_transactions`]), because it
//! would hold locks for as long as the remote server takes. Invariants are unique indexes, constraints, or guarded
//! updates whose row count is checked; never a read followed by a write. Rejected: sqlx's `Any`, which knows few types
//! and no locks; a trait for each store, which doubles every query; an ORM.

mod address;
pub mod dialect;
mod outage;
mod page;
mod probe;
mod stored;
mod tls;
mod transaction;

pub use outage::Outage;
pub use page::Page;
pub(crate) use stored::string_enum;
pub use stored::{Column, UnknownVariant, UnknownWord, unknown_word};
pub use transaction::{Open, Tx, outside_transactions};

use crate::clock::Clock;
use sqlx::{
    ConnectOptions as _, Connection, PgPool, SqlitePool,
    migrate::Migrator,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// The migrations of both databases. A released migration is never edited: its digest is stored in the database.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for the lock of another before it fails.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The database and its clock. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    clock: Clock,
    announced: Arc<Notify>,
}

#[derive(Debug, Clone)]
enum Pools {
    /// SQLite allows one writer at a time. A pool of one connection queues writers in their order.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// The address of the database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file, which is created if it does not exist.
    File(PathBuf),
    /// `postgres://user:password@host/database`. Never printed, because it may contain a password.
    Server(String),
}

impl DatabaseUrl {
    /// Whether there is a database at this address, as far as that is known without opening it.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Server(_) => true,
        }
    }

    /// The address in production: unless it says otherwise, the certificate of a server on another machine is checked.
    #[must_use]
    pub fn in_production(&self) -> Self {
        match self {
            Self::File(path) => Self::File(path.clone()),
            Self::Server(address) => Self::Server(tls::with_verification(address)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Server(_) => f.debug_tuple("Server").finish_non_exhaustive(),
        }
    }
}

/// Why the database cannot be opened. Never contains the address, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the server is malformed, in this part.
    #[error("the database address is malformed: {0}; an example is postgres://user:password@localhost/chronus")]
    Address(String),
    /// The database file cannot be created or locked.
    #[error("the database file cannot be opened: {0}")]
    File(io::Error),
    /// The address asks for a connection without TLS to another machine.
    #[error(
        "the database address says `sslmode=disable`, but the server is on another machine; use `sslmode=verify-full`, with \
         `sslrootcert=FILE` for a certificate of your own authority"
    )]
    NoTls,
    /// The database could not be reached, or it refused the connection.
    #[error("the database cannot be opened: {0}")]
    Connect(sqlx::Error),
    /// The migrations failed, or a newer version has migrated the database.
    #[error("the database cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Db {
    /// Opens the database and runs its migrations. Several hosts may do so at once.
    ///
    /// # Errors
    /// If the database cannot be reached, or if a newer version has migrated it.
    pub async fn open(place: &DatabaseUrl, clock: Clock) -> Result<Self, OpenError> {
        let pools = match place {
            DatabaseUrl::File(path) => sqlite(path).await?,
            DatabaseUrl::Server(address) => postgres(address).await?,
        };
        Ok(Self { pools, clock, announced: Arc::default() })
    }

    /// Opens a transaction that may write. On SQLite there is one at a time.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn begin(&self) -> sqlx::Result<Tx> {
        let inner = match &self.pools {
            // SQLite refuses a transaction that reads first and writes later if another one wrote in between.
            Pools::Sqlite { writer, .. } => transaction::Inner::Sqlite(writer.begin_with("begin immediate").await?),
            Pools::Postgres(pool) => transaction::Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx::new(inner, self.clock.clone(), self.announced.clone()))
    }

    /// Runs queries in a read-only transaction: `db.read(async |tx| store::find(tx, id).await).await?`. On SQLite they see
    /// one state of the database.
    ///
    /// # Errors
    /// If no connection is free in time, or if a query fails.
    pub async fn read<T>(&self, queries: impl AsyncFnOnce(&mut Tx) -> sqlx::Result<T>) -> sqlx::Result<T> {
        let mut tx = self.begin_read().await?;
        let result = queries(&mut tx).await?;
        tx.commit().await?;
        Ok(result)
    }

    /// Opens a read-only transaction. Prefer [`Db::read`], which also ends it.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn begin_read(&self) -> sqlx::Result<Tx> {
        let inner = match &self.pools {
            Pools::Sqlite { readers, .. } => transaction::Inner::Sqlite(readers.begin().await?),
            Pools::Postgres(pool) => transaction::Inner::Postgres(pool.begin().await?),
        };
        Ok(Tx::new(inner, self.clock.clone(), self.announced.clone()))
    }

    /// Waits until a transaction of this process that called [`Tx::announce`] is committed. Returns at once if that has
    /// happened since the last call. There is one waiting task: the job runner.
    pub async fn announced(&self) {
        self.announced.notified().await;
    }

    /// Closes all connections: readers first, then the writer.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

async fn sqlite(path: &Path) -> Result<Pools, OpenError> {
    // Two hosts may create the file at once, and neither switching to WAL nor SQLite's migrations wait for locks. The
    // lock is on a second file, because closing the database file would release all locks that SQLite holds on it.
    let _alone = {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || locked_file(&path)).await;
        opened.map_err(|error| OpenError::File(error.into()))?.map_err(OpenError::File)?
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // Committed transactions survive a power cut, not only a crash of this program.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging();
    let pool = |most| {
        let pool = SqlitePoolOptions::new().max_connections(most).acquire_timeout(LOCK_TIMEOUT);
        pool.after_release(|connection, _| Box::pin(is_reusable(connection)))
    };
    let writer = pool(1).connect_with(options.clone()).await.map_err(OpenError::Connect)?;
    MIGRATIONS.run(&writer).await?;
    let readers = pool(4).connect_with(options).await.map_err(OpenError::Connect)?;
    Ok(Pools::Sqlite { writer, readers })
}

/// Creates the database file if it does not exist, readable by its owner only; SQLite gives `-wal` and `-shm` the same
/// permissions. The lock is held until the returned file is dropped.
fn locked_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut beside = path.as_os_str().to_owned();
    beside.push("-lock");
    let lock = options.open(beside)?;
    lock.lock()?;
    match options.create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(lock),
    }
}

/// Whether a connection can be used again when its transaction has ended. SQLite rolls back by itself after some errors (disk
/// full, I/O error, out of memory, interrupt); sqlx's own rollback then fails, and its connection counts a transaction for
/// ever, so that none could begin. Such a connection is closed, and the next one is new.
async fn is_reusable<C: Connection>(connection: &mut C) -> sqlx::Result<bool> {
    // The rollback of a dropped transaction is queued, and done before the answer to this.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn postgres(address: &str) -> Result<Pools, OpenError> {
    let options = tls::require(address::parse(address)?)?.disable_statement_logging();
    // A pool would try a server that refuses connections until its timeout, and then tell only that.
    let first = timeout(LOCK_TIMEOUT, options.connect()).await;
    let first = first.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
    first.map_err(OpenError::Connect)?.close().await.map_err(OpenError::Connect)?;
    let pool = PgPoolOptions::new().max_connections(16).acquire_timeout(LOCK_TIMEOUT);
    let pool = pool.after_release(|connection, _| Box::pin(is_reusable(connection)));
    let pool = pool.connect_with(options).await.map_err(OpenError::Connect)?;
    MIGRATIONS.run(&pool).await?;
    Ok(Pools::Postgres(pool))
}

/// Runs a statement: `execute!(tx, "…", a, b)` returns the number of changed rows.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $tx.inner() {
            $crate::db::dialect::Inner::Sqlite(connection) => {
                let query = sqlx::query::<sqlx::Sqlite>($sql)$(.bind($bind))*;
                query.execute(&mut **connection).await.map(|done| done.rows_affected())
            }
            $crate::db::dialect::Inner::Postgres(connection) => {
                let query = sqlx::query::<sqlx::Postgres>($sql)$(.bind($bind))*;
                query.execute(&mut **connection).await.map(|done| done.rows_affected())
            }
        }
    };
}

/// Runs a query: `fetch!(tx, all | one | optional, Row, "…", a, b)`.
macro_rules! fetch {
    (@run all, $query:expr, $connection:expr) => { $query.fetch_all($connection).await };
    (@run one, $query:expr, $connection:expr) => { $query.fetch_one($connection).await };
    (@run optional, $query:expr, $connection:expr) => { $query.fetch_optional($connection).await };
    ($tx:expr, $how:ident, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $tx.inner() {
            $crate::db::dialect::Inner::Sqlite(connection) => {
                let query = sqlx::query_as::<sqlx::Sqlite, $row>($sql)$(.bind($bind))*;
                $crate::db::fetch!(@run $how, query, &mut **connection)
            }
            $crate::db::dialect::Inner::Postgres(connection) => {
                let query = sqlx::query_as::<sqlx::Postgres, $row>($sql)$(.bind($bind))*;
                $crate::db::fetch!(@run $how, query, &mut **connection)
            }
        }
    };
}

pub(crate) use {execute, fetch};

/// Whether a statement failed because of a unique index.
#[must_use]
pub fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether a statement failed because it refers to a row that does not exist.
#[must_use]
pub fn is_missing(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}

/// Decodes a stored instant.
#[must_use]
pub fn instant(microseconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

/// Decodes a structure that is stored as JSON. Prefer [`Column::json`], whose errors name the column.
///
/// # Errors
/// If the text does not have the structure of `T`.
pub fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(broken)
}

/// Decodes a stored id. Enums are decoded by [`Column::word`].
///
/// # Errors
/// If the text is malformed.
pub fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(text: &str) -> sqlx::Result<T> {
    text.parse().map_err(broken)
}

/// The error for a stored value that this program does not write.
pub fn broken(error: impl Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// Encodes a structure as JSON.
///
/// # Errors
/// If the value has no JSON form, which no type of this program allows.
pub fn to_json(value: &impl serde::Serialize) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, sqlx::FromRow)]
    struct Row {
        sha256: String,
        bytes: Vec<u8>,
    }

    /// The stores rely on this: a parameter may be used more than once, bytes come back as bytes, and only the owner may
    /// read the files.
    #[tokio::test]
    async fn a_file_keeps_what_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabaseUrl::File(folder.path().join("chronus.db"));
        let db = Db::open(&place, Clock::System).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let sql = "insert into components (sha256, provider_id, version, requested_grant, bytes, added_at) \
                   values ($1, $1, $1, '{}', $2, $3)";
        let written = execute!(&mut tx, sql, "one", &[0_u8, 255, 7][..], 5_i64).unwrap();
        assert_eq!(written, 1);
        assert!(is_taken(&execute!(&mut tx, sql, "one", &b""[..], 5_i64).unwrap_err()));
        tx.commit().await.unwrap();

        let mut tx = db.begin_read().await.unwrap();
        let rows = fetch!(tx, all, Row, "select sha256, bytes from components where version = $1", "one").unwrap();
        assert_eq!(rows, [Row { sha256: "one".to_owned(), bytes: vec![0, 255, 7] }]);
        drop(tx);
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        db.close().await;
    }

    /// O1 of the operators' review: after the first write that found the disk full, none succeeded until a restart.
    #[tokio::test]
    async fn writes_go_on_after_a_disk_was_full() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&DatabaseUrl::File(folder.path().join("chronus.db")), Clock::System).await.unwrap();
        let insert = "insert into components (sha256, provider_id, version, requested_grant, bytes, added_at) \
                      values ($1, '', '', '{}', $2, 0)";
        let mut tx = db.begin().await.unwrap();
        // For this connection, the file may grow no further.
        execute!(&mut tx, "pragma max_page_count = 1").unwrap();
        tx.commit().await.unwrap();
        for number in 0..3 {
            let mut tx = db.begin().await.unwrap();
            let full = execute!(&mut tx, insert, format!("big {number}"), &vec![1_u8; 1 << 20][..]).unwrap_err();
            assert_eq!(Outage::of(&full), Some(Outage::Full), "{full}");
            drop(tx);
            // The limit was the connection's own, which is closed: the disk has room again.
            let mut tx = db.begin().await.unwrap();
            execute!(&mut tx, insert, format!("small {number}"), &b""[..]).unwrap();
            tx.commit().await.unwrap();
            let mut tx = db.begin().await.unwrap();
            execute!(&mut tx, "pragma max_page_count = 1").unwrap();
            tx.commit().await.unwrap();
        }
        let written = db.read(async |tx| fetch!(tx, all, (String,), "select sha256 from components order by 1")).await;
        assert_eq!(written.unwrap(), ["small 0", "small 1", "small 2"].map(|name| (name.to_owned(),)));
    }

    #[tokio::test]
    async fn an_announcement_is_heard_after_the_commit_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&DatabaseUrl::File(folder.path().join("chronus.db")), Clock::System).await.unwrap();
        let heard = || futures_util::FutureExt::now_or_never(db.announced()).is_some();
        let mut tx = db.begin().await.unwrap();
        tx.announce();
        assert!(!heard());
        drop(tx);
        assert!(!heard());
        let mut tx = db.begin().await.unwrap();
        tx.announce();
        tx.commit().await.unwrap();
        assert!(heard() && !heard());
    }

    /// O18 of the operators' review: the pool tried for ten seconds, and then told its timeout only.
    #[tokio::test]
    async fn a_server_that_refuses_connections_is_told_at_once() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = DatabaseUrl::Server(format!("postgres://user@127.0.0.1:{port}/chronus"));
        let opened = timeout(LOCK_TIMEOUT / 2, Db::open(&place, Clock::System)).await.unwrap();
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn an_address_is_not_repeated() {
        let place = DatabaseUrl::Server("postgres://user:opensesame@localhost:none/chronus".to_owned());
        let error = Db::open(&place, Clock::System).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("opensesame"), "{error:?}");
    }
}
