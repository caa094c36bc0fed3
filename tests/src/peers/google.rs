//! Google's own client for Python, other people's OAuth clients beside it, and the description of the Calendar API that
//! the client carries.

use std::fs;

use anyhow::Context;
use serde_json::Value;

use super::conversation::Conversation;
use super::{Peer, install};

/// Where the description is in the client's package.
const CALENDAR: &str = "googleapiclient/discovery_cache/documents/calendar.v3.json";

/// A running client. It ends when this is dropped.
#[derive(Debug, Clone)]
pub struct GoogleClient {
    conversation: Conversation,
}

impl GoogleClient {
    /// Google's own client of the Calendar API: `tests/peers/google_client.py`. Installed if need be.
    pub async fn calendar() -> anyhow::Result<Self> {
        Ok(Self { conversation: Conversation::start(Peer::Google, "google_client.py").await? })
    }

    /// requests-oauthlib and google-auth: `tests/peers/google_oauth.py`. Installed if need be.
    pub async fn oauth() -> anyhow::Result<Self> {
        Ok(Self { conversation: Conversation::start(Peer::Google, "google_oauth.py").await? })
    }

    /// Lets it do one of its verbs and gives what it saw.
    pub async fn ask(&self, verb: &str, input: &Value) -> anyhow::Result<Value> {
        self.conversation.ask(verb, input).await
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
