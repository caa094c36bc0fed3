//! Many events in few requests (calendar-multiget, RFC 4791 §7.9).
//!
//! Two problems occur in practice: a server omits events, and an answer is too large to be read. An omitted event is requested
//! alone, because an omission does not mean that it is gone. A request whose answer is too large is split in halves.

use chronus_sdk::failure::failure;
use chronus_sdk::http::{self, HttpError, Url};
use chronus_sdk::log;
use chronus_sdk::values::{Failure, Remedy};

use crate::dav::{self, Answer, Etag, Ns, Trouble, href, requests};
use crate::describe::PAGE;
use crate::record::{self, StoredEvent};
use crate::session::Session;

/// The most omitted events that are requested one by one.
const MAX_SINGLE: usize = 50;

/// What the server has under an id.
#[derive(Debug)]
pub(crate) enum FetchResult {
    Stored(StoredEvent),
    /// Data that is not a calendar.
    Unreadable(String),
    Missing,
    /// The server refused, with its code, or omitted the event, without one.
    Failed(Box<Failure>),
}

/// Fetches events by their ids: one answer for each, in the order asked.
pub(crate) fn fetch_many(session: &Session<'_>, calendar: &Url, ids: &[String]) -> Result<Vec<FetchResult>, Trouble> {
    let mut all: Vec<RequestedEvent> = ids.iter().map(|id| RequestedEvent::new(calendar, id)).collect();
    for part in all.chunks_mut(PAGE as usize) {
        let asked: Vec<Url> = part.iter().filter_map(|wanted| wanted.url.clone()).collect();
        for answer in multiget(calendar, &asked)? {
            // A server may write the calendar's path in another way; the last segment identifies the event.
            let name = href::event_id(&answer.url);
            let mut places = part.iter_mut().filter(|wanted| wanted.name == name && wanted.found.is_none());
            if let (Some(place), Some(name)) = (places.next(), &name)
                && let Some(found) = read(name, answer)
            {
                places.for_each(|twice| twice.found = Some(found.copy()));
                place.found = Some(found);
            }
        }
    }
    let left_out = all.iter().filter(|wanted| wanted.is_left_out()).count();
    if left_out > 0 {
        log::warn("the server left out events", &[("asked", &ids.len()), ("left-out", &left_out)]);
    }
    for wanted in all.iter_mut().filter(|wanted| wanted.is_left_out()).take(MAX_SINGLE) {
        if let (Some(url), Some(name)) = (&wanted.url, &wanted.name) {
            wanted.found = Some(single(session, calendar, url, name)?);
        }
    }
    Ok(all.into_iter().map(RequestedEvent::result).collect())
}

/// One requested id.
struct RequestedEvent {
    /// `None` if no event can have the id.
    url: Option<Url>,
    /// The id in canonical form.
    name: Option<String>,
    found: Option<FetchResult>,
}

impl RequestedEvent {
    fn new(calendar: &Url, id: &str) -> RequestedEvent {
        let url = href::event_url(calendar, id);
        RequestedEvent { name: url.as_ref().and_then(href::event_id), url, found: None }
    }

    fn is_left_out(&self) -> bool {
        self.url.is_some() && self.found.is_none()
    }

    fn result(self) -> FetchResult {
        match (self.url, self.found) {
            (None, _) => FetchResult::Missing,
            (Some(_), Some(found)) => found,
            (Some(_), None) => silent(),
        }
    }
}

fn silent() -> FetchResult {
    FetchResult::Failed(Box::new(failure(Remedy::Temporary, "", "the server omitted the requested event")))
}

fn multiget(calendar: &Url, urls: &[Url]) -> Result<Vec<Answer>, Trouble> {
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let response = match http::send(&requests::multiget(calendar, urls.iter())) {
        Ok(response) => response,
        Err(HttpError::TooBig(_)) if urls.len() > 1 => {
            let (first, second) = urls.split_at(urls.len() / 2);
            let mut answers = multiget(calendar, first)?;
            answers.extend(multiget(calendar, second)?);
            return Ok(answers);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(dav::read(&response)?.answers)
}

/// `None` if the answer holds neither data nor a status that says that the event is gone.
fn read(id: &str, mut answer: Answer) -> Option<FetchResult> {
    let Some(data) = answer.take_text(Ns::CalDav, "calendar-data") else {
        return matches!(answer.status, Some(404 | 410)).then_some(FetchResult::Missing);
    };
    Some(match record::parse(id, answer.etag(), data.as_bytes()) {
        Ok(stored) => FetchResult::Stored(stored),
        Err(what) => FetchResult::Unreadable(what),
    })
}

fn single(session: &Session<'_>, calendar: &Url, url: &Url, id: &str) -> Result<FetchResult, Trouble> {
    let response = http::send(&requests::get(url))?;
    Ok(match response.status {
        200 => {
            let etag = response.header("etag").and_then(Etag::read);
            match record::parse(id, etag, &response.body) {
                Ok(stored) => FetchResult::Stored(stored),
                Err(what) => FetchResult::Unreadable(what),
            }
        }
        404 | 410 => {
            let trouble = session.missing(calendar, response.status);
            match trouble.failure.remedy {
                Remedy::NotFound | Remedy::Gone if !trouble.perhaps_moved => FetchResult::Missing,
                _ => return Err(trouble),
            }
        }
        429 | 503 => return Err(response.failure().into()),
        _ => FetchResult::Failed(Box::new(response.failure())),
    })
}

impl FetchResult {
    /// A copy for an id that was requested twice.
    fn copy(&self) -> FetchResult {
        match self {
            FetchResult::Stored(stored) => FetchResult::Stored(stored.clone()),
            FetchResult::Unreadable(what) => FetchResult::Unreadable(what.clone()),
            FetchResult::Missing => FetchResult::Missing,
            FetchResult::Failed(failure) => FetchResult::Failed(failure.clone()),
        }
    }
}
