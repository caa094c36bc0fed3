//! What goes wrong on request, and what is found to be against Google's own description.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chronus_host::clock::Clock;
use chronus_tests::google::{Fault, Google, Strictness};
use chronus_tests::peers::{Peer, left_out};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::world::{ANN, World, meeting};

const EVENTS: &str = "calendars/primary/events";
const PATH: &str = "/calendar/v3/calendars";

#[tokio::test]
async fn the_next_requests_meet_what_was_planned() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let slow = Fault::retry_after(429, "rateLimitExceeded", Duration::from_secs(7));
    world.google.fail_next(1, Some(Method::GET), PATH, slow);
    ann.put(Method::POST, EVENTS, meeting("abc11", &[])).await?;
    let said = ann.ask(Method::GET, EVENTS, None).await?;
    assert_eq!((said.status, said.reason()), (StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded"));
    assert_eq!(said.headers[RETRY_AFTER], "7");
    assert_eq!(said.body["error"]["errors"][0]["domain"], "usageLimits");
    assert_eq!(ann.ask(Method::GET, EVENTS, None).await?.status, StatusCode::OK);

    world.google.fail_next(1, None, PATH, Fault::Cut);
    assert!(ann.ask(Method::POST, EVENTS, Some(&meeting("abc12", &[]))).await.is_err());
    assert!(world.google.event(ANN, "abc12").is_none());
    world.google.fail_next(1, None, PATH, Fault::DoneButCut);
    assert!(ann.ask(Method::POST, EVENTS, Some(&meeting("abc12", &[]))).await.is_err());
    assert!(world.google.event(ANN, "abc12").is_some(), "it was done all the same");

    world.google.fail_next(1, None, PATH, Fault::Garbage { status: 502, body: "<html>".into() });
    assert!(ann.ask(Method::GET, EVENTS, None).await.is_err(), "no JSON");
    world.google.fail_next(1, None, "/token", Fault::refuse(503, "backend_error"));
    let token = world.browser().post(format!("{}/token", world.google.origin())).send().await?;
    assert_eq!(token.status(), 503);
    assert!(token.text().await?.contains(r#""error":"backend_error""#));
    Ok(())
}

#[tokio::test]
async fn who_waits_for_a_service_that_hangs_waits_in_vain() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.google.fail_next(1, None, PATH, Fault::Hang);
    let impatient = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(50)).build()?;
    let url = format!("{}/calendar/v3/{EVENTS}", world.google.origin());
    let error = impatient.get(url).bearer_auth(world.google.issue(ANN, &["calendar"])).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Ok(())
}

#[tokio::test]
async fn requests_are_kept_without_their_secrets() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let watch = json!({ "id": "a", "type": "web_hook", "address": "http://127.0.0.1:1/", "token": "hidden" });
    ann.put(Method::POST, &format!("{EVENTS}/watch"), watch).await?;
    let form = "token=hidden&client_secret=hidden";
    let url = format!("{}/revoke?token=hidden", world.google.origin());
    world.browser().post(url).header("cookie", "hidden").body(form).send().await?;
    let requests = world.google.take_requests();
    let shown = format!("{requests:?}");
    assert!(!shown.contains("hidden") && !shown.contains(&ann.token), "{shown}");
    assert_eq!((requests[0].method.as_str(), requests[0].status), ("POST", Some(200)));
    assert_eq!(requests[0].body.as_ref().map(|body| &body["id"]), Some(&json!("a")));
    assert_eq!(requests[1].query, [("token".to_owned(), "…".to_owned())]);
    assert_eq!(world.google.take_requests(), []);
    Ok(())
}

/// What Google's description does not have is refused and kept, by the description that Google gives.
#[tokio::test]
async fn what_the_description_does_not_have_is_found() -> anyhow::Result<()> {
    if left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let ann = world.person(ANN);
    let mut misspelt = meeting("abc11", &[]);
    misspelt["summery"] = "Choir".into();
    let mut wrong_type = meeting("abc11", &[]);
    wrong_type["sequence"] = "1".into();
    let null = json!({ "start": null, "end": null });
    for (verb, path, body, what) in [
        (Method::POST, EVENTS, Some(misspelt), "Event.summery does not exist"),
        (Method::POST, EVENTS, Some(wrong_type), "Event.sequence"),
        (Method::POST, EVENTS, Some(null), "Event.end is null"),
        (Method::POST, EVENTS, Some(json!({})), "the body has no end"),
        (Method::GET, "calendars/primary/events?calender=a", None, "has no parameter calender"),
        (Method::GET, "calendars/primary/events?maxResults=0", None, "maxResults=0"),
        (Method::GET, "calendars/primary/events?timeMin=2026-11-24T00:00:00", None, "timeMin"),
        (Method::GET, "calendars/primary/event", None, "there is no such method"),
        (Method::GET, "colors", None, "is not served here"),
    ] {
        let said = ann.ask(verb, path, body.as_ref()).await?;
        assert_eq!(said.status, StatusCode::BAD_REQUEST, "{path}");
        let found = world.google.take_violations();
        assert!(found.len() == 1 && found[0].contains(what), "{path}: {found:?}");
    }
    assert_eq!(world.google.events(ANN), [json!(null); 0]);
    Ok(())
}

/// No test passes with a request that means nothing.
#[tokio::test]
async fn what_was_found_is_told_at_the_end() -> anyhow::Result<()> {
    if left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    world.person(ANN).ask(Method::GET, "calendars/primary/event", None).await?;
    let told = std::panic::catch_unwind(AssertUnwindSafe(|| drop(world))).unwrap_err();
    let told = told.downcast_ref::<String>().map(String::as_str).unwrap_or_default();
    assert!(told.contains("GET /calendar/v3/calendars/primary/event: there is no such method"), "{told}");
    Ok(())
}

/// The demo has no description of Google's, and no need of one.
#[tokio::test]
async fn it_runs_without_the_description() -> anyhow::Result<()> {
    let google = Google::start(Clock::System, Strictness::Alone).await?;
    google.add_user(ANN, "Ann Alto", "Europe/Rome");
    assert_eq!(google.map()[0], ("https://www.googleapis.com".to_owned(), google.origin().to_owned()));
    assert_eq!(google.violations(), [""; 0]);
    Ok(())
}

/// A connection that is kept open does not keep the service.
#[tokio::test]
async fn what_has_ended_answers_nobody() -> anyhow::Result<()> {
    let World { google, .. } = World::new().await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/oauth2/v2/userinfo", google.origin());
    client.get(&url).send().await?.bytes().await?;
    drop(google);
    let answered = async || client.get(&url).send().await?.bytes().await;
    assert!(answered().await.is_err());
    Ok(())
}
