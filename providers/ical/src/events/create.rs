//! Creating an event so that a repetition creates no second one.
//!
//! The answer to a write can be lost, so a caller repeats it, possibly much later and with another draft. The address of the
//! event is computed from the caller's key alone, so a repetition meets the first event there. If that event carries the key
//! and has the same content, the repetition succeeds; with other content it is a conflict.
//!
//! The address is read before the write, because some servers ignore `If-None-Match` and would overwrite. If the server says that
//! the UID is taken, the event that holds it is found: in the server's answer, by UID, or in the other calendars of the account
//! (iCloud allows a UID once per account).
//!
//! Rejected: an address computed from the UID. The same key with another UID would create a second event.

use chronus_sdk::failure::{failure, invalid, temporary};
use chronus_sdk::http::{self, Response};
use chronus_sdk::icalendar::event;
use chronus_sdk::icalendar::vtimezone::define_zones;
use chronus_sdk::icalendar::{Component, Property};
use chronus_sdk::same::{is_same_recurrence, is_same_time};
use chronus_sdk::values::{Attendee, Connection, Draft, Event, EventReply, Failure, Notify, Organiser, Remedy};
use chronus_sdk::{Write, clock};
use jiff::Timestamp;

use super::attendees::invite;
use super::{Place, PutOutcome, by_uid, edit, not_written, one, peek, put};
use crate::dav::requests::{self, WriteCondition};
use crate::dav::{self, Ns, Trouble, href};
use crate::record::{self, KEY, StoredEvent};
use crate::session::Session;

const PRODID: &str = "-//Chronus//iCal provider//EN";

/// The longest key, in bytes.
const MAX_KEY: usize = 256;

/// `events.create`
pub(crate) fn create(
    connection: &Connection,
    calendar: &str,
    draft: &Draft,
    Write { key, notify, .. }: Write<'_>,
) -> Result<EventReply, Failure> {
    check(key, draft)?;
    one(connection, &|session| {
        let url = session.calendar(calendar)?;
        let name = file_name(key);
        let place = Place::within(url, &name).ok_or_else(|| invalid("key", "the key makes no usable name"))?;
        let data = build(session, key, draft, notify, now())?;
        if let Some(present) = peek(session, &place)? {
            return settle(session, key, draft, &present);
        }
        match put(session, &place, WriteCondition::IfAbsent, data)? {
            PutOutcome::Stored(stored) => Ok(stored.event_or_failure(session)?),
            PutOutcome::Precondition(response) => match holder(session, &place, draft, &response)? {
                Holder::Here(present) => settle(session, key, draft, &present),
                Holder::Elsewhere(id) => Err(taken(&response, id)),
                Holder::Nobody if response.status == 412 => {
                    Err(temporary("the server says that the event exists and does not show it").into())
                }
                Holder::Nobody => Err(not_written(session, &place, &response)),
            },
        }
    })
}

fn check(key: &str, draft: &Draft) -> Result<(), Failure> {
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(invalid("key", "a key is 1 to 256 bytes of printable ASCII"));
    }
    if draft.organiser.as_ref().is_some_and(|organiser| !organiser.address.contains('@')) {
        return Err(invalid("draft.organiser", "an organiser needs an e-mail address"));
    }
    if draft.uid.trim().is_empty() {
        return Err(invalid("draft.uid", "an event needs a UID"));
    }
    Ok(())
}

fn now() -> Timestamp {
    Timestamp::from_second(clock::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The name of a key's event: a hash, because servers store files, which need short and plain names. The key in the event shows
/// whether two keys share a hash.
pub(super) fn file_name(key: &str) -> String {
    format!("chronus-{:032x}.ics", chronus_sdk::hash::fnv128(key))
}

/// The result of creating an event that already exists.
fn settle(session: &Session<'_>, key: &str, draft: &Draft, present: &StoredEvent) -> Result<Event, Trouble> {
    let event = present.event_or_failure(session)?;
    let is_ours = match &event.client_key {
        Some(known) => known == key,
        // The name remains if a server drops unknown properties.
        None => present.id == file_name(key),
    };
    if !is_ours {
        return Err(failure(Remedy::AlreadyExists(event.id), "", "another event holds the UID").into());
    }
    if !is_same(draft, &event) {
        let detail = "this key has created an event with other content";
        return Err(failure(Remedy::Conflict(event), "", detail).into());
    }
    Ok(event)
}

/// Whether the event has the draft's content, as far as servers return it unchanged. Answers do not count, because people may
/// have answered in between.
fn is_same(draft: &Draft, event: &Event) -> bool {
    draft.uid == event.uid
        && draft.title == event.title
        && edit::lines(&draft.description) == event.description
        && draft.location == event.location
        && draft.url == event.url
        && draft.busy == event.busy
        && draft.status == event.status
        && is_same_time(&draft.when, &event.when, !draft.recurrence.is_empty())
        && is_same_recurrence(&draft.recurrence, &event.recurrence)
        && is_same_people(&draft.attendees, &event.attendees)
        && draft.organiser.as_ref().is_none_or(|one| {
            event.organiser.as_ref().is_some_and(|other| one.address.trim().eq_ignore_ascii_case(&other.address))
        })
}

fn is_same_people(draft: &[Attendee], event: &[Attendee]) -> bool {
    let has = |list: &[Attendee], one: &Attendee| {
        let same = |other: &Attendee| one.role == other.role && one.address.eq_ignore_ascii_case(&other.address);
        list.iter().any(same)
    };
    draft.len() == event.len() && draft.iter().all(|one| has(event, one))
}

fn build(
    session: &Session<'_>,
    key: &str,
    draft: &Draft,
    notify: Notify,
    now: Timestamp,
) -> Result<Component, Failure> {
    let mut made = event::new(&draft.uid, now);
    event::set_when(&mut made, &record::when(&draft.when)?);
    event::set_title(&mut made, &draft.title);
    event::set_description(&mut made, &edit::lines(&draft.description));
    event::set_location(&mut made, &edit::lines(&draft.location));
    event::set_url(&mut made, &draft.url).map_err(|bad| invalid("draft.url", bad.0))?;
    event::set_status(&mut made, record::status(draft.status));
    event::set_busy(&mut made, record::busy(draft.busy)?);
    event::set_recurrence(&mut made, &draft.recurrence).map_err(|bad| invalid("draft.recurrence", bad.0))?;
    made.set(Property::from_text(KEY, key));
    let organiser = draft.organiser.as_ref().filter(|organiser| !session.is_own(&organiser.address));
    if let Some(Organiser { address, name, .. }) = organiser {
        event::set_organiser(&mut made, &event::Organiser { address: address.clone(), name: name.clone() });
    }
    invite(session, &mut made, &draft.attendees);
    match organiser {
        Some(_) => session.account.scheduling.silence(&mut made)?,
        None => session.account.scheduling.prepare(&mut made, &[], &session.own, notify)?,
    }
    let mut calendar = Component::calendar(PRODID, None);
    calendar.components.push(made);
    if let Some(problem) = define_zones(&mut calendar).into_iter().next() {
        return Err(invalid("draft.when", problem.what));
    }
    Ok(calendar)
}

/// The reason why an event could not be created.
enum Holder {
    /// An event of this calendar.
    Here(StoredEvent),
    /// An event of another calendar, with its id; the id is empty if the event cannot be found.
    Elsewhere(String),
    /// No other event: the refusal has another reason.
    Nobody,
}

fn holder(session: &Session<'_>, place: &Place, draft: &Draft, refusal: &Response) -> Result<Holder, Trouble> {
    // Another attempt may have been first.
    if let Some(present) = peek(session, place)? {
        return Ok(Holder::Here(present));
    }
    let named = dav::precondition(refusal);
    if let Some(id) = named.href.as_ref().and_then(href::event_id) {
        let within = |url: &http::Url| href::event_url(&place.calendar, &id).is_some_and(|here| here == *url);
        if !named.href.as_ref().is_some_and(within) {
            return Ok(Holder::Elsewhere(id));
        }
        let there = Place::within(place.calendar.clone(), &id);
        if let Some(present) = there.map(|there| peek(session, &there)).transpose()?.flatten() {
            return Ok(Holder::Here(present));
        }
    }
    match by_uid(&place.calendar, &draft.uid) {
        Ok(Some(present)) => return Ok(Holder::Here(present)),
        Err(trouble) if trouble.perhaps_moved => return Err(trouble),
        // Not every server can search. Its statement about the UID is still valid.
        Ok(None) | Err(_) => {}
    }
    if let Some(id) = in_another_calendar(session, place, &draft.uid) {
        return Ok(Holder::Elsewhere(id));
    }
    Ok(if named.is_uid_taken() { Holder::Elsewhere(String::new()) } else { Holder::Nobody })
}

/// The id of the event that holds the UID in another calendar of the account. Unreadable calendars are skipped: the result is
/// the same, without the id.
fn in_another_calendar(session: &Session<'_>, place: &Place, uid: &str) -> Option<String> {
    let homes = session.account.homes.iter();
    let listed = homes.filter_map(|home| dav::ask(&requests::propfind(home, "1", &["d:resourcetype"])).ok());
    let calendars = listed.flat_map(|listed| listed.answers).filter(|answer| {
        let types = answer.prop(Ns::Dav, "resourcetype");
        types.is_some_and(|types| types.child(Ns::CalDav, "calendar").is_some()) && answer.url != place.calendar
    });
    calendars.filter_map(|calendar| by_uid(&calendar.url, uid).ok().flatten()).map(|stored| stored.id).next()
}

fn taken(refusal: &Response, id: String) -> Trouble {
    let code = format!("{} no-uid-conflict", refusal.status);
    failure(Remedy::AlreadyExists(id), code, "another event of this account holds the UID").into()
}
