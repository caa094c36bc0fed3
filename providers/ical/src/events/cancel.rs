//! Cancelling an event.
//!
//! A server with scheduling notifies people: if the organiser removes the event it is cancelled for all, and if an attendee removes
//! it they decline. A header can prevent the latter notification and not the former. An occurrence is taken out of
//! its series by an EXDATE, and so is its change.

use chronus_sdk::failure::{failure, unsupported};
use chronus_sdk::http;
use chronus_sdk::icalendar::{Moment, event};
use chronus_sdk::values::{Connection, Failure, Notify, Remedy, WriteReply};
use chronus_sdk::{EventRef, Write};

use super::{Place, TRIES, Target, conflict, fetch, is_stale, not_written, rewrite, still};
use crate::dav::{Trouble, requests};
use crate::record::{self, StoredEvent};
use crate::session::{self, Session};

/// `events.cancel`
pub(crate) fn cancel(connection: &Connection, event: EventRef<'_>, write: Write<'_>) -> Result<WriteReply, Failure> {
    let ((), memo) = session::run(connection, |session| remove(session, event, write))?;
    Ok(WriteReply { memo })
}

fn remove(session: &Session<'_>, event: EventRef<'_>, write: Write<'_>) -> Result<(), Trouble> {
    let target = match Target::of(session, event) {
        Ok(target) => target,
        // An id that no event can have is not there.
        Err(trouble) => return if_absent(trouble),
    };
    match target.start {
        None => remove_resource(session, &target.place, write),
        Some(start) => take_out(session, &target, start, write).or_else(if_absent),
    }
}

fn take_out(
    session: &Session<'_>,
    target: &Target,
    start: Moment,
    Write { etag, notify, .. }: Write<'_>,
) -> Result<(), Trouble> {
    let change = |stored: &StoredEvent| {
        let mut calendar = stored.calendar.clone();
        match stored.changed_index(session, start) {
            Some(index) => drop(calendar.components.remove(index)),
            None => drop(stored.event_at(session, Some(start))?),
        }
        if !record::holds_event(&calendar) {
            return Err(unsupported("the occurrence is all that is known of its series; cancel the series"));
        }
        check(session, stored, notify)?;
        if let (Some(excluded), Some(master)) =
            (stored.property("EXDATE", session, start), record::main_index(&calendar))
            && let Some(master) = calendar.components.get_mut(master)
        {
            master.properties.push(excluded);
        }
        Ok(Some(calendar))
    };
    rewrite(session, target, etag, &change).map(drop)
}

fn remove_resource(session: &Session<'_>, place: &Place, Write { etag, notify, .. }: Write<'_>) -> Result<(), Trouble> {
    for _ in 0..TRIES {
        let stored = match fetch(session, place) {
            Ok(stored) => stored,
            Err(trouble) => return if_absent(trouble),
        };
        if is_stale(&stored, etag) {
            return Err(conflict(session, &stored, None));
        }
        let silent = check(session, &stored, notify)?;
        let response = http::send(&requests::delete(&place.url, still(&stored), silent))?;
        match response.status {
            200..=299 => return Ok(()),
            404 | 410 => return if_absent(not_written(session, place, &response)),
            409 | 412 => {}
            _ => return Err(not_written(session, place, &response)),
        }
    }
    Err(failure(Remedy::Temporary, "412", format!("other clients changed the event during each of {TRIES} attempts"))
        .into())
}

/// Success if the event is missing and its calendar is there.
fn if_absent(trouble: Trouble) -> Result<(), Trouble> {
    match trouble.failure.remedy {
        Remedy::NotFound | Remedy::Gone if !trouble.perhaps_moved => Ok(()),
        _ => Err(trouble),
    }
}

/// Whether to ask the server not to notify the organiser.
///
/// # Errors
/// `unsupported`, if the server would notify people against `notify`.
fn check(session: &Session<'_>, stored: &StoredEvent, notify: Notify) -> Result<bool, Failure> {
    let scheduling = session.account.scheduling;
    let mut attends = false;
    for mut event in stored.calendar.inner("VEVENT").cloned() {
        match event::organiser(&event) {
            Some(organiser) if session.is_own(&organiser.address) => {
                scheduling.check(&mut event, &session.own, notify)?;
            }
            Some(_) => attends = true,
            None => {}
        }
    }
    Ok(attends && notify == Notify::None)
}
