//! What is around every request: a number, a line in the log, an end to waiting, and headers for browsers.
//!
//! Threat: a handler that panics or never ends; an answer that a browser, or a cache on the way, keeps or takes for
//! something else. Decision: the number is ours and is not taken from the request, where a caller could write another's
//! into our log; the log says the pattern of the route and no address, which may hold what is nobody's business. No
//! page of another site may read answers: there are no headers for that (CORS).

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

/// The longest that a request is worked on. More than a call to a provider has: what it says is worth waiting for.
const LONGEST: Duration = Duration::from_secs(90);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost.
pub(in crate::http) async fn request_id_and_log(request: Request, next: Next) -> Response {
    // The number only has to differ; without random numbers it does not, and no more than that is lost.
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

/// Nobody waits for ever.
pub(in crate::http) async fn with_timeout(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(LONGEST, next.run(request)).await;
    answer.unwrap_or_else(|_| Problem::new(Code::Timeout).into_response())
}

/// A handler panicked; the runtime's own line says where.
pub(in crate::http) fn on_panic(_: Box<dyn Any + Send>) -> Response {
    Problem::internal("a handler panicked").into_response()
}
