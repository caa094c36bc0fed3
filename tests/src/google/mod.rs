//! A stand-in for Google: the part of its OAuth and of its Calendar API that the Google provider and the host use.
//!
//! Google offers no test server, and an account of somebody is no test. So this is one: stateful, strict, and on
//! loopback. What keeps it honest is not us: Google's own discovery document looks at every request and every answer
//! ([`Strictness::Documented`]), Google's own client drives it (`tests/it/google`), and other people's OAuth clients go
//! through its consent. What no document says is as in `reference/calendar-field.md` §3.1, and the choices made beyond
//! it stand where they are made.
//!
//! All of Google's origins are one here, since their paths differ; the operator's `egress.map` leads to it. The clock
//! is the caller's, so that tokens, channels and series end when a test says so.
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
