//! The Google Calendar provider.
//!
//! Where to look: `describe` says what the provider asks for, `scopes` what one connection was given; `open`, `busy`,
//! `events`, `changes` and `push` are the contract's interfaces of those names. What goes over the wire is in `api`, what
//! a refusal means in `reasons`; what an event is, in `record`, with `times`, `people` and `text` for its parts. `README.md`
//! tells what is done, and why.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod api;
mod busy;
mod changes;
mod describe;
mod events;
mod explain;
mod open;
mod people;
mod push;
mod reasons;
mod record;
mod scopes;
mod text;
mod times;

use chronus_sdk::descriptions::Description;
use chronus_sdk::types::{
    Batch, BusyAnswers, Connection, Cursor, Done, Draft, Failure, FetchedEvents, Instant, Notification, Notify,
    OneEvent, Opened, Patch, Rsvp, SignInError, Subscribed, Subscription, Whose, Window,
};
use chronus_sdk::{Provider, Push, TwoWay};

/// The provider.
pub struct Google;
chronus_sdk::provider!(Google, two_way_push, "../../wit");

impl Provider for Google {
    fn describe() -> Description {
        describe::describe()
    }

    fn open(connection: Connection) -> Result<Opened, Failure> {
        open::open(&connection)
    }

    fn explain_failure(connection: Connection, error: SignInError) -> Failure {
        explain::explain(&connection, &error)
    }

    fn busy(connection: Connection, whose: Whose, window: Window) -> Result<BusyAnswers, Failure> {
        busy::busy(&connection, whose, window)
    }
}

impl TwoWay for Google {
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

impl Push for Google {
    fn subscribe(
        connection: Connection,
        calendar: String,
        callback: String,
        secret: String,
        expires: Instant,
    ) -> Result<Subscribed, Failure> {
        push::subscribe(&connection, &calendar, &callback, &secret, expires)
    }

    fn renew(
        connection: Connection,
        calendar: String,
        _subscription: Subscription,
        callback: String,
        secret: String,
        expires: Instant,
    ) -> Result<Subscribed, Failure> {
        // A channel cannot be prolonged: another one is opened beside it, and the host ends the old one.
        push::subscribe(&connection, &calendar, &callback, &secret, expires)
    }

    fn confirm(_: Connection, _: Subscription, _: String) -> Result<Subscribed, Failure> {
        push::confirm()
    }

    fn unsubscribe(connection: Connection, subscription: Subscription) -> Result<Done, Failure> {
        push::unsubscribe(&connection, &subscription)
    }

    fn parse_notification(headers: Vec<(String, Vec<u8>)>, _query: String, _body: Vec<u8>) -> Notification {
        push::parse(&headers)
    }
}
