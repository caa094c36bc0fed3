//! The iCal provider: any CalDAV server, iCloud first.
//!
//! `describe` says what the provider asks for. `open` finds the calendars, with `discovery`. `busy`, `events` and `changes`
//! implement the contract's functions of these names, and each call begins in `session`. `dav` sends requests and reads
//! answers, `record` converts events, `occurrence` those of a series, and `scheduling` decides who sends invitations. `README.md` describes the behaviour
//! for each server and gives the reasons.

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
mod fields;
mod memo;
mod occurrence;
mod open;
mod quirks;
mod record;
mod scheduling;
mod session;

/// The provider.
#[derive(Debug)]
pub struct Ical;
chronus_sdk::provider! {
    Ical, two_way,
    describe: describe::describe,
    open: open::open,
    busy: busy::busy,
    events: events,
    changes: changes::page,
}
