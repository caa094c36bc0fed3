//! The owner's answer to an invitation.
//!
//! A patch with `attendeesOmitted` changes only the owner's answer, whatever happens to the list meanwhile. The owner's entry
//! is sent as it was read, so that their comment and additional guests stay.

use chronus_sdk::failure::failure;
use chronus_sdk::json::{Value, json};
use chronus_sdk::values::{Connection, EventReply, Failure, Remedy, Rsvp};
use chronus_sdk::{EventRef, Write};

use super::Place;
use crate::people;
use crate::scopes::Rights;

/// `events.respond`
pub(crate) fn respond(
    connection: &Connection,
    event: EventRef<'_>,
    rsvp: Rsvp,
    write: Write<'_>,
) -> Result<EventReply, Failure> {
    Rights::of(connection).to_write()?;
    Place { connection, event }.rewrite(write, &|item| answered(item, rsvp, write.comment, connection))
}

fn answered(
    item: &Value,
    rsvp: Rsvp,
    comment: Option<&str>,
    connection: &Connection,
) -> Result<Option<Value>, Failure> {
    let own = people::own_place(item, connection).and_then(|place| people::raw(item).get(place));
    let Some(own) = own else {
        return Err(failure(Remedy::NotPermitted, "", "the calendar's owner is not an attendee"));
    };
    let status = people::response_status(rsvp);
    if own["responseStatus"] == status && comment.is_none_or(|comment| own["comment"] == comment) {
        return Ok(None);
    }
    let mut own = own.clone();
    own["responseStatus"] = status.into();
    if let Some(comment) = comment {
        own["comment"] = comment.into();
    }
    Ok(Some(json!({ "attendeesOmitted": true, "attendees": [own] })))
}
