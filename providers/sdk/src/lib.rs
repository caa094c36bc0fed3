//! What every provider in Rust shares.
//!
//! A provider is a crate with `crate-type = ["cdylib", "rlib"]` (the second for its tests), a type that implements
//! [`Provider`] (and [`TwoWay`], and [`Push`]), and one line, [`provider!`]. The sdk brings what each of them would
//! otherwise write again: requests ([`http`]), the field's data formats ([`icalendar`], and [`json`] with [`rfc3339`]),
//! whether what was stored is what was given ([`same`]), failures ([`failure`]), the time ([`clock`]), names that nobody
//! can guess ([`random`]) or that are the same at every try ([`hash`]), notes for the next call ([`lines`]) and log lines
//! ([`log`]). What it does not bring is state or secrets: a call starts with nothing but its arguments, and credentials
//! are the host's.
//!
//! A whole provider, of a service that says `busy` or nothing:
//!
//! ```
//! use chronus_sdk::http::{self, Request};
//! use chronus_sdk::{Provider, descriptions::*, failure, types::*};
//!
//! struct Lamp;
//! // In a provider's crate, this line makes the component:
//! // chronus_sdk::provider!(Lamp, read_only, "wit");
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
//!             }],
//!             hosts: vec!["https://lamp.example.com".into()],
//!             read_posts: vec![],
//!             limits: Limits {
//!                 busy_window: 86_400,
//!                 changes_window: 86_400,
//!                 page_size: 1,
//!                 get_many: 1,
//!                 poll_floor: 60,
//!             },
//!         }
//!     }
//!
//!     fn open(_: Connection) -> Result<Opened, Failure> {
//!         let calendar = Calendar {
//!             id: "door".into(),
//!             name: "The lamp on the door".into(),
//!             role: CalendarRole::FreeBusyReader,
//!             is_default: false,
//!             zone: None,
//!         };
//!         Ok(Opened {
//!             address: None,
//!             other_addresses: vec![],
//!             zone: None,
//!             calendars: vec![calendar],
//!             abilities: Abilities::READ_BUSY,
//!             memo: None,
//!         })
//!     }
//!
//!     fn busy(_: Connection, whose: Whose, window: Window) -> Result<BusyAnswers, Failure> {
//!         let Whose::Calendars(ids) = whose else { return Err(failure::unsupported("a lamp knows nobody else")) };
//!         let calendars = ids.into_iter().map(|id| BusyAnswer { outcome: lit(window), calendar: id }).collect();
//!         Ok(BusyAnswers { calendars, memo: None })
//!     }
//! }
//!
//! fn lit(window: Window) -> Result<BusyTimes, Failure> {
//!     let answer = http::send(&Request::new("GET", "https://lamp.example.com/state"))?;
//!     if !answer.is_success() {
//!         // Unknown is never free: what could not be learned is a failure.
//!         return Err(answer.failure());
//!     }
//!     let lit = answer.text() == "busy";
//!     let whole = Interval { start: window.start, end: window.end, kind: BusyKind::Busy, all_day: false, ours: None };
//!     Ok(BusyTimes { intervals: if lit { vec![whole] } else { vec![] }, problems: vec![] })
//! }
//!
//! // Its test needs no host.
//! let connection = Connection {
//!     sign_in: "none".into(),
//!     server: None,
//!     subject: None,
//!     address: None,
//!     zone: "UTC".into(),
//!     fields: vec![],
//!     memo: None,
//! };
//! let answers = http::native::answering(
//!     |request| Ok(http::Response::new(&request.url, 200).with_body("text/plain", "busy")),
//!     || Lamp::busy(connection, Whose::Calendars(vec!["door".into()]), Window { start: 0, end: 60 }),
//! );
//! assert_eq!(answers.unwrap().calendars[0].outcome.as_ref().unwrap().intervals.len(), 1);
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
pub mod random;
pub mod rfc3339;
pub mod same;

pub use chronus_icalendar as icalendar;
#[doc(hidden)]
pub use wit_bindgen;

pub use bindings::chronus::calendar::{descriptions, types};

use descriptions::Description;
use types::{
    Batch, BusyAnswers, Connection, Cursor, Done, Draft, Failure, FetchedEvents, Instant, Notification, Notify,
    OneEvent, Opened, Patch, Rsvp, SignInError, Subscribed, Subscription, Whose, Window,
};

/// A provider that tells when people are free: the world `read-only`.
///
/// Each function is the one of the same name in `wit/provider.wit`, where its promises are written down.
pub trait Provider {
    /// `plugin.describe`
    fn describe() -> Description;
    /// `account.open`
    ///
    /// # Errors
    /// As the contract says.
    fn open(connection: Connection) -> Result<Opened, Failure>;
    /// `account.explain-failure`. By default what RFC 6749 says of the codes that it defines.
    fn explain_failure(_connection: Connection, error: SignInError) -> Failure {
        failure::of_sign_in(&error)
    }
    /// `busy.query`
    ///
    /// # Errors
    /// As the contract says.
    fn busy(connection: Connection, whose: Whose, window: Window) -> Result<BusyAnswers, Failure>;
}

/// A provider that also writes events and reports their changes: the world `two-way`.
pub trait TwoWay: Provider {
    /// `events.create`
    ///
    /// # Errors
    /// As the contract says.
    fn create(c: Connection, calendar: String, key: String, draft: Draft, notify: Notify) -> Result<OneEvent, Failure>;
    /// `events.get`
    ///
    /// # Errors
    /// As the contract says.
    fn get(connection: Connection, calendar: String, id: String) -> Result<OneEvent, Failure>;
    /// `events.get-many`
    ///
    /// # Errors
    /// As the contract says.
    fn get_many(connection: Connection, calendar: String, ids: Vec<String>) -> Result<FetchedEvents, Failure>;
    /// `events.update`
    ///
    /// # Errors
    /// As the contract says.
    fn update(
        connection: Connection,
        calendar: String,
        id: String,
        key: String,
        etag: Option<String>,
        patch: Patch,
        notify: Notify,
    ) -> Result<OneEvent, Failure>;
    /// `events.cancel`
    ///
    /// # Errors
    /// As the contract says.
    fn cancel(
        connection: Connection,
        calendar: String,
        id: String,
        key: String,
        etag: Option<String>,
        notify: Notify,
    ) -> Result<Done, Failure>;
    /// `events.respond`
    ///
    /// # Errors
    /// As the contract says.
    fn respond(
        connection: Connection,
        calendar: String,
        id: String,
        key: String,
        rsvp: Rsvp,
        notify: Notify,
    ) -> Result<OneEvent, Failure>;
    /// `changes.page`
    ///
    /// # Errors
    /// As the contract says.
    fn changes(
        connection: Connection,
        calendar: String,
        cursor: Option<Cursor>,
        window: Window,
        max: u32,
    ) -> Result<Batch, Failure>;
}

/// A provider whose service also calls us: the world `two-way-push`.
pub trait Push: TwoWay {
    /// `push.subscribe`
    ///
    /// # Errors
    /// As the contract says.
    fn subscribe(
        connection: Connection,
        calendar: String,
        callback: String,
        secret: String,
        expires: Instant,
    ) -> Result<Subscribed, Failure>;
    /// `push.renew`
    ///
    /// # Errors
    /// As the contract says.
    fn renew(
        connection: Connection,
        calendar: String,
        subscription: Subscription,
        callback: String,
        secret: String,
        expires: Instant,
    ) -> Result<Subscribed, Failure>;
    /// `push.confirm`
    ///
    /// # Errors
    /// As the contract says.
    fn confirm(connection: Connection, subscription: Subscription, code: String) -> Result<Subscribed, Failure>;
    /// `push.unsubscribe`
    ///
    /// # Errors
    /// As the contract says.
    fn unsubscribe(connection: Connection, subscription: Subscription) -> Result<Done, Failure>;
    /// `push.parse-notification`
    fn parse_notification(headers: Vec<(String, Vec<u8>)>, query: String, body: Vec<u8>) -> Notification;
}
