//! Checks the event of a request and converts it to the stored form.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::series;
use super::times::When;
use crate::google::errors::{ApiResult, Refusal};
use crate::google::state::{Body, Calendar, text, zone};

/// Fields that a request may set; of the others, the service ignores what a request says.
const WRITABLE: [&str; 26] = [
    "anyoneCanAddSelf",
    "attachments",
    "attendees",
    "attendeesOmitted",
    "birthdayProperties",
    "colorId",
    "conferenceData",
    "description",
    "end",
    "extendedProperties",
    "focusTimeProperties",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "location",
    "outOfOfficeProperties",
    "recurrence",
    "reminders",
    "sequence",
    "source",
    "start",
    "status",
    "summary",
    "transparency",
    "visibility",
    "workingLocationProperties",
];

/// Fields with a fixed set of values.
const CHOICES: [(&str, &[&str]); 4] = [
    ("status", &["confirmed", "tentative", "cancelled"]),
    ("transparency", &["opaque", "transparent"]),
    ("visibility", &["default", "public", "private", "confidential"]),
    ("eventType", &["default", "outOfOffice", "focusTime", "workingLocation", "birthday", "fromGmail"]),
];

const RESPONSES: [&str; 4] = ["needsAction", "declined", "tentative", "accepted"];

/// The fields of an event that a request may set.
pub(super) fn writable(request: &Body) -> Body {
    let wanted = request.iter().filter(|(name, _)| WRITABLE.contains(&name.as_str()));
    wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The fields of an event that a request may not set.
pub(super) fn read_only(kept: &Body) -> Body {
    let rest = kept.iter().filter(|(name, _)| !WRITABLE.contains(&name.as_str()));
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// An id that a client chose: 5 to 1024 digits of base 32 with the "extended hex" letters (RFC 4648 §7).
pub(super) fn id(id: &str) -> ApiResult<()> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'v');
    if (5..=1024).contains(&id.len()) && id.bytes().all(is_digit) {
        return Ok(());
    }
    Err(Refusal::invalid("Invalid resource id value.").at("parameter", "id"))
}

/// The event with its times and guests in the stored form. Refuses an invalid event.
pub(super) fn whole(calendar: &Calendar, mut event: Body) -> ApiResult<Body> {
    event.retain(|_, value| !value.is_null());
    for (name, values) in CHOICES {
        let given = event.get(name).and_then(Value::as_str);
        if given.is_some_and(|given| !values.contains(&given)) {
            return Err(Refusal::invalid(format!("Invalid value for: {name}")));
        }
    }
    let lines = event.get("recurrence").and_then(Value::as_array).cloned().unwrap_or_default();
    series::check(&lines)?;
    if lines.is_empty() {
        event.remove("recurrence");
    }
    times(calendar, &mut event, !lines.is_empty())?;
    guests(&mut event)?;
    kinds(calendar, &event)?;
    Ok(event)
}

fn times(calendar: &Calendar, event: &mut Body, recurring: bool) -> ApiResult<()> {
    let start = When::read(event.get("start"), "start", &calendar.zone, recurring)?;
    let end = When::read(event.get("end"), "end", &calendar.zone, recurring)?;
    let empty = || Refusal::bad_request("timeRangeEmpty", "The specified time range is empty.");
    match (&start, &end) {
        (When::Day(first), When::Day(after)) if after <= first => return Err(empty()),
        (When::Day(_), When::Day(_)) => {}
        (When::At { instant: from, .. }, When::At { instant: to, .. }) if to < from => return Err(empty()),
        (When::At { .. }, When::At { .. }) => {}
        _ => return Err(Refusal::invalid("Start and end times must either both be date or both be dateTime.")),
    }
    event.insert("start".into(), start.kept());
    event.insert("end".into(), end.kept());
    Ok(())
}

fn guests(event: &mut Body) -> ApiResult<()> {
    let Some(Value::Array(attendees)) = event.get_mut("attendees") else { return Ok(()) };
    let mut seen = BTreeSet::new();
    for attendee in attendees.iter_mut() {
        let Some(attendee) = attendee.as_object_mut() else { continue };
        let email = text(attendee, "email").to_lowercase();
        if email.is_empty() {
            return Err(Refusal::required("Missing attendee email."));
        }
        let parts: Vec<_> = email.split('@').collect();
        if parts.len() != 2 || parts.contains(&"") || email.contains(char::is_whitespace) {
            return Err(Refusal::invalid("Invalid attendee email."));
        }
        let response = attendee.entry("responseStatus").or_insert_with(|| "needsAction".into());
        if !response.as_str().is_some_and(|response| RESPONSES.contains(&response)) {
            return Err(Refusal::invalid("Invalid attendee response status."));
        }
        // Computed for each response.
        for flag in ["self", "organizer", "id", "resource", "asyncOperation"] {
            attendee.remove(flag);
        }
        attendee.insert("email".into(), email.clone().into());
        seen.insert(email);
    }
    let mut left = seen;
    attendees.retain(|attendee| attendee["email"].as_str().is_some_and(|email| left.remove(email)));
    if attendees.is_empty() {
        event.remove("attendees");
    }
    Ok(())
}

/// The requirements of each kind of event.
fn kinds(calendar: &Calendar, event: &Body) -> ApiResult<()> {
    let kind = text(event, "eventType");
    let wrong = |what: &str| Err(Refusal::invalid(format!("An event of the type {kind} {what}.")));
    let is_timed = event.get("start").is_some_and(|start| start.get("dateTime").is_some());
    match kind {
        "default" | "fromGmail" | "" => Ok(()),
        _ if !calendar.is_primary() => wrong("can only be in a primary calendar"),
        _ if event.contains_key("attendees") => wrong("has no attendees"),
        "outOfOffice" | "focusTime" if !is_timed => wrong("cannot last whole days"),
        "outOfOffice" | "focusTime" if text(event, "transparency") == "transparent" => wrong("must be opaque"),
        "workingLocation" if text(event, "transparency") != "transparent" || text(event, "visibility") != "public" => {
            wrong("must be transparent and public")
        }
        "workingLocation" if !event.contains_key("workingLocationProperties") => wrong("must say where"),
        "birthday" if is_timed => wrong("lasts a whole day"),
        _ => Ok(()),
    }
}

/// The defaults for fields that a request for a new event leaves out.
pub(super) fn defaults(event: &mut Body) {
    let usual = [
        ("kind", json!("calendar#event")),
        ("status", json!("confirmed")),
        ("eventType", json!("default")),
        ("sequence", json!(0)),
        ("reminders", json!({ "useDefault": true })),
    ];
    for (name, value) in usual {
        if event.get(name).is_none_or(Value::is_null) {
            event.insert(name.into(), value);
        }
    }
}

/// When an event is, as instants; whole days are those of the calendar's zone.
pub(crate) fn span(calendar: &Calendar, event: &Body) -> Option<(jiff::Timestamp, jiff::Timestamp)> {
    let days = zone(&calendar.zone).unwrap_or(TimeZone::UTC);
    let read = |which: &str| When::read(event.get(which), which, &calendar.zone, false).ok();
    Some((read("start")?.instant(&days), read("end")?.instant(&days)))
}
