//! Cyrus, the CalDAV server that does the whole of RFC 6638: it tells the people that an event invites, and what they answer it
//! puts into the organiser's event.
//!
//! The Debian packages are used, because Cyrus is nowhere else; `tests/peers/cyrus.py` sets it up and runs it.

use std::process::Command;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::account::Users;
use super::server::Server;
use super::{Account, Peer, WITHOUT, script, without};
use crate::checkout::repo_root;

/// A running Cyrus. It ends when this is dropped.
#[derive(Debug)]
pub struct Cyrus {
    server: Server,
    users: Users,
}

impl Cyrus {
    /// Starts one with an empty storage for these users and passwords. Each has the address `<user>@example.com`, and
    /// the calendar `Default`.
    pub async fn start(users: &[(&str, &str)]) -> anyhow::Result<Self> {
        let name = Peer::Cyrus.name();
        if without()?.contains(&Peer::Cyrus) {
            bail!("{WITHOUT} names {name}, yet something started it; ask `peers::left_out` first");
        }
        let folder = TempDir::new().context("making a folder for Cyrus")?;
        let mut command = Command::new("python3");
        command.arg("-I").arg(repo_root().join("tests/peers/cyrus.py")).arg("run").arg(folder.path());
        command.args(users.iter().map(|(user, password)| format!("{user}:{password}")));
        let server = Server::run(Peer::Cyrus, command, folder, true).await.with_context(|| {
            format!("Debian: apt-get install cyrus-imapd cyrus-caldav sasl2-bin. Without this peer: {WITHOUT}={name}")
        })?;
        Ok(Self { server, users: Users::of(users) })
    }

    /// `http://127.0.0.1:` and its port.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }

    /// The process that runs it.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Lets one user see in another's calendar (by its name, such as `Default`) when they are busy, and nothing else.
    pub async fn share_free_busy(&self, owner: &str, calendar: &str, with: &str) -> anyhow::Result<()> {
        let Account { user, password, .. } = self.account(owner)?;
        let mut command = tokio::process::Command::new("python3");
        command.arg("-I").arg(repo_root().join("tests/peers/cyrus.py")).arg("share").arg(self.server.folder());
        command.args([&format!("{user}:{password}"), calendar, with, "l9"]);
        script::run(command, super::server::PATIENCE, "cyrus.py", &serde_json::Value::Null).await.map(drop)
    }

    /// A user that it was started with.
    pub fn account(&self, user: &str) -> anyhow::Result<Account> {
        Ok(Account {
            origin: self.origin().to_owned(),
            user: user.to_owned(),
            password: self.users.password(user)?.to_owned(),
            start: "/dav/".to_owned(),
            home: format!("/dav/calendars/user/{user}/"),
        })
    }
}
