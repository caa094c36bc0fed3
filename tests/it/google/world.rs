//! Two people with an account at the stand-in, and a plain client of its API.

use anyhow::Context;
use chronus_host::clock::Clock;
use chronus_tests::google::{Google, Strictness};
use chronus_tests::peers::{Peer, left_out};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub(super) const ANN: &str = "ann@example.com";
pub(super) const BEN: &str = "ben@example.com";

/// The service at nine o'clock of a Tuesday in Rome, with Ann and Ben.
pub(super) struct World {
    pub(super) google: Google,
    pub(super) clock: Clock,
    client: reqwest::Client,
}

impl World {
    /// With Google's description of its API, unless one has to do without it.
    pub(super) async fn new() -> anyhow::Result<Self> {
        let strictness = if left_out(&[Peer::Google])? { Strictness::Alone } else { Strictness::Documented };
        let clock = Clock::at("2026-11-24T08:00:00Z".parse()?);
        let google = Google::start(clock.clone(), strictness).await?;
        google.add_user(ANN, "Ann Alto", "Europe/Rome");
        google.add_user(BEN, "Ben Basso", "America/New_York");
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { google, clock, client })
    }

    /// Somebody who may do everything with their calendars.
    pub(super) fn person(&self, address: &str) -> Person<'_> {
        self.person_with(address, &["calendar"])
    }

    pub(super) fn person_with(&self, address: &str, scopes: &[&str]) -> Person<'_> {
        self.person_of(&self.google.issue(address, scopes))
    }

    /// The person with this token.
    pub(super) fn person_of(&self, token: &str) -> Person<'_> {
        Person { world: self, token: token.to_owned() }
    }

    /// A plain client.
    pub(super) fn browser(&self) -> &reqwest::Client {
        &self.client
    }
}

/// Somebody with a token.
pub(super) struct Person<'a> {
    world: &'a World,
    pub(super) token: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    /// The reason of a refusal.
    pub(super) fn reason(&self) -> &str {
        self.body["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
    }
}

impl Person<'_> {
    /// Asks below `/calendar/v3/`.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Reply> {
        self.ask_if(method, path, body, &[]).await
    }

    pub(super) async fn ask_if(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Reply> {
        let url = format!("{}/calendar/v3/{path}", self.world.google.origin());
        let mut request = self.world.client.request(method, url).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.bytes().await?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).context("no JSON")? };
        Ok(Reply { status, headers, body })
    }

    /// The status and body of what the service says of the person.
    pub(super) async fn userinfo(&self) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}/oauth2/v2/userinfo", self.world.google.origin());
        let answer = self.world.client.get(url).bearer_auth(&self.token).send().await?;
        Ok((answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// What is answered, which must be a success.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let said = self.ask(Method::GET, path, None).await?;
        anyhow::ensure!(said.status == StatusCode::OK, "{path}: {said:?}");
        Ok(said.body)
    }

    /// Does something that must succeed.
    pub(super) async fn put(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        let said = self.ask(method, path, Some(&body)).await?;
        anyhow::ensure!(said.status.is_success(), "{path}: {said:?}");
        Ok(said.body)
    }

    /// The ids of a list, with those that are cancelled in brackets, and the token that comes with them.
    pub(super) async fn list(&self, query: &str) -> anyhow::Result<(Vec<String>, String)> {
        let body = self.get(&format!("calendars/primary/events?{query}")).await?;
        let shown = |item: &Value| {
            let id = item["id"].as_str().unwrap_or_default();
            if item["status"] == "cancelled" { format!("({id})") } else { id.to_owned() }
        };
        let items = body["items"].as_array().context("no items")?.iter().map(shown).collect();
        let token = body["nextSyncToken"].as_str().or(body["nextPageToken"].as_str()).unwrap_or_default();
        Ok((items, token.to_owned()))
    }
}

/// Half an hour at ten on the same day, with these guests.
pub(super) fn meeting(id: &str, guests: &[&str]) -> Value {
    json!({
        "id": id,
        "summary": "Choir",
        "start": { "dateTime": "2026-11-24T10:00:00+01:00" },
        "end": { "dateTime": "2026-11-24T10:30:00+01:00" },
        "attendees": guests.iter().map(|guest| json!({ "email": guest })).collect::<Vec<_>>(),
    })
}
