//! Google's own client for Python, other people's OAuth clients beside it, and the description of the Calendar API that
//! the client carries.
//!
//! A test has a conversation with one process: to start Python with these packages takes longer than anything that is
//! then asked of it, and a test asks ten times.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{Peer, install, server};
use crate::checkout::repo_root;

/// Where the description is in the client's package.
const CALENDAR: &str = "googleapiclient/discovery_cache/documents/calendar.v3.json";

/// A running client. It ends when this is dropped.
#[derive(Debug, Clone)]
pub struct GoogleClient {
    script: &'static str,
    process: Arc<Mutex<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    asked: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl GoogleClient {
    /// Google's own client of the Calendar API: `tests/peers/google_client.py`. Installed if need be.
    pub async fn calendar() -> anyhow::Result<Self> {
        Self::start("google_client.py").await
    }

    /// requests-oauthlib and google-auth: `tests/peers/google_oauth.py`. Installed if need be.
    pub async fn oauth() -> anyhow::Result<Self> {
        Self::start("google_oauth.py").await
    }

    async fn start(script: &'static str) -> anyhow::Result<Self> {
        let python = tokio::task::spawn_blocking(|| install::python(Peer::Google)).await??;
        let mut command = Command::new(python);
        command.arg("-I").arg(repo_root().join("tests/peers").join(script)).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {script}"))?;
        let asked = child.stdin.take().context("it has no standard input")?;
        let said = BufReader::new(child.stdout.take().context("it has no standard output")?).lines();
        Ok(Self { script, process: Arc::new(Mutex::new(Process { child, asked, said })) })
    }

    /// Lets it do one of its verbs and gives what it saw.
    ///
    /// Fails with what it said if it ends in place of an answer, or takes longer than a minute.
    pub async fn ask(&self, verb: &str, input: &Value) -> anyhow::Result<Value> {
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

/// Google's description of its Calendar API (a discovery document).
pub(crate) async fn calendar_description() -> anyhow::Result<Value> {
    let python = tokio::task::spawn_blocking(|| install::python(Peer::Google)).await??;
    let library = python.ancestors().nth(2).context("the environment has no folder")?.join("lib");
    let versions = fs::read_dir(&library).with_context(|| format!("reading {}", library.display()))?;
    let packages = versions.filter_map(|version| Some(version.ok()?.path().join("site-packages").join(CALENDAR)));
    let path = packages.into_iter().find(|path| path.exists());
    let path = path.with_context(|| format!("there is no {CALENDAR} below {}", library.display()))?;
    let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
}
