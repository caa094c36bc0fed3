//! The document finds what it must. A small document of the same form stands in for Google's, which the integration
//! tests apply: what is tested here is the reading.

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::super::call::{Answer, Call};
use super::Discovery;
use super::schema::{Checker, Direction};

fn schemas() -> serde_json::Map<String, Value> {
    let schemas = json!({
        "Event": { "type": "object", "properties": {
            "id": { "type": "string" },
            "sequence": { "type": "integer", "format": "int32" },
            "start": { "$ref": "EventDateTime", "annotations": { "required": ["calendar.events.insert"] } },
            "expiration": { "type": "string", "format": "int64" },
            "attendees": {
                "type": "array",
                "items": { "type": "object", "properties": { "self": { "type": "boolean" } } },
            },
            "private": { "type": "object", "additionalProperties": { "type": "string" } },
        } },
        "EventDateTime": { "type": "object", "properties": {
            "date": { "type": "string", "format": "date" },
            "dateTime": { "type": "string", "format": "date-time" },
            "timeZone": { "type": "string" },
        } },
    });
    schemas.as_object().cloned().unwrap_or_default()
}

fn checked(direction: Direction, value: &Value) -> Result<(), String> {
    Checker { schemas: &schemas(), direction }.named("Event", value)
}

#[test]
fn what_is_right_passes() {
    let event = json!({
        "id": "a", "sequence": 1, "expiration": "17", "attendees": [{ "self": true }], "private": { "any": "thing" },
        "start": { "dateTime": "2026-11-24T10:00:00+01:00" },
    });
    assert_eq!(checked(Direction::Answer, &event), Ok(()));
    let local = json!({ "start": { "dateTime": "2026-11-24T10:00:00", "timeZone": "Europe/Rome" } });
    assert_eq!(checked(Direction::Request, &local), Ok(()));
    assert_eq!(checked(Direction::Patch, &json!({ "start": { "date": null }, "id": null })), Ok(()));
}

#[test]
fn what_is_wrong_is_found() {
    for (wrong, place) in [
        (json!({ "summery": "a" }), "Event.summery does not exist"),
        (json!({ "attendees": [{}, { "selfish": true }] }), "Event.attendees[1].selfish does not exist"),
        (json!({ "id": 1 }), "Event.id is 1"),
        (json!({ "id": null }), "Event.id is null"),
        (json!({ "sequence": "1" }), "Event.sequence"),
        (json!({ "sequence": 1.5 }), "Event.sequence"),
        (json!({ "sequence": 3_000_000_000_u32 }), "Event.sequence"),
        (json!({ "expiration": 17 }), "Event.expiration"),
        (json!({ "expiration": "soon" }), "Event.expiration"),
        (json!({ "attendees": {} }), "Event.attendees"),
        (json!({ "private": { "any": 1 } }), "Event.private.any"),
        (json!({ "start": { "date": "2026-02-30" } }), "Event.start.date"),
        (json!({ "start": { "date": "2026-02-03T00:00:00" } }), "Event.start.date"),
        (json!({ "start": { "dateTime": "at ten" } }), "Event.start.dateTime"),
        (json!({ "start": { "dateTime": "2026-11-24T10:00:00" } }), "without an offset and without a timeZone"),
        (json!([]), "Event is []"),
    ] {
        let found = checked(Direction::Request, &wrong).unwrap_err();
        assert!(found.contains(place), "{wrong}: {found}");
    }
    let local = json!({ "start": { "dateTime": "2026-11-24T10:00:00", "timeZone": "Europe/Rome" } });
    assert!(checked(Direction::Answer, &local).is_err(), "an answer says the offset");
}

/// Of two methods; our table is larger, so it is not held against this document.
fn discovery() -> Discovery {
    let resources = json!({ "events": { "methods": {
        "insert": {
            "id": "calendar.events.insert", "httpMethod": "POST", "path": "calendars/{calendarId}/events",
            "parameters": { "sendUpdates": { "location": "query", "type": "string", "enum": ["all", "none"] } },
            "request": { "$ref": "Event" }, "response": { "$ref": "Event" },
        },
        "list": {
            "id": "calendar.events.list", "httpMethod": "GET", "path": "calendars/{calendarId}/events",
            "parameters": {
                "eventTypes": { "location": "query", "type": "string", "repeated": true },
                "maxResults": { "location": "query", "type": "integer", "format": "int32", "minimum": "1" },
                "singleEvents": { "location": "query", "type": "boolean" },
                "timeMin": { "location": "query", "type": "string", "format": "date-time" },
            },
            "response": { "$ref": "Event" },
        },
        "import": {
            "id": "calendar.events.import", "httpMethod": "POST", "path": "calendars/{calendarId}/events/import",
            "request": { "$ref": "Event" }, "response": { "$ref": "Event" },
        },
    } } });
    let globals = json!({ "alt": { "location": "query", "type": "string", "enum": ["json"] } });
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    let mut discovery = Discovery { methods: Vec::new(), globals: object(globals), schemas: schemas() };
    discovery.add(&object(resources)).unwrap();
    discovery
}

fn call(verb: Method, target: &str, body: &str) -> Call {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    Call {
        verb,
        path: format!("/calendar/v3/{path}"),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        body: body.to_owned().into(),
        places: Vec::new(),
    }
}

#[test]
fn requests_are_looked_at() {
    let found = |verb: Method, target: &str, body: &str| discovery().request(&call(verb, target, body));
    let list = "calendars/primary/events";
    let start = r#"{"start":{"date":"2026-11-24"}}"#;
    assert_eq!(found(Method::GET, &format!("{list}?eventTypes=a&eventTypes=b&alt=json&maxResults=3"), ""), Ok(()));
    assert_eq!(found(Method::POST, &format!("{list}?sendUpdates=all"), start), Ok(()));
    for (verb, target, body, what) in [
        (Method::GET, "calendars/primary/evens", "", "there is no such method"),
        (Method::PUT, list, "", "there is no such method"),
        (Method::POST, "calendars/primary/events/import", start, "is not served here"),
        (Method::GET, "calendars/primary/events?sendUpdates=all", "", "has no parameter sendUpdates"),
        (Method::GET, "calendars/primary/events?maxResults=1&maxResults=2", "", "maxResults is there twice"),
        (Method::GET, "calendars/primary/events?maxResults=0", "", "out of its range"),
        (Method::GET, "calendars/primary/events?maxResults=many", "", "not a number"),
        (Method::GET, "calendars/primary/events?singleEvents=1", "", "neither true nor false"),
        (Method::GET, "calendars/primary/events?timeMin=2026-11-24T10:00:00", "", "a time"),
        (Method::GET, "calendars/primary/events?alt=media", "", "one of the listed values"),
        (Method::GET, list, "{}", "has no body"),
        (Method::POST, list, "{}", "the body has no start"),
        (Method::POST, list, "", "the body"),
        (Method::POST, "calendars/primary/events?sendUpdates=some", start, "one of the listed values"),
    ] {
        let wrong = found(verb.clone(), target, body).unwrap_err();
        assert!(wrong.contains(what), "{verb} {target}: {wrong}");
    }
    let mut untyped = call(Method::POST, list, start);
    untyped.headers.clear();
    assert!(discovery().request(&untyped).is_err(), "a body without its type");
}

#[test]
fn answers_are_looked_at() {
    let list = call(Method::GET, "calendars/primary/events", "");
    let found = |answer: Answer| discovery().answer(&list, &answer);
    assert_eq!(found(Answer::ok(json!({ "id": "a" }))), Ok(()));
    assert_eq!(found(Answer::empty(StatusCode::NOT_MODIFIED)), Ok(()));
    assert_eq!(found(super::super::errors::Refusal::not_found().answer()), Ok(()));
    assert!(found(Answer::ok(json!({ "ids": "a" }))).is_err());
    assert!(found(Answer::empty(StatusCode::OK)).is_err());
    assert!(found(Answer { status: StatusCode::NOT_FOUND, ..Answer::ok(json!({ "error": "not found" })) }).is_err());
}
