//! Cases of `push`: subscriptions, and the notifications that reach [`callbacks`](super::callbacks).

use super::{
    bench::Bench,
    callbacks::Listener,
    expect::{CaseResult, CaseStop, describe_error, ensure, equal, failed, not_tried, ok},
};
use crate::{
    clock::Clock,
    plugins::{
        CallError,
        contract::{Callback, CallbackRequest, Subscription},
    },
};
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use std::time::Duration;

super::list! {
    "subscribe/told" [Push, Write] told;
    "renew/told" [Push, Write] told_after_renewal;
    "unsubscribe/again" [Push] again;
    "unsubscribe/again:never-was" [Push] never_was;
    "notification/garbage" [Push] garbage;
}

/// How long a service may take to call.
const PATIENCE: Duration = Duration::from_secs(10);

/// A subscription with its callback.
struct Subscribed<'a> {
    listener: &'a Listener,
    callback: Callback,
    subscription: Subscription,
}

async fn subscribe(bench: &Bench) -> CaseResult<Subscribed<'_>> {
    let listener = bench.listener().await?;
    let callback = Callback {
        url: listener.url(&bench.name()),
        secret: "conformance-secret".into(),
        expires: Clock::System.now() + SignedDuration::from_hours(1),
    };
    match bench.caller.subscribe(bench.calendar()?, &callback).await {
        Ok(subscription) => Ok(Subscribed { listener, callback, subscription }),
        // Services check the address first, and many accept none but public ones.
        Err(CallError::Failure(failure)) if failure.remedy.code() != "temporary" => not_tried(format!(
            "the service does not accept the callback {}: {failure}; name an address that leads here in [push] of the target",
            callback.url
        )),
        Err(error) => failed("`subscribe` returns a subscription", describe_error(&error)),
    }
}

async fn told(bench: &Bench) -> CaseResult {
    let subscribed = subscribe(bench).await?;
    let heard = hears(bench, &subscribed).await;
    ok("`unsubscribe` ends the subscription", bench.caller.unsubscribe(&subscribed.subscription).await)?;
    heard
}

async fn told_after_renewal(bench: &Bench) -> CaseResult {
    let mut subscribed = subscribe(bench).await?;
    let before = hears(bench, &subscribed).await;
    let old = subscribed.subscription.clone();
    let renewed = bench.caller.renew(bench.calendar()?, &old, &subscribed.callback).await;
    subscribed.subscription = ok("`renew` returns a subscription", renewed)?;
    if subscribed.subscription.id != old.id {
        ok("`unsubscribe` ends the old subscription", bench.caller.unsubscribe(&old).await)?;
    }
    let was_heard = before.is_ok();
    let after = match before {
        Ok(()) => hears(bench, &subscribed).await,
        Err(stop) => Err(stop),
    };
    let ended = bench.caller.unsubscribe(&subscribed.subscription).await;
    ok("`unsubscribe` ends the renewed subscription", ended)?;
    after.or_else(|stop| match stop {
        // The service can call, because it did so before the renewal.
        CaseStop::NotTried(why) if was_heard => failed("a notification after `renew`", why),
        stop => Err(stop),
    })
}

/// A new event leads to a notification.
async fn hears(bench: &Bench, subscribed: &Subscribed<'_>) -> CaseResult {
    let Subscribed { listener, callback, subscription } = subscribed;
    let before = listener.received();
    bench.make(&bench.draft(10, 11)).await?;
    let Some(hint) = listener.hint(&subscription.id, before.hints.len(), PATIENCE).await else {
        let requests = listener.received().requests - before.requests;
        if requests > 0 {
            return failed(
                format!("`parse-notification` reads a hint for the subscription `{}`", subscription.id),
                format!("{requests} requests came in, and none gave such a hint"),
            );
        }
        return not_tried(format!(
            "no notification came to {} within {} s; name an address that leads here in [push] of the target",
            callback.url,
            PATIENCE.as_secs()
        ));
    };
    let secret = callback.secret.expose_secret().to_owned();
    equal("the hint has the secret of `subscribe`", &Some(secret), &hint.secret)
}

async fn again(bench: &Bench) -> CaseResult {
    let subscription = subscribe(bench).await?.subscription;
    ok("`unsubscribe` ends the subscription", bench.caller.unsubscribe(&subscription).await)?;
    ok("`unsubscribe` of an ended subscription succeeds", bench.caller.unsubscribe(&subscription).await)
}

async fn never_was(bench: &Bench) -> CaseResult {
    let subscription = subscribe(bench).await?.subscription;
    let mut other = subscription.clone();
    other.id = bench.unknown_id(&subscription.id);
    let ended = bench.caller.unsubscribe(&other).await;
    ok("`unsubscribe` ends the subscription", bench.caller.unsubscribe(&subscription).await)?;
    ok("`unsubscribe` of an unknown subscription succeeds", ended)
}

async fn garbage(bench: &Bench) -> CaseResult {
    let long = "x".repeat(8000);
    let queries = ["", "validationToken=%00%ff", "a=b&a=c&&=", long.as_str()];
    let bodies: [&[u8]; 6] = [b"", b"{", b"{\"value\":[{}, null, 7]}", b"[[[[[[", &[0xff; 3000], b"<x><y></x>"];
    let headers = [
        vec![],
        vec![("content-type".to_owned(), b"application/json".to_vec())],
        vec![("x-goog-channel-id".to_owned(), vec![0xff; 100]), ("x-goog-resource-state".to_owned(), b"?".to_vec())],
    ];
    for query in queries {
        for body in bodies {
            for headers in &headers {
                let request = CallbackRequest { method: "POST", headers, query, body };
                let read = bench.caller.plugin.parse_notification(request).await;
                let read = ok("`parse-notification` accepts any input", read)?;
                let unnamed = read.hints.iter().any(|hint| hint.subscription.is_empty());
                ensure(!unnamed, "a hint names its subscription", || format!("{:?}", read.hints))?;
            }
        }
    }
    Ok(())
}
