//! aiosmtpd, a mail server that tells what it gets; `tests/peers/mail_server.py` says which addresses it treats how.

use std::process::Stdio;

use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio::process::{Child, Command};

use super::{Peer, install};
use crate::checkout::repo_root;
use crate::host::OutputLines;

/// A running mail server. It ends when this is dropped.
#[derive(Debug)]
pub struct MailServer {
    _child: Child,
    port: String,
    said: OutputLines,
}

/// A mail that it has taken, as Python's own parser reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeenMail {
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The envelope's sender.
    pub from: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub text: String,
    /// Whether the client had signed in.
    pub authenticated: bool,
}

impl MailServer {
    /// Starts one; with `user:password` it takes mail from nobody else.
    pub async fn start(user: Option<&str>) -> anyhow::Result<Self> {
        let python = tokio::task::spawn_blocking(|| install::python(Peer::Aiosmtpd)).await??;
        let mut child = Command::new(python)
            .arg("-I")
            .arg(repo_root().join("tests/peers/mail_server.py"))
            .args(user)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting aiosmtpd")?;
        let said = OutputLines::default();
        said.keep(child.stdout.take().context("it has a standard output")?);
        let port = said.says(&[""]).await?;
        Ok(Self { _child: child, port, said })
    }

    /// `127.0.0.1:` and its port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The mails that it has taken, once there are so many.
    pub async fn mails(&self, count: usize) -> anyhow::Result<Vec<SeenMail>> {
        // The first line is the port.
        let lines = self.said.at_least(count + 1).await?;
        lines.iter().skip(1).map(|line| serde_json::from_str(line).context("a mail")).collect()
    }
}
