//! Errors of requests, and the failure that each becomes.
//!
//! The danger is a wrong remedy. If a request that the host's policy refuses were `temporary`, it would be repeated for ever;
//! if a cut connection were permanent, a person would lose their calendar. So a refusal by the host is `invalid` and says so,
//! and everything that a repetition may fix is `temporary`.

use std::fmt;
use std::time::Duration;

use super::{Response, Url};
use crate::failure::{failure, pause};
use crate::values::{Failure, PauseScope, Remedy};

/// The shortest wait after 429 and 503. Services name waits that are shorter than their own throttle (iCloud does).
pub const MIN_WAIT: Duration = Duration::from_secs(2);

/// The longest wait that is accepted.
pub const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The request is malformed: its address, method, a header or its size.
    BadRequest(String),
    /// The host refused the request: an origin that is not granted, a forbidden address, a method that writes in a
    /// call that only reads, a spent budget.
    Refused(String),
    /// There was no connection.
    Unreachable(String),
    /// The connection ended, or stalled, before the answer was complete, or the answer was not HTTP.
    Cut(String),
    /// The answer is longer than this limit of the request or of the host, in bytes.
    TooBig(u64),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::BadRequest(what) => write!(f, "the request cannot be sent: {what}"),
            HttpError::Refused(what) => write!(f, "the host refused to send the request: {what}"),
            HttpError::Unreachable(what) => write!(f, "the service cannot be reached: {what}"),
            HttpError::Cut(what) => write!(f, "the answer is incomplete: {what}"),
            HttpError::TooBig(limit) => write!(f, "the answer has more than {limit} bytes"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Failure {
        let remedy = match &error {
            HttpError::BadRequest(_) => Remedy::Invalid("request".to_owned()),
            HttpError::Refused(_) => Remedy::Invalid("egress".to_owned()),
            HttpError::TooBig(_) => Remedy::Invalid("answer size".to_owned()),
            HttpError::Unreachable(_) | HttpError::Cut(_) => Remedy::Temporary,
        };
        failure(remedy, "", error.to_string())
    }
}

/// See [`Response::failure`].
pub(super) fn of_status(response: &Response, now: i64) -> Failure {
    let remedy = match response.status {
        401 => Remedy::Reconnect,
        403 => Remedy::NotPermitted,
        404 => Remedy::NotFound,
        410 => Remedy::Gone,
        429 | 503 => pause(wait(response.retry_after(now)), PauseScope::Connection),
        408 | 425 | 500..=599 => Remedy::Temporary,
        status => Remedy::Invalid(format!("status {status}")),
    };
    // Without the query, which may hold what a person searched for.
    let place = match Url::parse(&response.url) {
        Ok(url) => format!("{}{}", url.origin(), url.path()),
        Err(_) => "the service".to_owned(),
    };
    failure(remedy, response.status.to_string(), format!("{place} answered with status {}", response.status))
}

fn wait(asked: Option<Duration>) -> u64 {
    let wait = asked.unwrap_or(MIN_WAIT).clamp(MIN_WAIT, MAX_WAIT);
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
