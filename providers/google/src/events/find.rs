//! Finding events: by their UID, and an occurrence by the start that its series gives it.
//!
//! The person's own calendars are those that `open` lists as theirs. The id of an occurrence is made of the series' id and the
//! original start by Google's rule, so one request reads it, whether the occurrence was changed or not. If Google has no such
//! event, the series tells whether it excludes the start.

use chronus_sdk::failure::{failure, not_found};
use chronus_sdk::json::Value;
use chronus_sdk::values::{CalendarEvent, CalendarRole, Connection, EventReply, Failure, FindReply, Remedy};
use chronus_sdk::{EventRef, OccurrenceRef};

use super::Place;
use crate::excluded::excludes;
use crate::scopes::Rights;
use crate::{api, open, record, times};

/// `events.find`
pub(crate) fn find(connection: &Connection, uid: &str) -> Result<FindReply, Failure> {
    Rights::of(connection).to_read()?;
    let account = open::open(connection)?.account;
    let mut events = Vec::new();
    for calendar in account.calendars.into_iter().filter(|calendar| calendar.role == CalendarRole::Owner) {
        let found = api::get(&api::events(&calendar.id)?.with("iCalUID", uid))?;
        let present = |item: &&Value| !record::is_cancelled(item) && !item["recurringEventId"].is_string();
        for item in api::list(&found, "items")?.iter().filter(present) {
            let event = record::event_or_failure(item, connection)?;
            events.push(CalendarEvent { calendar: calendar.id.clone(), event });
        }
    }
    Ok(FindReply { events, memo: None })
}

/// `events.occurrence`
pub(crate) fn occurrence(connection: &Connection, occurrence: OccurrenceRef<'_>) -> Result<EventReply, Failure> {
    Rights::of(connection).to_read()?;
    let OccurrenceRef { calendar, series_id, original_start } = occurrence;
    let start = times::compact(original_start).ok_or_else(|| not_found("no occurrence can start then"))?;
    let id = format!("{series_id}_{start}");
    let item = match (Place { connection, event: EventRef { calendar, id: &id } }).peek() {
        Err(Failure { remedy: Remedy::NotFound, .. }) => {
            let series = Place { connection, event: EventRef { calendar, id: series_id } }.fetch()?;
            return Err(match excludes(&series, original_start) {
                true => failure(Remedy::Gone, "404 notFound", "the occurrence was taken out of the series"),
                false => not_found("the series has no occurrence that starts then"),
            });
        }
        item => item?,
    };
    if item["recurringEventId"] != series_id {
        return Err(not_found("the series has no occurrence that starts then"));
    }
    if record::is_cancelled(&item) {
        return Err(failure(Remedy::Gone, "200 cancelled", "the occurrence was taken out of the series"));
    }
    Ok(EventReply { event: record::event_or_failure(&item, connection)?, memo: None })
}
