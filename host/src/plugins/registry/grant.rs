//! What a component requests, and what an operator granted.
//!
//! Threat: a component that describes other endpoints, hosts or scopes tomorrow than on the day it was reviewed. Decision: the
//! grant is a copy of everything that was requested when the operator accepted it, and the host uses only that copy. Limits,
//! which only say how large a request should be, are not part of it. Rejected: a list of deviations from the description,
//! whose meaning changes with each version.

use crate::plugins::{
    Level, Plugin,
    contract::SignIn,
    egress::{AddressTemplate, EgressGrant, OriginPattern},
    endpoints::VariableValues,
};
use serde::{Deserialize, Serialize};

/// Everything that a component requests, in its own words. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedGrant {
    /// The id of the provider.
    pub id: String,
    /// The name that people read.
    pub name: String,
    /// The level of the contract.
    pub level: Level,
    /// Origins, in the format of [`OriginPattern`].
    pub hosts: Vec<String>,
    /// Addresses where a POST request only reads.
    pub read_only_posts: Vec<String>,
    /// The sign-ins with endpoints, scopes, fields, and how the secret is attached.
    pub sign_ins: Vec<SignIn>,
    /// The number of the format of cursors and memos.
    pub state_format: u32,
}

/// What the operator granted, parsed for use.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderGrant {
    request: RequestedGrant,
    egress: EgressGrant,
}

/// A token endpoint, as a credential names it.
#[derive(Debug, Clone, Copy)]
pub struct IssuingEndpoint<'a> {
    /// Its URL.
    pub url: &'a str,
    /// The values of the sign-in's variables.
    pub variables: &'a VariableValues,
}

/// A stored grant that this version of the host cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the grant cannot be read: {0}; accept the provider again with `chronus provider grant`")]
pub struct GrantError(String);

impl RequestedGrant {
    /// The request in a component's description.
    #[must_use]
    pub fn from_plugin(plugin: &Plugin) -> Self {
        let description = plugin.description();
        Self {
            id: description.id.clone(),
            name: description.name.clone(),
            level: plugin.inspection().level,
            hosts: description.hosts.clone(),
            read_only_posts: description.read_only_posts.clone(),
            sign_ins: description.sign_ins.clone(),
            state_format: description.state_format,
        }
    }
}

impl ProviderGrant {
    /// Grants everything that is requested.
    ///
    /// # Errors
    /// If a host or an address is malformed, which admission excludes.
    pub fn new(request: RequestedGrant) -> Result<Self, GrantError> {
        let hosts =
            request.hosts.iter().map(|host| host.parse::<OriginPattern>().map_err(|e| GrantError(e.to_string())));
        let templates = |texts: &[String]| {
            let parsed = texts.iter().map(|text| text.parse::<AddressTemplate>());
            parsed.collect::<Result<Vec<_>, _>>().map_err(|error| GrantError(error.to_string()))
        };
        let with_paths = request.sign_ins.iter().filter(|sign_in| !sign_in.subject_paths.is_empty());
        let subject_paths = with_paths.map(|sign_in| Ok((sign_in.id.clone(), templates(&sign_in.subject_paths)?)));
        let egress = EgressGrant {
            hosts: hosts.collect::<Result<_, _>>()?,
            read_only_posts: templates(&request.read_only_posts)?,
            subject_paths: subject_paths.collect::<Result<_, _>>()?,
        };
        Ok(Self { request, egress })
    }

    /// Parses a stored grant.
    pub(super) fn parse(text: &str) -> Result<Self, GrantError> {
        serde_json::from_str(text).map_err(|error| GrantError(error.to_string())).and_then(Self::new)
    }

    /// The granted requests.
    #[must_use]
    pub fn egress(&self) -> EgressGrant {
        self.egress.clone()
    }

    /// The granted sign-in with this id.
    #[must_use]
    pub fn sign_in(&self, id: &str) -> Option<&SignIn> {
        self.request.sign_ins.iter().find(|sign_in| sign_in.id == id)
    }

    /// The request that was granted.
    #[must_use]
    pub fn request(&self) -> &RequestedGrant {
        &self.request
    }
}
