//! A browser: the system's Chromium, told what to do by playwright-core, and its pages looked at by axe-core.
//!
//! `tests/peers/browser.mjs` says which steps there are. Rejected: a driver protocol of our own (WebDriver needs one more
//! program of exactly the browser's version), and Playwright's own browsers, which no package registry has.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Node, Peer};

/// A browser that has opened nothing yet.
#[derive(Debug, Clone)]
pub struct Browser {
    node: Node,
    script: bool,
    width: u32,
}

/// A page as somebody sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct SeenPage {
    pub url: String,
    pub title: String,
    /// Its first `h1`.
    pub heading: String,
    /// All that can be read.
    pub text: String,
    /// The name of what has the focus.
    pub focus: String,
    /// Of the request that brought it.
    pub status: u16,
    /// What axe-core finds wrong. Nothing is looked for where no scripts run.
    pub problems: Vec<String>,
    /// Whether it is wider than the window.
    pub overflows: bool,
}

impl Browser {
    /// Installs what drives it if need be.
    pub async fn new() -> anyhow::Result<Self> {
        Ok(Self { node: Node::of(Peer::Browser).await?, script: true, width: 1000 })
    }

    /// One in which no page may run scripts.
    pub fn without_scripts(self) -> Self {
        Self { script: false, ..self }
    }

    /// One whose window is so wide, in pixels.
    pub fn width(self, width: u32) -> Self {
        Self { width, ..self }
    }

    /// Takes these steps, and gives the pages that it was told to see, by name. The browser is new each time.
    pub async fn go(&self, steps: &[Value]) -> anyhow::Result<BTreeMap<String, SeenPage>> {
        let input = json!({ "script": self.script, "width": self.width, "steps": steps });
        Ok(serde_json::from_value(self.node.run("browser.mjs", &[], &input).await?)?)
    }
}
