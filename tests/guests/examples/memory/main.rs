//! A provider of a toy service that is correct, with errors that can be turned on.
//!
//! It proves the conformance suite. Unchanged, it passes every case. The field `wrong` of its connection turns on one error,
//! and then the provider must fail the cases for this error and no other. All errors are in one component, so that two
//! reports differ by behaviour alone.
//!
//! A provider keeps nothing between calls, so its memory is a service: `tests/src/store.rs`, which stores texts by id, counts
//! changes and knows nothing about calendars. This provider interprets the texts, with the engine of the sdk.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod busy;
mod changes;
mod describe;
mod events;
mod occurrence;
mod push;
mod record;
mod service;

use chronus_sdk::{
    ChangesPage, EventRef, OccurrenceRef, Provider, TwoWay, Write, clock, descriptions::*, failure, values::*,
};
use chronus_test_guests::store;

/// The provider.
pub struct Memory;
chronus_sdk::provider!(Memory, two_way_push);

/// Whether this error is turned on.
fn wrong(way: &str) -> bool {
    store::way() == way
}

/// The memo. The provider does not need it; tests check what happens when it is lost.
fn memo() -> Option<Memo> {
    Some(Memo { format: 1, data: b"memory".to_vec() })
}

/// The start of every call except `open`.
fn begin(connection: &Connection) -> Result<(), Failure> {
    store::learn(connection);
    if wrong("needs-its-memo") && connection.memo != memo() {
        return Err(failure::temporary("the memo is not as it was left"));
    }
    Ok(())
}

impl Provider for Memory {
    fn describe() -> Description {
        describe::describe()
    }

    fn open(connection: &Connection) -> Result<AccountReply, Failure> {
        store::learn(connection);
        let account = service::account()?;
        let mut calendars = vec![
            calendar("home", CalendarRole::Owner, true),
            calendar("team", CalendarRole::Writer, false),
            calendar("broken", CalendarRole::Reader, false),
        ];
        let abilities = Abilities::READ_BUSY
            | Abilities::WRITE
            | Abilities::REPORT_CHANGES
            | Abilities::RECURRING_WRITES
            | Abilities::SETS_ANSWERS
            | Abilities::PUSH;
        let mut notes = memo();
        if wrong("lists-tasks") {
            calendars.push(calendar("tasks", CalendarRole::Owner, false));
        }
        for calendar in &mut calendars {
            calendar.is_default &= !wrong("default-missing");
            calendar.is_default |= wrong("default-twice") && calendar.id == "team";
            if wrong("calendars-named-anew") {
                calendar.name = format!("{} {}", calendar.name, account.requests);
            }
        }
        if account.requests == 0 {
            // Only a planted error accepts garbage as an account.
            calendars.clear();
        }
        if wrong("memo-grows") && connection.memo.is_some() {
            notes = Some(Memo { format: 1, data: vec![b'm'; 65_537] });
        }
        let address = connection.address.clone();
        let account = Account { address, other_addresses: vec![], zone: None, calendars, abilities };
        Ok(AccountReply { account, memo: notes })
    }

    fn explain_failure(connection: &Connection, error: &SignInError) -> Failure {
        store::learn(connection);
        if wrong("asks-what-a-failure-means") && service::account().is_err() {
            return failure::temporary("the store does not say what it means");
        }
        if wrong("every-failure-is-a-lost-grant") {
            return failure::failure(Remedy::Reconnect, &error.error, &error.description);
        }
        failure::of_sign_in(error)
    }

    fn busy(connection: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
        begin(connection)?;
        busy::busy(connection, targets, window)
    }
}

fn calendar(id: &str, role: CalendarRole, is_default: bool) -> Calendar {
    Calendar {
        id: id.into(),
        name: id.into(),
        role,
        is_default,
        takes_meetings: role != CalendarRole::Reader || wrong("meetings-anywhere"),
        zone: None,
    }
}

/// A planted error: a comment makes the call fail.
fn refuse_comment(write: &Write<'_>) -> Result<(), Failure> {
    match write.comment {
        Some(_) if wrong("refuses-comments") => Err(failure::unsupported("the store keeps no comments")),
        _ => Ok(()),
    }
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(clock::now()).unwrap_or_default()
}

impl TwoWay for Memory {
    fn create(c: &Connection, calendar: &str, draft: &Draft, write: Write<'_>) -> Result<EventReply, Failure> {
        begin(c)?;
        let event = events::create(c, calendar, write.key, draft)?;
        Ok(EventReply { event, memo: memo() })
    }

    fn get(c: &Connection, event: EventRef<'_>) -> Result<EventReply, Failure> {
        begin(c)?;
        let event = events::get(c, event.calendar, event.id)?;
        Ok(EventReply { event, memo: None })
    }

    fn get_many(c: &Connection, calendar: &str, ids: &[String]) -> Result<EventsReply, Failure> {
        begin(c)?;
        Ok(EventsReply { events: events::get_many(c, calendar, ids)?, memo: None })
    }

    fn find(c: &Connection, uid: &str) -> Result<FindReply, Failure> {
        begin(c)?;
        let mut events = events::find_all(c, uid)?;
        if wrong("finds-nothing") {
            events.clear();
        }
        if events.is_empty() && wrong("finds-or-fails") {
            return Err(failure::not_found("no event has the UID"));
        }
        Ok(FindReply { events, memo: None })
    }

    fn occurrence(c: &Connection, occurrence: OccurrenceRef<'_>) -> Result<EventReply, Failure> {
        begin(c)?;
        Ok(EventReply { event: events::occurrence(c, occurrence)?, memo: None })
    }

    fn update(c: &Connection, event: EventRef<'_>, patch: &Patch, write: Write<'_>) -> Result<EventReply, Failure> {
        begin(c)?;
        let event = events::update(c, event.calendar, event.id, write.key, write.etag, patch)?;
        Ok(EventReply { event, memo: None })
    }

    fn cancel(c: &Connection, event: EventRef<'_>, write: Write<'_>) -> Result<WriteReply, Failure> {
        begin(c)?;
        refuse_comment(&write)?;
        events::cancel(c, event.calendar, event.id, write.etag)?;
        Ok(WriteReply { memo: None })
    }

    fn respond(c: &Connection, event: EventRef<'_>, rsvp: Rsvp, write: Write<'_>) -> Result<EventReply, Failure> {
        begin(c)?;
        refuse_comment(&write)?;
        let event = events::respond(c, event.calendar, event.id, rsvp)?;
        Ok(EventReply { event, memo: None })
    }

    fn changes(c: &Connection, calendar: &str, page: ChangesPage<'_>) -> Result<ChangesReply, Failure> {
        begin(c)?;
        changes::page(c, calendar, &page)
    }
}
