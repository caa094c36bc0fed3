//! Changing an event by a patch.

use chronus_sdk::values::{Connection, EventReply, Failure, Patch};
use chronus_sdk::{EventRef, Write, clock};
use jiff::Timestamp;

use super::{Place, edit, one, rewrite};

/// `events.update`
pub(crate) fn update(
    connection: &Connection,
    event: EventRef<'_>,
    patch: &Patch,
    Write { etag, notify, .. }: Write<'_>,
) -> Result<EventReply, Failure> {
    let now = Timestamp::from_second(clock::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    one(connection, &|session| {
        let place = Place::of(session, event)?;
        rewrite(session, &place, etag, &|stored| edit::apply(session, stored, patch, notify, now))
    })
}
