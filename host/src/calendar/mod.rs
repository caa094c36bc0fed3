//! The values of the field: when something is, whose it is, what it means for somebody's time.
//!
//! Everything here is plain data without I/O, and nothing in it can fail on bad data: what could not be understood
//! stands beside a result as a [`Problem`]. The words are those of RFC 5545 and of the contract in `wit/`; the types
//! are our own, so that no layer above depends on how providers are run. They serialise, because they are stored,
//! printed and sent as they are.

mod event;

pub use event::{Attendee, Draft, Event, Organiser, Patch, Role, Rsvp, Status};

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

/// What a time means for whoever wants to meet the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BusyKind {
    /// Taken.
    Busy,
    /// Taken, perhaps.
    Tentative,
    /// The person is away.
    OutOfOffice,
    /// The person works, but not at their usual place.
    WorkingElsewhere,
    /// Marked by its owner as not blocking; known only so that a slot can be explained.
    Free,
}

/// A time that an event takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant taken.
    pub start: Timestamp,
    /// The first instant not taken any more; after `start`.
    pub end: Timestamp,
    /// What it means.
    pub kind: BusyKind,
    /// Whether the event behind it is meant in days.
    pub all_day: bool,
    /// The key that we gave to the event behind it, where the service tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
}

/// A point in time and the IANA zone in which people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// The instant.
    pub at: Timestamp,
    /// The zone's IANA name.
    pub zone: String,
}

/// A start, in the one or the other form: what identifies an occurrence of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// With a time of day.
    Timed(Timed),
    /// A whole day, in no particular zone.
    AllDay(civil::Date),
}

/// When an event takes place, from `start` up to but not including `end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// With times of day; `end` is not before `start`.
    Timed {
        /// When it begins.
        start: Timed,
        /// When it is over.
        end: Timed,
    },
    /// Whole days; `end` is after `start`.
    AllDay {
        /// The first day.
        start: civil::Date,
        /// The day after the last.
        end: civil::Date,
    },
}

/// Something that could not be read and was left out. It stands beside a result and does not spoil it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The id of the event or resource.
    pub id: String,
    /// What is wrong with it.
    pub what: String,
}
