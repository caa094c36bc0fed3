//! The contract's functions, one method each.
//!
//! All of them have one shape: begin a call with the purpose that decides which requests may leave, run the export
//! until the deadline, convert what came back. A macro writes that shape, so that a method shows only what is its own.

use super::{
    call::Call,
    error::CallError,
    plugin::{Loaded, Plugin},
};
use crate::{
    calendar::{Draft, Event, Patch, Rsvp, Window},
    plugins::{
        contract::{
            Account, Batch, BusyAnswer, Description, Failure, Fetched, Notify, Reply, SignInError, Whose,
            bindings::exports::chronus::calendar::events::GuestIndices, convert,
        },
        egress::{Access, Purpose},
        limits::Budget,
    },
};
use std::{convert::Infallible, sync::Arc};

/// Runs one export: `run!(loaded, access, purpose, interface.function(arguments…) => conversion)`.
macro_rules! run {
    ($loaded:expr, $access:expr, $purpose:expr, $guest:expr, $function:ident($($argument:expr),*) => $value:expr) => {{
        let mut call = Call::begin($loaded, $access, $purpose).await?;
        let guest = $guest.load(&mut call.store, &call.instance).map_err(|error| CallError::Host(error.to_string()))?;
        let outcome = call.clock().run(guest.$function(&mut call.store, $($argument),*)).await;
        call.end(outcome, $value, convert::failure)
    }};
}
pub(super) use run;

impl Loaded {
    /// `plugin.describe`
    pub(in crate::plugins) async fn describe(&self) -> Result<Description, CallError> {
        // As much as a call, because a component may first have to start an interpreter; but soon.
        let access = Access::offline(Budget { wall_ms: 10_000, cpu_ms: 5_000, ..Budget::default() });
        let mut call = Call::begin(self, &access, Purpose::Offline).await?;
        let guest = self.exports.plugin.load(&mut call.store, &call.instance);
        let guest = guest.map_err(|error| CallError::Host(error.to_string()))?;
        let outcome = call.clock().run(guest.call_describe(&mut call.store)).await;
        let outcome = outcome.map(|answer| answer.map(Ok::<_, Infallible>));
        call.end(outcome, Ok, |never| match never {})
    }
}

impl Plugin {
    /// `plugin.describe`, called anew. [`Plugin::description`] gives what it answered at admission.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn describe(&self) -> Result<Description, CallError> {
        self.loaded.describe().await
    }

    /// `account.open`: the account behind the connection, and what can be done with it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn open(&self, access: &Arc<Access>) -> Result<Reply<Account>, CallError> {
        let connection = convert::connection(&access.connection);
        let guest = &self.loaded.exports.account;
        run!(&self.loaded, access, Purpose::Read, guest, call_open(&connection) => convert::account)
    }

    /// `account.explain-failure`: what a failed sign-in means.
    ///
    /// # Errors
    /// See [`CallError`]; never [`CallError::Failure`].
    pub async fn explain_failure(&self, access: &Arc<Access>, error: SignInError) -> Result<Failure, CallError> {
        let (connection, error) = (convert::connection(&access.connection), convert::sign_in_error(error));
        let mut call = Call::begin(&self.loaded, access, Purpose::Offline).await?;
        let guest = self.loaded.exports.account.load(&mut call.store, &call.instance);
        let guest = guest.map_err(|error| CallError::Host(error.to_string()))?;
        let outcome = call.clock().run(guest.call_explain_failure(&mut call.store, &connection, &error)).await;
        let outcome = outcome.map(|answer| answer.map(Ok::<_, Infallible>));
        call.end(outcome, convert::failure, |never| match never {})
    }

    /// `busy.query`: the times that events take within the window.
    ///
    /// # Errors
    /// See [`CallError`]. A calendar that could not be read has its failure in its own answer.
    pub async fn busy(
        &self,
        access: &Arc<Access>,
        whose: Whose,
        window: Window,
    ) -> Result<Reply<Vec<BusyAnswer>>, CallError> {
        let (connection, whose) = (convert::connection(&access.connection), convert::whose(whose));
        let guest = &self.loaded.exports.busy;
        let window = convert::window(window);
        run!(&self.loaded, access, Purpose::Read, guest, call_query(&connection, &whose, window) => convert::busy)
    }

    /// `events.create`: makes an event, once for a key.
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
        let (connection, draft) = (convert::connection(&access.connection), convert::draft(draft));
        let (guest, notify) = (self.events()?, convert::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_create(&connection, calendar, key, &draft, notify) => convert::one_event)
    }

    /// `events.get`: the event as it is.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get(&self, access: &Arc<Access>, calendar: &str, id: &str) -> Result<Reply<Event>, CallError> {
        let connection = convert::connection(&access.connection);
        let guest = self.events()?;
        run!(&self.loaded, access, Purpose::Read, guest, call_get(&connection, calendar, id) => convert::one_event)
    }

    /// `events.get-many`: several events as they are.
    ///
    /// # Errors
    /// See [`CallError`]. An event that could not be read has its failure in its own item.
    pub async fn get_many(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        ids: &[String],
    ) -> Result<Reply<Vec<Fetched>>, CallError> {
        let connection = convert::connection(&access.connection);
        let guest = self.events()?;
        run!(&self.loaded, access, Purpose::Read, guest, call_get_many(&connection, calendar, ids) => convert::fetched)
    }

    /// `events.update`: changes what the patch names.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn update(
        &self,
        access: &Arc<Access>,
        (calendar, id): (&str, &str),
        key: &str,
        etag: Option<&str>,
        patch: Patch,
        notify: Notify,
    ) -> Result<Reply<Event>, CallError> {
        let (connection, patch) = (convert::connection(&access.connection), convert::patch(patch));
        let (guest, notify) = (self.events()?, convert::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_update(&connection, calendar, id, key, etag, &patch, notify) => convert::one_event)
    }

    /// `events.cancel`: takes the event out of the calendar.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn cancel(
        &self,
        access: &Arc<Access>,
        (calendar, id): (&str, &str),
        key: &str,
        etag: Option<&str>,
        notify: Notify,
    ) -> Result<Reply<()>, CallError> {
        let connection = convert::connection(&access.connection);
        let (guest, notify) = (self.events()?, convert::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_cancel(&connection, calendar, id, key, etag, notify) => |done| convert::reply((), done.memo))
    }

    /// `events.respond`: sets the owner's own answer to an invitation.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn respond(
        &self,
        access: &Arc<Access>,
        (calendar, id): (&str, &str),
        key: &str,
        rsvp: Rsvp,
        notify: Notify,
    ) -> Result<Reply<Event>, CallError> {
        let connection = convert::connection(&access.connection);
        let (guest, rsvp, notify) = (self.events()?, convert::rsvp_out(rsvp), convert::notify(notify));
        run!(&self.loaded, access, Purpose::Write, guest,
            call_respond(&connection, calendar, id, key, rsvp, notify) => convert::one_event)
    }

    /// `changes.page`: one page of what has changed.
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
        let (connection, window) = (convert::connection(&access.connection), convert::window(window));
        let guest = self.loaded.exports.changes.as_ref().ok_or(CallError::NotExported("changes"))?;
        let cursor = cursor.map(<[u8]>::to_vec);
        run!(&self.loaded, access, Purpose::Read, guest,
            call_page(&connection, calendar, cursor.as_ref(), window, max) => convert::batch)
    }

    fn events(&self) -> Result<&GuestIndices, CallError> {
        self.loaded.exports.events.as_ref().ok_or(CallError::NotExported("events"))
    }
}
