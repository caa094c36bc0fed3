//! Cases of `push`: ending subscriptions and reading notifications. Deliveries cannot be tested: the service would have to reach
//! this machine.

use super::{
    bench::Bench,
    expect::{CaseResult, ensure, not_applicable, ok},
};
use crate::plugins::{
    CallError,
    contract::{Callback, CallbackRequest},
};
use jiff::SignedDuration;

super::list! {
    "unsubscribe/again" [Push] again;
    "unsubscribe/again:never-was" [Push] never_was;
    "notification/garbage" [Push] garbage;
}

/// A callback that does not exist. Services that check it first refuse the subscription.
fn callback(bench: &Bench) -> Callback {
    Callback {
        url: format!("https://conformance.invalid/notifications/{}", bench.name()),
        secret: "conformance-secret".into(),
        expires: crate::clock::Clock::System.now() + SignedDuration::from_hours(1),
    }
}

async fn again(bench: &Bench) -> CaseResult {
    let subscribed = bench.caller.subscribe(bench.calendar()?, &callback(bench)).await;
    let subscription = match subscribed {
        Err(CallError::Failure(failure)) => {
            return not_applicable(format!("the service does not accept a callback that does not exist: {failure}"));
        }
        subscribed => ok("`subscribe` returns a subscription", subscribed)?,
    };
    ok("`unsubscribe` ends the subscription", bench.caller.unsubscribe(&subscription).await)?;
    ok("`unsubscribe` of an ended subscription succeeds", bench.caller.unsubscribe(&subscription).await)
}

async fn never_was(bench: &Bench) -> CaseResult {
    let subscribed = bench.caller.subscribe(bench.calendar()?, &callback(bench)).await;
    let Ok(subscription) = subscribed else { return not_applicable("the service does not accept a subscription here") };
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
