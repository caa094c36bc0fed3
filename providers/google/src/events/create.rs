//! Creating an event so that a repetition creates no second one.
//!
//! The answer to a write can be lost, so a caller repeats it, possibly much later and with another draft. Google lets the
//! caller choose an event's id. It is computed from the key, so that a repetition meets the first event (409). If that event
//! carries the key and has the same content, the repetition succeeds; with other content it is a conflict.
//!
//! Google never frees an id: a deleted event keeps it and can be neither created again nor changed. So a key has a limited
//! sequence of ids, one for each time that its event was deleted.
//!
//! Rejected: restoring a deleted event by its status. Its guests were told that it is cancelled, and the same UID would
//! reappear in calendars that have dropped it.

use chronus_sdk::failure::{failure, invalid, unsupported};
use chronus_sdk::hash;
use chronus_sdk::http::Response;
use chronus_sdk::json::{Value, json};
use chronus_sdk::same::{is_same_recurrence, is_same_time};
use chronus_sdk::values::{Connection, Draft, Event, EventReply, EventStatus, Failure, Remedy};
use chronus_sdk::{EventRef, Write};

use super::{Place, written};
use crate::scopes::Rights;
use crate::{api, people, reasons, record, text, times};

/// The longest key, in bytes.
const MAX_KEY: usize = 256;

/// The ids of one key: one more than its events that may have been deleted.
const GENERATIONS: u32 = 10;

/// `events.create`
pub(crate) fn create(
    connection: &Connection,
    calendar: &str,
    draft: &Draft,
    Write { key, notify, .. }: Write<'_>,
) -> Result<EventReply, Failure> {
    Rights::of(connection).to_write()?;
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(invalid("key", "a key is 1 to 256 bytes of printable ASCII"));
    }
    let mut body = body(key, draft)?;
    let address = api::events(calendar)?.writing(notify);
    for generation in 0..GENERATIONS {
        let id = id(key, generation);
        body["id"] = id.as_str().into();
        let response = api::send("POST", &address, None, Some(&body))?;
        if !is_taken(&response) {
            let event = record::event_or_failure(&written(&response)?, connection)?;
            return Ok(EventReply { event, memo: None });
        }
        let place = Place { connection, event: EventRef { calendar, id: &id } };
        let present = match place.peek() {
            Ok(present) => Some(present).filter(|present| !record::is_cancelled(present)),
            Err(failure) if matches!(failure.remedy, Remedy::NotFound | Remedy::Gone) => by_key(calendar, key)?,
            Err(failure) => return Err(failure),
        };
        if let Some(present) = present {
            return settle(place, key, &body, &present);
        }
    }
    let detail = format!("the last {GENERATIONS} events that this key made were deleted");
    Err(failure(Remedy::AlreadyExists(id(key, GENERATIONS - 1)), "409 duplicate", detail))
}

/// Whether an event has the id already, deleted or not. Other conflicts (409) are temporary; using another id because of one
/// would create a second event.
fn is_taken(response: &Response) -> bool {
    response.status == 409 && matches!(reasons::reason(response).as_deref(), Some("duplicate" | "ALREADY_EXISTS"))
}

/// Finds a key's event by its property, if Google says that the id is taken and then does not find it: either the event was
/// deleted so long ago that only its id is left, or it was created so recently that it is not visible everywhere.
fn by_key(calendar: &str, key: &str) -> Result<Option<Value>, Failure> {
    let property = format!("{}={key}", record::KEY);
    let found = api::get(&api::events(calendar)?.with("privateExtendedProperty", &property))?;
    let items = api::list(&found, "items")?;
    Ok(items.iter().find(|item| record::client_key(item) == Some(key) && !record::is_cancelled(item)).cloned())
}

/// The id of a key's event, after a number of its events were deleted. Keys hold no line ends, so the number after the line
/// end is unambiguous.
fn id(key: &str, generation: u32) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let hash = if generation == 0 { hash::fnv128(key) } else { hash::fnv128(&format!("{key}\n{generation}")) };
    let digit = |place: u32| char::from(DIGITS[usize::try_from(hash >> (5 * place) & 31).unwrap_or(0)]);
    "chr".chars().chain((0..26).rev().map(digit)).collect()
}

fn body(key: &str, draft: &Draft) -> Result<Value, Failure> {
    if draft.status == EventStatus::Cancelled {
        return Err(unsupported("Google deletes cancelled events, so an event cannot be created as cancelled"));
    }
    if draft.organiser.is_some() {
        return Err(unsupported(
            "an event that somebody else organises comes into a Google calendar by invitation only",
        ));
    }
    let (start, end) = times::write(&draft.when, None)?;
    let mut body = json!({
        "summary": draft.title,
        "description": text::to_markup(&draft.description),
        "start": start,
        "end": end,
        "status": record::status_name(draft.status),
        "transparency": record::transparency(draft.busy)?,
        "extendedProperties": { "private": { record::KEY: key } },
    });
    if !draft.location.is_empty() {
        body["location"] = draft.location.as_str().into();
    }
    if !draft.url.is_empty() {
        body["source"] = record::source(&draft.url)?;
    }
    if !draft.attendees.is_empty() {
        body["attendees"] = people::write(&draft.attendees)?.into();
    }
    if !draft.recurrence.is_empty() {
        body["recurrence"] = draft.recurrence.clone().into();
    }
    Ok(body)
}

/// The result of creating an event that already exists.
fn settle(place: Place<'_>, key: &str, body: &Value, present: &Value) -> Result<EventReply, Failure> {
    let event = record::event_or_failure(present, place.connection)?;
    if event.client_key.as_deref() != Some(key) {
        let detail = "another event holds the id";
        return Err(failure(Remedy::AlreadyExists(event.id), "409 duplicate", detail));
    }
    let wanted = record::event_or_failure(body, place.connection)?;
    if !is_same(&wanted, &event) {
        let detail = "this key has created an event with other content";
        return Err(failure(Remedy::Conflict(event), "409 duplicate", detail));
    }
    Ok(EventReply { event, memo: None })
}

/// Whether an event has the wanted content, as far as Google returns it unchanged. Answers do not count, because people may
/// have answered in between.
fn is_same(wanted: &Event, event: &Event) -> bool {
    wanted.title.trim() == event.title.trim()
        && wanted.description.trim() == event.description.trim()
        && wanted.location.trim() == event.location.trim()
        && wanted.url == event.url
        && wanted.busy == event.busy
        && wanted.status == event.status
        && is_same_time(&wanted.when, &event.when, !wanted.recurrence.is_empty())
        && is_same_recurrence(&wanted.recurrence, &event.recurrence)
        && people::is_same(&wanted.attendees, &event.attendees)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_of_googles_and_for_ever_the_same() {
        assert_eq!(id("a", 0), "chr6i535miroqhinnh49be174l2b4");
        for generation in 0..GENERATIONS {
            let id = id("meeting/7 of Ann's", generation);
            assert!(
                id.len() == 29 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte)),
                "{id}"
            );
        }
    }

    #[test]
    fn each_generation_and_each_key_has_its_own() {
        let mut ids: Vec<String> = (0..GENERATIONS).flat_map(|n| [id("a", n), id("a1", n), id("b", n)]).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3 * usize::try_from(GENERATIONS).unwrap());
    }
}
