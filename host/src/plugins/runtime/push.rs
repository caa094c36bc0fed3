//! The contract's functions of `push`: being called by the service.
//!
//! `parse-notification` reads what anybody may have sent. So it runs without a connection, where no request can leave,
//! and on a budget of its own.

use super::{call::Call, error::CallError, functions::run, plugin::Plugin};
use crate::plugins::{
    contract::{
        Callback, Notification, Reply, Subscription, bindings::exports::chronus::calendar::push::GuestIndices, convert,
    },
    egress::{Access, Purpose},
    limits::Budget,
};
use secrecy::ExposeSecret as _;
use std::{convert::Infallible, sync::Arc};

impl Plugin {
    /// `push.subscribe`: asks the service to call when the calendar changes.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn subscribe(
        &self,
        access: &Arc<Access>,
        calendar: &str,
        callback: &Callback,
    ) -> Result<Reply<Subscription>, CallError> {
        let (connection, guest) = (convert::connection(&access.connection), self.push()?);
        let (secret, expires) = (callback.secret.expose_secret(), callback.expires.as_second());
        run!(&self.loaded, access, Purpose::Write, guest,
            call_subscribe(&connection, calendar, &callback.url, secret, expires) => convert::subscribed)
    }

    /// `push.renew`: prolongs it, or makes another beside it.
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
        let (connection, guest) = (convert::connection(&access.connection), self.push()?);
        let subscription = convert::subscription_out(subscription);
        let (secret, expires) = (callback.secret.expose_secret(), callback.expires.as_second());
        run!(&self.loaded, access, Purpose::Write, guest,
            call_renew(&connection, calendar, &subscription, &callback.url, secret, expires) => convert::subscribed)
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
        let (connection, guest) = (convert::connection(&access.connection), self.push()?);
        let subscription = convert::subscription_out(subscription);
        run!(&self.loaded, access, Purpose::Write, guest,
            call_confirm(&connection, &subscription, code) => convert::subscribed)
    }

    /// `push.unsubscribe`: ends it; also one that has ended.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn unsubscribe(&self, access: &Arc<Access>, subscription: &Subscription) -> Result<Reply<()>, CallError> {
        let (connection, guest) = (convert::connection(&access.connection), self.push()?);
        let subscription = convert::subscription_out(subscription);
        run!(&self.loaded, access, Purpose::Write, guest,
            call_unsubscribe(&connection, &subscription) => |done| convert::reply((), done.memo))
    }

    /// `push.parse-notification`: what came in at the callback. Header names are in lower case.
    ///
    /// # Errors
    /// See [`CallError`]; never [`CallError::Failure`].
    pub async fn parse_notification(
        &self,
        headers: &[(String, Vec<u8>)],
        query: &str,
        body: &[u8],
    ) -> Result<Notification, CallError> {
        let access = Access::offline(Budget::unauthenticated());
        let mut call = Call::begin(&self.loaded, &access, Purpose::Offline).await?;
        let guest = self.push()?.load(&mut call.store, &call.instance);
        let guest = guest.map_err(|error| CallError::Host(error.to_string()))?;
        let (headers, body) = (headers.to_vec(), body.to_vec());
        let outcome = call.clock().run(guest.call_parse_notification(&mut call.store, &headers, query, &body)).await;
        let outcome = outcome.map(|answer| answer.map(Ok::<_, Infallible>));
        call.end(outcome, convert::notification, |never| match never {})
    }

    fn push(&self) -> Result<&GuestIndices, CallError> {
        self.loaded.exports.push.as_ref().ok_or(CallError::NotExported("push"))
    }
}
