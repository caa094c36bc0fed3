//! What goes wrong on request: refusals, waits, and connections that end too early.
//!
//! A service under load answers with its own errors, or not at all, and the worst of all does what it was asked and
//! then fails to say so. A test says which of these the next requests meet.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::call::Call;
use super::errors::Refusal;

/// What a request meets in place of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A refusal of this status and reason, with these headers (`Retry-After`); nothing is done.
    Refuse {
        /// The status, such as 403.
        status: u16,
        /// The reason, such as `rateLimitExceeded`.
        reason: String,
        /// Additional headers.
        headers: Vec<(String, String)>,
    },
    /// A body that Google would not send; nothing is done.
    Garbage {
        /// The status.
        status: u16,
        /// What is in the body.
        body: String,
    },
    /// No answer for as long as the caller waits; nothing is done.
    Hang,
    /// The connection ends within the answer; nothing is done.
    Cut,
    /// It is done, and then the connection ends within the answer.
    DoneButCut,
}

impl Fault {
    /// A refusal without headers.
    #[must_use]
    pub fn refuse(status: u16, reason: &str) -> Self {
        Self::Refuse { status, reason: reason.to_owned(), headers: Vec::new() }
    }

    /// A refusal that says how long to wait.
    #[must_use]
    pub fn retry_after(status: u16, reason: &str, wait: Duration) -> Self {
        let headers = vec![("retry-after".to_owned(), wait.as_secs().to_string())];
        Self::Refuse { status, reason: reason.to_owned(), headers }
    }

    /// The refusal, if it is one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let Self::Refuse { status, reason, headers } = self else { return None };
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = headers.iter().filter_map(|(name, value)| {
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        Some(Refusal::new(status, reason, message(reason)).with(headers.collect()))
    }
}

fn message(reason: &str) -> &str {
    match reason {
        "rateLimitExceeded" => "Rate Limit Exceeded",
        "userRateLimitExceeded" => "User Rate Limit Exceeded",
        "quotaExceeded" => "Calendar usage limits exceeded.",
        "backendError" => "Backend Error",
        other => other,
    }
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<PlannedFault>,
    /// Calendars that queries of free and busy times cannot be answered for, with the reason.
    calendars: BTreeMap<String, String>,
}

#[derive(Debug)]
struct PlannedFault {
    left: u32,
    /// None means any.
    verb: Option<Method>,
    path: String,
    fault: Fault,
}

impl Faults {
    pub(super) fn plan(&mut self, left: u32, verb: Option<Method>, path: &str, fault: Fault) {
        self.planned.push(PlannedFault { left, verb, path: path.to_owned(), fault });
    }

    pub(super) fn clear(&mut self) {
        self.planned.clear();
        self.calendars.clear();
    }

    pub(super) fn break_calendar(&mut self, id: &str, reason: &str) {
        self.calendars.insert(id.to_owned(), reason.to_owned());
    }

    /// Why a calendar's free and busy times cannot be had, if so.
    pub(super) fn calendar(&self, id: &str) -> Option<&str> {
        self.calendars.get(id).map(String::as_str)
    }

    /// The fault of this request; it is then used up once.
    pub(super) fn take(&mut self, call: &Call) -> Option<Fault> {
        let meant = |planned: &PlannedFault| {
            planned.left > 0
                && call.path.starts_with(&planned.path)
                && planned.verb.as_ref().is_none_or(|verb| *verb == call.verb)
        };
        let planned = self.planned.iter_mut().find(|planned| meant(planned))?;
        planned.left -= 1;
        Some(planned.fault.clone())
    }
}
