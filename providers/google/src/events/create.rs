//! Making an event so that doing it twice makes one.
//!
//! The answer to a write can be lost, so a caller tries again, possibly much later and with another draft. Google lets
//! the caller choose an event's id: it is made from the key, so that the second try meets the first one's event (409).
//! If that carries the key, equal content means that there is nothing to do, and other content is a conflict.
//!
//! Google never gives an id back. What was deleted still holds it, cannot be made again and cannot be changed, which sent
//! other programs around in circles. So the key has a row of ids, one for each time that its event was deleted, and the
//! row has an end. Rejected: to bring a deleted event back by its status. Its guests were told that it is cancelled, and
//! the same UID would come to life in calendars that have thrown it away.

use chronus_sdk::failure::{failure, invalid, unsupported};
use chronus_sdk::hash;
use chronus_sdk::http::Response;
use chronus_sdk::json::{Value, json};
use chronus_sdk::same::{is_same_recurrence, is_same_time};
use chronus_sdk::types::{Connection, Draft, Event, EventStatus, Failure, Notify, OneEvent, Remedy};

use super::{Place, written};
use crate::scopes::Rights;
use crate::{api, people, reasons, record, text, times};

/// The longest key, in bytes.
const MAX_KEY: usize = 256;

/// How many events of one key may have been deleted before this one.
const GENERATIONS: u32 = 10;

/// `events.create`
pub(crate) fn create(
    connection: &Connection,
    calendar: &str,
    key: &str,
    draft: &Draft,
    notify: Notify,
) -> Result<OneEvent, Failure> {
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
            return Ok(OneEvent { event, memo: None });
        }
        let place = Place { connection, calendar, id: &id };
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

/// Whether an event has the id already, deleted ones included. Other collisions (409) are over at the next try, and
/// going on to another id because of one would make a second event.
fn is_taken(response: &Response) -> bool {
    response.status == 409 && matches!(reasons::reason(response).as_deref(), Some("duplicate" | "ALREADY_EXISTS"))
}

/// Looks for a key's event by another way, where Google says that the id is taken and then knows nothing of it: either
/// the event was deleted so long ago that nothing is left of it but its id, or it was made so recently that not all of
/// Google has heard of it.
fn by_key(calendar: &str, key: &str) -> Result<Option<Value>, Failure> {
    let property = format!("{}={key}", record::KEY);
    let found = api::get(&api::events(calendar)?.with("privateExtendedProperty", &property))?;
    let items = api::list(&found, "items")?;
    Ok(items.iter().find(|item| record::ours(item) == Some(key) && !record::is_cancelled(item)).cloned())
}

/// The id of the event that a key makes, after so many of its events were deleted. A key is of printable characters, so
/// nothing of it can be mistaken for the number behind the line end.
fn id(key: &str, generation: u32) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let hash = if generation == 0 { hash::fnv128(key) } else { hash::fnv128(&format!("{key}\n{generation}")) };
    let digit = |place: u32| char::from(DIGITS[usize::try_from(hash >> (5 * place) & 31).unwrap_or(0)]);
    "chr".chars().chain((0..26).rev().map(digit)).collect()
}

fn body(key: &str, draft: &Draft) -> Result<Value, Failure> {
    if draft.status == EventStatus::Cancelled {
        return Err(unsupported("Google deletes what is cancelled, so that nothing can be made so"));
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
    if !draft.attendees.is_empty() {
        body["attendees"] = people::write(&draft.attendees)?.into();
    }
    if !draft.recurrence.is_empty() {
        body["recurrence"] = draft.recurrence.clone().into();
    }
    Ok(body)
}

/// What the presence of an event means for a try to make it.
fn settle(place: Place<'_>, key: &str, body: &Value, present: &Value) -> Result<OneEvent, Failure> {
    let event = record::event_or_failure(present, place.connection)?;
    if event.ours.as_deref() != Some(key) {
        let detail = "another event holds the id";
        return Err(failure(Remedy::AlreadyExists(event.id), "409 duplicate", detail));
    }
    let wanted = record::event_or_failure(body, place.connection)?;
    if !is_same(&wanted, &event) {
        let detail = "this key has made an event of other content";
        return Err(failure(Remedy::Conflict(event), "409 duplicate", detail));
    }
    Ok(OneEvent { event, memo: None })
}

/// Whether an event says what was to be made, as far as Google may be trusted to give it back. Answers do not count:
/// they may have come in between.
fn is_same(wanted: &Event, event: &Event) -> bool {
    wanted.title.trim() == event.title.trim()
        && wanted.description.trim() == event.description.trim()
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
