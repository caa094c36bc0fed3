//! Events as the contract defines them: what providers return, create and change.

use super::{BusyKind, Moment, Span};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An event of one calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The event's id within the calendar.
    pub id: String,
    /// The iCalendar UID, the same in every copy of the event, in calendars and mails.
    pub uid: String,
    /// Changes whenever the event does.
    pub etag: Option<String>,
    /// The id of the series, if the event is one occurrence of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_id: Option<String>,
    /// The start that the series gives the occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_start: Option<Moment>,
    /// The title: one line.
    pub title: String,
    /// The description: plain text.
    pub description: String,
    /// The location: plain text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// A URL that belongs to the event.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The time of the event.
    pub when: Span,
    /// What the event means for the owner's time.
    pub busy: BusyKind,
    /// Whether the event takes place.
    pub status: Status,
    /// Whether the owner hides the event from others who can read the calendar.
    #[serde(default)]
    pub private: bool,
    /// The organiser.
    pub organiser: Option<Organiser>,
    /// The invited people.
    pub attendees: Vec<Attendee>,
    /// RFC 5545 content lines (`RRULE:…`, `RDATE…`, `EXDATE…`).
    pub recurrence: Vec<String>,
    /// The key under which we created the event, if we did.
    pub client_key: Option<String>,
    /// The revision number (RFC 5545 SEQUENCE), if the service returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u32>,
    /// Whether the owner changed the event without telling the attendees.
    #[serde(default)]
    pub unsent: bool,
    /// The instant of the last change, by the service's clock.
    pub updated: Option<Timestamp>,
}

/// An event to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The UID of the event, if the service lets the caller choose it.
    pub uid: String,
    /// The title: one line.
    pub title: String,
    /// The description: plain text.
    #[serde(default)]
    pub description: String,
    /// The location: plain text.
    #[serde(default)]
    pub location: String,
    /// A URL that belongs to the event.
    #[serde(default)]
    pub url: String,
    /// The time of the event.
    pub when: Span,
    /// What the event means for the owner's time.
    #[serde(default = "busy")]
    pub busy: BusyKind,
    /// Whether the event takes place.
    #[serde(default)]
    pub status: Status,
    /// The organiser, if it is not the owner of the connection.
    #[serde(default)]
    pub organiser: Option<Organiser>,
    /// The people to invite; empty for a private entry.
    #[serde(default)]
    pub attendees: Vec<Attendee>,
    /// RFC 5545 content lines.
    #[serde(default)]
    pub recurrence: Vec<String>,
}

const fn busy() -> BusyKind {
    BusyKind::Busy
}

/// A partial update of an event. Fields that are `None` are unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patch {
    /// The title: one line.
    pub title: Option<String>,
    /// The description: plain text.
    pub description: Option<String>,
    /// The location: plain text.
    pub location: Option<String>,
    /// A URL that belongs to the event.
    pub url: Option<String>,
    /// The time of the event.
    pub when: Option<Span>,
    /// What the event means for the owner's time.
    pub busy: Option<BusyKind>,
    /// Whether the event takes place.
    pub status: Option<Status>,
    /// The whole new list of attendees. Attendees who were in the old list keep their answers.
    pub attendees: Option<Vec<Attendee>>,
    /// Answers of attendees, for services that let the organiser set them.
    pub answers: Vec<AttendeeAnswer>,
    /// RFC 5545 content lines.
    pub recurrence: Option<Vec<String>>,
}

/// Whether an event takes place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The event takes place.
    #[default]
    Confirmed,
    /// The event may take place.
    Tentative,
    /// The event was cancelled.
    Cancelled,
}

/// The organiser of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organiser {
    /// An e-mail address.
    pub address: String,
    /// The display name.
    pub name: Option<String>,
    /// Whether this is the owner of the connection.
    pub is_self: bool,
}

/// An invited person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attendee {
    /// An e-mail address.
    pub address: String,
    /// The display name.
    #[serde(default)]
    pub name: Option<String>,
    /// What is expected of the attendee.
    #[serde(default)]
    pub role: Role,
    /// The attendee's answer.
    #[serde(default)]
    pub rsvp: Rsvp,
    /// Whether this is the owner of the connection. Ignored when the event is written.
    #[serde(default)]
    pub is_self: bool,
    /// When the attendee answered, if the service returns it. Ignored when the event is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responded: Option<Timestamp>,
    /// The attendee's comment on the answer. Ignored when the event is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Another time that the attendee proposed. Ignored when the event is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Span>,
}

impl Attendee {
    /// Somebody to invite, whose attendance is required.
    #[must_use]
    pub const fn required(address: String, name: Option<String>) -> Self {
        Self {
            address,
            name,
            role: Role::Required,
            rsvp: Rsvp::NeedsAction,
            is_self: false,
            responded: None,
            comment: None,
            proposed: None,
        }
    }
}

/// The answer of an attendee, to be set by the organiser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttendeeAnswer {
    /// The attendee's e-mail address.
    pub address: String,
    /// The answer.
    pub rsvp: Rsvp,
}

/// What is expected of an attendee (RFC 5545 §3.2.16).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads the meeting.
    Chair,
    /// Attendance is required.
    #[default]
    Required,
    /// Attendance is optional.
    Optional,
    /// Is informed only; also rooms and other resources.
    NonParticipant,
}

/// The answer of an attendee (RFC 5545 §3.2.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rsvp {
    /// No answer yet.
    #[default]
    NeedsAction,
    /// Accepted.
    Accepted,
    /// Accepted tentatively.
    Tentative,
    /// Declined.
    Declined,
}
