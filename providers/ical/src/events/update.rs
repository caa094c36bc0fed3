//! Changing an event by a patch.

use chronus_sdk::values::{Connection, EventReply, Failure, Patch};
use chronus_sdk::{EventRef, Write, clock};
use jiff::Timestamp;

use super::{Target, edit, one, rewrite};
use crate::record::StoredEvent;

/// `events.update`
pub(crate) fn update(
    connection: &Connection,
    event: EventRef<'_>,
    patch: &Patch,
    Write { etag, notify, .. }: Write<'_>,
) -> Result<EventReply, Failure> {
    let now = Timestamp::from_second(clock::now()).unwrap_or(Timestamp::UNIX_EPOCH);
    one(connection, &|session| {
        let target = Target::of(session, event)?;
        let change = |stored: &StoredEvent| edit::apply(session, stored, target.start, patch, notify, now);
        Ok(rewrite(session, &target, etag, &change)?.event_at(session, target.start)?)
    })
}
