//! A request as the operations see it, and what they answer.
//!
//! Everything is read before anything is decided: an operation is a plain function over the state, which takes no part
//! in the exchange of bytes and cannot be interrupted halfway.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value};

use super::errors::{ApiResult, Refusal};

/// A request, whole.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) verb: Method,
    /// As it came, without the query.
    pub(super) path: String,
    /// The decoded query, in its order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The decoded parts of the path that stand where a method has a parameter, in order.
    pub(super) places: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Value>,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Some(body) }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }
}

impl Call {
    pub(super) fn place(&self, index: usize) -> &str {
        self.places.get(index).map_or("", String::as_str)
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub(super) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> ApiResult<bool> {
        match self.parameter(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Refusal::parameter(name, format!("Invalid boolean value: '{other}'."))),
        }
    }

    /// A number from 1 on.
    pub(super) fn count(&self, name: &str) -> ApiResult<Option<usize>> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Refusal::parameter(name, format!("Invalid value '{text}'. It must be a number from 1 on."))),
        }
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> ApiResult<Map<String, Value>> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Refusal::bad_request("parseError", "Parse Error")),
        }
    }

    /// The body as a form (`application/x-www-form-urlencoded`), after what the query has.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Refuses a write whose `If-Match` (RFC 9110 §13.1.1) is not met by this present version.
    pub(super) fn expects(&self, etag: Option<&str>) -> ApiResult<()> {
        let wanted = self.header(&IF_MATCH);
        match wanted {
            Some(wanted) if !lists(wanted, etag) => Err(Refusal::condition_not_met()),
            _ => Ok(()),
        }
    }

    /// Whether the caller has this version already (`If-None-Match`).
    pub(super) fn has_already(&self, etag: Option<&str>) -> bool {
        self.header(&IF_NONE_MATCH).is_some_and(|known| lists(known, etag))
    }

    /// The token of `Authorization: Bearer` (RFC 6750 §2.1), the only way in which one is taken here.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header(&http::header::AUTHORIZATION)?.strip_prefix("Bearer ")
    }
}

fn lists(header: &str, etag: Option<&str>) -> bool {
    let Some(etag) = etag else { return false };
    header.split(',').map(str::trim).any(|one| one == "*" || one == etag)
}

/// Parts of a path with their percent encoding undone (RFC 3986 §2.1); a plus sign is a plus sign.
pub(super) fn decoded(part: &str) -> String {
    let kept = part.replace('+', "%2B");
    url::form_urlencoded::parse(kept.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}
