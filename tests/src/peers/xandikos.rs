//! Xandikos, a CalDAV server with habits of its own: 412 where Radicale says 409, time zones kept where Radicale
//! expands to UTC, `VALUE=PERIOD` in free/busy. What works with both does not lean on either.
//!
//! It asks nobody for a password: every client is its one user. (Its own Basic authentication is tied to TLS with a
//! certificate that it signs itself.) Tests of passwords belong to Radicale.

use anyhow::Context;
use tempfile::TempDir;

use super::server::Server;
use super::{Account, Peer};

/// A running Xandikos. It ends when this is dropped.
#[derive(Debug)]
pub struct Xandikos {
    server: Server,
}

impl Xandikos {
    /// Starts one for alice, with the one empty calendar that it makes for a new user: `/alice/calendars/calendar/`.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new().context("making a folder for Xandikos")?;
        // It must name a port; `serve.py` takes another.
        let arguments = ["serve", "--defaults", "--current-user-principal", "/alice/", "--directory", "data"];
        let arguments = [&arguments[..], &["--listen-address", "127.0.0.1", "--port", "1"]].concat();
        let server = Server::start(Peer::Xandikos, "xandikos", &arguments, folder).await?;
        Ok(Self { server })
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

    /// Its one user, with a password that it does not look at.
    pub fn account(&self) -> Account {
        Account {
            origin: self.origin().to_owned(),
            user: "alice".to_owned(),
            password: "not-looked-at".to_owned(),
            start: "/".to_owned(),
            home: "/alice/calendars/".to_owned(),
        }
    }
}
