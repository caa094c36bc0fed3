//! Channels: they call the address that opened them, in order, until they end.

use chronus_host::locks;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::world::{ANN, BEN, World, meeting};

/// Somebody who is called.
pub(super) struct Callback {
    pub(super) address: String,
    heard: Notifications,
    server: JoinHandle<()>,
}

type Notifications = Arc<Mutex<Vec<BTreeMap<String, String>>>>;

impl Callback {
    pub(super) async fn listen() -> anyhow::Result<Self> {
        Self::answering(StatusCode::NO_CONTENT).await
    }

    /// Answers the first call with this status, and later ones with 204.
    async fn answering(first: StatusCode) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}/called", listener.local_addr()?);
        let heard = Notifications::default();
        let hear = async move |State(heard): State<Notifications>, headers: HeaderMap| {
            let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
            let call = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
            let mut heard = locks::lock(&heard);
            heard.push(call);
            if heard.len() == 1 { first } else { StatusCode::NO_CONTENT }
        };
        let routes = Router::new().route("/called", axum::routing::post(hear)).with_state(Arc::clone(&heard));
        let server = tokio::spawn(async move {
            // It ends with the listener, which ends with the task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, heard, server })
    }

    /// The headers of all calls so far.
    pub(super) fn calls(&self) -> Vec<BTreeMap<String, String>> {
        locks::lock(&self.heard).clone()
    }

    fn states(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call["x-goog-resource-state"].clone()).collect()
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn channel(id: &str, callback: &Callback) -> Value {
    json!({ "id": id, "type": "web_hook", "address": callback.address })
}

const WATCH: &str = "calendars/primary/events/watch";
const EVENTS: &str = "calendars/primary/events";

#[tokio::test]
async fn who_follows_a_calendar_is_called_until_the_channel_ends() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (ann, ben) = (world.person(ANN), world.person(BEN));
    let callback = Callback::listen().await?;
    let mut wanted = channel("ann-1", &callback);
    wanted["params"] = json!({ "ttl": "3600" });
    wanted["token"] = "a=b".into();
    let opened = ann.put(Method::POST, WATCH, wanted.clone()).await?;
    assert_eq!(opened["expiration"], "1795510800000");
    let again = ann.ask(Method::POST, WATCH, Some(&wanted)).await?;
    assert_eq!((again.status, again.reason()), (StatusCode::BAD_REQUEST, "channelIdNotUnique"));

    ann.put(Method::POST, EVENTS, meeting("abc11", &[BEN])).await?;
    ben.put(Method::POST, EVENTS, meeting("abc12", &[])).await?;
    let answer = json!({ "attendeesOmitted": true, "attendees": [{ "email": BEN, "responseStatus": "accepted" }] });
    ben.put(Method::PATCH, &format!("{EVENTS}/abc11"), answer).await?;
    world.google.settle().await;
    let calls = callback.calls();
    assert_eq!(callback.states(), ["sync", "exists", "exists"], "Ann's event, and Ben's answer to it");
    let numbers: Vec<_> = calls.iter().map(|call| call["x-goog-message-number"].as_str()).collect();
    assert_eq!(numbers, ["1", "8", "15"]);
    assert_eq!(calls[0]["content-length"], "0");
    assert_eq!(calls[0]["x-goog-channel-token"], "a=b");
    assert_eq!(calls[0]["x-goog-channel-expiration"], "Tue, 24 Nov 2026 09:00:00 GMT");
    assert!(calls[0]["x-goog-resource-uri"].contains("/calendars/ann@example.com/events"));

    world.clock.advance(SignedDuration::from_hours(1));
    let ann = world.person(ANN);
    assert_eq!(world.google.channels(), [""; 0]);
    ann.ask(Method::DELETE, &format!("{EVENTS}/abc11"), None).await?;
    world.google.settle().await;
    assert_eq!(callback.calls().len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_channel_that_cannot_be_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let callback = Callback::listen().await?;
    let with = |name: &str, value: Value| {
        let mut channel = channel("ann-1", &callback);
        channel[name] = value;
        channel
    };
    for (wanted, reason) in [
        (with("id", "".into()), "required"),
        (with("id", "a".repeat(65).into()), "invalid"),
        (with("id", "a b".into()), "invalid"),
        (with("type", "mail".into()), "invalid"),
        (with("address", "http://example.com/".into()), "push.webhookUrlNotHttps"),
        (with("address", "nowhere".into()), "push.webhookUrlNotHttps"),
        (with("token", "a".repeat(257).into()), "invalid"),
        (with("expiration", "1".into()), "invalid"),
    ] {
        let said = ann.ask(Method::POST, WATCH, Some(&wanted)).await?;
        assert_eq!((said.status, said.reason()), (StatusCode::BAD_REQUEST, reason), "{wanted}");
    }
    // What asks for more than there is gets what there is.
    let long = with("expiration", "1900000000000".into());
    assert_eq!(ann.put(Method::POST, WATCH, long).await?["expiration"], "1798099200000", "30 days");
    world.google.settle().await;
    assert_eq!(callback.states(), ["sync"]);
    Ok(())
}

#[tokio::test]
async fn only_the_application_that_opened_a_channel_stops_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.person(ANN);
    let callback = Callback::answering(StatusCode::SERVICE_UNAVAILABLE).await?;
    let opened = ann.put(Method::POST, WATCH, channel("ann-1", &callback)).await?;
    world.google.settle().await;
    assert_eq!(callback.states(), ["sync", "sync"], "a call that is answered by 503 is made again");
    let stop = json!({ "id": "ann-1", "resourceId": opened["resourceId"] });
    let wrong = json!({ "id": "ann-1", "resourceId": "another" });
    let said = ann.ask(Method::POST, "channels/stop", Some(&wrong)).await?;
    assert_eq!((said.status, said.reason()), (StatusCode::NOT_FOUND, "notFound"));
    let said = ann.ask(Method::POST, "channels/stop", Some(&stop)).await?;
    assert_eq!(said.status, StatusCode::NO_CONTENT);
    let said = ann.ask(Method::POST, "channels/stop", Some(&stop)).await?;
    assert_eq!(said.status, StatusCode::NOT_FOUND);
    // Silence, as it happens.
    ann.put(Method::POST, WATCH, channel("ann-2", &callback)).await?;
    world.google.silence(true);
    ann.put(Method::POST, EVENTS, meeting("abc11", &[])).await?;
    world.google.settle().await;
    assert_eq!(callback.states(), ["sync", "sync", "sync"]);
    Ok(())
}
