//! What goes into a provider's functions and comes out of them, in the host's own types.
//!
//! Events, times and kinds are those of [`crate::calendar`]. What a provider says of itself keeps the generated
//! types: the operator's grant is a copy of it.

pub(super) mod bindings;
pub(super) mod convert;
mod failure;

use crate::calendar::{Event, Interval, Problem};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use bindings::chronus::calendar::descriptions::{
    Attach, AttachBasic, AttachHeader, Description, EndpointChoice, FieldKind, Form, FormField, Level as ScopeLevel,
    Limits, Method, Oauth2ClientCredentials, Oauth2Code, Oauth2JwtBearer, Scopes, SecretUrl, SignIn,
};
pub use failure::{Failure, Remedy};

/// The contract that this host speaks.
pub const CONTRACT: &str = "0.1.0";

/// The contract's worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Tells when people are free.
    ReadOnly,
    /// Writes events and reports changes, too.
    TwoWay,
    /// Its service calls back, too.
    TwoWayPush,
}

impl Level {
    /// The contract's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::TwoWay => "two-way",
            Self::TwoWayPush => "two-way-push",
        }
    }
}

/// Whom a call is for. No field is secret: the credential stays with the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The id of the sign-in by which it was made.
    pub sign_in: String,
    /// The origin that the person named, for services that anybody can host.
    pub server: Option<String>,
    /// The mailbox to act for, where one credential opens many.
    pub subject: Option<String>,
    /// The account's e-mail address, as far as it is known.
    pub address: Option<String>,
    /// The IANA zone of the calendar's owner.
    pub zone: String,
    /// Non-secret fields of the form or of the token reply.
    pub fields: Vec<(String, String)>,
    /// The provider's own notes from an earlier call.
    pub memo: Option<Memo>,
}

/// A provider's opaque notes on a connection, at most [`Memo::MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// The provider's number for the layout of `data`.
    pub format: u32,
    /// Opaque.
    pub data: Vec<u8>,
}

impl Memo {
    /// The contract's limit, in bytes.
    pub const MAX: usize = 64 * 1024;
}

/// A result, and the memo to be kept if the call gave a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    /// The result.
    pub value: T,
    /// Replaces the memo of the connection.
    pub memo: Option<Memo>,
}

/// The account behind a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its main e-mail address, if the service tells.
    pub address: Option<String>,
    /// Other addresses under which the service knows this person.
    pub other_addresses: Vec<String>,
    /// The IANA zone that the account names.
    pub zone: Option<String>,
    /// The calendars that hold events.
    pub calendars: Vec<Calendar>,
    /// What this connection can do.
    pub abilities: Abilities,
}

/// A calendar of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The service's id.
    pub id: String,
    /// For people.
    pub name: String,
    /// What the person may do with it.
    pub role: CalendarRole,
    /// Whether a new meeting goes here.
    pub is_default: bool,
    /// The IANA zone that the calendar itself names.
    pub zone: Option<String>,
}

/// What a person may do with a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalendarRole {
    /// Everything.
    Owner,
    /// Read and write events.
    Writer,
    /// Read events.
    Reader,
    /// See that a time is taken.
    FreeBusyReader,
}

impl CalendarRole {
    /// Whether events can be written.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Owner | Self::Writer)
    }
}

/// What a connection can do; the contract's `abilities`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent abilities, as the contract lists them")]
pub struct Abilities {
    /// Busy times of the own calendars.
    pub read_busy: bool,
    /// Busy times of other people.
    pub read_busy_of_others: bool,
    /// Events can be made, changed and cancelled.
    pub write: bool,
    /// Changes can be followed.
    pub report_changes: bool,
    /// The service calls back.
    pub push: bool,
    /// The service itself invites attendees.
    pub sends_invitations: bool,
    /// It can be told not to.
    pub can_withhold_invitations: bool,
    /// Events with recurrence can be written.
    pub recurring_writes: bool,
}

/// Whose time is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Calendars of this connection, by id.
    Calendars(Vec<String>),
    /// Other people, by address.
    Addresses(Vec<String>),
}

/// What `busy.query` says of one calendar or address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusyAnswer {
    /// As it was asked for.
    pub calendar: String,
    /// Never an empty list in place of a failure.
    pub outcome: Result<BusyTimes, Failure>,
}

/// The times taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusyTimes {
    /// Sorted by start, then end; they may overlap.
    pub intervals: Vec<Interval>,
    /// Events that could not be read.
    pub problems: Vec<Problem>,
}

/// One item of `events.get-many`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// As it was asked for.
    pub id: String,
    /// The event, or why not.
    pub outcome: Result<Event, Failure>,
}

/// Whether the service itself tells the other people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notify {
    /// It does.
    All,
    /// It does not.
    None,
}

/// One page of `changes.page`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// What changed.
    pub items: Vec<Change>,
    /// For the next call; opaque, at most [`Batch::MAX_CURSOR`] bytes.
    #[serde(skip)]
    pub next: Vec<u8>,
    /// Whether the next call should follow at once.
    pub more: bool,
    /// Whether the listing that began without a cursor is complete with this page.
    pub complete_listing: bool,
}

impl Batch {
    /// The contract's limit of a cursor, in bytes.
    pub const MAX_CURSOR: usize = 1024 * 1024;
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "most changes are events")]
pub enum Change {
    /// New or changed, as it is now.
    Event(Event),
    /// New or changed, but its body was not at hand.
    Reference {
        /// The event's id.
        id: String,
        /// Its present etag.
        etag: String,
    },
    /// Deleted.
    Gone(String),
    /// There, but unreadable.
    Problem(Problem),
}

impl Change {
    /// The id of the event that changed.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Event(event) => &event.id,
            Self::Reference { id, .. } | Self::Gone(id) => id,
            Self::Problem(problem) => &problem.id,
        }
    }
}

/// Where the service is to call us, and what it brings along.
#[derive(Debug, Clone)]
pub struct Callback {
    /// Absolute, https.
    pub url: String,
    /// Made for this subscription. The one secret that a provider sees.
    pub secret: SecretString,
    /// When the host would like it to end.
    pub expires: Timestamp,
}

/// A service's promise to call us when a calendar changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// The service's id for it.
    pub id: String,
    /// What the provider needs beside the id; opaque, at most [`Subscription::MAX_STATE`] bytes.
    #[serde(skip)]
    pub state: Vec<u8>,
    /// When the service forgets it.
    pub expires: Option<Timestamp>,
}

impl Subscription {
    /// The contract's limit of its state, in bytes.
    pub const MAX_STATE: usize = 4096;
}

/// What came in at a callback, as the provider reads it. Anybody may have sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What the sender is answered.
    pub reply: HttpReply,
    /// What it says of which subscriptions.
    pub hints: Vec<Hint>,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    /// 200 to 599.
    pub status: u16,
    /// Its `content-type`.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// Something that a notification says of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The subscription's id.
    pub subscription: String,
    /// The secret that came with it. Without the right one nothing happens.
    pub secret: Option<String>,
    /// What it says.
    pub news: News,
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The calendar has changed.
    Changed,
    /// The subscription must be renewed now.
    Renew,
    /// It has ended and must be made anew.
    Recreate,
    /// Notifications were lost.
    Missed,
    /// The service wants to hear this code.
    Confirm(String),
    /// It has ended at our wish.
    Ended,
}

/// What the service said when signing in or refreshing a token failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInError {
    /// The HTTP status, unless it came in a redirect to the callback.
    pub status: Option<u16>,
    /// `error` of RFC 6749 §4.1.2.1 or §5.2.
    pub error: String,
    /// `error_description`.
    pub description: String,
    /// All other non-secret fields of the reply.
    pub fields: Vec<(String, String)>,
}
