//! Requests to the service, one after the other.
//!
//! A provider has no socket and no credential: it describes a request, the host checks it against what the operator
//! granted, adds the credential and sends it. So this module is small on purpose. It is synchronous, because a call
//! runs alone in its instance and has nothing else to do while it waits. It keeps no connection, because the host's
//! pool does. It follows no redirect unless asked ([`follow`]), because where a request with a credential goes is a
//! decision. And it never sets `authorization` or `cookie`: the host refuses requests that carry them.
//!
//! Everything but [`send`] is a pure value, so tests need no host: outside of WebAssembly, [`native::answering`] answers
//! requests with a function.
//!
//! ```
//! use chronus_sdk::http::{self, HttpError, Request, Response, native};
//! use chronus_sdk::values::Failure;
//!
//! fn title() -> Result<String, Failure> {
//!     let answer = http::send(&Request::new("GET", "https://api.example.com/calendar").header("accept", "text/plain"))?;
//!     if !answer.is_success() {
//!         return Err(answer.failure());
//!     }
//!     Ok(answer.text().into_owned())
//! }
//!
//! // In a test, a function is the service.
//! native::answering(
//!     |request| Ok(Response::new(&request.url, 200).with_body("text/plain", "Work")),
//!     || assert_eq!(title().unwrap(), "Work"),
//! );
//! native::answering(
//!     |_| Err(HttpError::Unreachable("connection refused".into())),
//!     || assert_eq!(title().unwrap_err().remedy, chronus_sdk::values::Remedy::Temporary),
//! );
//! ```
//!
//! Rejected: an async client, whose executor would be larger than the code that it runs; a trait for the transport, which
//! every function of every provider would have to pass on; the `url` crate (see [`Url`]).

mod date;
mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
mod url;
#[cfg(target_arch = "wasm32")]
mod wasi;

use std::borrow::Cow;
use std::time::Duration;

pub use date::parse_date;
pub use error::{HttpError, MAX_WAIT, MIN_WAIT};
pub use url::{BadUrl, Url, decode, encode};

use crate::values::Failure;

/// The most bytes of an answer that [`send`] reads unless the request says otherwise: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 << 20;

/// The most redirects that [`follow`] follows.
pub const MAX_REDIRECTS: usize = 5;

/// A request to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// As the protocol spells it: `GET`, `PROPFIND`.
    pub method: String,
    /// Absolute, `https` (or `http`, which hosts grant to servers on their own machine only).
    pub url: String,
    /// In the order added; names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The most bytes of the answer's body that are read. An answer with more fails with [`HttpError::TooBig`].
    pub limit: usize,
}

impl Request {
    /// A request without a body, whose answer may have up to [`DEFAULT_LIMIT`] bytes.
    pub fn new(method: &str, url: impl Into<String>) -> Request {
        Request {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            limit: DEFAULT_LIMIT,
        }
    }

    /// Adds a header. The host refuses `authorization`, `cookie`, `host` and the like.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        Request { body: body.into(), ..self }.header("content-type", content_type)
    }

    /// Sets the most bytes that the answer may have.
    #[must_use]
    pub fn limit(self, limit: usize) -> Request {
        Request { limit, ..self }
    }
}

/// A complete answer of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The address that answered; after [`follow`], the last one.
    pub url: String,
    pub status: u16,
    /// In the order received; names in lower case, a name as often as it came. `set-cookie` is never among them.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without a body, for tests.
    pub fn new(url: &str, status: u16) -> Response {
        Response { url: url.to_owned(), status, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header, for tests.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Response {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Sets the body, for tests.
    #[must_use]
    pub fn with_body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response { body: body.into(), ..self }.with_header("content-type", content_type)
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of a name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_values(name).next()
    }

    /// All headers of a name, which is in lower case.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The target of a redirect (301, 302, 303, 307, 308), as an absolute address.
    pub fn redirect(&self) -> Option<String> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let here = Url::parse(&self.url).ok()?;
        Some(here.join(self.header("location")?).ok()?.to_string())
    }

    /// The wait that the service asks for (RFC 9110 §10.2.3), by `retry-after` in seconds or as a date. `now` is in
    /// seconds since 1970, as [`clock::now`](crate::clock::now) gives it.
    pub fn retry_after(&self, now: i64) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        let seconds = match value.parse::<u64>() {
            Ok(seconds) => seconds,
            Err(_) => u64::try_from(parse_date(value)?.saturating_sub(now)).unwrap_or(0),
        };
        Some(Duration::from_secs(seconds))
    }

    /// The failure that an unsuccessful status means. A provider looks at the service's own error codes first, which say
    /// more, and uses this for the rest.
    ///
    /// 401 `reconnect`; 403 `not-permitted`; 404 `not-found`; 410 `gone`; 429 and 503 `slow-down`, as `retry-after`
    /// says but for at least [`MIN_WAIT`]; 408, 425 and other 5xx `temporary`; a redirect and anything else
    /// `invalid`. 412 is `invalid` too, because only the caller knows what its precondition meant and has the event
    /// that `conflict` asks for.
    pub fn failure(&self) -> Failure {
        error::of_status(self, crate::clock::now())
    }
}

/// Sends a request and reads its answer.
///
/// # Errors
/// If there is no answer. An answer with any status is not an error. `?` turns the error into a [`Failure`].
pub fn send(request: &Request) -> Result<Response, HttpError> {
    let url = Url::parse(&request.url).map_err(|error| HttpError::BadRequest(error.to_string()))?;
    #[cfg(target_arch = "wasm32")]
    let response = wasi::send(request, &url);
    #[cfg(not(target_arch = "wasm32"))]
    let response = native::send(request, &url);
    response
}

/// Sends a request and follows its redirects, at most [`MAX_REDIRECTS`], with the same method and body (after a 303: with
/// `GET`). It never goes from `https` to `http`; the grant decides whether it may go to another host. The answer's `url` is
/// the last address.
///
/// # Errors
/// As [`send`]; and [`HttpError::BadRequest`] if the redirects do not end or lead nowhere.
pub fn follow(request: &Request) -> Result<Response, HttpError> {
    let mut request = request.clone();
    for _ in 0..=MAX_REDIRECTS {
        let response = send(&request)?;
        let Some(target) = response.redirect() else { return Ok(response) };
        if request.url.starts_with("https:") && !target.starts_with("https:") {
            return Err(HttpError::BadRequest(format!("{} redirects to an address that is not https", request.url)));
        }
        if response.status == 303 {
            request.method = "GET".to_owned();
            request.body.clear();
            request.headers.retain(|(name, _)| name != "content-type");
        }
        request.url = target;
    }
    Err(HttpError::BadRequest(format!("more than {MAX_REDIRECTS} redirects, the last to {}", request.url)))
}

#[cfg(test)]
mod tests;
