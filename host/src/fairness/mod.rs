//! Sharing what is scarce: sandboxes, workers, and the patience of services that are down.
//!
//! Problem: one organisation's calendar server hangs, and its calls hold every sandbox and every worker, so that all
//! organisations wait (S2, S3, O8). Decision: everything scarce is shared by class, then by organisation, then by the origin
//! of the connection, by one rule ([`Room`]): who has waited longest comes first at each level, and nobody may hold so much
//! that nothing is left for others. The decisions are values without I/O, checked against models; the code that acts on them
//! is thin: [`Permits`] for sandboxes, the runner of `jobs` for workers. A service that fails again and again is left alone
//! for a while ([`Breaker`]), one that asks for a wait gets it ([`Pauses`]), and equal questions of the same moment are asked once ([`Joined`]). Rejected: a limit that is
//! configured for each organisation, which is wrong as soon as their number changes; and sharing without a reserve, because
//! a call that hangs cannot be interrupted before its deadline, and until then nobody else would begin.

mod breaker;
mod breakers;
mod joined;
mod pauses;
mod permits;
mod queue;
mod room;

pub use breaker::{Breaker, Outcome};
pub use breakers::{Breakers, Subject};
pub use joined::Joined;
pub use pauses::{PausedCalls, Pauses};
pub use permits::{Permit, Permits};
pub use queue::{Caller, Entry, FairQueue, Full, Ticket};
pub use room::Room;

use crate::db::string_enum;
use std::sync::Arc;

string_enum! {
    /// The purpose of work.
    pub enum Class {
        /// Mail.
        Mail = "mail",
        /// Somebody waits for it.
        Interactive = "interactive",
        /// Nobody waits for it.
        Background = "background",
    }
}

/// On whose account something scarce is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share {
    /// The purpose.
    pub class: Class,
    /// The organisation; empty if it is the host's own.
    pub organisation: Arc<str>,
    /// The server or service whose slowness makes it last.
    pub origin: Arc<str>,
}
