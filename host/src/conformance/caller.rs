//! Calls as the host makes them: each with the newest memo.
//!
//! Cases that ask what happens without the memo, in another zone or with a wrong credential make a caller of their
//! own from the bench's.

use super::Target;
use crate::{
    calendar::{Draft, Event, Patch, Rsvp, Window},
    plugins::{
        Access, AccessError, CallError, Connection, Failure, Plugin, Trial,
        contract::{
            Account, Batch, BusyAnswer, Callback, Fetched, Memo, Notify, Reply, SignInError, Subscription, Whose,
        },
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// Calls, with one connection.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) plugin: Plugin,
    target: Target,
    memory: Memory,
    trial: Trial,
}

/// Which memo goes with a call.
#[derive(Clone)]
enum Memory {
    /// The newest that any call gave.
    Newest(Arc<Mutex<Option<Memo>>>),
    /// Always this one.
    Fixed(Option<Memo>),
}

type Called<T> = Result<T, CallError>;

impl Caller {
    /// A caller that has no memo yet.
    pub(super) fn new(plugin: &Plugin, target: Target) -> Result<Self, AccessError> {
        let caller =
            Self { plugin: plugin.clone(), target, memory: Memory::Newest(Arc::default()), trial: Trial::default() };
        caller.checked_access()?;
        Ok(caller)
    }

    /// The same with another connection or credential.
    pub(super) fn with(&self, change: impl FnOnce(&mut Target)) -> Self {
        let mut caller = self.clone();
        change(&mut caller.target);
        caller
    }

    /// The same with a memo that stays.
    pub(super) fn with_memo(&self, memo: Option<Memo>) -> Self {
        Self { memory: Memory::Fixed(memo), ..self.clone() }
    }

    /// The same in a trial.
    pub(super) fn in_trial(&self, trial: Trial) -> Self {
        Self { trial, ..self.clone() }
    }

    /// The memo that the next call carries.
    pub(super) fn memo(&self) -> Option<Memo> {
        match &self.memory {
            Memory::Newest(newest) => newest.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Memory::Fixed(memo) => memo.clone(),
        }
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    fn access(&self) -> Called<Arc<Access>> {
        self.checked_access().map_err(|error| CallError::Host(error.to_string()))
    }

    fn checked_access(&self) -> Result<Arc<Access>, AccessError> {
        let Target { organisation, connection, credential, grant, budget, .. } = self.target.clone();
        let connection = Connection { memo: self.memo(), ..connection };
        Ok(Access::new(organisation, connection, credential, grant, budget)?.in_trial(self.trial.clone()))
    }

    fn keep<T>(&self, reply: Called<Reply<T>>) -> Called<T> {
        let reply = reply?;
        if let (Memory::Newest(newest), Some(memo)) = (&self.memory, reply.memo) {
            *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(memo);
        }
        Ok(reply.value)
    }

    pub(super) async fn open(&self) -> Called<Account> {
        self.keep(self.plugin.open(&self.access()?).await)
    }

    pub(super) async fn explain_failure(&self, error: SignInError) -> Called<Failure> {
        self.plugin.explain_failure(&self.access()?, error).await
    }

    pub(super) async fn busy(&self, calendars: &[&str], window: Window) -> Called<Vec<BusyAnswer>> {
        let whose = Whose::Calendars(calendars.iter().map(ToString::to_string).collect());
        self.keep(self.plugin.busy(&self.access()?, whose, window).await)
    }

    pub(super) async fn create(&self, calendar: &str, key: &str, draft: &Draft, notify: Notify) -> Called<Event> {
        self.keep(self.plugin.create(&self.access()?, calendar, key, draft.clone(), notify).await)
    }

    pub(super) async fn get(&self, calendar: &str, id: &str) -> Called<Event> {
        self.keep(self.plugin.get(&self.access()?, calendar, id).await)
    }

    pub(super) async fn get_many(&self, calendar: &str, ids: &[String]) -> Called<Vec<Fetched>> {
        self.keep(self.plugin.get_many(&self.access()?, calendar, ids).await)
    }

    pub(super) async fn update(
        &self,
        place: (&str, &str),
        key: &str,
        etag: Option<&str>,
        patch: Patch,
        notify: Notify,
    ) -> Called<Event> {
        self.keep(self.plugin.update(&self.access()?, place, key, etag, patch, notify).await)
    }

    pub(super) async fn cancel(
        &self,
        place: (&str, &str),
        key: &str,
        etag: Option<&str>,
        notify: Notify,
    ) -> Called<()> {
        self.keep(self.plugin.cancel(&self.access()?, place, key, etag, notify).await)
    }

    pub(super) async fn respond(&self, place: (&str, &str), key: &str, rsvp: Rsvp, notify: Notify) -> Called<Event> {
        self.keep(self.plugin.respond(&self.access()?, place, key, rsvp, notify).await)
    }

    pub(super) async fn subscribe(&self, calendar: &str, callback: &Callback) -> Called<Subscription> {
        self.keep(self.plugin.subscribe(&self.access()?, calendar, callback).await)
    }

    pub(super) async fn unsubscribe(&self, subscription: &Subscription) -> Called<()> {
        self.keep(self.plugin.unsubscribe(&self.access()?, subscription).await)
    }

    pub(super) async fn changes(
        &self,
        calendar: &str,
        cursor: Option<&[u8]>,
        window: Window,
        max: u32,
    ) -> Called<Batch> {
        self.keep(self.plugin.changes(&self.access()?, calendar, cursor, window, max).await)
    }
}
