//! The contract's functions, one method each.
//!
//! All methods have the same steps: begin a call with the purpose that decides which requests may leave, run the export until
//! the deadline, and convert the result. A macro writes these steps, so that a method shows only its own arguments.

use super::{
    call::Call,
    error::CallError,
    gate::Signs,
    plugin::{LoadedComponent, Plugin},
};
use crate::{
    calendar::{Draft, Event, Moment, Patch, Rsvp, Window},
    plugins::{
        contract::{
            Account, Batch, BusyAnswer, BusyTargets, CalendarEvent, Description, EventRef, Failure, FetchedEvent,
            Notify, Reply, SignInError, arguments, bindings::exports::chronus::calendar::events::GuestIndices, results,
        },
        egress::{Access, Purpose},
        limits::Budget,
    },
};
use std::{convert::Infallible, sync::Arc};

/// Runs one export: `run!(loaded, access, purpose, interface.function(arguments…) => conversion)`. With `=> each conversion`,
/// the result is a list whose items have an `outcome` of their own, and failures among these are explained.
macro_rules! run {
    ($loaded:expr, $access:expr, $purpose:expr, $guest:expr, $function:ident($($argument:expr),*) => each $value:expr) => {{
        let (call, outcome) = run!(@outcome $loaded, $access, $purpose, $guest, $function($($argument),*));
        let explain = call.explain_items();
        let mut reply = call.end(outcome, $value, results::failure, |reply| {
            let failures: Vec<_> = reply.value.iter().filter_map(|item| item.outcome.as_ref().err()).collect();
            let all_failed = !failures.is_empty() && failures.len() == reply.value.len();
            Signs::of_items(failures.into_iter(), all_failed)
        })?;
        reply.value.iter_mut().filter_map(|item| item.outcome.as_mut().err()).for_each(explain);
        Ok(reply)
    }};
    (@outcome $loaded:expr, $access:expr, $purpose:expr, $guest:expr, $function:ident($($argument:expr),*)) => {{
        let mut call = Call::begin($loaded, $access, $purpose).await?;
        let guest = $guest.load(&mut call.store, &call.instance).map_err(|error| CallError::Host(error.to_string()))?;
        let outcome = call.clock().run(guest.$function(&mut call.store, $($argument),*)).await;
        (call, outcome)
    }};
    ($loaded:expr, $access:expr, $purpose:expr, $guest:expr, $function:ident($($argument:expr),*) => $value:expr) => {{
        let (call, outcome) = run!(@outcome $loaded, $access, $purpose, $guest, $function($($argument),*));
        call.end(outcome, $value, results::failure, |_| Signs::default())
    }};
}
pub(super) use run;

impl LoadedComponent {
    /// `plugin.describe`
    pub(in crate::plugins) async fn describe(&self) -> Result<Description, CallError> {
        // A component may have to start an interpreter first.
        let access = Access::offline(Budget { wall_ms: 10_000, cpu_ms: 5_000, ..Budget::default() });
        let mut call = Call::begin(self, &access, Purpose::Offline).await?;
        let guest = self.exports.plugin.load(&mut call.store, &call.instance);
        let guest = guest.map_err(|error| CallError::Host(error.to_string()))?;
        let outcome = call.clock().run(guest.call_describe(&mut call.store)).await;
        let outcome = outcome.map(|answer| answer.map(Ok::<_, Infallible>));
        call.end(outcome, Ok, |never| match never {}, |_| Signs::default())
    }
}

impl Plugin {
    /// Calls `plugin.describe` again. [`Plugin::description`] is its result at admission.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn describe(&self) -> Result<Description, CallError> {
        self.loaded.describe().await
    }

    /// `account.open`: the account of the connection, its calendars and abilities.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn open(&self, access: &Arc<Access>) -> Result<Reply<Account>, CallError> {
        let connection = arguments::connection(&access.target);
        let guest = &self.loaded.exports.account;
        run!(&self.loaded, access, Purpose::Read, guest, call_open(&connection) => results::account)
    }

    /// `account.explain-failure`: what a failed sign-in or token refresh means.
    ///
    /// # Errors
    /// See [`CallError`]; never [`CallError::Failure`].
    pub async fn explain_failure(&self, access: &Arc<Access>, error: SignInError) -> Result<Failure, CallError> {
        let (connection, error) = (arguments::connection(&access.target), arguments::sign_in_error(error));
        let mut call = Call::begin(&self.loaded, access, Purpose::Offline).await?;
        let guest = self.loaded.exports.account.load(&mut call.store, &call.instance);
        let guest = guest.map_err(|error| CallError::Host(error.to_string()))?;
        let outcome = call.clock().run(guest.call_explain_failure(&mut call.store, &connection, &error)).await;
        let outcome = outcome.map(|answer| answer.map(Ok::<_, Infallible>));
        call.end(outcome, results::failure, |never| match never {}, |_| Signs::default())
    }

    /// `busy.query`: the busy times within the window.
    ///
    /// # Errors
    /// See [`CallError`]. The failure of a single calendar is in its own answer.
    pub async fn busy(
        &self,
        access: &Arc<Access>,
        targets: BusyTargets,
        window: Window,
    ) -> Result<Reply<Vec<BusyAnswer>>, CallError> {
        let (connection, targets) = (arguments::connection(&access.target), arguments::targets(targets));
        let guest = &self.loaded.exports.busy;
        let window = arguments::window(window);
        run!(&self.loaded, access, Purpose::Read, guest,
            call_query(&connection, &targets, window) => each results::busy)
    }

    /// `events.create`: creates an event, at most one for each key.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        key: &str,
        draft: Draft,
        notify: Notify,
    ) -> Result<Reply<Event>, CallError> {
        let (connection, draft) = (arguments::connection(&access.target), arguments::draft(draft));
        let (guest, notify) = (self.events()?, arguments::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_create(&connection, calendar, key, &draft, notify) => results::one_event)
    }

    /// `events.get`: the present state of an event.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get(&self, access: &Arc<Access>, calendar: &str, id: &str) -> Result<Reply<Event>, CallError> {
        let connection = arguments::connection(&access.target);
        let guest = self.events()?;
        run!(&self.loaded, access, Purpose::Read, guest, call_get(&connection, calendar, id) => results::one_event)
    }

    /// `events.get-many`: the present state of several events.
    ///
    /// # Errors
    /// See [`CallError`]. The failure of a single event is in its own item.
    pub async fn get_many(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        ids: &[String],
    ) -> Result<Reply<Vec<FetchedEvent>>, CallError> {
        let connection = arguments::connection(&access.target);
        let guest = self.events()?;
        run!(&self.loaded, access, Purpose::Read, guest,
            call_get_many(&connection, calendar, ids) => each results::fetched)
    }

    /// `events.find`: the events with a UID in all calendars that are the person's own.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn find(&self, access: &Arc<Access>, uid: &str) -> Result<Reply<Vec<CalendarEvent>>, CallError> {
        let connection = arguments::connection(&access.target);
        let guest = self.events()?;
        run!(&self.loaded, access, Purpose::Read, guest, call_find(&connection, uid) => results::found)
    }

    /// `events.occurrence`: the occurrence of a series that the series starts at this moment.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn occurrence(
        &self,
        access: &Arc<Access>,
        series: EventRef<'_>,
        original_start: Moment,
    ) -> Result<Reply<Event>, CallError> {
        let (connection, start) = (arguments::connection(&access.target), arguments::moment(original_start));
        let guest = self.events()?;
        run!(&self.loaded, access, Purpose::Read, guest,
            call_occurrence(&connection, series.calendar, series.id, &start) => results::one_event)
    }

    /// `events.update`: changes the fields that the patch names.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn update(
        &self,
        access: &Arc<Access>,
        event: EventRef<'_>,
        key: &str,
        etag: Option<&str>,
        patch: Patch,
        notify: Notify,
    ) -> Result<Reply<Event>, CallError> {
        let (connection, patch) = (arguments::connection(&access.target), arguments::patch(patch));
        let (guest, notify) = (self.events()?, arguments::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_update(&connection, event.calendar, event.id, key, etag, &patch, notify) => results::one_event)
    }

    /// `events.cancel`: removes the event from the calendar.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn cancel(
        &self,
        access: &Arc<Access>,
        event: EventRef<'_>,
        key: &str,
        etag: Option<&str>,
        comment: Option<&str>,
        notify: Notify,
    ) -> Result<Reply<()>, CallError> {
        let connection = arguments::connection(&access.target);
        let (guest, notify) = (self.events()?, arguments::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_cancel(&connection, event.calendar, event.id, key, etag, comment, notify) => |done| results::reply((), done.memo))
    }

    /// `events.respond`: sets the owner's own answer to an invitation.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn respond(
        &self,
        access: &Arc<Access>,
        event: EventRef<'_>,
        key: &str,
        rsvp: Rsvp,
        comment: Option<&str>,
        notify: Notify,
    ) -> Result<Reply<Event>, CallError> {
        let connection = arguments::connection(&access.target);
        let (guest, rsvp, notify) = (self.events()?, arguments::rsvp(rsvp), arguments::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_respond(&connection, event.calendar, event.id, key, rsvp, comment, notify) => results::one_event)
    }

    /// `changes.page`: one page of changes.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn changes(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        cursor: Option<&[u8]>,
        window: Window,
        max: u32,
    ) -> Result<Reply<Batch>, CallError> {
        let (connection, window) = (arguments::connection(&access.target), arguments::window(window));
        let guest = self.loaded.exports.changes.as_ref().ok_or(CallError::NotExported("changes"))?;
        let cursor = cursor.map(<[u8]>::to_vec);
        run!(&self.loaded, access, Purpose::Read, guest,
            call_page(&connection, calendar, cursor.as_ref(), window, max) => results::batch)
    }

    fn events(&self) -> Result<&GuestIndices, CallError> {
        self.loaded.exports.events.as_ref().ok_or(CallError::NotExported("events"))
    }
}
