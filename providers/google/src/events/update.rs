//! Changing the fields that a patch names, and no others.
//!
//! Google merges a patch into the event, so fields that are not sent stay: location, conference, reminders, colour and unknown
//! ones. Lists are replaced as a whole; attendees are the important case (see [`people`](crate::people)). A field that already
//! has the wanted value is not sent, and neither is a description with the same text, which its owner may have formatted.

use std::cell::RefCell;

use chronus_sdk::failure::unsupported;
use chronus_sdk::json::{Map, Value};
use chronus_sdk::same::is_same_recurrence;
use chronus_sdk::values::{BusyKind, Connection, EventReply, Failure, Patch, Span};
use chronus_sdk::{EventRef, Write};

use super::Place;
use super::moved::{Before, half_done};
use crate::scopes::Rights;
use crate::shift::Shift;
use crate::{people, record, text, times};

/// `events.update`
pub(crate) fn update(
    connection: &Connection,
    event: EventRef<'_>,
    patch: &Patch,
    write: Write<'_>,
) -> Result<EventReply, Failure> {
    Rights::of(connection).to_write()?;
    let place = Place { connection, event };
    // Its changed occurrences are read before a series moves: afterwards Google may have lost them.
    let before: RefCell<Option<Before>> = RefCell::default();
    let reply = place.rewrite(write, &|item| {
        let body = changes(item, patch, connection)?;
        let moves = patch.when.as_ref().filter(|_| is_series(item)).and_then(|when| shifts(item, when));
        before.replace(match moves {
            Some((shift, back)) => Some(Before::read(place, item, shift, &back)?),
            None => None,
        });
        Ok(body)
    })?;
    if let Some(before) = before.into_inner() {
        before.carry_over(place, write.notify).map_err(half_done)?;
    }
    Ok(reply)
}

/// The move of a series to another time, and the way back. `None` if its starts stay.
fn shifts(item: &Value, when: &Span) -> Option<(Shift, Shift)> {
    let present = times::span(item).ok()?;
    let shift = Shift::between(&present, when).filter(Shift::moves)?;
    Some((shift, Shift::between(when, &present)?))
}

fn is_series(item: &Value) -> bool {
    item["recurrence"].as_array().is_some_and(|lines| !lines.is_empty())
}

/// The body of the patch; `None` if nothing differs.
fn changes(item: &Value, patch: &Patch, connection: &Connection) -> Result<Option<Value>, Failure> {
    let present = record::event_or_failure(item, connection)?;
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    if let Some(title) = patch.title.as_ref().filter(|title| **title != present.title) {
        set("summary", title.as_str().into());
    }
    let reads_so = |wanted: &str| text::lines(wanted).trim() == present.description.trim();
    if let Some(description) = patch.description.as_ref().filter(|wanted| !reads_so(wanted)) {
        set("description", text::to_markup(description).into());
    }
    if let Some(location) = patch.location.as_ref().filter(|location| **location != present.location) {
        set("location", location.as_str().into());
    }
    if let Some(url) = patch.url.as_ref().filter(|url| **url != present.url) {
        set("source", if url.is_empty() { Value::Null } else { record::source(url)? });
    }
    if let Some(when) = patch.when.as_ref().filter(|when| **when != present.when) {
        let (start, end) = times::write(when, Some(item))?;
        set("start", start);
        set("end", end);
        let moved = Shift::between(&present.when, when).filter(|shift| shift.moves() && patch.recurrence.is_none());
        let moved = moved.map(|shift| shift.lines(&present.recurrence)).transpose()?;
        if let Some(lines) = moved.filter(|lines| *lines != present.recurrence) {
            set("recurrence", lines.into());
        }
    }
    if let Some(busy) = patch.busy.filter(|busy| *busy != present.busy) {
        if !matches!(present.busy, BusyKind::Busy | BusyKind::Free) {
            return Err(unsupported("Google does not let the kind of an event of this type be changed"));
        }
        set("transparency", record::transparency(busy)?.into());
    }
    if let Some(status) = patch.status.filter(|status| *status != present.status) {
        set("status", record::status_name(status).into());
    }
    let attendees = match &patch.attendees {
        Some(wanted) => people::rewrite(item, wanted, connection)?,
        None => None,
    };
    if let Some(list) = people::answer_for(item, attendees, &patch.answers)? {
        set("attendees", list.into());
    }
    let differs = |lines: &&Vec<String>| !is_same_recurrence(lines, &present.recurrence);
    if let Some(lines) = patch.recurrence.as_ref().filter(differs) {
        set("recurrence", lines.clone().into());
        // Google refuses a series without zones, even if the event had none.
        if !body_has(item, "timeZone") && !lines.is_empty() {
            let (start, end) = times::write(patch.when.as_ref().unwrap_or(&present.when), Some(item))?;
            set("start", start);
            set("end", end);
        }
    }
    Ok((!body.is_empty()).then_some(Value::Object(body)))
}

fn body_has(item: &Value, name: &str) -> bool {
    ["start", "end"].iter().all(|side| item[*side]["date"].is_string() || item[*side][name].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::json::json;
    use chronus_sdk::testing;
    use chronus_sdk::values::{Date, DaySpan, EventStatus};

    fn connection() -> Connection {
        Connection { zone: "UTC".into(), ..testing::connection("google") }
    }

    fn item() -> Value {
        json!({ "id": "abcde", "summary": "Planning", "description": "<b>one</b><br>two", "status": "confirmed",
            "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-03" }, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"],
            "attendees": [{ "email": "bo@example.com", "responseStatus": "accepted" }] })
    }

    #[test]
    fn what_is_said_already_is_not_sent() {
        let day = |day| Date { year: 2026, month: 3, day };
        let same = Patch {
            title: Some("Planning".into()),
            description: Some("one\ntwo\n".into()),
            when: Some(Span::AllDay(DaySpan { start: day(2), end: day(3) })),
            busy: Some(BusyKind::Busy),
            status: Some(EventStatus::Confirmed),
            attendees: Some(people::attendees(&item(), &connection())),
            recurrence: Some(vec!["RRULE:COUNT=3;FREQ=DAILY".into()]),
            ..testing::patch()
        };
        assert_eq!(changes(&item(), &same, &connection()), Ok(None));
        assert_eq!(changes(&item(), &testing::patch(), &connection()), Ok(None));
    }

    #[test]
    fn what_differs_is_sent_alone() {
        let patch = Patch { description: Some(String::new()), recurrence: Some(vec![]), ..testing::patch() };
        let body = changes(&item(), &patch, &connection()).expect("a patch");
        assert_eq!(body, Some(json!({ "description": "", "recurrence": [] })));
        let patch = Patch { busy: Some(BusyKind::Free), title: Some("<b>".into()), ..testing::patch() };
        let body = changes(&item(), &patch, &connection()).expect("a patch");
        assert_eq!(body, Some(json!({ "transparency": "transparent", "summary": "<b>" })));
    }

    #[test]
    fn a_day_out_of_office_stays_one() {
        let mut away = item();
        away["eventType"] = "outOfOffice".into();
        let patch = |busy| Patch { busy: Some(busy), ..testing::patch() };
        assert!(changes(&away, &patch(BusyKind::Free), &connection()).is_err());
        assert_eq!(changes(&away, &patch(BusyKind::OutOfOffice), &connection()), Ok(None));
        assert!(changes(&item(), &patch(BusyKind::OutOfOffice), &connection()).is_err());
    }
}
