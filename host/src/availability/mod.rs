//! When people are busy.
//!
//! Threat: a calendar that could not be read is shown as free, and people book over a meeting that they could not see.
//! Decision: there are exactly three answers. *Known*: the busy intervals. *Not connected*: the person has connected no
//! calendar. *Unknown*: a calendar is connected but did not answer in full, with the reason. If one of several calendars
//! fails, or one event cannot be read, the whole answer is unknown. Rejected: an empty list for anything but an answer of all
//! calendars; and a list of problems beside known times, which no client looked at.

mod busy;

pub use busy::{Busy, BusyError, LONGEST, UNREADABLE_EVENTS, busy};
