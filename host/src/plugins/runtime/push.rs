//! The contract's functions of `push`: notifications from the service.
//!
//! The input of `parse-notification` comes from an unknown sender. So it runs without a connection, can send no requests, and
//! has a small budget of its own.

use super::{call::Call, error::CallError, functions::run, gate::Signs, plugin::Plugin};
use crate::plugins::{
    contract::{
        Callback, CallbackRequest, Notification, Reply, Subscription, arguments,
        bindings::exports::chronus::calendar::push::GuestIndices, results,
    },
    egress::{Access, Purpose},
    limits::Budget,
};
use secrecy::ExposeSecret as _;
use std::{convert::Infallible, sync::Arc};

impl Plugin {
    /// `push.subscribe`: asks the service for notifications about a calendar.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn subscribe(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        callback: &Callback,
    ) -> Result<Reply<Subscription>, CallError> {
        let (connection, guest) = (arguments::connection(&access.target), self.push()?);
        let (secret, expires) = (callback.secret.expose_secret(), callback.expires.as_second());
        run!(&self.loaded, access, Purpose::Write, guest,
            call_subscribe(&connection, calendar, &callback.url, secret, expires) => results::subscribed)
    }

    /// `push.renew`: extends a subscription, or creates a new one beside it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn renew(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        subscription: &Subscription,
        callback: &Callback,
    ) -> Result<Reply<Subscription>, CallError> {
        let (connection, guest) = (arguments::connection(&access.target), self.push()?);
        let subscription = arguments::subscription(subscription);
        let (secret, expires) = (callback.secret.expose_secret(), callback.expires.as_second());
        run!(&self.loaded, access, Purpose::Write, guest,
            call_renew(&connection, calendar, &subscription, &callback.url, secret, expires) => results::subscribed)
    }

    /// `push.confirm`: gives the service its code back.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn confirm(
        &self,
        access: &Arc<Access>,
        subscription: &Subscription,
        code: &str,
    ) -> Result<Reply<Subscription>, CallError> {
        let (connection, guest) = (arguments::connection(&access.target), self.push()?);
        let subscription = arguments::subscription(subscription);
        run!(&self.loaded, access, Purpose::Write, guest,
            call_confirm(&connection, &subscription, code) => results::subscribed)
    }

    /// `push.unsubscribe`: ends a subscription. Succeeds if it has ended already.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn unsubscribe(&self, access: &Arc<Access>, subscription: &Subscription) -> Result<Reply<()>, CallError> {
        let (connection, guest) = (arguments::connection(&access.target), self.push()?);
        let subscription = arguments::subscription(subscription);
        run!(&self.loaded, access, Purpose::Write, guest,
            call_unsubscribe(&connection, &subscription) => |done| results::reply((), done.memo))
    }

    /// `push.parse-notification`: reads a request to the callback.
    ///
    /// # Errors
    /// See [`CallError`]; never [`CallError::Failure`].
    pub async fn parse_notification(&self, request: CallbackRequest<'_>) -> Result<Notification, CallError> {
        let access = Access::offline(Budget::unauthenticated());
        let mut call = Call::begin(&self.loaded, &access, Purpose::Offline).await?;
        let guest = self.push()?.load(&mut call.store, &call.instance);
        let guest = guest.map_err(|error| CallError::Host(error.to_string()))?;
        let request = arguments::callback_request(request);
        let outcome = call.clock().run(guest.call_parse_notification(&mut call.store, &request)).await;
        let outcome = outcome.map(|answer| answer.map(Ok::<_, Infallible>));
        call.end(outcome, results::notification, |never| match never {}, |_| Signs::default())
    }

    fn push(&self) -> Result<&GuestIndices, CallError> {
        self.loaded.exports.push.as_ref().ok_or(CallError::NotExported("push"))
    }
}
