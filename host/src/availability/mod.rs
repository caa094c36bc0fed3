//! When people are free.
//!
//! Threat: a calendar that could not be read and is shown as free; then somebody books over a meeting that they could
//! not see. Decision: three answers and no fourth. *Known*: the intervals. *Not connected*: nobody told us anything.
//! *Unknown*: a calendar is connected and did not answer in full, with the reason. One calendar of several that fails
//! makes the whole answer unknown. Rejected: an empty list in any case but one, that all calendars answered.

mod busy;

pub use busy::{Busy, BusyError, LONGEST, busy};
