//! Taking an event away.
//!
//! On a server that schedules, this tells people: the organiser's removal cancels for all, an attendee's declines. The
//! latter can be kept silent by a header, the former cannot.

use chronus_sdk::failure::failure;
use chronus_sdk::http;
use chronus_sdk::icalendar::event;
use chronus_sdk::types::{Connection, Done, Failure, Notify, Remedy};

use super::{Place, TRIES, conflict, fetch, is_stale, not_written, still};
use crate::dav::{Trouble, requests};
use crate::record::Stored;
use crate::session::{self, Session};

/// `events.cancel`
pub(crate) fn cancel(
    connection: &Connection,
    calendar: &str,
    id: &str,
    etag: Option<&str>,
    notify: Notify,
) -> Result<Done, Failure> {
    let ((), memo) = session::run(connection, |session| remove(session, calendar, id, etag, notify))?;
    Ok(Done { memo })
}

fn remove(session: &Session<'_>, calendar: &str, id: &str, etag: Option<&str>, notify: Notify) -> Result<(), Trouble> {
    let calendar = session.calendar(calendar)?;
    // What can be no event is none, and hence not there.
    let Some(place) = Place::within(calendar, id) else { return Ok(()) };
    for _ in 0..TRIES {
        let stored = match fetch(session, &place) {
            Ok(stored) => stored,
            Err(trouble) => return if_absent(trouble),
        };
        if is_stale(&stored, etag) {
            return Err(conflict(session, &stored));
        }
        let silent = check(session, &stored, notify)?;
        let response = http::send(&requests::delete(&place.url, still(&stored), silent))?;
        match response.status {
            200..=299 => return Ok(()),
            404 | 410 => return if_absent(not_written(session, &place, &response)),
            409 | 412 => {}
            _ => return Err(not_written(session, &place, &response)),
        }
    }
    Err(failure(Remedy::Temporary, "412", format!("the event was changed by others at each of {TRIES} tries")).into())
}

/// An event that is not there, in a calendar that is, is as it should be.
fn if_absent(trouble: Trouble) -> Result<(), Trouble> {
    match trouble.failure.remedy {
        Remedy::NotFound | Remedy::Gone if !trouble.perhaps_moved => Ok(()),
        _ => Err(trouble),
    }
}

/// Whether the server must be asked to keep silent.
///
/// # Errors
/// `unsupported`, if it cannot be.
fn check(session: &Session<'_>, stored: &Stored, notify: Notify) -> Result<bool, Failure> {
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
