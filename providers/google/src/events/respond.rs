//! The owner's answer to an invitation.
//!
//! A patch whose list of attendees is said to be incomplete (`attendeesOmitted`) changes the caller's own answer and
//! nobody else's, whatever happens to the list meanwhile. The own entry goes there as it was read, so that a comment and
//! the guests whom the owner brings stay.

use chronus_sdk::failure::failure;
use chronus_sdk::json::{Value, json};
use chronus_sdk::types::{Connection, Failure, Notify, OneEvent, Remedy, Rsvp};

use super::Place;
use crate::people;
use crate::scopes::Rights;

/// `events.respond`
pub(crate) fn respond(
    connection: &Connection,
    calendar: &str,
    id: &str,
    rsvp: Rsvp,
    notify: Notify,
) -> Result<OneEvent, Failure> {
    Rights::of(connection).to_write()?;
    Place { connection, calendar, id }.rewrite(None, notify, &|item| answered(item, rsvp, connection))
}

fn answered(item: &Value, rsvp: Rsvp, connection: &Connection) -> Result<Option<Value>, Failure> {
    let own = people::own_place(item, connection).and_then(|place| people::raw(item).get(place));
    let Some(own) = own else {
        return Err(failure(Remedy::NotPermitted, "", "the calendar's owner is not among those who are invited"));
    };
    let status = people::response_status(rsvp);
    if own["responseStatus"] == status {
        return Ok(None);
    }
    let mut own = own.clone();
    own["responseStatus"] = status.into();
    Ok(Some(json!({ "attendeesOmitted": true, "attendees": [own] })))
}
