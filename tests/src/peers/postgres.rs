//! A throw-away PostgreSQL: one server for a process of tests, a database for each test.
//!
//! The system's programs are used, the newest there are, in a temporary folder, and only through a socket in it: no
//! port is taken, and nobody else gets in. PostgreSQL refuses to run as root, so root runs it as the user `postgres`
//! that its package makes. `tests/peers/postgres.sh` starts it and ends it when our end of its standard input closes,
//! which is when this process ends, however it does; so no server is left behind, and no folder.
//!
//! Rejected: the signal that Linux sends when a parent dies (it means the parent's thread, and those of tests end), and
//! a server that is already there (another version, another locale, and somebody's data).

use super::{Peer, WITHOUT, without};
use anyhow::{Context, bail};
use sqlx::{Connection, PgConnection};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;

/// The address of a new, empty database: `postgres://…`.
pub(crate) async fn fresh() -> anyhow::Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let server = tokio::task::spawn_blocking(server).await??;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection =
        PgConnection::connect(&server.address("postgres")).await.context("connecting to PostgreSQL")?;
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
    connection.close().await?;
    Ok(server.address(&name))
}

/// The one of this process.
#[derive(Debug)]
struct Server {
    folder: PathBuf,
    /// Its standard input is what keeps the server running.
    _child: Child,
}

impl Server {
    fn address(&self, database: &str) -> String {
        format!("postgres://chronus@localhost/{database}?host={}", self.folder.display())
    }
}

fn server() -> anyhow::Result<&'static Server> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER
        .get_or_init(|| start().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|text| anyhow::Error::msg(text.clone()))
}

fn start() -> anyhow::Result<Server> {
    if without()?.contains(&Peer::Postgres) {
        bail!("{WITHOUT} names postgres, yet something started it; ask `peers::left_out` first");
    }
    let programs = programs()?;
    let folder = tempfile::Builder::new().prefix("chronus-postgres-").tempdir().context("making a folder")?;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", include_str!("../../peers/postgres.sh"), "postgres.sh"]).arg(&programs).arg(folder.path());
    // Nothing of the person's own settings (PGHOST, PGDATA, …), and no language but that of the program.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
    command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let us = fs::metadata(folder.path())?;
    if us.uid() == 0 {
        let (user, group) = user().context("root cannot run PostgreSQL, and there is no user `postgres` to do it")?;
        chown(folder.path(), Some(user), Some(group)).context("giving the folder to the user `postgres`")?;
        command.uid(user).gid(group);
    }
    let child = command.spawn().with_context(|| format!("cannot start PostgreSQL of {}", programs.display()))?;
    wait(child, folder).with_context(|| format!("PostgreSQL of {} does not run", programs.display()))
}

/// Until it can be connected to.
fn wait(mut child: Child, folder: TempDir) -> anyhow::Result<Server> {
    let mut said = BufReader::new(child.stdout.take().context("it has no standard output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    if line.trim() != "ready" {
        said.read_to_string(&mut line)?;
        child.wait()?;
        bail!("{}", line.trim());
    }
    // From here on the script removes it: this process may end in any way.
    Ok(Server { folder: folder.keep(), _child: child })
}

/// The folder with the newest `initdb` and `pg_ctl`.
fn programs() -> anyhow::Result<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut installed: Vec<_> =
        installed.map(|entry| entry.path()).filter(|folder| version(folder).is_some()).collect();
    installed.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = installed.into_iter().map(|folder| folder.join("bin")).chain(std::env::split_paths(&path));
    let mut able = all.filter(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file());
    let Some(folder) = able.next() else {
        bail!(
            "there is no PostgreSQL: neither in /usr/lib/postgresql nor on PATH. Debian: apt-get install postgresql. \
             Without this peer: {WITHOUT}={}",
            Peer::Postgres.name()
        );
    };
    Ok(folder)
}

/// The user that the package makes, with its group.
fn user() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = users.lines().find(|line| line.starts_with("postgres:"))?.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
