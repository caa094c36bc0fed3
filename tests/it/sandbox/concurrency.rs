//! Concurrent calls: their number is limited, further calls wait within their own deadline, and a cancelled call leaves
//! nothing behind.

use super::{
    admission::with_memory,
    server::{Reply, Server, answer},
    yard::{Ask, Yard, config, guest},
};
use chronus_host::plugins::{CallError, Sandbox, SandboxConfig, contract::SignInError};
use std::{future::poll_fn, sync::Arc, task::Poll};
use tokio::sync::Semaphore;

/// A server whose responses wait for a semaphore.
async fn slow() -> (Server, Arc<Semaphore>) {
    let sign = Arc::new(Semaphore::new(0));
    let waiting = sign.clone();
    (Server::start(move |_| Reply::When(waiting.clone(), answer(200, &[], "done"))).await, sign)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_too_many_waits_and_then_works_or_is_told_to_come_back() {
    let sandbox = Sandbox::new(SandboxConfig { concurrent_calls: 2, ..config() }).unwrap();
    let plugin = sandbox.admit(&guest("hostile").await).await.unwrap();
    let (server, sign) = slow().await;
    // One organisation alone may not have all of them.
    let call = |organisation, wall_ms| {
        let ask = Ask { organisation, ..Ask::act("ask").to(&server).budget(|budget| budget.wall_ms = wall_ms) };
        let plugin = plugin.clone();
        tokio::spawn(async move { ask.open(&plugin).await })
    };
    let slow = [call("one", 60_000), call("two", 60_000)];
    server.until(|counts| counts.requests == 2).await;
    assert_eq!(sandbox.instances(), 2);
    match call("three", 150).await.unwrap() {
        Err(error @ CallError::Busy(2)) => {
            assert_eq!(error.code(), "sandbox-busy");
            assert!(error.to_string().contains("sandbox.concurrent-calls"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let third = call("three", 60_000);
    sign.add_permits(2);
    for call in slow {
        assert_eq!(call.await.unwrap().unwrap().get("body"), "done");
    }
    server.until(|counts| counts.requests == 3).await;
    sign.add_permits(1);
    assert_eq!(third.await.unwrap().unwrap().get("body"), "done");
    assert_eq!(sandbox.instances(), 0);
}

/// Calls for incoming notifications do not wait for calls to calendars, and calls to calendars do not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_send_nothing_have_a_pool_of_their_own() {
    let sandbox = Sandbox::new(SandboxConfig { concurrent_calls: 1, ..config() }).unwrap();
    let plugin = sandbox.admit(&guest("hostile").await).await.unwrap();
    let (server, sign) = slow().await;
    let slow = tokio::spawn({
        let (plugin, ask) = (plugin.clone(), Ask::act("ask").to(&server));
        async move { ask.open(&plugin).await }
    });
    server.until(|counts| counts.requests == 1).await;
    let error = SignInError { status: None, error: "invalid_grant".into(), description: String::new(), fields: vec![] };
    plugin.explain_failure(&Ask::act("nothing").access(), error).await.unwrap();
    sign.add_permits(1);
    slow.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_run_finds_room() {
    // The maximum number of memories of a component, in the maximum number of calls.
    let sandbox = Sandbox::new(SandboxConfig { concurrent_calls: 3, ..config() }).unwrap();
    let large = (0..3).fold(guest("hostile").await, |bytes, _| with_memory(&bytes, 1));
    let plugin = sandbox.admit(&large).await.unwrap();
    let (server, sign) = slow().await;
    let calls: Vec<_> = ["one", "two", "three"]
        .map(|organisation| {
            let (plugin, ask) = (plugin.clone(), Ask { organisation, ..Ask::act("ask").to(&server) });
            tokio::spawn(async move { ask.open(&plugin).await })
        })
        .into();
    server.until(|counts| counts.requests == 3).await;
    sign.add_permits(3);
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_waits_for_any_more_is_gone() {
    let yard = Yard::new().await;
    let (server, sign) = slow().await;
    let waiting = tokio::spawn({
        let (plugin, ask) = (yard.plugin.clone(), Ask::act("ask").to(&server));
        async move { ask.open(&plugin).await }
    });
    server.until(|counts| counts.requests == 1).await;
    assert_eq!(yard.sandbox.instances(), 1);
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    // The socket is closed and the instance is returned to the pool.
    server.until(|counts| counts.open == 0).await;
    assert_eq!(yard.sandbox.instances(), 0);
    drop(sign);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_computes_can_be_given_up_at_any_tick() {
    let yard = Yard::new().await;
    let mut spinning = Box::pin({
        let (plugin, ask) = (yard.plugin.clone(), Ask::act("spin"));
        async move { ask.open(&plugin).await }
    });
    for _ in 0..10 {
        let pending = poll_fn(|context| Poll::Ready(spinning.as_mut().poll(context).is_pending())).await;
        assert!(pending, "it ended");
        tokio::task::yield_now().await;
    }
    assert_eq!(yard.sandbox.instances(), 1);
    drop(spinning);
    assert_eq!(yard.sandbox.instances(), 0);
    Ask::act("nothing").open(&yard.plugin).await.unwrap();
}

/// The hostile guest says that it takes two.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_of_a_connection_run_at_once_than_its_provider_takes() {
    let yard = Yard::with(SandboxConfig { concurrent_calls: 16, ..config() }).await;
    let (server, sign) = slow().await;
    let call = |connection: &'static str, wall_ms| {
        let ask = Ask::act("ask").to(&server).budget(|budget| budget.wall_ms = wall_ms);
        let (plugin, access) = (yard.plugin.clone(), ask.access());
        tokio::spawn(async move { plugin.open(&access.with_connection(connection)).await })
    };
    let mut slow = vec![call("one", 60_000), call("one", 60_000)];
    server.until(|counts| counts.requests == 2).await;
    let error = call("one", 150).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Busy(_)), "{error}");
    slow.push(call("two", 60_000));
    server.until(|counts| counts.requests == 3).await;
    slow.push(call("one", 60_000));
    sign.add_permits(4);
    for call in slow {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.counts().requests, 4);
}
