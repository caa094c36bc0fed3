//! Creating, reading, changing, answering and cancelling events, one resource at a time (RFC 4791 §5.3).
//!
//! An event may have been changed by another client a moment ago, or by an earlier attempt whose answer was lost. So a write
//! first reads the event, then writes with the precondition that it is unchanged, and reads again if the server refuses. The
//! provider compares etags itself too, because some servers ignore preconditions. After a write, the event is read back unless a
//! strong entity tag says that it was stored as sent (§5.3.4).

mod attendees;
mod cancel;
mod create;
mod edit;
mod find;
mod respond;
mod shift;
mod update;

pub(crate) use cancel::cancel;
pub(crate) use create::create;
pub(crate) use find::find;
pub(crate) use respond::respond;
pub(crate) use update::update;

use chronus_sdk::failure::{failure, invalid, not_found};
use chronus_sdk::http::{self, Response, Url};
use chronus_sdk::icalendar::{Component, Moment};
use chronus_sdk::values::{Connection, Event, EventOutcome, EventReply, EventsReply, Failure, Remedy};
use chronus_sdk::{EventRef, OccurrenceRef};

use crate::dav::requests::{self, WriteCondition};
use crate::dav::{self, Answer, Etag, Ns, Trouble, href};
use crate::fetch::{FetchResult, fetch_many};
use crate::occurrence::{self, EventId};
use crate::record::{self, StoredEvent};
use crate::session::{self, Session};

/// The attempts of a change without an etag, if other clients change the event at the same time.
const TRIES: usize = 3;

/// The place of an event.
#[derive(Clone, Debug)]
struct Place {
    calendar: Url,
    id: String,
    url: Url,
}

/// The place of an event, and which of the events there it is.
struct Target {
    place: Place,
    /// The start of an occurrence. `None` for the resource's event.
    start: Option<Moment>,
}

impl Target {
    fn of(session: &Session<'_>, event: EventRef<'_>) -> Result<Target, Trouble> {
        let calendar = session.calendar(event.calendar)?;
        let target = EventId::read(event.id)
            .and_then(|id| Some(Target { place: Place::within(calendar, id.resource)?, start: id.start }));
        target.ok_or_else(|| not_found("no event can have this id").into())
    }
}

impl Place {
    fn within(calendar: Url, id: &str) -> Option<Place> {
        let url = href::event_url(&calendar, id)?;
        Some(Place { id: href::event_id(&url)?, calendar, url })
    }
}

/// `events.get`
pub(crate) fn get(connection: &Connection, event: EventRef<'_>) -> Result<EventReply, Failure> {
    one(connection, &|session| {
        let Target { place, start } = Target::of(session, event)?;
        Ok(fetch(session, &place)?.event_at(session, start)?)
    })
}

/// `events.occurrence`
pub(crate) fn occurrence(connection: &Connection, asked: OccurrenceRef<'_>) -> Result<EventReply, Failure> {
    let OccurrenceRef { calendar, series_id, original_start } = asked;
    let start = occurrence::start(original_start);
    // If `series-id` names an occurrence already, the result is not an id, and neither is the empty text.
    let id = EventId { resource: series_id, start }.text();
    get(connection, EventRef { calendar, id: if start.is_some() { &id } else { "" } })
}

/// `events.get-many`
pub(crate) fn get_many(connection: &Connection, calendar: &str, ids: &[String]) -> Result<EventsReply, Failure> {
    let (events, memo) = session::run(connection, |session| {
        let resource = |id: &String| EventId::read(id).map_or_else(|| id.clone(), |id| id.resource.to_owned());
        let resources: Vec<String> = ids.iter().map(resource).collect();
        let found = fetch_many(session, &session.calendar(calendar)?, &resources)?;
        Ok(ids.iter().zip(found).map(|(id, found)| item(session, id, found)).collect())
    })?;
    Ok(EventsReply { events, memo })
}

fn item(session: &Session<'_>, id: &str, found: FetchResult) -> EventOutcome {
    let outcome = match found {
        FetchResult::Stored(stored) => stored.event_at(session, EventId::read(id).and_then(|id| id.start)),
        FetchResult::Unreadable(what) => Err(record::unreadable(what)),
        FetchResult::Missing => Err(not_found("the calendar has no such event")),
        FetchResult::Failed(failure) => Err(*failure),
    };
    // The id as requested: the caller finds the item by it.
    let outcome = outcome.map(|event| Event { id: id.to_owned(), ..event });
    EventOutcome { id: id.to_owned(), outcome }
}

/// Runs a step that returns one event.
fn one(connection: &Connection, step: &dyn Fn(&Session<'_>) -> Result<Event, Trouble>) -> Result<EventReply, Failure> {
    let (event, memo) = session::run(connection, step)?;
    Ok(EventReply { event, memo })
}

/// Reads one event that must exist.
fn fetch(session: &Session<'_>, place: &Place) -> Result<StoredEvent, Trouble> {
    match peek(session, place)? {
        Some(stored) => Ok(stored),
        None => Err(session.missing(&place.calendar, 404)),
    }
}

/// Reads an event if it exists, without a check of its calendar.
fn peek(session: &Session<'_>, place: &Place) -> Result<Option<StoredEvent>, Trouble> {
    let response = http::send(&requests::get(&place.url))?;
    match response.status {
        200 => {}
        404 | 410 => return Ok(None),
        _ => return Err(refused(&response)),
    }
    let Some(etag) = response.header("etag").and_then(Etag::read) else { return peek_with_etag(session, place) };
    let stored = record::parse(&place.id, Some(etag), &response.body);
    stored.map(Some).map_err(|what| match response.header("content-type") {
        Some(kind) if kind.starts_with("text/calendar") => record::unreadable(what).into(),
        // Probably the page of a proxy, which is temporary.
        _ => dav::nonsense(&response, &what),
    })
}

/// For servers that send the entity tag only on request.
fn peek_with_etag(session: &Session<'_>, place: &Place) -> Result<Option<StoredEvent>, Trouble> {
    let found = fetch_many(session, &place.calendar, std::slice::from_ref(&place.id))?.into_iter().next();
    match found {
        Some(FetchResult::Stored(stored)) => Ok(Some(stored)),
        Some(FetchResult::Unreadable(what)) => Err(record::unreadable(what).into()),
        Some(FetchResult::Failed(failure)) => Err((*failure).into()),
        Some(FetchResult::Missing) | None => Ok(None),
    }
}

/// The result of a PUT.
enum PutOutcome {
    Stored(StoredEvent),
    /// Another event is there, or the event has changed.
    Precondition(Response),
}

fn put(
    session: &Session<'_>,
    place: &Place,
    only: WriteCondition<'_>,
    calendar: Component,
) -> Result<PutOutcome, Trouble> {
    let response = http::send(&requests::put(&place.url, only, calendar.write()))?;
    if !response.is_success() {
        return match is_conflict(&response) {
            true => Ok(PutOutcome::Precondition(response)),
            false => Err(not_written(session, place, &response)),
        };
    }
    // A server may choose another name (RFC 9110 §15.3.2).
    let chosen = response.header("location").and_then(|location| href::resolve(&place.url, location));
    let chosen = chosen.and_then(|url| href::event_id(&url));
    let place = match chosen.filter(|id| *id != place.id).and_then(|id| Place::within(place.calendar.clone(), &id)) {
        Some(elsewhere) => elsewhere,
        None => place.clone(),
    };
    match response.header("etag").filter(|etag| !Etag::is_weak(etag)).and_then(Etag::read) {
        Some(etag) => Ok(PutOutcome::Stored(StoredEvent { id: place.id, etag: Some(etag), calendar, unread: None })),
        None => fetch(session, &place).map(PutOutcome::Stored),
    }
}

/// Whether a PUT was refused because of an existing event: by its precondition, or because the UID is taken. For the latter,
/// servers answer 403 (Cyrus), 409 (Radicale) or 412 (Xandikos, which also uses 412 for data that it rejects).
fn is_conflict(response: &Response) -> bool {
    let named = dav::precondition(response);
    named.is_uid_taken() || matches!(response.status, 409 | 412) && named.first().is_none()
}

/// The failure of a PUT or DELETE that was refused for another reason than its precondition.
fn not_written(session: &Session<'_>, place: &Place, response: &Response) -> Trouble {
    match response.status {
        404 | 409 | 410 => session.missing(&place.calendar, response.status),
        _ => refused(response),
    }
}

/// The failure of a refusal, by the precondition that it names (RFC 4791 §5.3.2.1, RFC 6638 §3.2.4, RFC 3744 §7.1.1), or by its
/// status.
fn refused(response: &Response) -> Trouble {
    let named = dav::precondition(response);
    let remedy = match named.first() {
        Some(
            name @ ("valid-calendar-data"
            | "supported-calendar-data"
            | "valid-calendar-object-resource"
            | "supported-calendar-component"
            | "calendar-collection-location-ok"
            | "max-resource-size"
            | "min-date-time"
            | "max-date-time"
            | "max-instances"
            | "max-attendees-per-instance"
            | "same-organizer-in-all-components"),
        ) => Remedy::Invalid(name.to_owned()),
        Some(
            "need-privileges"
            | "organizer-allowed"
            | "allowed-organizer-scheduling-object-change"
            | "allowed-attendee-scheduling-object-change",
        ) => Remedy::NotPermitted,
        _ if response.status == 423 => Remedy::Temporary,
        _ => return dav::unexpected(response),
    };
    let code = format!("{} {}", response.status, named.first().unwrap_or_default());
    failure(remedy, code.trim_end(), "the server refused the event").into()
}

/// The failure of a write whose etag is not the present one.
fn conflict(session: &Session<'_>, stored: &StoredEvent, start: Option<Moment>) -> Trouble {
    match stored.event_at(session, start) {
        Ok(event) => failure(Remedy::Conflict(event), "412", "the event has been changed in the meantime").into(),
        Err(failure) => failure.into(),
    }
}

/// Whether the caller's etag differs from the present one. Without entity tags, it never does.
fn is_stale(stored: &StoredEvent, etag: Option<&str>) -> bool {
    match (etag, &stored.etag) {
        (Some(known), Some(present)) => Etag::read(known).as_ref() != Some(present),
        _ => false,
    }
}

/// The precondition that an event is unchanged since it was read.
///
/// Rejected: the schedule tag (RFC 6638 §3.2.10), by which a server would accept a write after an attendee's answer.
/// Cyrus 3.6 keeps the tag when the organiser's other clients change the event, and their changes would be overwritten. An
/// answer in between costs one more attempt instead.
fn still(stored: &StoredEvent) -> WriteCondition<'_> {
    stored.etag.as_ref().map_or(WriteCondition::Always, |etag| WriteCondition::IfStill(etag.written()))
}

/// Reads an event, changes it, and writes it if it differs. With an etag the event must have that etag; without one, any state
/// is changed. Returns the resource as it is now.
fn rewrite(
    session: &Session<'_>,
    Target { place, start }: &Target,
    etag: Option<&str>,
    change: &dyn Fn(&StoredEvent) -> Result<Option<Component>, Failure>,
) -> Result<StoredEvent, Trouble> {
    for _ in 0..TRIES {
        let stored = fetch(session, place)?;
        if is_stale(&stored, etag) {
            return Err(conflict(session, &stored, *start));
        }
        let Some(changed) = change(&stored)? else { return Ok(stored) };
        if let Some(what) = &stored.unread {
            let detail = format!("a part of the event cannot be read, and a change would lose it: {what}");
            return Err(invalid("event", detail).into());
        }
        if let PutOutcome::Stored(stored) = put(session, place, still(&stored), changed)? {
            return Ok(stored);
        }
    }
    Err(failure(Remedy::Temporary, "412", format!("other clients changed the event during each of {TRIES} attempts"))
        .into())
}

/// Finds an event by its UID in one calendar.
fn by_uid(calendar: &Url, uid: &str) -> Result<Option<StoredEvent>, Trouble> {
    let answers = dav::ask(&requests::query_uid(calendar, uid))?.answers;
    let found = answers.into_iter().filter_map(stored).find(|stored| {
        let main = record::main_event(&stored.calendar);
        // Some servers return all events.
        main.and_then(|event| event.text("UID")).as_deref() == Some(uid)
    });
    Ok(found)
}

fn stored(mut answer: Answer) -> Option<StoredEvent> {
    let data = answer.take_text(Ns::CalDav, "calendar-data")?;
    record::parse(&href::event_id(&answer.url)?, answer.etag(), data.as_bytes()).ok()
}
