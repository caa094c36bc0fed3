//! A server of somebody else as a child of this process.
//!
//! `tests/peers/serve.py` runs it, and does what makes this file short: it binds a port of the system's choice and
//! prints it once the socket listens, and it ends when our end of its standard input closes. So there is no port to
//! lose to somebody else, no asking again and again whether the server is up, and no server left behind, whether its
//! value is dropped, the test panics or the process is killed.
//!
//! Rejected: to look for a free port and name it on the command line (another process may take it in between, and then
//! answers in the server's place), and to try until it answers (it needs sleeps).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::{Peer, http_client, install};
use crate::checkout::repo_root;

/// How long anything of a peer may take on a busy machine before it counts as hung.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, with a folder of its own that goes with it.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    origin: String,
    folder: TempDir,
    /// Whether it has children of its own, and is asked to end rather than killed.
    has_children: bool,
}

impl Server {
    /// Runs `module` of the peer's environment with `arguments`, which name any port but 0, and waits until it answers
    /// requests. `folder` is its home.
    pub(super) async fn start<S: AsRef<OsStr>>(
        peer: Peer,
        module: &str,
        arguments: &[S],
        folder: TempDir,
    ) -> anyhow::Result<Self> {
        let python = tokio::task::spawn_blocking(move || install::python(peer)).await??;
        let mut command = Command::new(&python);
        command.arg("-I").arg(repo_root().join("tests/peers/serve.py")).arg(module).args(arguments);
        Self::run(peer, command, folder, false).await
    }

    /// Runs a command that says at which port it answers, and ends when its standard input does.
    pub(super) async fn run(
        peer: Peer,
        mut command: Command,
        folder: TempDir,
        has_children: bool,
    ) -> anyhow::Result<Self> {
        let log = log_in(&folder);
        let child = command
            // Nothing of the person's own configuration, nothing left in their folders.
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).with_context(|| format!("making {}", log.display()))?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut server = Self { child, origin: String::new(), folder, has_children };
        let port = server.announced_port().await.with_context(|| server.obituary(peer))?;
        server.origin = format!("http://127.0.0.1:{port}");
        // It listens; now it also answers. What it answers is its own affair.
        http_client()?.get(&server.origin).send().await.with_context(|| server.obituary(peer))?;
        Ok(server)
    }

    /// `http://127.0.0.1:` and the port.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Its home.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub(super) fn log(&self) -> String {
        fs::read(log_in(&self.folder)).map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into_owned())
    }

    async fn announced_port(&mut self) -> anyhow::Result<u16> {
        let stdout = self.child.stdout.take().context("the server has no standard output")?;
        // The thread ends with the pipe, and the pipe with the child, which is killed if this takes too long.
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(PATIENCE, read).await.context("it does not listen")???;
        if line.is_empty() {
            bail!("it ended before it listened");
        }
        line.trim().parse().with_context(|| format!("it announced {line:?} in place of a port"))
    }

    fn obituary(&self, peer: Peer) -> String {
        let log = self.log();
        let mut tail: Vec<_> = log.lines().rev().take(20).collect();
        tail.reverse();
        format!("{} does not run; its last words:\n{}", peer.name(), tail.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // By its own pid, and waited for, so that the pid is free and the folder can go. A child that has already
        // ended is not an error, and there is nobody to tell of one.
        drop(self.child.stdin.take());
        if !self.has_children {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn log_in(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}
