//! WebDAV and CalDAV on the wire: RFC 4918, RFC 4791, RFC 6578.
//!
//! This module knows the requests and how to read the answers; other modules decide what follows. It is not in the sdk, because
//! no other provider uses it. [`requests`] makes requests, [`multistatus`] reads answers, and [`href`] handles addresses.

mod etag;
pub(crate) mod href;
pub(crate) mod multistatus;
pub(crate) mod requests;
mod xml;

use chronus_sdk::failure::failure;
use chronus_sdk::http::{self, HttpError, Request, Response, Url};
use chronus_sdk::log;
use chronus_sdk::values::{Failure, Remedy, Window};

pub(crate) use etag::Etag;
pub(crate) use multistatus::{Answer, Multistatus, Preconditions};
pub(crate) use requests::{QueryData, TimeRange};
pub(crate) use xml::{Element, Ns};

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) failure: Box<Failure>,
    /// Whether outdated addresses may be the reason: then discovery runs again.
    pub(crate) perhaps_moved: bool,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble { failure: Box::new(failure), perhaps_moved: false }
    }
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Trouble {
        Trouble::from(Failure::from(error))
    }
}

/// Sends a request about a collection that must exist, and reads the multistatus.
pub(crate) fn ask(request: &Request) -> Result<Multistatus, Trouble> {
    read(&http::send(request)?)
}

/// Searches a calendar for its events, or those that touch a window; a server that does not find series (`finds_series`)
/// is asked for all that begins before the window ends: the range has no start, because a date long ago is one that servers
/// with 32-bit times cannot hold (they answer with series only). Some servers fail over one event whose rule they cannot expand;
/// such a server is asked for all events, because one bad event must not hide the others.
pub(crate) fn search(
    calendar: &Url,
    give: QueryData,
    window: Option<Window>,
    finds_series: bool,
) -> Result<Response, HttpError> {
    let range = window.map_or(TimeRange::default(), |window| TimeRange::around(window, finds_series));
    let response = http::send(&requests::query(calendar, give, range))?;
    if response.status == 500 && range != TimeRange::default() {
        log::warn("the server failed to search a window; requesting all events", &[]);
        return http::send(&requests::query(calendar, give, TimeRange::default()));
    }
    Ok(response)
}

/// Reads the multistatus in an answer.
pub(crate) fn read(response: &Response) -> Result<Multistatus, Trouble> {
    if response.status != 207 {
        return Err(unexpected(response));
    }
    let base = Url::parse(&response.url).map_err(|error| nonsense(response, &error.to_string()))?;
    multistatus::parse(&response.body, &base).map_err(|what| nonsense(response, what))
}

/// An answer about a collection that is not the expected one.
pub(crate) fn unexpected(response: &Response) -> Trouble {
    let mut failure = match response.is_success() || response.redirect().is_some() {
        true => *nonsense(response, "it is not a multistatus").failure,
        false => response.failure(),
    };
    if let Some(named) = precondition(response).first() {
        failure.service_code = format!("{} {named}", response.status);
    }
    // A write to a path that does not allow it is as forbidden as one without permission.
    if response.status == 405 {
        failure.remedy = Remedy::NotPermitted;
    }
    let perhaps_moved = matches!(response.status, 301 | 302 | 303 | 307 | 308 | 401 | 403 | 404 | 405 | 410 | 421);
    Trouble { failure: Box::new(failure), perhaps_moved }
}

/// The preconditions that an answer names.
pub(crate) fn precondition(response: &Response) -> Preconditions {
    match Url::parse(&response.url) {
        Ok(base) => Preconditions::of(&response.body, &base),
        Err(_) => Preconditions::default(),
    }
}

/// The failure of an unexpected answer, which may be a proxy's and temporary.
pub(crate) fn nonsense(response: &Response, what: &str) -> Trouble {
    let status = response.status.to_string();
    failure(Remedy::Temporary, status, format!("the answer of {} cannot be used: {what}", response.url)).into()
}
