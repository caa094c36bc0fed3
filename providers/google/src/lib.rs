//! The Google Calendar provider.
//!
//! `describe` says what the provider asks for, and `scopes` what one connection was granted. `open`, `busy`, `events`, `changes`
//! and `push` implement the contract's functions of these names. `api` sends requests, `reasons` explains refusals, and
//! `record` converts events, with `times`, `people` and `text` for their parts;
//! `shift` moves a series, and `excluded` reads its exclusions. `README.md` describes the behaviour and gives
//! the reasons.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod api;
mod busy;
mod changes;
mod describe;
mod events;
mod excluded;
mod explain;
mod open;
mod people;
mod push;
mod reasons;
mod record;
mod scopes;
mod shift;
mod sign_ins;
mod text;
mod times;

/// The provider.
#[derive(Debug)]
pub struct Google;
chronus_sdk::provider! {
    Google, two_way_push,
    describe: describe::describe,
    open: open::open,
    explain_failure: explain::explain_failure,
    busy: busy::busy,
    events: events,
    changes: changes::page,
    push: push,
}
