//! Calendar values: events, intervals, and what they mean for a person's time.
//!
//! Plain data without I/O. Bad data is never an error here: an entry that could not be read is reported as a [`Problem`]
//! beside the result. Terms are those of RFC 5545 and of the contract in `wit/`. The types are our own, so that no other
//! module depends on how providers are run, and they serialise, because they are stored, printed and sent as they are.

mod event;
pub mod zones;

pub use event::{Attendee, AttendeeAnswer, Draft, Event, Organiser, Patch, Role, Rsvp, Status};

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// From `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant outside.
    pub end: Timestamp,
}

/// What an interval means for people who want to meet its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BusyKind {
    /// Busy.
    Busy,
    /// Perhaps busy.
    Tentative,
    /// Invited, and has not answered.
    Unanswered,
    /// The person is away.
    OutOfOffice,
    /// The person works, but not at the usual place.
    WorkingElsewhere,
    /// Marked as free by its owner; kept only to explain a slot.
    Free,
}

/// An interval that an event occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after the interval; later than `start`.
    pub end: Timestamp,
    /// What the interval means for the owner's time.
    pub kind: BusyKind,
    /// Whether the event is an all-day event.
    pub all_day: bool,
    /// The key under which we created the event, if the service returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// The UID of the event, if the service returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// An instant, and the IANA time zone in which people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZonedTime {
    /// The instant.
    pub at: Timestamp,
    /// The IANA name of the time zone.
    pub zone: String,
}

/// The start of an event, which also identifies an occurrence of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// With a time of day.
    Timed(ZonedTime),
    /// A whole day, in no particular time zone.
    AllDay(civil::Date),
}

/// The time of an event, from `start` up to but not including `end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// With times of day; `end` is not before `start`.
    Timed {
        /// The start.
        start: ZonedTime,
        /// The end.
        end: ZonedTime,
    },
    /// Whole days; `end` is after `start`.
    AllDay {
        /// The first day.
        start: civil::Date,
        /// The day after the last.
        end: civil::Date,
    },
}

/// An entry that could not be read and was left out of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The id of the event or the resource.
    pub id: String,
    /// Why it could not be read.
    pub what: String,
    /// The time that the entry may occupy. `None` if it is unknown, so that it may be any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Window>,
}
