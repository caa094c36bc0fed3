//! What Rust providers of the contract `chronus:calendar` share.
//!
//! A provider teaches the Chronus host one calendar service. It is a crate with `crate-type = ["cdylib", "rlib"]`, a type
//! that implements [`Provider`] (and [`TwoWay`], and [`Push`], as far as the service goes), and one line, [`provider!`].
//! This crate holds the contract (`wit/`) and what every provider would otherwise write again:
//!
//! | module | content |
//! |---|---|
//! | [`http`] | requests to the service; in tests, a function answers them |
//! | [`failure`] | failures in one line |
//! | [`json`], [`rfc3339`], [`icalendar`] | data formats |
//! | [`time`], [`clock`] | local times and whole days as instants; the present time |
//! | [`same`] | comparison of what was sent with what the service stored |
//! | [`random`], [`hash`] | names that nobody can guess; names that are the same at each try |
//! | [`lines`] | memos and cursors as text |
//! | [`log`] | log lines |
//!
//! It holds no state and no secrets: a call starts with its arguments and nothing else, and the host keeps credentials.
//!
//! A whole provider, of a service that says `busy` or nothing (`providers/example` in the repository is one that signs
//! in and reads a list of events):
//!
//! ```
//! use chronus_sdk::http::{self, Request};
//! use chronus_sdk::{Provider, descriptions::*, failure, values::*};
//!
//! pub struct Lamp;
//! chronus_sdk::provider!(Lamp, read_only);
//!
//! impl Provider for Lamp {
//!     fn describe() -> Description {
//!         Description {
//!             id: "lamp".into(),
//!             name: "Lamp".into(),
//!             version: "0.1.0".into(),
//!             state_format: 1,
//!             sign_ins: vec![SignIn {
//!                 id: "none".into(),
//!                 label: "Lamp".into(),
//!                 method: Method::None,
//!                 attach: Attach::Nothing,
//!                 subject_paths: vec![],
//!             }],
//!             hosts: vec!["https://lamp.example.com".into()],
//!             read_only_posts: vec![],
//!             limits: Limits {
//!                 busy_window: 86_400,
//!                 changes_window: 86_400,
//!                 page_size: 1,
//!                 get_many: 1,
//!                 poll_floor: 60,
//!                 concurrency: 1,
//!             },
//!         }
//!     }
//!
//!     fn open(_: &Connection) -> Result<AccountReply, Failure> {
//!         // A person is busy when a calendar that they own says so: the host reads no other.
//!         let calendar = Calendar {
//!             id: "door".into(),
//!             name: "The lamp on the door".into(),
//!             role: CalendarRole::Owner,
//!             is_default: true,
//!             takes_meetings: false,
//!             zone: None,
//!         };
//!         let account = Account {
//!             address: None,
//!             other_addresses: vec![],
//!             zone: None,
//!             calendars: vec![calendar],
//!             abilities: Abilities::READ_BUSY,
//!         };
//!         Ok(AccountReply { account, memo: None })
//!     }
//!
//!     fn busy(_: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure> {
//!         if window.end <= window.start {
//!             return Err(failure::invalid("window", "its end is not after its start"));
//!         }
//!         let BusyTargets::Calendars(ids) = targets else { return Err(failure::unsupported("a lamp has one owner")) };
//!         let answer = |id: &String| BusyAnswer { target: id.clone(), outcome: lit(id, window) };
//!         Ok(BusyReply { answers: ids.iter().map(answer).collect(), memo: None })
//!     }
//! }
//!
//! fn lit(calendar: &str, window: Window) -> Result<BusyTimes, Failure> {
//!     if calendar != "door" {
//!         return Err(failure::not_found("the only calendar is `door`"));
//!     }
//!     let answer = http::send(&Request::new("GET", "https://lamp.example.com/state"))?;
//!     if !answer.is_success() {
//!         // Unknown is never free: what could not be read is a failure.
//!         return Err(answer.failure());
//!     }
//!     let whole = Interval {
//!         start: window.start,
//!         end: window.end,
//!         kind: BusyKind::Busy,
//!         all_day: false,
//!         client_key: None,
//!         uid: None,
//!     };
//!     match &*answer.text() {
//!         "busy" => Ok(BusyTimes { intervals: vec![whole], problems: vec![] }),
//!         "" => Ok(BusyTimes { intervals: vec![], problems: vec![] }),
//!         _ => Err(failure::temporary("the answer is neither `busy` nor empty")),
//!     }
//! }
//!
//! // Its test needs no host.
//! let answers = http::native::answering(
//!     |request| Ok(http::Response::new(&request.url, 200).with_body("text/plain", "busy")),
//!     || {
//!         let window = Window { start: 0, end: 60 };
//!         Lamp::busy(&chronus_sdk::testing::connection("none"), &BusyTargets::Calendars(vec!["door".into()]), window)
//!     },
//! );
//! assert_eq!(answers.unwrap().answers[0].outcome.as_ref().unwrap().intervals.len(), 1);
//! ```

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

pub mod bindings;
pub mod clock;
#[doc(hidden)]
pub mod export;
pub mod failure;
pub mod hash;
pub mod http;
pub mod json;
pub mod lines;
pub mod log;
mod provider;
pub mod random;
pub mod rfc3339;
pub mod same;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;

pub use chronus_icalendar as icalendar;
pub use jiff;
#[doc(hidden)]
pub use wit_bindgen;

pub use bindings::chronus::calendar::{descriptions, values};
pub use provider::{Callback, ChangesPage, EventRef, OccurrenceRef, Provider, Push, TwoWay, Write};
