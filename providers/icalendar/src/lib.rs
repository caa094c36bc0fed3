//! The iCalendar engine: reading, expanding, changing and writing calendars (RFC 5545, 5546, 6868).
//!
//! Busy times are only as correct as the expansion of series, and real calendars break every rule of the format. So no function
//! fails on bad data, panics or runs without a bound: each returns what it could read, and a list of [`Problem`]s that name
//! the events that it could not read. One bad event affects no other. The exception is [`parse`], which refuses an incomplete
//! calendar, because a missing event must mean that there is none. There is no clock, no I/O, no randomness and no WIT, so the
//! host and the sandboxed providers use the same code with the same results.
//!
//! From the outside to the inside: [`occurrences`] expands a calendar within a [`Window`]; [`Series`] is one UID with its master
//! and overrides; [`recur`] computes rules in local time, with [`wall`]; [`zone`] turns local time into instants; [`value`] and [`line`] read
//! the text. [`event`] reads and changes the fields of one VEVENT.
//!
//! Rejected: the existing crates. They lose overrides whose SEQUENCE differs, read custom zones as floating, or pull in clocks
//! and JavaScript bindings that a sandboxed provider must not import.

pub mod component;
pub mod event;
pub mod line;
mod names;
mod observance;
pub mod recur;
pub mod series;
mod sort;
#[cfg(test)]
mod tests;
pub mod value;
pub mod vtimezone;
pub mod wall;
mod windows;
pub mod zone;

pub use component::{Component, UnreadableCalendar, parse};
pub use line::{Parameter, Property};
pub use series::{Moment, Occurrence, Series, Window, bounds, group, occurrences};
pub use sort::sort_by_times;
pub use zone::{Zone, Zones};

/// Something that could not be read and was left out of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The UID of the event; empty if it has none or the problem is not with one event.
    pub uid: String,
    /// What is wrong, and what was done about it. It holds no text of an event.
    pub what: String,
}

/// The most problems in a list. The last one then says that there were more.
pub const MAX_PROBLEMS: usize = 1000;

/// Where a UID in a problem is cut. Real ones are shorter.
const MAX_UID: usize = 512;

/// A list of problems that cannot grow without bound.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn add(&mut self, uid: &str, what: impl Into<String>) {
        match self.list.len() {
            MAX_PROBLEMS.. => {}
            length => {
                let last = length + 1 == MAX_PROBLEMS;
                let what = if last { "there are more problems than are listed".to_owned() } else { what.into() };
                let uid = if last { String::new() } else { uid.chars().take(MAX_UID).collect() };
                self.list.push(Problem { uid, what });
            }
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.list
    }
}
