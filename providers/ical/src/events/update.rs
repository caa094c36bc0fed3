//! Changing an event by a patch.

use chronus_sdk::clock;
use chronus_sdk::types::{Connection, Failure, Notify, OneEvent, Patch};
use jiff::Timestamp;

use super::{Place, edit, one, rewrite};

/// `events.update`
pub(crate) fn update(
    connection: &Connection,
    calendar: &str,
    id: &str,
    etag: Option<&str>,
    patch: &Patch,
    notify: Notify,
) -> Result<OneEvent, Failure> {
    let now = Timestamp::from_second(clock::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    one(connection, &|session| {
        let place = Place::of(session, calendar, id)?;
        rewrite(session, &place, etag, &|stored| edit::apply(session, stored, patch, notify, now))
    })
}
