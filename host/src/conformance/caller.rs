//! Calls as the host makes them, each with the newest memo.
//!
//! A case that tests a call without the memo, in another time zone or with a wrong credential derives its own caller from the
//! caller of the bench.

use super::Target;
use crate::{
    calendar::{Draft, Event, Moment, Patch, Rsvp, Window},
    clock::Clock,
    locks,
    plugins::{
        Access, AccessError, CallError, CallTarget, EventRef, Failure, Plugin,
        contract::{
            Account, Batch, BusyAnswer, BusyTargets, CalendarEvent, Callback, FetchedEvent, Memo, Notify, Reply,
            SignInError, Subscription,
        },
        egress::Interceptor,
    },
};
use jiff::SignedDuration;
use std::sync::{Arc, Mutex};

/// Makes calls for one connection.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) plugin: Plugin,
    target: Target,
    memo_source: MemoSource,
    interceptor: Option<Interceptor>,
    /// How far the provider's clock is ahead of the right time.
    clock_offset: SignedDuration,
}

/// The memo of a call.
#[derive(Clone)]
enum MemoSource {
    /// The newest memo that a call returned.
    Newest(Arc<Mutex<Option<Memo>>>),
    /// Always this memo.
    Fixed(Option<Memo>),
}

type CallResult<T> = Result<T, CallError>;

impl Caller {
    /// A caller without a memo.
    pub(super) fn new(plugin: &Plugin, target: Target) -> Result<Self, AccessError> {
        let caller = Self {
            plugin: plugin.clone(),
            target,
            memo_source: MemoSource::Newest(Arc::default()),
            interceptor: None,
            clock_offset: SignedDuration::ZERO,
        };
        caller.checked_access()?;
        Ok(caller)
    }

    /// The same caller with another connection or credential.
    pub(super) fn with(&self, change: impl FnOnce(&mut Target)) -> Self {
        let mut caller = self.clone();
        change(&mut caller.target);
        caller
    }

    /// The same caller with a fixed memo.
    pub(super) fn with_memo(&self, memo: Option<Memo>) -> Self {
        Self { memo_source: MemoSource::Fixed(memo), ..self.clone() }
    }

    /// The same caller, with an interceptor for its requests.
    pub(super) fn with_interceptor(&self, interceptor: Interceptor) -> Self {
        Self { interceptor: Some(interceptor), ..self.clone() }
    }

    /// The same caller, with a provider's clock that is ahead by this much.
    pub(super) fn with_clock_offset(&self, clock_offset: SignedDuration) -> Self {
        Self { clock_offset, ..self.clone() }
    }

    /// The memo of the next call.
    pub(super) fn memo(&self) -> Option<Memo> {
        match &self.memo_source {
            MemoSource::Newest(newest) => locks::lock(newest).clone(),
            MemoSource::Fixed(memo) => memo.clone(),
        }
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    fn access(&self) -> CallResult<Arc<Access>> {
        self.checked_access().map_err(|error| CallError::Host(error.to_string()))
    }

    fn checked_access(&self) -> Result<Arc<Access>, AccessError> {
        let Target { organisation, connection, credential, grant, budget, .. } = self.target.clone();
        let connection = CallTarget { memo: self.memo(), ..connection };
        let mut access = Access::new(organisation, connection, credential, grant, budget)?;
        if let Some(interceptor) = &self.interceptor {
            access = access.with_interceptor(interceptor.clone());
        }
        if !self.clock_offset.is_zero() {
            access =
                access.with_clock(Clock::at(Clock::System.now().saturating_add(self.clock_offset).unwrap_or_default()));
        }
        Ok(access)
    }

    fn keep<T>(&self, reply: CallResult<Reply<T>>) -> CallResult<T> {
        let reply = reply?;
        if let (MemoSource::Newest(newest), Some(memo)) = (&self.memo_source, reply.memo) {
            *locks::lock(newest) = Some(memo);
        }
        Ok(reply.value)
    }

    pub(super) async fn open(&self) -> CallResult<Account> {
        self.keep(self.plugin.open(&self.access()?).await)
    }

    pub(super) async fn explain_failure(&self, error: SignInError) -> CallResult<Failure> {
        self.plugin.explain_failure(&self.access()?, error).await
    }

    pub(super) async fn busy(&self, calendars: &[&str], window: Window) -> CallResult<Vec<BusyAnswer>> {
        let whose = BusyTargets::Calendars(calendars.iter().map(ToString::to_string).collect());
        self.keep(self.plugin.busy(&self.access()?, whose, window).await)
    }

    pub(super) async fn create(&self, calendar: &str, key: &str, draft: &Draft, notify: Notify) -> CallResult<Event> {
        self.keep(self.plugin.create(&self.access()?, calendar, key, draft.clone(), notify).await)
    }

    pub(super) async fn get(&self, calendar: &str, id: &str) -> CallResult<Event> {
        self.keep(self.plugin.get(&self.access()?, calendar, id).await)
    }

    pub(super) async fn get_many(&self, calendar: &str, ids: &[String]) -> CallResult<Vec<FetchedEvent>> {
        self.keep(self.plugin.get_many(&self.access()?, calendar, ids).await)
    }

    pub(super) async fn find(&self, uid: &str) -> CallResult<Vec<CalendarEvent>> {
        self.keep(self.plugin.find(&self.access()?, uid).await)
    }

    pub(super) async fn occurrence(&self, series: EventRef<'_>, start: Moment) -> CallResult<Event> {
        self.keep(self.plugin.occurrence(&self.access()?, series, start).await)
    }

    pub(super) async fn update(
        &self,
        event: EventRef<'_>,
        key: &str,
        etag: Option<&str>,
        patch: Patch,
        notify: Notify,
    ) -> CallResult<Event> {
        self.keep(self.plugin.update(&self.access()?, event, key, etag, patch, notify).await)
    }

    pub(super) async fn cancel(
        &self,
        event: EventRef<'_>,
        key: &str,
        etag: Option<&str>,
        notify: Notify,
    ) -> CallResult<()> {
        self.keep(self.plugin.cancel(&self.access()?, event, key, etag, None, notify).await)
    }

    pub(super) async fn respond(
        &self,
        event: EventRef<'_>,
        key: &str,
        rsvp: Rsvp,
        notify: Notify,
    ) -> CallResult<Event> {
        self.keep(self.plugin.respond(&self.access()?, event, key, rsvp, None, notify).await)
    }

    /// `respond` with a comment.
    pub(super) async fn respond_with(
        &self,
        event: EventRef<'_>,
        key: &str,
        rsvp: Rsvp,
        comment: &str,
        notify: Notify,
    ) -> CallResult<Event> {
        self.keep(self.plugin.respond(&self.access()?, event, key, rsvp, Some(comment), notify).await)
    }

    /// `cancel` without an etag and with a comment.
    pub(super) async fn cancel_with(
        &self,
        event: EventRef<'_>,
        key: &str,
        comment: &str,
        notify: Notify,
    ) -> CallResult<()> {
        self.keep(self.plugin.cancel(&self.access()?, event, key, None, Some(comment), notify).await)
    }

    pub(super) async fn subscribe(&self, calendar: &str, callback: &Callback) -> CallResult<Subscription> {
        self.keep(self.plugin.subscribe(&self.access()?, calendar, callback).await)
    }

    pub(super) async fn renew(
        &self,
        calendar: &str,
        subscription: &Subscription,
        callback: &Callback,
    ) -> CallResult<Subscription> {
        self.keep(self.plugin.renew(&self.access()?, calendar, subscription, callback).await)
    }

    pub(super) async fn unsubscribe(&self, subscription: &Subscription) -> CallResult<()> {
        self.keep(self.plugin.unsubscribe(&self.access()?, subscription).await)
    }

    pub(super) async fn changes(
        &self,
        calendar: &str,
        cursor: Option<&[u8]>,
        window: Window,
        max: u32,
    ) -> CallResult<Batch> {
        self.keep(self.plugin.changes(&self.access()?, calendar, cursor, window, max).await)
    }
}
