//! Radicale, the CalDAV server of the demo: users with passwords, each alone with their own calendars.

use std::fs;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::account::Users;
use super::server::Server;
use super::{Account, Peer};

/// A running Radicale. It ends when this is dropped.
#[derive(Debug)]
pub struct Radicale {
    server: Server,
    users: Users,
}

impl Radicale {
    /// Starts one with an empty storage for these users and passwords.
    pub async fn start(users: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = TempDir::new().context("making a folder for Radicale")?;
        let users = Users::of(users);
        fs::write(folder.path().join("users"), password_file(&users)?)?;
        let config = folder.path().join("config");
        fs::write(&config, CONFIG)?;
        let server = Server::start(Peer::Radicale, "radicale", &["-C", "config"], folder).await?;
        Ok(Self { server, users })
    }

    /// `http://127.0.0.1:` and its port.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// A user that it was started with.
    pub fn account(&self, user: &str) -> anyhow::Result<Account> {
        Ok(Account {
            origin: self.origin().to_owned(),
            user: user.to_owned(),
            password: self.users.password(user)?.to_owned(),
            start: "/".to_owned(),
            home: format!("/{user}/"),
        })
    }

    /// Gives a user another password, from the next request on.
    pub fn set_password(&mut self, user: &str, password: &str) -> anyhow::Result<()> {
        self.users.set_password(user, password)?;
        fs::write(self.server.folder().join("users"), password_file(&self.users)?)
            .context("writing Radicale's passwords")
    }

    /// Lays resources (names and texts) into a calendar's folder. To put thousands takes it minutes; what lies in its
    /// folders it reads when it is next asked, as its documentation says.
    pub fn lay(&self, calendar: &str, resources: impl Iterator<Item = (String, String)>) -> anyhow::Result<()> {
        let folder = self.server.folder().join("collections/collection-root").join(calendar.trim_matches('/'));
        for (name, text) in resources {
            fs::write(folder.join(&name), text).with_context(|| format!("writing {name} into {}", folder.display()))?;
        }
        Ok(())
    }

    /// Makes a calendar and gives its path: `/alice/work/`.
    pub async fn put_calendar(&self, user: &str, name: &str) -> anyhow::Result<String> {
        self.account(user)?.put_calendar(name).await
    }
}

/// Paths are meant in the folder that the server runs in. `hosts` must name a port; `serve.py` takes another. Passwords
/// are those of tests, in a file that lives as long as the server. A wrong one is answered without the usual delay:
/// nobody is guessing here. Nor is anybody kept from asking for more than 10,000 events at once, as vdirsyncer does.
const CONFIG: &str = "\
[server]
hosts = 127.0.0.1:1
[auth]
type = htpasswd
htpasswd_filename = users
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = collections
[reporting]
max_expand_occurrence = 100000
[logging]
level = warning
";

fn password_file(users: &Users) -> anyhow::Result<String> {
    let mut file = String::new();
    for (user, password) in users.iter() {
        if user.contains([':', '/', '\n']) || password.contains('\n') {
            bail!("Radicale's password file cannot hold the user {user:?}");
        }
        file.push_str(&format!("{user}:{password}\n"));
    }
    Ok(file)
}
