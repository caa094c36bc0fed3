//! The OAuth endpoints (RFC 6749, 7636, 7009, 7523) as Google has them: consent, tokens, revocation, who somebody is.
//!
//! Nothing is lenient here: an exact redirect URI, PKCE with S256 always, a state always, codes that serve once, scopes
//! that were granted and no others. What a real service lets pass today, it refuses tomorrow. There is no `id_token`:
//! who somebody is, `userinfo` says, and nobody here would verify another.

mod assertion;
mod authorize;
mod clients;
mod consent;
mod page;
mod token;
mod tokens;
mod userinfo;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use serde_json::{Value, json};

pub(super) use clients::{Client, ServiceAccount, new_key};
pub(super) use tokens::Registry;

use super::call::Call;
use super::methods::{METHODS, SCOPE_PREFIX};
use super::state::State;

/// Scopes that say who somebody is. People cannot withhold them from an application that they sign in to.
const IDENTITY: [&str; 5] = [
    "openid",
    "email",
    "profile",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
];

/// Whether a scope is one that there is.
fn is_scope(scope: &str) -> bool {
    let short = scope.strip_prefix(SCOPE_PREFIX).unwrap_or_default();
    IDENTITY.contains(&scope) || METHODS.iter().any(|method| method.scopes.contains(&short))
}

/// Whether a path is of these endpoints and not of the calendar's API.
pub(super) fn is_here(path: &str) -> bool {
    matches!(path, "/token" | "/revoke" | "/oauth2/v2/userinfo") || path.starts_with("/o/oauth2/")
}

/// Serves a request to one of them.
pub(super) fn serve(state: &mut State, call: &Call) -> Response {
    match (call.verb.as_str(), call.path.as_str()) {
        ("GET", authorize::PATH) => authorize::ask(state, call),
        ("POST", consent::PATH) => consent::decide(state, call),
        ("POST", "/token") => token::serve(state, call),
        ("POST", "/revoke") => token::revoke(state, call),
        ("GET", "/oauth2/v2/userinfo") => userinfo::serve(state, call),
        (_, authorize::PATH | "/oauth2/v2/userinfo") => not_allowed("GET"),
        (_, consent::PATH | "/token" | "/revoke") => not_allowed("POST"),
        _ => json_answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
    }
}

/// A refusal in the form of these endpoints (RFC 6749 §5.2).
#[derive(Debug)]
pub(super) struct TokenRefusal {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl TokenRefusal {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into() }
    }

    fn invalid_request(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", words)
    }

    fn invalid_grant(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", words)
    }

    /// The application is not who it says, or what it brings is another's.
    fn unauthorized(error: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error, "Unauthorized")
    }

    fn answer(self) -> Response {
        json_answer(self.status, &json!({ "error": self.error, "error_description": self.description }))
    }
}

/// A refusal that a test has planned.
pub(super) fn planned(status: u16, reason: &str, headers: &[(String, String)]) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_answer(status, &json!({ "error": reason, "error_description": "" }));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn not_allowed(verb: &'static str) -> Response {
    let refused = TokenRefusal::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "");
    let mut response = refused.answer();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(verb));
    response
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sends the browser back to the application.
fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
