//! The provider against a server in memory. See `server` for why there is one.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod account;
mod busy;
mod changes;
mod copies;
mod events;
mod moves;
mod occurrences;
mod series;
mod server;

use chronus_sdk::testing;
use chronus_sdk::testing::patch as nothing;
use chronus_sdk::values::*;
use server::{ORIGIN, Server};

/// 2 March 2026, 09:00 in Rome.
const MONDAY: i64 = 1_772_438_400;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn connection(memo: Option<Memo>) -> Connection {
    Connection {
        server: Some(ORIGIN.into()),
        fields: vec![("username".into(), "ann".into())],
        memo,
        ..testing::connection("caldav")
    }
}

fn in_rome(at: i64) -> ZonedTime {
    ZonedTime { at, zone: "Europe/Rome".into() }
}

fn hour_from(at: i64) -> Span {
    Span::Timed(TimedSpan { start: in_rome(at), end: in_rome(at + HOUR) })
}

fn window() -> Window {
    Window { start: MONDAY - 10 * DAY, end: MONDAY + 40 * DAY }
}

fn draft() -> Draft {
    Draft {
        uid: "meeting-1@chronus".into(),
        title: "Réunion; \"A, B\" \\ <&> \u{1F4C5}".into(),
        description: "first\nsecond;, \\n\n\n\tlast".into(),
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

fn guest(address: &str) -> Attendee {
    Attendee { name: Some("Bo, \"the\" guest".into()), ..testing::attendee(address) }
}

/// An event as another program writes it. `lines` are added to it.
fn ics(uid: &str, lines: &str) -> String {
    let lines = lines.trim().replace('\n', "\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
         {lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn remedy<T>(result: Result<T, Failure>) -> Remedy {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(failure) => failure.remedy,
    }
}

impl Server {
    fn open(&self) -> Result<AccountReply, Failure> {
        self.call(|| <chronus_ical::Ical as chronus_sdk::Provider>::open(&connection(None)))
    }

    /// The memo that `open` gives.
    fn memo(&self) -> Option<Memo> {
        self.open().expect("an account").memo
    }
}
