//! Cancelling an event.
//!
//! Deleting twice succeeds, so a missing event is the wanted result, but only if Google confirms that the event is missing and
//! the calendar is there. A 404 alone is also the answer for a calendar that is no longer accessible, or of a proxy.

use chronus_sdk::values::{Connection, Failure, Remedy, WriteReply};
use chronus_sdk::{EventRef, Write};

use super::{Place, TRIES, changed_each_time, is_stale};
use crate::scopes::Rights;
use crate::{api, reasons, record};

/// `events.cancel`
pub(crate) fn cancel(
    connection: &Connection,
    event: EventRef<'_>,
    Write { etag, notify, .. }: Write<'_>,
) -> Result<WriteReply, Failure> {
    Rights::of(connection).to_write()?;
    // An id that no event can have is not there.
    let Ok(address) = api::event(event) else {
        api::events(event.calendar)?;
        return Ok(WriteReply { memo: None });
    };
    let place = Place { connection, event };
    let address = address.telling(notify);
    for _ in 0..TRIES {
        if etag.is_some() {
            match place.peek() {
                Ok(present) if record::is_cancelled(&present) => return Ok(WriteReply { memo: None }),
                Ok(present) if is_stale(&present, etag) => return Err(place.conflict(&present)),
                Ok(_) => {}
                Err(failure) => return if_absent(place, failure),
            }
        }
        let response = api::send("DELETE", &address, etag, None)?;
        match response.status {
            200..=299 => return Ok(WriteReply { memo: None }),
            404 | 410 => return if_absent(place, reasons::failure(&response)),
            412 if etag.is_some() => {}
            _ => return Err(reasons::failure(&response)),
        }
    }
    Err(changed_each_time())
}

/// Succeeds if the event is missing and its calendar is there; otherwise returns the refusal.
fn if_absent(place: Place<'_>, refusal: Failure) -> Result<WriteReply, Failure> {
    if !matches!(refusal.remedy, Remedy::NotFound | Remedy::Gone) {
        return Err(refusal);
    }
    match place.peek() {
        Ok(present) if record::is_cancelled(&present) => return Ok(WriteReply { memo: None }),
        Ok(_) => return Err(refusal),
        Err(Failure { remedy: Remedy::NotFound | Remedy::Gone, .. }) => {}
        Err(failure) => return Err(failure),
    }
    let about = api::get(&api::events(place.event.calendar)?.with("maxResults", "1"))?;
    api::list(&about, "items").map(|_| WriteReply { memo: None })
}
