//! Values for the tests of providers. Not part of a component.

use crate::values::{Attendee, Connection, Patch, Role, Rsvp};

/// A connection by a sign-in, in Rome, without a server, an address, fields or a memo.
///
/// ```
/// use chronus_sdk::{testing::connection, values::Connection};
///
/// let shared = Connection { subject: Some("ann@example.com".into()), ..connection("google") };
/// assert_eq!(shared.zone, "Europe/Rome");
/// ```
pub fn connection(sign_in: &str) -> Connection {
    Connection {
        sign_in: sign_in.to_owned(),
        server: None,
        subject: None,
        address: None,
        zone: "Europe/Rome".to_owned(),
        fields: Vec::new(),
        memo: None,
    }
}

/// A patch that changes nothing.
#[must_use]
pub const fn patch() -> Patch {
    Patch {
        title: None,
        description: None,
        location: None,
        url: None,
        when: None,
        busy: None,
        status: None,
        attendees: None,
        answers: Vec::new(),
        recurrence: None,
    }
}

/// Somebody who is required and has not answered.
#[must_use]
pub fn attendee(address: &str) -> Attendee {
    Attendee {
        address: address.to_owned(),
        name: None,
        role: Role::Required,
        rsvp: Rsvp::NeedsAction,
        is_self: false,
        responded: None,
        comment: None,
        proposed: None,
    }
}
