//! Events: created once, read, changed, cancelled, answered.

use chronus_sdk::OccurrenceRef;
use chronus_sdk::failure::{failure, invalid, not_found, temporary};
use chronus_sdk::icalendar::{Property, event};
use chronus_sdk::values::*;

use crate::occurrence::{self, EventId};
use crate::service::{self, StoredEvent, WriteCondition};
use crate::{now, record, wrong};

/// The id of the event with this key: the same at every attempt.
fn id_of(key: &str) -> String {
    // FNV-1a (the draft of RFC 9923), 64 bits.
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// A planted error: events in the future cannot be written.
fn refuse_the_future(when: &Span) -> Result<(), Failure> {
    match wrong("knows-no-future") && record::is_ahead(when) {
        true => Err(invalid("when", "it is ahead")),
        false => Ok(()),
    }
}

/// The event with an id, or `None`.
fn find(calendar: &str, id: &str) -> Result<Option<StoredEvent>, Failure> {
    match service::get(calendar, id) {
        Ok(stored) => Ok(Some(stored)),
        Err(Failure { service_code, .. }) if ["404", "410"].contains(&service_code.as_str()) => Ok(None),
        Err(other) => Err(other),
    }
}

fn conflict(c: &Connection, present: &StoredEvent) -> Failure {
    match record::event(c, present) {
        Ok(event) => failure(Remedy::Conflict(event), "412", "the event is not what the caller believed"),
        Err(failure) => failure,
    }
}

pub(crate) fn create(c: &Connection, calendar: &str, key: &str, draft: &Draft) -> Result<Event, Failure> {
    refuse_the_future(&draft.when)?;
    let mut stored =
        StoredEvent { id: id_of(key), etag: String::new(), data: record::calendar(c, key, draft)?.write() };
    let mut condition = WriteCondition::Absent;
    if let Some(present) = find(calendar, &stored.id)? {
        match record::same(c, &present, &stored)? {
            true if wrong("makes-it-twice") => stored.id.push_str("again"),
            true => return record::event(c, &present),
            false if wrong("conflict-overwrites") => condition = WriteCondition::Whatever,
            false => return Err(conflict(c, &present)),
        }
    } else if !wrong("taken-uid-is-free") {
        for other in service::list(calendar)? {
            if record::event(c, &other).is_ok_and(|event| event.uid == draft.uid) {
                return Err(failure(Remedy::AlreadyExists(other.id), "", "another event has this UID"));
            }
        }
    }
    match service::put(calendar, &stored.id, condition, &stored.data)? {
        Some(etag) => record::event(c, &StoredEvent { etag, ..stored }),
        None => Err(temporary("somebody made the same event at the same time")),
    }
}

pub(crate) fn get(c: &Connection, calendar: &str, id: &str) -> Result<Event, Failure> {
    let mut event = read(c, calendar, id)?;
    if wrong("uid-of-its-own") {
        event.uid.insert_str(0, "own-");
    }
    Ok(event)
}

fn read(c: &Connection, calendar: &str, id: &str) -> Result<Event, Failure> {
    let id = EventId::read(id);
    occurrence::event_at(c, &service::get(calendar, id.text)?, id.start)
}

/// The occurrence that the series starts at this moment.
pub(crate) fn occurrence(c: &Connection, of: OccurrenceRef<'_>) -> Result<Event, Failure> {
    let stored = service::get(of.calendar, of.series_id)?;
    let start = occurrence::start(of.original_start).ok_or_else(|| not_found("there is no such moment"))?;
    occurrence::event_at(c, &stored, Some(start).filter(|_| !wrong("occurrences-are-the-series")))
}

pub(crate) fn get_many(c: &Connection, calendar: &str, ids: &[String]) -> Result<Vec<EventOutcome>, Failure> {
    if ids.is_empty() && wrong("nothing-is-invalid") {
        return Err(invalid("ids", "the list is empty"));
    }
    let one = |id: &String| {
        let mut outcome = read(c, calendar, id);
        if let Ok(event) = &mut outcome {
            event.client_key = event.client_key.take().filter(|_| !wrong("forgets-its-key"));
        }
        EventOutcome { id: id.clone(), outcome }
    };
    let mut items: Vec<EventOutcome> = ids.iter().map(one).collect();
    if wrong("drops-unknown-ids") {
        items.retain(|item| item.outcome.is_ok());
    }
    Ok(items)
}

/// The events with a UID in the calendars that are the person's own.
pub(crate) fn find_all(c: &Connection, uid: &str) -> Result<Vec<CalendarEvent>, Failure> {
    let mut events = vec![];
    for stored in service::list("home")? {
        let event = record::event(c, &stored)?;
        if event.uid == uid && !wrong("finds-nothing") {
            events.push(CalendarEvent { calendar: "home".into(), event });
        }
    }
    Ok(events)
}

pub(crate) fn update(
    c: &Connection,
    calendar: &str,
    id: &str,
    key: &str,
    etag: Option<&str>,
    patch: &Patch,
) -> Result<Event, Failure> {
    let EventId { text, start } = EventId::read(id);
    let Some(present) = find(calendar, text)? else {
        if wrong("update-makes") {
            return make_at(c, calendar, id, key, patch);
        }
        return Err(not_found("there is no event of this id"));
    };
    let before = record::parse(&present)?;
    let mut stored = before.clone();
    let index = match start {
        Some(start) => occurrence::changed(c, &mut stored, start)?,
        None => 0,
    };
    let vevent = occurrence::component(&mut stored, index)?;
    if etag.is_none() && wrong("updates-once") && vevent.text("SEQUENCE").is_some_and(|number| number != "0") {
        return Err(conflict(c, &present));
    }
    record::apply(c, vevent, patch)?;
    refuse_the_future(&record::event(c, &present)?.when)?;
    if wrong("drops-the-unnamed") && patch.description.is_none() {
        vevent.remove("DESCRIPTION");
    }
    event::revise(vevent, now());
    if start.is_some() && wrong("changes-the-whole-series") {
        record::apply(c, record::only(&mut stored)?, &Patch { when: None, ..patch.clone() })?;
    }
    if start.is_none() && (patch.when.is_some() || patch.recurrence.is_some()) {
        occurrence::follow(c, &mut stored, &before, patch.recurrence.is_none())?;
    }
    let data = stored.write();
    match service::put(calendar, text, expected(etag, &present), &data)? {
        Some(etag) => occurrence::event_at(c, &StoredEvent { etag, data, ..present }, start),
        None => Err(conflict(c, &service::get(calendar, text)?)),
    }
}

/// A planted error: an update of an event that does not exist creates it.
fn make_at(c: &Connection, calendar: &str, id: &str, key: &str, patch: &Patch) -> Result<Event, Failure> {
    let at = |at| ZonedTime { at, zone: "UTC".into() };
    let draft = Draft {
        uid: id.into(),
        title: patch.title.clone().unwrap_or_default(),
        description: String::new(),
        location: String::new(),
        url: String::new(),
        when: Span::Timed(TimedSpan { start: at(0), end: at(3600) }),
        busy: BusyKind::Busy,
        status: EventStatus::Confirmed,
        organiser: None,
        attendees: vec![],
        recurrence: vec![],
    };
    let data = record::calendar(c, key, &draft)?.write();
    let etag = service::put(calendar, id, WriteCondition::Whatever, &data)?.unwrap_or_default();
    record::event(c, &StoredEvent { id: id.into(), etag, data })
}

/// The precondition of the caller, in the form of the store.
fn expected<'a>(etag: Option<&'a str>, present: &'a StoredEvent) -> WriteCondition<'a> {
    match etag {
        _ if wrong("etags-ignored") => WriteCondition::Whatever,
        // The provider shows another etag than the store for every event.
        Some("1") if wrong("etag-stays") => WriteCondition::Is(&present.etag),
        Some(etag) => WriteCondition::Is(etag),
        None => WriteCondition::Whatever,
    }
}

pub(crate) fn cancel(c: &Connection, calendar: &str, id: &str, etag: Option<&str>) -> Result<(), Failure> {
    let EventId { text, start } = EventId::read(id);
    let Some(present) = find(calendar, text)? else {
        if wrong("cancels-once") {
            return Err(not_found("there is no event of this id"));
        }
        return Ok(());
    };
    if wrong("cancel-does-nothing") {
        return Ok(());
    }
    let done = match start.filter(|_| !wrong("cancels-the-whole-series")) {
        None => service::delete(calendar, text, expected(etag, &present))?,
        Some(start) => {
            let mut stored = record::parse(&present)?;
            match occurrence::take_out(c, &mut stored, start) {
                Err(Failure { remedy: Remedy::Gone, .. }) if !wrong("cancels-once") => return Ok(()),
                taken => taken?,
            }
            service::put(calendar, text, expected(etag, &present), &stored.write())?.is_some()
        }
    };
    if done { Ok(()) } else { Err(conflict(c, &service::get(calendar, text)?)) }
}

pub(crate) fn respond(c: &Connection, calendar: &str, id: &str, rsvp: Rsvp) -> Result<Event, Failure> {
    let EventId { text, start } = EventId::read(id);
    let present = service::get(calendar, text)?;
    let mut stored = record::parse(&present)?;
    let index = match start {
        Some(start) => occurrence::changed(c, &mut stored, start)?,
        None => 0,
    };
    let vevent = occurrence::component(&mut stored, index)?;
    let owner = c.address.clone().unwrap_or_default();
    if wrong("answers-once") && event::answer(vevent, &[&owner]) == Some(record::answer_in(rsvp)) {
        return Err(failure(Remedy::NotPermitted, "", "the owner has given this answer"));
    }
    if wrong("invites-itself") && event::answer(vevent, &[&owner]).is_none() {
        vevent.properties.push(Property::new("ATTENDEE", format!("mailto:{owner}")));
    }
    if !event::set_answer(vevent, &[&owner], record::answer_in(rsvp)) {
        return Err(failure(Remedy::NotPermitted, "", "the owner is not among the attendees"));
    }
    if wrong("answers-for-all") {
        for one in event::attendees(vevent) {
            event::set_answer(vevent, &[&one.address], record::answer_in(rsvp));
        }
    }
    event::stamp(vevent, now());
    let data = stored.write();
    match service::put(calendar, text, WriteCondition::Is(&present.etag), &data)? {
        Some(etag) => occurrence::event_at(c, &StoredEvent { etag, data, ..present }, start),
        None => Err(temporary("somebody changed the event at the same time")),
    }
}
