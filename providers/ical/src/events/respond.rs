//! Answering an invitation.
//!
//! An attendee may change their own answer and little else (RFC 6638 §3.2.2.1), so nothing else changes, not even the stamps. In
//! a series, the answer is set in the series and in each changed occurrence that the owner is invited to; an answer to one occurrence is set there alone.

use chronus_sdk::failure::failure;
use chronus_sdk::icalendar::event as vevent;
use chronus_sdk::values::{Connection, EventReply, Failure, Remedy, Rsvp};
use chronus_sdk::{EventRef, Write};

use super::{Target, edit, one, rewrite};
use crate::record::{self, StoredEvent};

/// `events.respond`
pub(crate) fn respond(
    connection: &Connection,
    event: EventRef<'_>,
    rsvp: Rsvp,
    Write { notify, .. }: Write<'_>,
) -> Result<EventReply, Failure> {
    one(connection, &|session| {
        let target = Target::of(session, event)?;
        let change = |stored: &StoredEvent| {
            let own = session.own_addresses();
            let mut calendar = stored.calendar.clone();
            let only = target.start.map(|start| edit::stored_occurrence(session, stored, &mut calendar, start));
            let only = only.transpose()?;
            let mut invited = false;
            for (index, component) in calendar.components.iter_mut().enumerate() {
                if component.name == "VEVENT" && only.is_none_or(|only| only == index) {
                    invited |= vevent::set_answer(component, &own, record::answer(rsvp));
                }
            }
            if !invited {
                let detail = "the owner of this connection is not among the attendees of the event";
                return Err(failure(Remedy::NotPermitted, "", detail));
            }
            if calendar == stored.calendar {
                return Ok(None);
            }
            let main = record::main_event(&stored.calendar);
            let organiser = main.and_then(|event| event.property("ORGANIZER"));
            let organises =
                main.and_then(vevent::organiser).is_some_and(|organiser| session.is_own(&organiser.address));
            session.account.scheduling.check_reply(organiser.filter(|_| !organises), notify)?;
            Ok(Some(calendar))
        };
        Ok(rewrite(session, &target, None, &change)?.event_at(session, target.start)?)
    })
}
