//! Writing the attendees of an event.

use chronus_sdk::icalendar::Component;
use chronus_sdk::icalendar::event::{self, Organiser};
use chronus_sdk::log;
use chronus_sdk::values::Attendee;

use crate::record;
use crate::session::Session;

/// Writes the attendees, with the owner as the organiser. If the owner's address is unknown there is no organiser, and the list
/// is a note, as on a server without scheduling.
pub(super) fn invite(session: &Session<'_>, event: &mut Component, attendees: &[Attendee]) {
    if !attendees.is_empty() && event.property("ORGANIZER").is_none() {
        match session.own.first() {
            Some(own) => event::set_organiser(event, &Organiser { address: own.clone(), name: None }),
            None => log::warn("the owner's address is unknown; the event has no organiser", &[]),
        }
    }
    event::set_attendees(event, &record::attendees(attendees));
}
