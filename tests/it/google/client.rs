//! Google's own client for Python, built from Google's own description, works with the stand-in.

use anyhow::Context;
use chronus_tests::google::Fault;
use chronus_tests::peers::{self, GoogleClient, Peer};
use reqwest::Method;
use serde_json::{Value, json};

use super::channels::Callback;
use super::world::{ANN, BEN, World, meeting};

/// The client, acting for somebody.
struct Client<'a> {
    world: &'a World,
    client: GoogleClient,
    credentials: Value,
}

impl<'a> Client<'a> {
    async fn new(world: &'a World, address: &str, scopes: &[&str]) -> anyhow::Result<Self> {
        let credentials = json!({ "token": world.google.issue(address, scopes) });
        Ok(Self { world, client: GoogleClient::calendar().await?, credentials })
    }

    async fn calls(&self, calls: Value) -> anyhow::Result<Vec<Value>> {
        let input = json!({ "origin": self.world.google.origin(), "credentials": self.credentials, "calls": calls });
        let said = self.client.ask("calls", &input).await?;
        said.as_array().cloned().context("no list")
    }

    async fn who(&self) -> anyhow::Result<Value> {
        let input = json!({ "origin": self.world.google.origin(), "credentials": self.credentials });
        self.client.ask("who", &input).await
    }

    async fn pages(&self, arguments: Value) -> anyhow::Result<Value> {
        let origin = self.world.google.origin();
        let input = json!({ "origin": origin, "credentials": self.credentials, "arguments": arguments });
        self.client.ask("pages", &input).await
    }
}

fn call(method: &str, arguments: Value) -> Value {
    json!({ "method": method, "arguments": arguments })
}

#[tokio::test]
async fn events_are_made_read_changed_and_followed() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let client = Client::new(&world, ANN, &["calendar.events"]).await?;
    let primary = |event: &str| json!({ "calendarId": "primary", "eventId": event });
    let invite = json!({ "calendarId": "primary", "sendUpdates": "all", "body": meeting("abc11", &[BEN]) });
    let said = client
        .calls(json!([
            call("events.insert", invite),
            call("events.insert", json!({ "calendarId": "primary", "body": meeting("abc11", &[]) })),
            call("events.insert", json!({ "calendarId": "primary", "body": meeting("abc12", &[]) })),
            call("events.insert", json!({ "calendarId": "primary", "body": meeting("abc13", &[]) })),
            call("events.get", primary("abc11")),
            { "method": "events.patch", "headers": { "If-Match": "\"0\"" },
              "arguments": { "calendarId": "primary", "eventId": "abc11", "body": { "summary": "Late" } } },
            call("events.patch", json!({ "calendarId": "primary", "eventId": "abc11", "body": { "summary": "Late" } })),
            call("events.get", primary("nothing")),
        ]))
        .await?;
    assert_eq!(said[0]["answer"]["iCalUID"], "abc11@google.com");
    assert_eq!((&said[1]["status"], &said[1]["reason"]), (&json!(409), &json!("duplicate")));
    assert_eq!(said[4]["answer"]["attendees"][0]["email"], BEN);
    assert_eq!((&said[5]["status"], &said[5]["reason"]), (&json!(412), &json!("conditionNotMet")));
    assert_eq!(said[6]["answer"]["summary"], "Late");
    assert_eq!((&said[7]["status"], &said[7]["reason"]), (&json!(404), &json!("notFound")));

    world.google.set_pages(Some(2), true);
    let listed = client.pages(json!({ "calendarId": "primary", "maxResults": 2 })).await?;
    let ids = |listed: &Value| -> Vec<Value> {
        listed["items"].as_array().into_iter().flatten().map(|item| item["id"].clone()).collect()
    };
    assert_eq!(
        (ids(&listed), &listed["sizes"]),
        (vec![json!("abc11"), json!("abc12"), json!("abc13")], &json!([0, 2, 0, 1]))
    );
    let token = &listed["token"];
    client.calls(json!([call("events.delete", primary("abc12"))])).await?;
    let changed = client.pages(json!({ "calendarId": "primary", "syncToken": token })).await?;
    assert_eq!(changed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&changed["items"][0]["id"], &changed["items"][0]["status"]), (&json!("abc12"), &json!("cancelled")));

    world.google.expire_sync_tokens(ANN);
    let list = |token: &Value| call("events.list", json!({ "calendarId": "primary", "syncToken": token }));
    let said = client.calls(json!([list(&changed["token"]), call("events.delete", primary("abc12"))])).await?;
    assert_eq!((&said[0]["status"], &said[0]["reason"]), (&json!(410), &json!("fullSyncRequired")));
    assert_eq!((&said[1]["status"], &said[1]["reason"]), (&json!(410), &json!("deleted")));
    let again = client.pages(json!({ "calendarId": "primary" })).await?;
    assert_eq!(ids(&again), [json!("abc11"), json!("abc13")]);
    assert!(again["token"].is_string());
    Ok(())
}

#[tokio::test]
async fn calendars_are_listed_and_their_busy_times_asked() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let client = Client::new(&world, ANN, &["calendar"]).await?;
    let team = world.google.add_calendar(ANN, "Team", "Europe/Rome");
    let query = json!({ "body": {
        "timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z",
        "items": [{ "id": "primary" }, { "id": team }, { "id": BEN }],
    } });
    let said = client
        .calls(json!([
            call("events.insert", json!({ "calendarId": "primary", "body": meeting("abc11", &[]) })),
            call("calendarList.list", json!({})),
            call("calendarList.get", json!({ "calendarId": "primary" })),
            call("calendars.get", json!({ "calendarId": team })),
            call("settings.get", json!({ "setting": "timezone" })),
            call("freebusy.query", query),
        ]))
        .await?;
    assert_eq!(said[1]["answer"]["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(said[2]["answer"]["primary"], true);
    assert_eq!(said[3]["answer"]["summary"], "Team");
    assert_eq!(said[4]["answer"]["value"], "Europe/Rome");
    let calendars = &said[5]["answer"]["calendars"];
    let busy = json!([{ "start": "2026-11-24T09:00:00Z", "end": "2026-11-24T09:30:00Z" }]);
    assert_eq!(calendars["primary"], json!({ "busy": busy }));
    assert_eq!(calendars[&team], json!({ "busy": [] }));
    assert_eq!(calendars[BEN]["errors"], json!([{ "domain": "global", "reason": "notFound" }]));
    Ok(())
}

#[tokio::test]
async fn a_channel_is_opened_and_stopped() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let callback = Callback::listen().await?;
    let client = Client::new(&world, ANN, &["calendar.events"]).await?;
    let body = json!({ "id": "channel-1", "type": "web_hook", "address": callback.address, "token": "secret-1" });
    let opened = client.calls(json!([call("events.watch", json!({ "calendarId": "primary", "body": body }))])).await?;
    let opened = &opened[0]["answer"];
    let insert = call("events.insert", json!({ "calendarId": "primary", "body": meeting("abc11", &[]) }));
    client.calls(json!([insert])).await?;
    world.google.settle().await;
    let calls = callback.calls();
    let of = |name: &str| -> Vec<_> { calls.iter().map(|call| call[name].clone()).collect() };
    assert_eq!(of("x-goog-resource-state"), ["sync", "exists"]);
    assert_eq!(of("x-goog-channel-token"), ["secret-1", "secret-1"]);
    assert_eq!(of("x-goog-resource-id"), [opened["resourceId"].as_str().unwrap_or_default(); 2]);
    let stop = json!({ "id": "channel-1", "resourceId": opened["resourceId"] });
    let stop = call("channels.stop", json!({ "body": stop }));
    let said = client.calls(json!([stop, stop])).await?;
    assert_eq!((&said[0]["answer"], &said[1]["status"]), (&json!(""), &json!(404)));
    Ok(())
}

#[tokio::test]
async fn who_somebody_is_is_said_by_scope() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let ann = Client::new(&world, ANN, &["openid", "userinfo.email", "userinfo.profile"]).await?.who().await?;
    assert_eq!((&ann["email"], &ann["verified_email"], &ann["name"]), (&json!(ANN), &json!(true), &json!("Ann Alto")));
    let named = Client::new(&world, ANN, &["profile"]).await?.who().await?;
    assert_eq!((&named["id"], &named["email"]), (&ann["id"], &Value::Null));
    let refused = Client::new(&world, ANN, &["calendar.events"]).await?.who().await.unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
    Ok(())
}

/// The client's own patience: what is a usage limit it tries again, and what is not it does not.
#[tokio::test]
async fn the_client_backs_off_where_it_is_told_to() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let client = Client::new(&world, ANN, &["calendar"]).await?;
    for (status, reason, waits) in [
        (403, "rateLimitExceeded", 2),
        (403, "userRateLimitExceeded", 2),
        (429, "rateLimitExceeded", 2),
        (503, "backendError", 2),
        (403, "forbiddenForNonOrganizer", 0),
    ] {
        world.google.fail_next(2, Some(Method::GET), "/calendar/v3/calendars", Fault::refuse(status, reason));
        let list = json!({ "method": "events.list", "arguments": { "calendarId": "primary" }, "retries": 3 });
        let said = client.calls(json!([list])).await?;
        assert_eq!(said[0]["waits"], waits, "{status} {reason}: {}", said[0]);
        assert_eq!(said[0]["status"].is_null(), waits > 0, "{status} {reason}: {}", said[0]);
        world.google.clear_faults();
    }
    Ok(())
}

/// An access token that ends is refreshed by the client by itself.
#[tokio::test]
async fn the_client_refreshes_its_token() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    world.google.add_client("app", "secret", "The app", &[]);
    let mut client = Client::new(&world, ANN, &["calendar"]).await?;
    let refresh = world.google.issue_refresh(ANN, "app", &["calendar"]);
    client.credentials["refresh_token"] = refresh.into();
    client.credentials["client_id"] = "app".into();
    client.credentials["client_secret"] = "secret".into();
    world.google.expire_access_tokens(ANN);
    let list = json!([call("events.list", json!({ "calendarId": "primary" }))]);
    assert!(client.calls(list.clone()).await?[0]["answer"].is_object());
    assert_eq!(world.google.token_requests("refresh_token"), 1);
    // Not after the person has taken it back.
    world.google.revoke_everything(ANN);
    let refused = client.calls(list).await.unwrap_err().to_string();
    assert!(refused.contains("Token has been expired or revoked"), "{refused}");
    Ok(())
}
