//! How an event looks to the account that asks.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::times;
use crate::google::call::Call;
use crate::google::errors::{ApiResult, Refusal};
use crate::google::state::{Body, Calendar, Role, text, zone};

/// Fields that each copy of an event has for itself. `extendedProperties.private` is one too.
pub(super) const OWN: [&str; 4] = ["colorId", "reminders", "transparency", "visibility"];

/// What is seen, and how.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) role: Role,
    /// The zone in which times are written.
    pub(crate) zone: TimeZone,
    /// The most guests that are listed.
    pub(crate) guests: usize,
}

impl View {
    pub(crate) fn of(call: &Call, calendar: &Calendar, role: Role) -> ApiResult<Self> {
        let zone = match call.parameter("timeZone") {
            Some(name) => zone(name).ok_or_else(|| Refusal::parameter("timeZone", "Invalid time zone."))?,
            None => zone(&calendar.zone).unwrap_or(TimeZone::UTC),
        };
        Ok(Self { role, zone, guests: call.count("maxAttendees")?.unwrap_or(usize::MAX) })
    }

    /// An event of a calendar.
    pub(crate) fn shown(&self, calendar: &Calendar, body: &Body) -> Value {
        let mut event = body.clone();
        for which in ["start", "end", "originalStartTime"] {
            if let Some(time) = event.get_mut(which) {
                *time = times::shown(time, &self.zone);
            }
        }
        let is_private = matches!(text(body, "visibility"), "private" | "confidential");
        if self.role == Role::FreeBusyReader || (is_private && self.role < Role::Writer) {
            return times_only(&event);
        }
        for which in ["creator", "organizer"] {
            if let Some(Value::Object(person)) = event.get_mut(which) {
                mark(person, "self", text(person, "email") == calendar.id);
            }
        }
        self.guests(calendar, &mut event);
        Value::Object(event)
    }

    fn guests(&self, calendar: &Calendar, event: &mut Body) {
        let organizer = super::organizer(event).to_owned();
        let hidden = event.get("guestsCanSeeOtherGuests") == Some(&Value::Bool(false)) && organizer != calendar.id;
        let Some(Value::Array(attendees)) = event.get_mut("attendees") else { return };
        let omitted = hidden || attendees.len() > self.guests;
        attendees.retain(|attendee| !omitted || attendee["email"] == calendar.id.as_str());
        for attendee in attendees.iter_mut().filter_map(Value::as_object_mut) {
            mark(attendee, "self", text(attendee, "email") == calendar.id);
            mark(attendee, "organizer", text(attendee, "email") == organizer);
        }
        if omitted {
            event.insert("attendeesOmitted".into(), true.into());
        }
    }
}

/// A cancelled event as lists of changes have it: only what is promised to be there.
pub(crate) fn tombstone(body: &Body, zone: &TimeZone) -> Value {
    let mut event = Map::new();
    for name in ["kind", "etag", "id", "recurringEventId", "originalStartTime"] {
        if let Some(value) = body.get(name) {
            event.insert(
                name.into(),
                if name == "originalStartTime" { times::shown(value, zone) } else { value.clone() },
            );
        }
    }
    event.insert("status".into(), "cancelled".into());
    Value::Object(event)
}

/// An event of which only the times may be seen.
fn times_only(event: &Body) -> Value {
    let names = [
        "kind",
        "etag",
        "id",
        "status",
        "created",
        "updated",
        "start",
        "end",
        "recurrence",
        "recurringEventId",
        "originalStartTime",
        "transparency",
        "iCalUID",
        "eventType",
    ];
    let mut seen = json!({ "visibility": "private" });
    for name in names {
        if let Some(value) = event.get(name) {
            seen[name] = value.clone();
        }
    }
    seen
}

fn mark(person: &mut Body, flag: &str, holds: bool) {
    if holds {
        person.insert(flag.into(), true.into());
    } else {
        person.remove(flag);
    }
}
