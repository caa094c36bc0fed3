//! The iCal provider: any CalDAV server, iCloud first.
//!
//! Where to look: `describe` says what the provider asks for; `open` finds the calendars, through `discovery`; `busy`,
//! `events` and `changes` are the contract's interfaces of those names; `session` is what every call begins with. What
//! goes over the wire is in `dav`; what an event is, in `record`; who is told about what, in `scheduling`. `README.md`
//! tells what is done for which server, and why.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod busy;
mod changes;
mod dav;
mod describe;
mod discovery;
mod events;
mod fetch;
mod memo;
mod open;
mod quirks;
mod record;
mod scheduling;
mod session;

use chronus_sdk::descriptions::Description;
use chronus_sdk::types::{
    Batch, BusyAnswers, Connection, Cursor, Done, Draft, Failure, FetchedEvents, Notify, OneEvent, Opened, Patch, Rsvp,
    Whose, Window,
};
use chronus_sdk::{Provider, TwoWay};

/// The provider.
pub struct Ical;
chronus_sdk::provider!(Ical, two_way, "../../wit");

impl Provider for Ical {
    fn describe() -> Description {
        describe::describe()
    }

    fn open(connection: Connection) -> Result<Opened, Failure> {
        open::open(&connection)
    }

    fn busy(connection: Connection, whose: Whose, window: Window) -> Result<BusyAnswers, Failure> {
        busy::busy(&connection, whose, window)
    }
}

impl TwoWay for Ical {
    fn create(
        connection: Connection,
        calendar: String,
        key: String,
        draft: Draft,
        notify: Notify,
    ) -> Result<OneEvent, Failure> {
        events::create(&connection, &calendar, &key, &draft, notify)
    }

    fn get(connection: Connection, calendar: String, id: String) -> Result<OneEvent, Failure> {
        events::get(&connection, &calendar, &id)
    }

    fn get_many(connection: Connection, calendar: String, ids: Vec<String>) -> Result<FetchedEvents, Failure> {
        events::get_many(&connection, &calendar, &ids)
    }

    fn update(
        connection: Connection,
        calendar: String,
        id: String,
        _key: String,
        etag: Option<String>,
        patch: Patch,
        notify: Notify,
    ) -> Result<OneEvent, Failure> {
        events::update(&connection, &calendar, &id, etag.as_deref(), &patch, notify)
    }

    fn cancel(
        connection: Connection,
        calendar: String,
        id: String,
        _key: String,
        etag: Option<String>,
        notify: Notify,
    ) -> Result<Done, Failure> {
        events::cancel(&connection, &calendar, &id, etag.as_deref(), notify)
    }

    fn respond(
        connection: Connection,
        calendar: String,
        id: String,
        _key: String,
        rsvp: Rsvp,
        notify: Notify,
    ) -> Result<OneEvent, Failure> {
        events::respond(&connection, &calendar, &id, rsvp, notify)
    }

    fn changes(
        connection: Connection,
        calendar: String,
        cursor: Option<Cursor>,
        window: Window,
        max: u32,
    ) -> Result<Batch, Failure> {
        changes::page(&connection, &calendar, cursor.as_deref(), window, max)
    }
}
