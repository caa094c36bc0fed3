//! What surrounds every request: a request id, a log line, a timeout, and headers for browsers.
//!
//! Threat: a handler that panics or never ends; a response that a browser or a cache stores or misinterprets. Decision:
//! the request id is ours and never taken from the request, where a client could write another request's id into our
//! log; the log holds the pattern of the route instead of the path, which may hold personal data. No page of another
//! site may read responses: there are no CORS headers.

pub(in crate::http) mod auth;

use crate::http::problem::{Code, Problem};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    any::Any,
    time::{Duration, Instant},
};
use tracing::Instrument as _;

/// Time limit of a request. It is longer than that of a call to a provider, so that the provider's error is reported.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds the request id, the log line and the security headers.
pub(in crate::http) async fn request_id_and_log(request: Request, next: Next) -> Response {
    // Without random numbers all ids are equal, which makes the log harder to read and has no other effect.
    let id = format!("{:016x}", getrandom::u64().unwrap_or_default());
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request", %id, method = %request.method(), route, token = tracing::field::Empty, session = tracing::field::Empty
    );
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, ms) = (response.status().as_u16(), begun.elapsed().as_millis());
    span.in_scope(|| tracing::info!(status, ms, "answered"));
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Ends requests that exceed the time limit.
pub(in crate::http) async fn with_timeout(request: Request, next: Next) -> Response {
    let response = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    response.unwrap_or_else(|_| Problem::new(Code::Timeout).into_response())
}

/// Turns a panic of a handler into a response; the runtime has already logged where it happened.
pub(in crate::http) fn on_panic(_: Box<dyn Any + Send>) -> Response {
    Problem::internal("a handler panicked").into_response()
}
