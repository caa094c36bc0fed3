//! What fails again and again is left alone: a calendar, a service, or a version of a provider, of one organisation each.

use super::{
    server::{Reply, Server, answer},
    yard::{Ask, Yard},
};
use chronus_host::plugins::CallError;

/// The failures in a row after which nothing is called.
const FAILURES: usize = 5;

/// A call of the connection `number` of its organisation.
async fn call(yard: &Yard, ask: &Ask, number: usize) -> Result<(), CallError> {
    let access = ask.access().with_connection(format!("{} {number}", ask.organisation));
    yard.plugin.open(&access).await.map(|_| ())
}

/// A call to a server that the connection has for its own.
fn to_own(server: &Server) -> Ask {
    let mut ask = Ask::act("ask").to(server).budget(|budget| budget.wall_ms = 500);
    ask.connection.server = Some(server.origin());
    ask
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_is_left_alone() {
    let yard = Yard::new().await;
    let hangs = Server::start(|_| Reply::Stall(vec![])).await;
    let works = Server::start(|_| Reply::Bytes(answer(200, &[], "well"))).await;
    let hanging = to_own(&hangs);
    for number in 0..FAILURES {
        let error = call(&yard, &hanging, number).await.unwrap_err();
        assert_eq!(error.code(), "wall-exhausted", "{error}");
    }
    let error = call(&yard, &hanging, FAILURES).await.unwrap_err();
    assert!(matches!(error, CallError::ServiceSuspended(wait) if wait.as_secs() < 10), "{error}");
    assert!(error.code() == "service-suspended" && error.pause().is_some(), "{error}");
    assert_eq!(hangs.counts().requests, FAILURES, "it was called");
    // Another server, another organisation, and somebody who is only connecting are not kept from calling.
    let well = to_own(&works).budget(|budget| budget.wall_ms = 60_000);
    call(&yard, &well, 0).await.unwrap();
    let other = Ask { organisation: "other", ..hanging.clone() };
    assert_eq!(call(&yard, &other, 0).await.unwrap_err().code(), "wall-exhausted");
    assert_eq!(hanging.open(&yard.plugin).await.unwrap_err().code(), "wall-exhausted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_fails_keeps_no_other_from_being_called() {
    let yard = Yard::new().await;
    for _ in 0..FAILURES {
        assert_eq!(call(&yard, &Ask::act("unreachable"), 0).await.unwrap_err().code(), "provider-trapped");
    }
    let error = call(&yard, &Ask::act("nothing"), 0).await.unwrap_err();
    assert!(matches!(error, CallError::ConnectionSuspended(_)) && error.code() == "calendar-suspended", "{error}");
    call(&yard, &Ask::act("nothing"), 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_is_left_alone() {
    let yard = Yard::new().await;
    for number in 0..FAILURES {
        let error = call(&yard, &Ask::act("unreachable"), number).await.unwrap_err();
        assert_eq!(error.code(), "provider-trapped", "{error}");
    }
    let error = call(&yard, &Ask::act("nothing"), 0).await.unwrap_err();
    assert!(matches!(error, CallError::VersionSuspended(_)), "{error}");
    assert_eq!(error.code(), "provider-suspended");
    call(&yard, &Ask { organisation: "other", ..Ask::act("nothing") }, 0).await.unwrap();
}
