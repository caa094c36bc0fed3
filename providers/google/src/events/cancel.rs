//! Taking an event away.
//!
//! Deleting twice is no mistake, so "it is not there" is what was wanted: but only if Google says so of the event when it
//! is asked for it, and the calendar is there. A 404 alone is also the answer of a calendar that was taken from us, or of
//! something in between that knows neither.

use chronus_sdk::types::{Connection, Done, Failure, Notify, Remedy};

use super::{Place, TRIES, changed_each_time, is_stale};
use crate::scopes::Rights;
use crate::{api, reasons, record};

/// `events.cancel`
pub(crate) fn cancel(
    connection: &Connection,
    calendar: &str,
    id: &str,
    etag: Option<&str>,
    notify: Notify,
) -> Result<Done, Failure> {
    Rights::of(connection).to_write()?;
    // What can be no event is none, and hence not there.
    let Ok(address) = api::event(calendar, id) else {
        api::events(calendar)?;
        return Ok(Done { memo: None });
    };
    let place = Place { connection, calendar, id };
    let address = address.telling(notify);
    for _ in 0..TRIES {
        if etag.is_some() {
            match place.peek() {
                Ok(present) if record::is_cancelled(&present) => return Ok(Done { memo: None }),
                Ok(present) if is_stale(&present, etag) => return Err(place.conflict(&present)),
                Ok(_) => {}
                Err(failure) => return if_absent(place, failure),
            }
        }
        let response = api::send("DELETE", &address, etag, None)?;
        match response.status {
            200..=299 => return Ok(Done { memo: None }),
            404 | 410 => return if_absent(place, reasons::failure(&response)),
            412 if etag.is_some() => {}
            _ => return Err(reasons::failure(&response)),
        }
    }
    Err(changed_each_time())
}

/// Makes sure that an event is not there, in a calendar that is; gives the failure that said so otherwise.
fn if_absent(place: Place<'_>, refusal: Failure) -> Result<Done, Failure> {
    if !matches!(refusal.remedy, Remedy::NotFound | Remedy::Gone) {
        return Err(refusal);
    }
    match place.peek() {
        Ok(present) if record::is_cancelled(&present) => return Ok(Done { memo: None }),
        Ok(_) => return Err(refusal),
        Err(Failure { remedy: Remedy::NotFound | Remedy::Gone, .. }) => {}
        Err(failure) => return Err(failure),
    }
    let about = api::get(&api::events(place.calendar)?.with("maxResults", "1"))?;
    api::list(&about, "items").map(|_| Done { memo: None })
}
