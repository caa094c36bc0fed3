//! The arguments and results of a provider's functions, in the host's own types.
//!
//! Events, times and busy kinds are those of [`crate::calendar`]. A provider's description keeps the generated types, because
//! the operator's grant is a copy of it.

pub(super) mod arguments;
pub(super) mod bindings;
pub(super) mod bounds;
mod failure;
pub(super) mod results;

use crate::calendar::{Event, Interval, Problem, Window};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use bindings::chronus::calendar::descriptions::{
    Attach, AttachBasic, AttachHeader, Description, EndpointChoice, EndpointVariable, FieldKind, Form, FormField,
    HostChoice, Level as ScopeLevel, LevelScopes, Limits, Method, Oauth2ClientCredentials, Oauth2Code, Oauth2JwtBearer,
    Scope, SecretUrl, SignIn, VariablePlace,
};
pub use failure::{AdminApproval, Failure, Pause, PauseScope, Remedy};

/// The version of the contract that this host supports.
pub const CONTRACT: &str = "0.2.0";

#[cfg(test)]
impl From<&str> for Scope {
    /// A scope that token responses list.
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), echoed: true }
    }
}

/// The levels of the contract; each is a world in `wit/provider.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Reports busy times.
    ReadOnly,
    /// Also writes events and reports changes.
    TwoWay,
    /// Also receives notifications from its service.
    TwoWayPush,
}

impl Level {
    /// The contract's name of the level.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::TwoWay => "two-way",
            Self::TwoWayPush => "two-way-push",
        }
    }
}

/// The connection for which a provider is called; the contract's `connection`. No field is secret: the credential stays with
/// the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallTarget {
    /// The id of the sign-in with which the connection was made.
    pub sign_in: String,
    /// The origin of the person's own server, for services that anybody can host.
    pub server: Option<String>,
    /// The mailbox to act for, if one credential gives access to many.
    pub subject: Option<String>,
    /// The account's e-mail address, if it is known.
    pub address: Option<String>,
    /// The IANA time zone of the calendar's owner.
    pub zone: String,
    /// Non-secret fields of the form or of the token response.
    pub fields: Vec<(String, String)>,
    /// The provider's own notes from an earlier call.
    pub memo: Option<Memo>,
}

/// A provider's opaque notes about a connection, at most [`Memo::MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// The provider's number of the format of `data`.
    pub format: u32,
    /// Opaque to the host.
    pub data: Vec<u8>,
}

impl Memo {
    /// The contract's limit in bytes.
    pub const MAX: usize = 64 * 1024;
}

/// The result of a call, and a new memo if the provider returned one.
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
    /// The main e-mail address, if the service tells it.
    pub address: Option<String>,
    /// Other e-mail addresses of the person at this service.
    pub other_addresses: Vec<String>,
    /// The IANA time zone of the account.
    pub zone: Option<String>,
    /// The calendars with events.
    pub calendars: Vec<Calendar>,
    /// What this connection can do.
    pub abilities: Abilities,
}

/// A calendar of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The service's id.
    pub id: String,
    /// The name that people read.
    pub name: String,
    /// The person's rights to the calendar.
    pub role: CalendarRole,
    /// Whether new meetings are written to this calendar.
    pub is_default: bool,
    /// Whether invitations and answers work in this calendar.
    pub takes_meetings: bool,
    /// The IANA time zone of the calendar.
    pub zone: Option<String>,
}

/// A person's rights to a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalendarRole {
    /// The person's own calendar.
    Owner,
    /// Read and write events of another person's calendar.
    Writer,
    /// Read events of another person's calendar.
    Reader,
    /// See busy times of another person's calendar without details.
    FreeBusyReader,
}

impl CalendarRole {
    /// Whether the role includes writing events.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Owner | Self::Writer)
    }
}

/// What a connection can do; the contract's `abilities`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent abilities, as the contract lists them")]
pub struct Abilities {
    /// Reads the busy times of the person's own calendars.
    pub read_busy: bool,
    /// Reads the busy times of other people.
    pub read_busy_of_others: bool,
    /// Creates, changes and cancels events.
    pub write: bool,
    /// Reports changes.
    pub report_changes: bool,
    /// Delivers notifications to a callback.
    pub push: bool,
    /// The service sends invitations to attendees.
    pub sends_invitations: bool,
    /// The service can be told not to send invitations.
    pub can_withhold_invitations: bool,
    /// Writes events with recurrence.
    pub recurring_writes: bool,
    /// The service can be told not to send the owner's answer to the organiser.
    pub can_withhold_replies: bool,
    /// The organiser can set the answers of attendees.
    pub sets_answers: bool,
}

/// The calendars or people whose busy times a query asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BusyTargets {
    /// Ids of calendars of this connection.
    Calendars(Vec<String>),
    /// E-mail addresses of other people.
    Addresses(Vec<String>),
}

/// The result of `busy.query` for one calendar or address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusyAnswer {
    /// The calendar or address from the query.
    pub target: String,
    /// The busy times, or a failure. Never an empty list in place of a failure.
    pub outcome: Result<BusyTimes, Failure>,
}

/// The busy times of one calendar or address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BusyTimes {
    /// Sorted by start, then by end. Intervals may overlap.
    pub intervals: Vec<Interval>,
    /// Events that could not be read.
    pub problems: Vec<Problem>,
}

/// One item of `events.get-many`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FetchedEvent {
    /// The id from the request.
    pub id: String,
    /// The event, or why it could not be read.
    pub outcome: Result<Event, Failure>,
}

/// An event and the calendar that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalendarEvent {
    /// The id of the calendar.
    pub calendar: String,
    /// The event.
    pub event: Event,
}

/// An event, by the ids that the service gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// The id of the calendar.
    pub calendar: &'a str,
    /// The id of the event.
    pub id: &'a str,
}

/// Whether the service notifies the other people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notify {
    /// It notifies all attendees.
    All,
    /// It notifies nobody.
    None,
}

/// One page of `changes.page`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// The changes.
    pub items: Vec<Change>,
    /// The cursor for the next call: opaque, at most [`Batch::MAX_CURSOR`] bytes.
    #[serde(skip)]
    pub next: Vec<u8>,
    /// Whether there are more changes, so that the next call should follow at once.
    pub more: bool,
    /// Whether this page completes a listing that began without a cursor.
    pub complete_listing: bool,
    /// The time that the cursor covers, if it is not the window of the call.
    pub covers: Option<Window>,
}

impl Batch {
    /// The contract's limit for a cursor in bytes.
    pub const MAX_CURSOR: usize = 1024 * 1024;
}

/// One change of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "most changes are events")]
pub enum Change {
    /// A new or changed event in its present state.
    Event(Event),
    /// A new or changed event whose content is not in the change.
    Reference {
        /// The event's id.
        id: String,
        /// The event's present etag, if the service returns it here.
        etag: Option<String>,
    },
    /// The event with this id was deleted.
    Gone(String),
    /// The event with this id was deleted, or is no longer in the window.
    Left(String),
    /// An event that could not be read.
    Problem(Problem),
}

impl Change {
    /// The id of the event that changed.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Event(event) => &event.id,
            Self::Reference { id, .. } | Self::Gone(id) | Self::Left(id) => id,
            Self::Problem(problem) => &problem.id,
        }
    }
}

/// Where the service sends notifications.
#[derive(Debug, Clone)]
pub struct Callback {
    /// An absolute https URL.
    pub url: String,
    /// The secret of this subscription. It is the only secret that a provider sees.
    pub secret: SecretString,
    /// When the host would like the subscription to end.
    pub expires: Timestamp,
}

/// A subscription to the changes of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// The service's id of the subscription.
    pub id: String,
    /// The provider's own state: opaque, at most [`Subscription::MAX_STATE`] bytes.
    #[serde(skip)]
    pub state: Vec<u8>,
    /// When the service ends the subscription.
    pub expires: Option<Timestamp>,
}

impl Subscription {
    /// The contract's limit for the state in bytes.
    pub const MAX_STATE: usize = 4096;
}

/// A request to the callback, as the provider understands it. The sender is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The response to the sender.
    pub response: CallbackResponse,
    /// The subscriptions that the notification concerns.
    pub hints: Vec<Hint>,
}

/// A request to the callback.
#[derive(Debug, Clone, Copy)]
pub struct CallbackRequest<'a> {
    /// In upper case.
    pub method: &'a str,
    /// Names in lower case.
    pub headers: &'a [(String, Vec<u8>)],
    /// Without the question mark.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// The response to a request to the callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackResponse {
    /// The status, 200 to 599.
    pub status: u16,
    /// The `content-type`.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What a notification says about one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The service's id of the subscription.
    pub subscription: String,
    /// The secret in the notification. A hint without the right secret is ignored.
    pub secret: Option<String>,
    /// The kind of change.
    pub notice: Notice,
}

/// What happened to a subscription or its calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The calendar has changed.
    Changed,
    /// The subscription must be renewed now.
    Renew,
    /// The subscription has ended; a new one must be created.
    Recreate,
    /// Notifications were lost.
    Missed,
    /// The service asks for this code as a confirmation.
    Confirm(String),
    /// The subscription has ended because the host asked for it.
    Ended,
}

/// The service's error response to a failed sign-in or token refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInError {
    /// The HTTP status. `None` if the error came in a redirect to the callback.
    pub status: Option<u16>,
    /// `error` of RFC 6749 §4.1.2.1 or §5.2.
    pub error: String,
    /// `error_description`.
    pub description: String,
    /// All other non-secret fields of the response.
    pub fields: Vec<(String, String)>,
}
