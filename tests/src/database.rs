//! An empty database of a test's own, on the engine that this run is for.
//!
//! The same tests hold on both: `cargo test` runs them on SQLite, with a file for each, and `CHRONUS_TEST_DB=postgres
//! cargo test` on PostgreSQL, with a database for each. Rejected: every test twice in one run. Half of it would be
//! waiting for a server that most people who change a line do not have.

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

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database in the one server of this process.
    Postgres,
}

impl Engine {
    /// The one that this run is for.
    pub fn of_this_run() -> anyhow::Result<Self> {
        match std::env::var(ENGINE).as_deref() {
            Err(_) | Ok("" | "sqlite") => Ok(Self::Sqlite),
            Ok("postgres") => Ok(Self::Postgres),
            Ok(other) => bail!("{ENGINE} is {other}; the engines are sqlite and postgres"),
        }
    }
}

/// An empty database. The file goes with the value, PostgreSQL's databases with the process.
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

    /// On this engine. A test that needs PostgreSQL whatever the run asks `peers::left_out` first.
    pub async fn on(engine: Engine) -> anyhow::Result<Self> {
        Ok(match engine {
            Engine::Sqlite => {
                // A folder of its own: SQLite keeps further files beside the one.
                let folder = TempDir::new().context("making a folder for a database")?;
                Self { place: DatabaseUrl::File(folder.path().join("chronus.db")), _folder: Some(folder) }
            }
            Engine::Postgres => Self { place: DatabaseUrl::Server(postgres::fresh().await?), _folder: None },
        })
    }

    /// Where it is, for a host's configuration.
    pub fn place(&self) -> &DatabaseUrl {
        &self.place
    }

    /// Where it is, as sqlx calls it: for a test that looks at what the host wrote.
    pub fn address(&self) -> String {
        match &self.place {
            DatabaseUrl::File(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Server(address) => address.clone(),
        }
    }

    /// How many rows each table has: what a request that was refused must not have changed.
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

    /// Shows each of its files, once: every byte that was committed is there. At least one is.
    pub async fn each_file(&self, look: impl Fn(&str, &[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.settle().await?;
        let files = each_below(&self.folder()?, &look)?;
        ensure!(files > 0, "no file of the database was looked at");
        Ok(())
    }

    /// None of its files holds one of these texts, which are not repeated.
    pub async fn holds_none<S: AsRef<str>>(&self, secrets: &[S]) -> anyhow::Result<()> {
        let finders: Vec<_> = secrets.iter().map(|secret| Finder::new(secret.as_ref())).collect();
        let found = |bytes: &[u8]| finders.iter().any(|finder| finder.find(bytes).is_some());
        self.each_file(|file, bytes| {
            ensure!(!found(bytes), "{file} holds a secret");
            Ok(())
        })
        .await
    }

    fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = match &self.place {
            DatabaseUrl::File(path) => path.parent().map(PathBuf::from),
            DatabaseUrl::Server(address) => address.split_once("?host=").map(|(_, folder)| PathBuf::from(folder)),
        };
        folder.context("the database has no folder")
    }

    /// Has all that was committed written to its files.
    async fn settle(&self) -> anyhow::Result<()> {
        match &self.place {
            DatabaseUrl::File(_) => Ok(()),
            DatabaseUrl::Server(_) => self.run("checkpoint").await,
        }
    }

    /// Writes to it behind the host's back.
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

    /// Opens it and brings its tables up to date. As often as a test likes: each is what another host would have.
    pub async fn open(&self, clock: &Clock) -> anyhow::Result<Db> {
        Ok(Db::open(&self.place, clock.clone()).await?)
    }
}

/// Shows each file below a folder; how many there were.
fn each_below(folder: &Path, look: &impl Fn(&str, &[u8]) -> anyhow::Result<()>) -> anyhow::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        if kind.is_dir() {
            files += each_below(&path, look)?;
        } else if kind.is_file() {
            // A server that runs may take a file away meanwhile.
            let Ok(bytes) = fs::read(&path) else { continue };
            files += 1;
            look(&path.display().to_string(), &bytes)?;
        }
    }
    Ok(files)
}
