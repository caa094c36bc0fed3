//! Conversion between Google's events and the contract's.
//!
//! Google stores a changed occurrence of a series as an event of its own; its id is made of the series' id and the occurrence's
//! start by the rule. These are the contract's `series-id` and `original-start`. A cancelled occurrence exists as long as its
//! series, and only its id, series and original start are certain to be present. It becomes an event of the status `cancelled`
//! at that start: if it were reported as gone, the rule would put it back.
//!
//! The key of the `create` that made an event is a private extended property. It belongs to the copy in this calendar only, so
//! no attendee's copy counts as made by the host.

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::json::{Value, json};
use chronus_sdk::rfc3339;
use chronus_sdk::values::{BusyKind, Connection, DaySpan, Event, EventStatus, Failure, Moment, Span, TimedSpan};

use crate::{people, text, times};

/// The private extended property that holds the key. Names have at most 44 characters, values 1024.
pub(crate) const KEY: &str = "chronusKey";

/// The contract's event.
///
/// # Errors
/// If it cannot be read. The text says why, and holds no text of the event.
pub(crate) fn event(item: &Value, connection: &Connection) -> Result<Event, String> {
    let id = id(item).ok_or("it has no id")?.to_owned();
    let series_id = item["recurringEventId"].as_str().map(str::to_owned);
    let original_start = match &item["originalStartTime"] {
        Value::Null => None,
        start => Some(times::moment(start)?),
    };
    let when = match (times::span(item), &original_start) {
        (Ok(when), _) => when,
        (Err(_), Some(original)) if is_cancelled(item) => at(original),
        (Err(what), _) => return Err(what),
    };
    let recurrence = item["recurrence"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Event {
        uid: item["iCalUID"].as_str().map_or_else(|| format!("{id}@google.com"), str::to_owned),
        etag: item["etag"].as_str().map(str::to_owned),
        title: item["summary"].as_str().unwrap_or_default().to_owned(),
        description: item["description"].as_str().map(text::from_markup).unwrap_or_default(),
        busy: kind(item),
        status: status(item),
        organiser: people::organiser(item, connection),
        attendees: people::attendees(item, connection),
        recurrence: recurrence.map(str::to_owned).collect(),
        location: item["location"].as_str().unwrap_or_default().to_owned(),
        url: item["source"]["url"].as_str().unwrap_or_default().to_owned(),
        private: matches!(item["visibility"].as_str(), Some("private" | "confidential")),
        client_key: client_key(item).map(str::to_owned),
        sequence: item["sequence"].as_u64().and_then(|number| u32::try_from(number).ok()),
        // Google tells the attendees with the write, or never.
        unsent: false,
        updated: item["updated"].as_str().and_then(rfc3339::parse),
        original_start: original_start.filter(|_| series_id.is_some()),
        id,
        series_id,
        when,
    })
}

/// The contract's event, or `invalid` if it cannot be read.
pub(crate) fn event_or_failure(item: &Value, connection: &Connection) -> Result<Event, Failure> {
    event(item, connection).map_err(|what| invalid("event", format!("the event cannot be read: {what}")))
}

/// The shortest span that begins at a moment.
fn at(moment: &Moment) -> Span {
    match moment {
        Moment::Timed(at) => Span::Timed(TimedSpan { start: at.clone(), end: at.clone() }),
        Moment::AllDay(day) => Span::AllDay(DaySpan { start: *day, end: times::tomorrow(*day) }),
    }
}

pub(crate) fn id(item: &Value) -> Option<&str> {
    item["id"].as_str().filter(|id| !id.is_empty())
}

/// The key that an event carries.
pub(crate) fn client_key(item: &Value) -> Option<&str> {
    item["extendedProperties"]["private"][KEY].as_str().filter(|key| !key.is_empty())
}

pub(crate) fn is_cancelled(item: &Value) -> bool {
    item["status"] == "cancelled"
}

fn status(item: &Value) -> EventStatus {
    match item["status"].as_str() {
        Some("cancelled") => EventStatus::Cancelled,
        Some("tentative") => EventStatus::Tentative,
        _ => EventStatus::Confirmed,
    }
}

/// The kind of an event's time. A working location never blocks; it is distinct from free time, which an owner marks.
pub(crate) fn kind(item: &Value) -> BusyKind {
    match item["eventType"].as_str() {
        Some("outOfOffice") => BusyKind::OutOfOffice,
        Some("workingLocation") => BusyKind::WorkingElsewhere,
        Some("birthday") => BusyKind::Free,
        _ if item["transparency"] == "transparent" => BusyKind::Free,
        _ => BusyKind::Busy,
    }
}

/// Google's word for whether an event blocks its time.
///
/// # Errors
/// `unsupported` for kinds that are types of events at Google, because an event's type cannot be set.
pub(crate) fn transparency(kind: BusyKind) -> Result<&'static str, Failure> {
    match kind {
        BusyKind::Busy => Ok("opaque"),
        BusyKind::Free => Ok("transparent"),
        BusyKind::Tentative | BusyKind::Unanswered | BusyKind::OutOfOffice | BusyKind::WorkingElsewhere => {
            Err(unsupported("an event can be busy or free; out of office and working location are set at Google"))
        }
    }
}

/// Google's field for the address of a web page that an event belongs to. Only the account that created the event sees it.
///
/// # Errors
/// `unsupported` for an address that is not of the web.
pub(crate) fn source(url: &str) -> Result<Value, Failure> {
    if !["https://", "http://"].iter().any(|scheme| url.to_ascii_lowercase().starts_with(scheme)) {
        return Err(unsupported("the address of an event must begin with https:// or http://"));
    }
    Ok(json!({ "url": url }))
}

/// Google's word for a status.
pub(crate) fn status_name(status: EventStatus) -> &'static str {
    match status {
        EventStatus::Confirmed => "confirmed",
        EventStatus::Tentative => "tentative",
        EventStatus::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::json::json;
    use chronus_sdk::values::ZonedTime;

    fn connection() -> Connection {
        Connection {
            sign_in: "google".into(),
            server: None,
            subject: None,
            address: None,
            zone: "Europe/Rome".into(),
            fields: vec![],
            memo: None,
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        for (item, expected) in [
            (json!({}), BusyKind::Busy),
            (json!({ "eventType": "default", "transparency": "transparent" }), BusyKind::Free),
            (json!({ "eventType": "outOfOffice" }), BusyKind::OutOfOffice),
            (json!({ "eventType": "focusTime" }), BusyKind::Busy),
            (json!({ "eventType": "workingLocation", "transparency": "transparent" }), BusyKind::WorkingElsewhere),
            (json!({ "eventType": "birthday", "transparency": "transparent" }), BusyKind::Free),
            (json!({ "eventType": "fromGmail" }), BusyKind::Busy),
            (json!({ "eventType": "somethingNew" }), BusyKind::Busy),
        ] {
            assert_eq!(kind(&item), expected, "{item}");
        }
    }

    #[test]
    fn a_cancelled_occurrence_has_its_place_and_nothing_else() {
        let item = json!({ "id": "s_20260302T080000Z", "status": "cancelled", "recurringEventId": "s",
            "originalStartTime": { "dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Rome" } });
        let event = event(&item, &connection()).expect("an event");
        let start = ZonedTime { at: 1_772_438_400, zone: "Europe/Rome".into() };
        assert_eq!(event.original_start, Some(Moment::Timed(start.clone())));
        assert_eq!((event.series_id.as_deref(), event.status), (Some("s"), EventStatus::Cancelled));
        assert_eq!(event.when, Span::Timed(TimedSpan { start: start.clone(), end: start }));
    }

    #[test]
    fn what_is_not_there_is_told() {
        let times = json!({ "start": { "date": "2026-03-02" }, "end": { "date": "2026-03-03" } });
        assert!(event(&times, &connection()).is_err(), "no id");
        assert!(event(&json!({ "id": "a" }), &connection()).is_err(), "no times");
        assert!(event(&json!({ "id": "a", "status": "cancelled" }), &connection()).is_err(), "no times");
        let mut plain = times;
        plain["id"] = "a".into();
        let event = event(&plain, &connection()).expect("an event");
        assert_eq!((event.title.as_str(), event.uid.as_str()), ("", "a@google.com"));
    }
}
