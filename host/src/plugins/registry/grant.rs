//! What a component asks for, and what an operator granted of it.
//!
//! Threat: a component that describes other endpoints, hosts or scopes tomorrow than it did when it was looked at.
//! Decision: the grant is a copy, by value, of all that was asked for on the day it was accepted, and the host uses
//! nothing but that copy. What only says how large a request should be (limits) is not part of it. Rejected: a list of
//! deviations from the description, which means something else with each version.

use crate::plugins::{
    Level, Plugin,
    contract::SignIn,
    egress::{Grant, OriginPattern},
};
use serde::{Deserialize, Serialize};
use url::Url;

/// All that a component asks for, as it says it. Kept as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    /// The provider.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it does for them.
    pub level: Level,
    /// Origins, as [`OriginPattern`] reads them.
    pub hosts: Vec<String>,
    /// Addresses of requests by POST that only read.
    pub read_posts: Vec<String>,
    /// With endpoints, scopes, fields, and how the secret is attached.
    pub sign_ins: Vec<SignIn>,
    /// The number of the layout of its cursors and memos.
    pub state_format: u32,
}

/// What the operator accepted, in the form in which it is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    asks: Asks,
    egress: Grant,
}

/// A kept grant that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the grant cannot be read: {0}; accept the provider anew with `chronus provider grant`")]
pub struct GrantError(String);

impl Asks {
    /// What this component asks for.
    #[must_use]
    pub fn of(plugin: &Plugin) -> Self {
        let description = plugin.description();
        Self {
            id: description.id.clone(),
            name: description.name.clone(),
            level: plugin.inspection().level,
            hosts: description.hosts.clone(),
            read_posts: description.read_posts.clone(),
            sign_ins: description.sign_ins.clone(),
            state_format: description.state_format,
        }
    }
}

impl Granted {
    /// A grant of all that is asked for.
    ///
    /// # Errors
    /// If a host or an address is malformed; admission sees to it that none is.
    pub fn all(asks: Asks) -> Result<Self, GrantError> {
        let hosts = asks.hosts.iter().map(|host| host.parse::<OriginPattern>().map_err(|e| GrantError(e.to_string())));
        let posts = asks.read_posts.iter().map(|post| Url::parse(post).map_err(|e| GrantError(format!("{post}: {e}"))));
        let egress = Grant { hosts: hosts.collect::<Result<_, _>>()?, read_posts: posts.collect::<Result<_, _>>()? };
        Ok(Self { asks, egress })
    }

    /// A grant as it is kept.
    pub(super) fn parse(text: &str) -> Result<Self, GrantError> {
        serde_json::from_str(text).map_err(|error| GrantError(error.to_string())).and_then(Self::all)
    }

    /// Where requests may go.
    #[must_use]
    pub fn egress(&self) -> Grant {
        self.egress.clone()
    }

    /// The sign-in of this id.
    #[must_use]
    pub fn sign_in(&self, id: &str) -> Option<&SignIn> {
        self.asks.sign_ins.iter().find(|sign_in| sign_in.id == id)
    }

    /// All of it.
    #[must_use]
    pub fn asks(&self) -> &Asks {
        &self.asks
    }
}
