//! Cases of `push`: what ends, and what comes in. That a service really calls cannot be seen from here: it would have to
//! reach this machine.

use super::{
    bench::Bench,
    expect::{Checked, ensure, not_applicable, ok},
};
use crate::plugins::{CallError, contract::Callback};
use jiff::SignedDuration;

super::list! {
    "unsubscribe/again" [Push] again;
    "unsubscribe/again:never-was" [Push] never_was;
    "notification/garbage" [Push] garbage;
}

/// One that leads nowhere; services that look before they promise will say so.
fn callback(bench: &Bench) -> Callback {
    Callback {
        url: format!("https://conformance.invalid/notifications/{}", bench.name()),
        secret: "conformance-secret".into(),
        expires: crate::clock::Clock::System.now() + SignedDuration::from_hours(1),
    }
}

async fn again(bench: &Bench) -> Checked {
    let subscribed = bench.caller.subscribe(bench.calendar()?, &callback(bench)).await;
    let subscription = match subscribed {
        Err(CallError::Failure(failure)) => {
            return not_applicable(format!(
                "the service does not promise to call an address that leads nowhere: {failure}"
            ));
        }
        subscribed => ok("`subscribe` gives a subscription", subscribed)?,
    };
    ok("`unsubscribe` ends the subscription", bench.caller.unsubscribe(&subscription).await)?;
    ok("`unsubscribe` of what has ended succeeds", bench.caller.unsubscribe(&subscription).await)
}

async fn never_was(bench: &Bench) -> Checked {
    let subscribed = bench.caller.subscribe(bench.calendar()?, &callback(bench)).await;
    let Ok(subscription) = subscribed else { return not_applicable("the service promises nothing here") };
    let mut other = subscription.clone();
    other.id = bench.unknown_id(&subscription.id);
    let ended = bench.caller.unsubscribe(&other).await;
    ok("`unsubscribe` of the subscription", bench.caller.unsubscribe(&subscription).await)?;
    ok("`unsubscribe` of what the service does not know succeeds", ended)
}

async fn garbage(bench: &Bench) -> Checked {
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
                let read = bench.caller.plugin.parse_notification(headers, query, body).await;
                let read = ok("`parse-notification` reads whatever comes in", read)?;
                let unnamed = read.hints.iter().any(|hint| hint.subscription.is_empty());
                ensure(!unnamed, "a hint names its subscription", || format!("{:?}", read.hints))?;
            }
        }
    }
    Ok(())
}
