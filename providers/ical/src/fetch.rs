//! Many events in few requests (calendar-multiget, RFC 4791 §7.9).
//!
//! Two things go wrong in the wild: a server leaves out what it was asked for, and an answer grows too large to be
//! read. What is left out is asked for alone, because silence is not absence; an answer that is too large is asked for
//! in halves.

use std::collections::BTreeMap;

use chronus_sdk::failure::failure;
use chronus_sdk::http::{self, HttpError, Url};
use chronus_sdk::log;
use chronus_sdk::types::{Failure, Remedy};

use crate::dav::{self, Answer, Ns, Trouble, href, multistatus, requests};
use crate::describe::PAGE;
use crate::record::{self, Stored};
use crate::session::Session;

/// How many events that a server left out are asked for one by one.
const MAX_SINGLE: usize = 50;

/// What there is under an id.
#[derive(Debug)]
pub(crate) enum Found {
    Stored(Stored),
    /// Something that is no calendar.
    Unreadable(String),
    Missing,
    /// The server would not say: with its code. Or it kept silent: without one.
    Failed(Box<Failure>),
}

/// Fetches events by their ids: one answer for each, in the order asked.
pub(crate) fn fetch_many(session: &Session<'_>, calendar: &Url, ids: &[String]) -> Result<Vec<Found>, Trouble> {
    let urls: Vec<Option<Url>> = ids.iter().map(|id| href::event_url(calendar, id)).collect();
    let names: Vec<Option<String>> = urls.iter().map(|url| url.as_ref().and_then(href::event_id)).collect();
    let wanted: BTreeMap<&str, &Url> =
        names.iter().zip(&urls).filter_map(|(name, url)| Some((name.as_deref()?, url.as_ref()?))).collect();
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let asked: Vec<&Url> = wanted.values().copied().collect();
    for chunk in asked.chunks(PAGE as usize) {
        for answer in multiget(calendar, chunk)? {
            // A server may name the calendar in another way than we do; the last segment tells which event it is.
            let id = href::event_id(&answer.url).filter(|id| wanted.contains_key(id.as_str()));
            if let Some((id, read)) = id.and_then(|id| read(&id, answer).map(|read| (id, read))) {
                found.insert(id, read);
            }
        }
    }
    let left_out: Vec<&Url> =
        wanted.iter().filter(|(name, _)| !found.contains_key(**name)).map(|(_, url)| *url).collect();
    if !left_out.is_empty() {
        log::warn("the server left out events", &[("asked", &ids.len()), ("left-out", &left_out.len())]);
    }
    for url in left_out.into_iter().take(MAX_SINGLE) {
        found.insert(href::event_id(url).unwrap_or_default(), single(session, calendar, url)?);
    }
    let mut results: Vec<Found> = Vec::with_capacity(ids.len());
    let mut given: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        let result = match name.as_deref() {
            None => Found::Missing,
            Some(name) => match found.remove(name) {
                Some(result) => {
                    given.insert(name, results.len());
                    result
                }
                None => given.get(name).and_then(|index| results.get(*index)).map_or_else(silent, Found::copy),
            },
        };
        results.push(result);
    }
    Ok(results)
}

fn silent() -> Found {
    Found::Failed(Box::new(failure(Remedy::Temporary, "", "the server left out the event that was asked for")))
}

fn multiget(calendar: &Url, urls: &[&Url]) -> Result<Vec<Answer>, Trouble> {
    let response = match http::send(&requests::multiget(calendar, urls.iter().copied())) {
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

/// None if the answer says nothing of use.
fn read(id: &str, mut answer: Answer) -> Option<Found> {
    let Some(data) = answer.take_text(Ns::CalDav, "calendar-data") else {
        return matches!(answer.status, Some(404 | 410)).then_some(Found::Missing);
    };
    Some(match record::parse(id, answer.etag(), data.as_bytes()) {
        Ok(stored) => Found::Stored(stored),
        Err(what) => Found::Unreadable(what),
    })
}

fn single(session: &Session<'_>, calendar: &Url, url: &Url) -> Result<Found, Trouble> {
    let response = http::send(&requests::get(url))?;
    let id = href::event_id(url).unwrap_or_default();
    Ok(match response.status {
        200 => {
            let etag = response.header("etag").map(multistatus::strong);
            match record::parse(&id, etag, &response.body) {
                Ok(stored) => Found::Stored(stored),
                Err(what) => Found::Unreadable(what),
            }
        }
        404 | 410 => {
            let trouble = session.missing(calendar, response.status);
            match trouble.failure.remedy {
                Remedy::NotFound | Remedy::Gone if !trouble.perhaps_moved => Found::Missing,
                _ => return Err(trouble),
            }
        }
        429 | 503 => return Err(response.failure().into()),
        _ => Found::Failed(Box::new(response.failure())),
    })
}

impl Found {
    /// For an id that was asked for twice.
    fn copy(&self) -> Found {
        match self {
            Found::Stored(stored) => Found::Stored(stored.clone()),
            Found::Unreadable(what) => Found::Unreadable(what.clone()),
            Found::Missing => Found::Missing,
            Found::Failed(failure) => Found::Failed(failure.clone()),
        }
    }
}
