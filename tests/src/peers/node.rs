//! Runs the small JavaScript programs of `tests/peers`, each with the packages of one peer.

use std::path::PathBuf;

use serde_json::Value;
use tokio::process::Command;

use super::{Peer, install, script, server};
use crate::checkout::repo_root;

/// Node.js, with the packages of a peer.
#[derive(Debug, Clone)]
pub struct Node {
    folder: PathBuf,
}

impl Node {
    /// Installs the peer if need be.
    pub async fn of(peer: Peer) -> anyhow::Result<Self> {
        let folder = tokio::task::spawn_blocking(move || install::node_modules(peer)).await??;
        Ok(Self { folder })
    }

    /// Runs `tests/peers/<script>`, whose first argument is the folder that holds `node_modules`, gives it `input` and
    /// returns what it printed.
    ///
    /// Fails with what it said if it ends with another code than 0, prints no JSON or takes longer than a minute.
    pub async fn run(&self, script: &str, arguments: &[&str], input: &Value) -> anyhow::Result<Value> {
        let mut command = Command::new("node");
        command.arg(repo_root().join("tests/peers").join(script)).arg(&self.folder).args(arguments);
        script::run(command, server::PATIENCE, script, input).await
    }
}
