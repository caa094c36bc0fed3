//! The iCal provider: any CalDAV server, iCloud first.
//!
//! Where to look: [`describe`] says what the provider asks for; [`open`] finds the calendars, through [`discovery`];
//! [`busy`] tells when the owner is free; [`session`] is what every call begins with. What goes over the wire is in
//! [`dav`]; what an event is, in [`record`]. `README.md` tells what is done for which server, and why.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

mod busy;
mod dav;
mod describe;
mod discovery;
mod memo;
mod open;
mod record;
mod scheduling;
mod session;

use chronus_sdk::Provider;
use chronus_sdk::descriptions::Description;
use chronus_sdk::types::{BusyAnswers, Connection, Failure, Opened, Whose, Window};

/// The provider.
pub struct Ical;
chronus_sdk::provider!(Ical, read_only, "../../wit");

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
