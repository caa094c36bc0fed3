//! What a provider implements: one trait for each level of the contract.
//!
//! The contract's functions have up to seven arguments, because a WIT function has no other way to group them. Here,
//! arguments that travel together are one struct, and what a function only reads is a reference. The promises of each
//! function are written in `wit/provider.wit`, under the name that its documentation gives.

use crate::descriptions::Description;
use crate::failure;
use crate::values::{
    AccountReply, BusyReply, BusyTargets, CallbackRequest, ChangesReply, Connection, Draft, EventReply, EventsReply,
    Failure, FindReply, Instant, Moment, Notification, Notify, Patch, Rsvp, SignInError, Subscription,
    SubscriptionReply, Window, WriteReply,
};

/// One event of one calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// The calendar's id.
    pub calendar: &'a str,
    /// The event's id.
    pub id: &'a str,
}

/// One occurrence of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OccurrenceRef<'a> {
    /// The calendar's id.
    pub calendar: &'a str,
    /// The id of the series.
    pub series_id: &'a str,
    /// The start that the series gives the occurrence.
    pub original_start: &'a Moment,
}

/// How an event is to be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Write<'a> {
    /// The same for each repetition of the same write.
    pub key: &'a str,
    /// The state of the event that the caller knows; `None` writes over any state. Always `None` for
    /// [`TwoWay::create`] and [`TwoWay::respond`].
    pub etag: Option<&'a str>,
    /// Whether the service tells the other people.
    pub notify: Notify,
    /// What the service tells them besides. Always `None`, except for [`TwoWay::cancel`] and [`TwoWay::respond`].
    pub comment: Option<&'a str>,
}

/// Which page of changes is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangesPage<'a> {
    /// The cursor of the page before; `None` starts a listing.
    pub cursor: Option<&'a [u8]>,
    /// The time that the listing covers.
    pub window: Window,
    /// The most items of the page.
    pub max: u32,
}

/// Where a service reports changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callback<'a> {
    /// The address that the service calls.
    pub url: &'a str,
    /// The service sends it along with each notification, and the host compares it.
    pub secret: &'a str,
    /// When the subscription should end.
    pub expires: Instant,
}

/// A provider that tells when people are free: the world `read-only`.
pub trait Provider {
    /// `plugin.describe`
    fn describe() -> Description;

    /// `account.open`
    fn open(connection: &Connection) -> Result<AccountReply, Failure>;

    /// `account.explain-failure`. The default follows the codes that RFC 6749 defines.
    fn explain_failure(_connection: &Connection, error: &SignInError) -> Failure {
        failure::of_sign_in(error)
    }

    /// `busy.query`
    fn busy(connection: &Connection, targets: &BusyTargets, window: Window) -> Result<BusyReply, Failure>;
}

/// A provider that also writes events and reports their changes: the world `two-way`.
pub trait TwoWay: Provider {
    /// `events.create`
    fn create(connection: &Connection, calendar: &str, draft: &Draft, write: Write<'_>) -> Result<EventReply, Failure>;

    /// `events.get`
    fn get(connection: &Connection, event: EventRef<'_>) -> Result<EventReply, Failure>;

    /// `events.get-many`
    fn get_many(connection: &Connection, calendar: &str, ids: &[String]) -> Result<EventsReply, Failure>;

    /// `events.find`
    fn find(connection: &Connection, uid: &str) -> Result<FindReply, Failure>;

    /// `events.occurrence`
    fn occurrence(connection: &Connection, occurrence: OccurrenceRef<'_>) -> Result<EventReply, Failure>;

    /// `events.update`
    fn update(
        connection: &Connection,
        event: EventRef<'_>,
        patch: &Patch,
        write: Write<'_>,
    ) -> Result<EventReply, Failure>;

    /// `events.cancel`
    fn cancel(connection: &Connection, event: EventRef<'_>, write: Write<'_>) -> Result<WriteReply, Failure>;

    /// `events.respond`
    fn respond(
        connection: &Connection,
        event: EventRef<'_>,
        rsvp: Rsvp,
        write: Write<'_>,
    ) -> Result<EventReply, Failure>;

    /// `changes.page`
    fn changes(connection: &Connection, calendar: &str, page: ChangesPage<'_>) -> Result<ChangesReply, Failure>;
}

/// A provider whose service reports changes by itself: the world `two-way-push`.
pub trait Push: TwoWay {
    /// `push.subscribe`
    fn subscribe(connection: &Connection, calendar: &str, callback: Callback<'_>)
    -> Result<SubscriptionReply, Failure>;

    /// `push.renew`
    fn renew(
        connection: &Connection,
        calendar: &str,
        subscription: &Subscription,
        callback: Callback<'_>,
    ) -> Result<SubscriptionReply, Failure>;

    /// `push.confirm`
    fn confirm(connection: &Connection, subscription: &Subscription, code: &str) -> Result<SubscriptionReply, Failure>;

    /// `push.unsubscribe`
    fn unsubscribe(connection: &Connection, subscription: &Subscription) -> Result<WriteReply, Failure>;

    /// `push.parse-notification`
    fn parse_notification(request: &CallbackRequest) -> Notification;
}
