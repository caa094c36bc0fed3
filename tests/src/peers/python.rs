//! Runs the small Python programs of `tests/peers`, each in the environment of one peer.
//!
//! They speak JSON: one value in, one value out, and everything else goes to standard error, which is shown if the
//! program fails. Rejected: binding to Python from Rust. It would put somebody else's interpreter into our tests'
//! process.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{Peer, install, server};
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
        // `-I`: no module of the folder we happen to be in, none of the person's own.
        let mut child = tokio::process::Command::new(&self.interpreter)
            .arg("-I")
            .arg(repo_root().join("tests/peers").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.interpreter.display()))?;
        let input = input.to_string();
        let mut stdin = child.stdin.take().context("the script has no standard input")?;
        // Both at once: a script that answers while it still reads must not wait for us, nor we for it. One that does
        // not read at all closes the pipe; why is in what it says.
        let write = async move { drop(stdin.write_all(input.as_bytes()).await) };
        let both = async { tokio::join!(write, child.wait_with_output()).1 };
        let output = tokio::time::timeout(server::PATIENCE, both)
            .await
            .with_context(|| format!("{script} did not end within {} s", server::PATIENCE.as_secs()))??;
        if !output.status.success() {
            bail!("{script} {}: {}\n{}", arguments.join(" "), output.status, String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{script} printed no JSON: {}", String::from_utf8_lossy(&output.stdout)))
    }
}
