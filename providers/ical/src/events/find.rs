//! Finding events by their UID, in all calendars that are the person's own.

use chronus_sdk::values::{CalendarEvent, CalendarRole, Connection, Failure, FindReply};

use super::stored;
use crate::dav::{self, Trouble, requests};
use crate::record;
use crate::session::{self, Session};

/// `events.find`
pub(crate) fn find(connection: &Connection, uid: &str) -> Result<FindReply, Failure> {
    let (events, memo) = session::run(connection, |session| {
        let mut events = Vec::new();
        for calendar in crate::open::list(session.account)? {
            if calendar.role == CalendarRole::Owner {
                events.extend(of_calendar(session, &calendar.id, uid)?);
            }
        }
        Ok(events)
    })?;
    Ok(FindReply { events, memo })
}

fn of_calendar(session: &Session<'_>, calendar: &str, uid: &str) -> Result<Vec<CalendarEvent>, Trouble> {
    let answers = dav::ask(&requests::query_uid(&session.calendar(calendar)?, uid))?.answers;
    let mut events = Vec::new();
    for stored in answers.into_iter().filter_map(stored) {
        // Some servers return all events.
        if record::main_event(&stored.calendar).and_then(|event| event.text("UID")).as_deref() == Some(uid) {
            let event = stored.event_or_failure(session)?;
            events.push(CalendarEvent { calendar: calendar.to_owned(), event });
        }
    }
    Ok(events)
}
