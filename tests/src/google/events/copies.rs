//! Carries an event between the calendar that it was made in and those of its guests.
//!
//! An organiser's change reaches every guest who has a calendar here; an answer reaches the organiser and, from there,
//! the other guests. A guest's own part of a copy (`view::OWN`, private properties) is never touched.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::view::OWN;
use super::write::put;
use super::{find, organizer};
use crate::google::state::{Body, Calendar, State, StoredEvent, text};

/// The addresses of an event's guests.
pub(super) fn guests(body: &Body) -> BTreeSet<String> {
    let attendees = body.get("attendees").and_then(Value::as_array).into_iter().flatten();
    attendees.filter_map(|attendee| Some(attendee.get("email")?.as_str()?.to_owned())).collect()
}

/// Brings the copies in step with what the organiser's calendar has now. `before` is what it had.
pub(super) fn spread(state: &mut State, before: Option<&Body>, after: &Body) {
    let home = organizer(after).to_owned();
    let revived = before.is_some_and(is_cancelled) && !is_cancelled(after);
    for guest in guests(after).into_iter().filter(|guest| *guest != home) {
        let Some(calendar) = state.calendars.get(&guest).filter(|calendar| calendar.is_primary()) else { continue };
        let own = own_copy(calendar, after);
        let deleted_by_guest = own.as_ref().is_some_and(StoredEvent::is_cancelled);
        if (deleted_by_guest && !revived) || (own.is_none() && is_cancelled(after)) {
            continue;
        }
        let copy = copy(calendar, own.as_ref().map(|own| &own.body), after);
        put(state, &guest, copy);
    }
    let gone = before.map(guests).unwrap_or_default();
    for guest in gone.difference(&guests(after)).filter(|guest| **guest != home) {
        let own = state.calendars.get(guest).and_then(|calendar| own_copy(calendar, after));
        if let Some(own) = own.filter(|own| !own.is_cancelled()) {
            let mut copy = own.body;
            copy.insert("status".into(), "cancelled".into());
            put(state, guest, copy);
        }
    }
}

/// Takes a guest's answer to the organiser's event and from there to all copies.
pub(super) fn answer(state: &mut State, copy: &Body, guest: &str) {
    let Some(entry) = entry(copy, guest).cloned() else { return };
    let home = organizer(copy).to_owned();
    let id = text(copy, "id").to_owned();
    let mut calendars = guests(copy);
    calendars.insert(home);
    for calendar in calendars.iter().filter(|calendar| *calendar != guest) {
        let Some(place) = state.calendars.get(calendar) else { continue };
        let mut answered: Vec<StoredEvent> = own_copy(place, copy).into_iter().collect();
        // An answer to a series answers its exceptions.
        let series = answered.first().map_or(id.clone(), |stored| text(&stored.body, "id").to_owned());
        let is_of_series = |stored: &&StoredEvent| text(&stored.body, "recurringEventId") == series;
        answered.extend(place.events.values().filter(is_of_series).cloned());
        for stored in answered.into_iter().filter(|stored| !stored.is_cancelled()) {
            let mut body = stored.body;
            if text(&body, "iCalUID") == text(copy, "iCalUID") && set_answer(&mut body, guest, &entry) {
                put(state, calendar, body);
            }
        }
    }
}

/// The guest's entry.
pub(super) fn entry<'a>(body: &'a Body, guest: &str) -> Option<&'a Value> {
    body.get("attendees")?.as_array()?.iter().find(|attendee| attendee["email"] == guest)
}

/// What a guest says in their own entry.
const ANSWER: [&str; 3] = ["responseStatus", "comment", "additionalGuests"];

/// Puts a guest's answer into an event; says whether that changed it.
pub(super) fn set_answer(body: &mut Body, guest: &str, answer: &Value) -> bool {
    let attendees = body.get_mut("attendees").and_then(Value::as_array_mut).into_iter().flatten();
    let Some(attendee) = attendees.into_iter().find(|attendee| attendee["email"] == guest) else { return false };
    let before = attendee.clone();
    let Some(attendee) = attendee.as_object_mut() else { return false };
    for name in ANSWER {
        match answer.get(name) {
            Some(value) => attendee.insert(name.into(), value.clone()),
            None => attendee.remove(name),
        };
    }
    before.as_object() != Some(attendee)
}

/// The list of guests without what each of them says for themselves.
pub(super) fn invited(body: &Body) -> Value {
    let mut attendees = body.get("attendees").cloned().unwrap_or_else(|| json!([]));
    for attendee in attendees.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        for name in ANSWER {
            attendee.remove(name);
        }
    }
    attendees
}

/// What a calendar has of an event of another: under the same id or, if that was taken, under one of its own.
fn own_copy(calendar: &Calendar, event: &Body) -> Option<StoredEvent> {
    let is_same = |own: &Body| {
        own.get("iCalUID") == event.get("iCalUID") && own.get("originalStartTime") == event.get("originalStartTime")
    };
    let under_its_id = find(calendar, text(event, "id")).filter(|own| is_same(&own.body));
    under_its_id.or_else(|| calendar.events.values().find(|own| is_same(&own.body)).cloned())
}

fn copy(calendar: &Calendar, own: Option<&Body>, event: &Body) -> Body {
    let mut copy = event.clone();
    for name in OWN {
        match own.and_then(|own| own.get(name)) {
            Some(value) => copy.insert(name.into(), value.clone()),
            None => copy.remove(name),
        };
    }
    copy.entry("reminders").or_insert_with(|| json!({ "useDefault": true }));
    let private = own.and_then(|own| own.get("extendedProperties")?.get("private").cloned());
    let shared = event.get("extendedProperties").and_then(|properties| properties.get("shared").cloned());
    let properties = [("private", private), ("shared", shared)];
    let properties = properties.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let properties: Body = properties.collect();
    if properties.is_empty() {
        copy.remove("extendedProperties");
    } else {
        copy.insert("extendedProperties".into(), properties.into());
    }
    // Another event may have this id already: the copy goes by one of its own.
    let id = text(event, "id");
    let own_id = own.map(|own| text(own, "id").to_owned());
    let is_taken = calendar.events.get(id).is_some_and(|other| other.body.get("iCalUID") != event.get("iCalUID"));
    let other_id = own_id.or_else(|| is_taken.then(|| format!("{id}0")));
    copy.extend(other_id.map(|id| ("id".to_owned(), id.into())));
    copy
}

fn is_cancelled(body: &Body) -> bool {
    text(body, "status") == "cancelled"
}
