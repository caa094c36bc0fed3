//! Google's own client for Python, other people's OAuth clients beside it, and the description of the Calendar API that
//! the client carries.

use std::fs;

use anyhow::Context;
use serde_json::Value;

use super::{Peer, Python, install};

/// Where the description is in the client's package.
const CALENDAR: &str = "googleapiclient/discovery_cache/documents/calendar.v3.json";

/// The clients, installed.
#[derive(Debug, Clone)]
pub struct GoogleClients {
    python: Python,
}

impl GoogleClients {
    /// Installs them if need be.
    pub async fn installed() -> anyhow::Result<Self> {
        Ok(Self { python: Python::of(Peer::Google).await? })
    }

    /// Lets Google's client do a verb of `tests/peers/google_client.py` and gives what it saw.
    pub async fn calendar(&self, verb: &str, input: &Value) -> anyhow::Result<Value> {
        self.python.run("google_client.py", &[verb], input).await
    }

    /// Lets an OAuth client do a verb of `tests/peers/google_oauth.py` and gives what it saw.
    pub async fn oauth(&self, verb: &str, input: &Value) -> anyhow::Result<Value> {
        self.python.run("google_oauth.py", &[verb], input).await
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
