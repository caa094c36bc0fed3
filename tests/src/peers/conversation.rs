//! A conversation with a program of `tests/peers` in Python: a line of JSON in, a line of JSON out, until the input ends.
//!
//! To start Python with a client's packages takes longer than anything that is then asked of it, so a test that asks often
//! starts one process.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{Peer, install, server};
use crate::checkout::repo_root;

/// A running program. It ends when this is dropped.
#[derive(Debug, Clone)]
pub(super) struct Conversation {
    script: &'static str,
    process: Arc<Mutex<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    asked: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Conversation {
    /// Starts `tests/peers/<script>` in the environment of a peer, which is installed if need be.
    pub(super) async fn start(peer: Peer, script: &'static str) -> anyhow::Result<Self> {
        let python = tokio::task::spawn_blocking(move || install::python(peer)).await??;
        let mut command = Command::new(python);
        command.arg("-I").arg(repo_root().join("tests/peers").join(script)).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {script}"))?;
        let asked = child.stdin.take().context("it has no standard input")?;
        let said = BufReader::new(child.stdout.take().context("it has no standard output")?).lines();
        Ok(Self { script, process: Arc::new(Mutex::new(Process { child, asked, said })) })
    }

    /// Lets the program do one of its verbs and gives what it saw.
    ///
    /// Fails with what it said if it ends in place of an answer, or takes longer than a minute.
    pub(super) async fn ask(&self, verb: &str, input: &Value) -> anyhow::Result<Value> {
        let mut process = self.process.lock().await;
        let line = format!("{}\n", json!([verb, input]));
        let exchange = async {
            // Why a pipe is closed is in what it says at its end.
            let _ = process.asked.write_all(line.as_bytes()).await;
            process.said.next_line().await
        };
        let within = tokio::time::timeout(server::PATIENCE, exchange).await;
        let said = within.with_context(|| format!("{} {verb} does not answer", self.script))??;
        let Some(said) = said else {
            let mut words = String::new();
            if let Some(mut stderr) = process.child.stderr.take() {
                stderr.read_to_string(&mut words).await?;
            }
            bail!("{} {verb} ended: {words}", self.script);
        };
        serde_json::from_str(&said).with_context(|| format!("{} printed no JSON: {said}", self.script))
    }
}
