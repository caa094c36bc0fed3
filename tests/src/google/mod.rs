//! A stand-in for Google: the part of its OAuth and of its Calendar API that the Google provider and the host use.
//!
//! Google offers no test server, and a real account cannot be tested repeatably. So this is a test server: stateful,
//! strict, and on loopback. Independent sources verify it: every request and response is checked by Google's own discovery
//! document ([`Strictness::Documented`]), Google's own client uses it (`tests/it/google`), and independent OAuth clients go
//! through its consent. Behaviour that no document describes follows `reference/calendar-field.md` §3.1; further choices
//! are documented beside the code.
//!
//! One origin serves all of Google's origins, because their paths differ; the operator's `egress.map` leads to it. The
//! caller provides the clock, so that a test decides when tokens, channels and series end.
//!
//! Rejected: recorded answers (they know one story), the `emulate` package of npm as the calendar (five routes, any
//! bearer passes; it is a peer for the OAuth part), a mock for each test (each would know what its test wants to hear).

mod calendars;
mod call;
mod control;
mod discovery;
mod errors;
mod events;
mod faults;
mod fields;
mod freebusy;
mod listings;
mod mails;
mod methods;
mod oauth;
mod records;
mod server;
mod state;
mod watch;

pub use control::{Google, Strictness};
pub use faults::Fault;
pub use mails::{Mail, MailKind};
pub use records::RecordedCall;
pub use state::Role;
