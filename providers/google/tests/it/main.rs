//! The provider against answers that Google gives, request by request: which are sent, and what is made of each answer.
//! A Google that remembers is the business of the tests of the whole (`tests/it`), through the sandbox.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod account;
mod busy;
mod changes;
mod events;
mod push;
mod script;

use chronus_sdk::testing;
use chronus_sdk::testing::patch as nothing;
use chronus_sdk::values::*;

/// 2 March 2026, 09:00 in Rome.
const MONDAY: i64 = 1_772_438_400;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

const ANN: &str = "ann@example.com";

/// A connection that was given these scopes, named without their common prefix.
fn connection(scopes: &[&str]) -> Connection {
    let full = |scope: &&str| match *scope {
        "openid" | "email" => (*scope).to_owned(),
        scope => format!("https://www.googleapis.com/auth/{scope}"),
    };
    let scopes: Vec<String> = scopes.iter().map(full).collect();
    Connection {
        address: Some(ANN.into()),
        fields: vec![("scope".into(), scopes.join(" "))],
        ..testing::connection("google")
    }
}

/// One that may write events.
fn writer() -> Connection {
    connection(&["openid", "calendar.events"])
}

fn window() -> Window {
    Window { start: MONDAY, end: MONDAY + DAY }
}

fn in_rome(at: i64) -> ZonedTime {
    ZonedTime { at, zone: "Europe/Rome".into() }
}

fn hour_from(at: i64) -> Span {
    Span::Timed(TimedSpan { start: in_rome(at), end: in_rome(at + HOUR) })
}

fn draft() -> Draft {
    Draft {
        uid: "meeting-1@chronus".into(),
        title: "Planning".into(),
        description: "a < b\nnext".into(),
        location: "Room 5".into(),
        url: "https://example.org/meetings/1".into(),
        when: hour_from(MONDAY),
        busy: BusyKind::Busy,
        status: EventStatus::Confirmed,
        organiser: None,
        attendees: vec![],
        recurrence: vec![],
    }
}

fn remedy<T>(result: Result<T, Failure>) -> Remedy {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(failure) => failure.remedy,
    }
}
