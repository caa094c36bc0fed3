//! The OAuth endpoints (RFC 6749, 7636, 7009, 7523) as Google has them: consent, tokens, revocation, who somebody is.
//!
//! Nothing is lenient here: an exact redirect URI, PKCE with S256 always, codes that serve once, scopes that were
//! granted and no others. What a real service lets pass today, it refuses tomorrow.

mod userinfo;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::Call;
use super::state::State;

/// How long an access token lives: what Google says of a fresh one.
pub(super) const LIFE: SignedDuration = SignedDuration::from_secs(3599);

/// Everything that was granted.
#[derive(Debug, Default)]
pub(super) struct Registry {
    access: BTreeMap<String, Access>,
}

/// What an access token opens.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// The address.
    pub(super) user: String,
    pub(super) client: String,
    /// In full.
    pub(super) scopes: BTreeSet<String>,
    expires: Timestamp,
}

impl Registry {
    /// What a token opens, if it was given and has not ended.
    pub(super) fn access(&self, token: &str, now: Timestamp) -> Option<&Access> {
        self.access.get(token).filter(|access| access.expires > now)
    }
}

impl State {
    /// Gives an access token.
    pub(super) fn issue(&mut self, user: &str, client: &str, scopes: BTreeSet<String>) -> String {
        let token = format!("ya29.a0{}", self.fresh("access token"));
        let expires = self.now().checked_add(LIFE).unwrap_or(Timestamp::MAX);
        let access = Access { user: user.to_owned(), client: client.to_owned(), scopes, expires };
        self.oauth.access.insert(token.clone(), access);
        token
    }
}

/// Whether a path is of these endpoints and not of the calendar's API.
pub(super) fn is_here(path: &str) -> bool {
    matches!(path, "/token" | "/revoke" | "/oauth2/v2/userinfo") || path.starts_with("/o/oauth2/")
}

/// Serves a request to one of them.
pub(super) fn serve(state: &mut State, call: &Call) -> Response {
    match (call.verb.as_str(), call.path.as_str()) {
        ("GET", "/oauth2/v2/userinfo") => userinfo::serve(state, call),
        _ => json_answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
