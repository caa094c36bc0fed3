//! Runs the small Python programs of `tests/peers`, each in the environment of one peer.
//!
//! Rejected: binding to Python from Rust. It would put somebody else's interpreter into our tests' process.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::{Peer, install, script, server};
use crate::checkout::repo_root;

/// The interpreter of a peer's environment.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// Installs the peer if need be.
    pub async fn of(peer: Peer) -> anyhow::Result<Self> {
        let interpreter = tokio::task::spawn_blocking(move || install::python(peer)).await??;
        Ok(Self { interpreter })
    }

    /// What to type at the root of the checkout to run the same by hand; the input comes from a file.
    pub(super) fn by_hand(&self, script: &str, arguments: &[&str], input: &str) -> String {
        let interpreter = self.interpreter.strip_prefix(repo_root()).unwrap_or(&self.interpreter);
        format!("{} -I tests/peers/{script} {} < {input}", interpreter.display(), arguments.join(" "))
    }

    /// Runs `tests/peers/<script>` with `arguments`, gives it `input` and returns what it printed.
    ///
    /// Fails with what it said if it ends with another code than 0, prints no JSON or takes longer than a minute.
    pub async fn run(&self, script: &str, arguments: &[&str], input: &Value) -> anyhow::Result<Value> {
        self.run_within(server::PATIENCE, script, arguments, input).await
    }

    /// The same, for what may take longer than a minute.
    pub async fn run_within(
        &self,
        longest: Duration,
        script: &str,
        arguments: &[&str],
        input: &Value,
    ) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.interpreter);
        // No module of the folder we happen to be in, none of the person's own.
        command.arg("-I").arg(repo_root().join("tests/peers").join(script)).args(arguments);
        script::run(command, longest, script, input).await
    }
}
