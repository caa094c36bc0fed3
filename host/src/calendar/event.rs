//! An event as the contract knows it: what Chronus reads of it, what it makes, what it changes.

use super::{BusyKind, Moment, Span};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An event, as one calendar holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The service's address of it within the calendar.
    pub id: String,
    /// The iCalendar UID: the same in every copy, in every calendar and mail.
    pub uid: String,
    /// Changes whenever the event does.
    pub etag: Option<String>,
    /// The id of the series, if this is one changed occurrence of it, kept as an event of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_id: Option<String>,
    /// Which occurrence it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_start: Option<Moment>,
    /// One line.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// When it takes place.
    pub when: Span,
    /// What it means for the owner's time.
    pub busy: BusyKind,
    /// Whether it takes place.
    pub status: Status,
    /// Who invites.
    pub organiser: Option<Organiser>,
    /// Who is invited.
    pub attendees: Vec<Attendee>,
    /// RFC 5545 content lines (`RRULE:…`, `RDATE…`, `EXDATE…`).
    pub recurrence: Vec<String>,
    /// The key under which we made it, if we did.
    pub ours: Option<String>,
    /// When it was last changed, as the service says.
    pub updated: Option<Timestamp>,
}

/// An event to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The UID that it must have wherever the service lets the caller choose.
    pub uid: String,
    /// One line.
    pub title: String,
    /// Plain text.
    #[serde(default)]
    pub description: String,
    /// When it takes place.
    pub when: Span,
    /// What it means for the owner's time.
    #[serde(default = "busy")]
    pub busy: BusyKind,
    /// Whether it takes place.
    #[serde(default)]
    pub status: Status,
    /// Whom to invite; nobody for an entry in the owner's own calendar.
    #[serde(default)]
    pub attendees: Vec<Attendee>,
    /// RFC 5545 content lines.
    #[serde(default)]
    pub recurrence: Vec<String>,
}

const fn busy() -> BusyKind {
    BusyKind::Busy
}

/// What to change of an event. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patch {
    /// One line.
    pub title: Option<String>,
    /// Plain text.
    pub description: Option<String>,
    /// When it takes place.
    pub when: Option<Span>,
    /// What it means for the owner's time.
    pub busy: Option<BusyKind>,
    /// Whether it takes place.
    pub status: Option<Status>,
    /// The whole new list; who stays keeps their own answer.
    pub attendees: Option<Vec<Attendee>>,
    /// RFC 5545 content lines.
    pub recurrence: Option<Vec<String>>,
}

/// Whether an event takes place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Yes.
    #[default]
    Confirmed,
    /// Perhaps.
    Tentative,
    /// No more.
    Cancelled,
}

/// Who invites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organiser {
    /// An e-mail address.
    pub address: String,
    /// For people.
    pub name: Option<String>,
    /// Whether it is the owner of the connection.
    pub is_self: bool,
}

/// Who is invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attendee {
    /// An e-mail address.
    pub address: String,
    /// For people.
    #[serde(default)]
    pub name: Option<String>,
    /// What is expected of them.
    #[serde(default)]
    pub role: Role,
    /// What they answered.
    #[serde(default)]
    pub rsvp: Rsvp,
    /// Whether it is the owner of the connection; not written.
    #[serde(default)]
    pub is_self: bool,
}

/// What is expected of an attendee (RFC 5545 §3.2.16).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Leads.
    Chair,
    /// Must come.
    #[default]
    Required,
    /// May come.
    Optional,
    /// Is only informed; also rooms and other resources.
    NonParticipant,
}

/// What an attendee answered (RFC 5545 §3.2.12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rsvp {
    /// Nothing yet.
    #[default]
    NeedsAction,
    /// Comes.
    Accepted,
    /// Comes, perhaps.
    Tentative,
    /// Does not come.
    Declined,
}
