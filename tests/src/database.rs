//! An empty database for each test, on the engine of this run.
//!
//! The same tests run on both: `cargo test` runs them on SQLite, with a file for each, and `CHRONUS_TEST_DB=postgres
//! cargo test` on PostgreSQL, with a database for each. Rejected: every test twice in one run, half of which would need a
//! server that most contributors do not have.

use crate::peers::postgres;
use anyhow::{Context, bail, ensure};
use chronus_host::{
    clock::Clock,
    db::{DatabaseUrl, Db},
};
use memchr::memmem::Finder;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The environment variable that names the engine: `sqlite` (the default) or `postgres`.
pub const ENGINE: &str = "CHRONUS_TEST_DB";

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database in the one server of this process.
    Postgres,
}

impl Engine {
    /// The engine of this run.
    pub fn of_this_run() -> anyhow::Result<Self> {
        match std::env::var(ENGINE).as_deref() {
            Err(_) | Ok("" | "sqlite") => Ok(Self::Sqlite),
            Ok("postgres") => Ok(Self::Postgres),
            Ok(other) => bail!("{ENGINE} is {other}; the engines are sqlite and postgres"),
        }
    }
}

/// An empty database. The file is deleted with the value, a database of PostgreSQL with the process.
#[derive(Debug)]
pub struct Database {
    place: DatabaseUrl,
    _folder: Option<TempDir>,
}

impl Database {
    /// On the engine of this run.
    pub async fn fresh() -> anyhow::Result<Self> {
        Self::on(Engine::of_this_run()?).await
    }

    /// On this engine. A test that needs PostgreSQL in every run checks `peers::left_out` first.
    pub async fn on(engine: Engine) -> anyhow::Result<Self> {
        Ok(match engine {
            Engine::Sqlite => {
                // A separate folder, because SQLite writes further files beside the database.
                let folder = TempDir::new().context("making a folder for a database")?;
                Self { place: DatabaseUrl::File(folder.path().join("chronus.db")), _folder: Some(folder) }
            }
            Engine::Postgres => Self { place: DatabaseUrl::Server(postgres::fresh().await?), _folder: None },
        })
    }

    /// The URL for a host's configuration.
    pub fn place(&self) -> &DatabaseUrl {
        &self.place
    }

    /// The URL for sqlx, for a test that reads what the host wrote.
    pub fn address(&self) -> String {
        match &self.place {
            DatabaseUrl::File(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Server(address) => address.clone(),
        }
    }

    /// The number of rows of each table, which a refused request must not change.
    pub async fn rows(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        let mut rows = BTreeMap::new();
        match &self.place {
            DatabaseUrl::File(_) => {
                let mut connection = SqliteConnection::connect(&self.address()).await?;
                let tables = "select name from sqlite_master where type = 'table'";
                for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await? {
                    let count = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from \"{table}\"")));
                    rows.insert(table, count.fetch_one(&mut connection).await?);
                }
            }
            DatabaseUrl::Server(_) => {
                let mut connection = PgConnection::connect(&self.address()).await?;
                let tables = "select tablename::text from pg_tables where schemaname = 'public'";
                for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await? {
                    let count = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from \"{table}\"")));
                    rows.insert(table, count.fetch_one(&mut connection).await?);
                }
            }
        }
        Ok(rows)
    }

    /// Calls `show` for each file of the database, with every committed byte. There is at least one file.
    pub async fn each_file(&self, look: impl Fn(&str, &[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.settle().await?;
        let files = each_below(&self.folder()?, &look)?;
        ensure!(files > 0, "no file of the database was looked at");
        Ok(())
    }

    /// Checks that no file of the database holds one of these texts. The message does not repeat them.
    pub async fn holds_none<S: AsRef<str>>(&self, secrets: &[S]) -> anyhow::Result<()> {
        let finders: Vec<_> = secrets.iter().map(|secret| Finder::new(secret.as_ref())).collect();
        let found = |bytes: &[u8]| finders.iter().any(|finder| finder.find(bytes).is_some());
        self.each_file(|file, bytes| {
            ensure!(!found(bytes), "{file} holds a secret");
            Ok(())
        })
        .await
    }

    /// Refuses all writes until the value ends: another process holds SQLite's only write lock, or PostgreSQL has become a
    /// standby, which takes no writes.
    pub async fn refuse_writes(&self) -> anyhow::Result<WriteOutage> {
        Ok(match &self.place {
            DatabaseUrl::File(_) => {
                let mut connection = SqliteConnection::connect(&self.address()).await?;
                sqlx::query("begin immediate").execute(&mut connection).await?;
                WriteOutage::Sqlite(connection)
            }
            DatabaseUrl::Server(_) => {
                let mut connection = PgConnection::connect(&self.address()).await?;
                set_read_only(&mut connection, "on").await?;
                WriteOutage::Postgres(connection)
            }
        })
    }

    fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = match &self.place {
            DatabaseUrl::File(path) => path.parent().map(PathBuf::from),
            DatabaseUrl::Server(address) => address.split_once("?host=").map(|(_, folder)| PathBuf::from(folder)),
        };
        folder.context("the database has no folder")
    }

    /// Writes everything that was committed to the files.
    async fn settle(&self) -> anyhow::Result<()> {
        match &self.place {
            DatabaseUrl::File(_) => Ok(()),
            DatabaseUrl::Server(_) => self.run("checkpoint").await,
        }
    }

    /// Writes to the database without the host.
    pub async fn run(&self, statement: &'static str) -> anyhow::Result<()> {
        match &self.place {
            DatabaseUrl::File(_) => {
                let mut connection = SqliteConnection::connect(&self.address()).await?;
                sqlx::query(statement).execute(&mut connection).await?;
            }
            DatabaseUrl::Server(_) => {
                let mut connection = PgConnection::connect(&self.address()).await?;
                sqlx::query(statement).execute(&mut connection).await?;
            }
        }
        Ok(())
    }

    /// Writes a value that the table's constraint refuses, as a newer version with more words does. `value` and
    /// `condition` are SQL; tells how many rows there were.
    pub async fn plant(&self, column: (&str, &str), value: &str, condition: &str) -> anyhow::Result<u64> {
        let (table, column) = column;
        let update = AssertSqlSafe(format!("update {table} set {column} = {value} where {condition}"));
        Ok(match &self.place {
            DatabaseUrl::File(_) => {
                let mut connection = SqliteConnection::connect(&self.address()).await?;
                sqlx::query("pragma ignore_check_constraints = on").execute(&mut connection).await?;
                sqlx::query(update).execute(&mut connection).await?.rows_affected()
            }
            DatabaseUrl::Server(_) => {
                let mut connection = PgConnection::connect(&self.address()).await?;
                let constraint = format!("alter table {table} drop constraint if exists {table}_{column}_check");
                sqlx::query(AssertSqlSafe(constraint)).execute(&mut connection).await?;
                sqlx::query(update).execute(&mut connection).await?.rows_affected()
            }
        })
    }

    /// Opens the database and migrates it. Each call returns what another host would have.
    pub async fn open(&self, clock: &Clock) -> anyhow::Result<Db> {
        Ok(Db::open(&self.place, clock.clone()).await?)
    }
}

/// No writes are accepted.
#[derive(Debug)]
pub enum WriteOutage {
    /// The connection that holds the lock.
    Sqlite(SqliteConnection),
    /// A connection from before, which can still write.
    Postgres(PgConnection),
}

impl WriteOutage {
    /// Accepts writes again.
    pub async fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(mut connection) => {
                sqlx::query("rollback").execute(&mut connection).await?;
            }
            Self::Postgres(mut connection) => set_read_only(&mut connection, "off").await?,
        }
        Ok(())
    }
}

/// Sets whether new connections can write, and ends all others.
async fn set_read_only(connection: &mut PgConnection, value: &str) -> anyhow::Result<()> {
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut *connection).await?;
    let set = format!("alter database \"{name}\" set default_transaction_read_only = {value}");
    sqlx::query(AssertSqlSafe(set)).execute(&mut *connection).await?;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    sqlx::query(end).execute(&mut *connection).await?;
    Ok(())
}

/// Calls `show` for each file below a folder. Returns their number.
fn each_below(folder: &Path, look: &impl Fn(&str, &[u8]) -> anyhow::Result<()>) -> anyhow::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        if kind.is_dir() {
            files += each_below(&path, look)?;
        } else if kind.is_file() {
            // A running server may delete a file in the meantime.
            let Ok(bytes) = fs::read(&path) else { continue };
            files += 1;
            look(&path.display().to_string(), &bytes)?;
        }
    }
    Ok(files)
}
