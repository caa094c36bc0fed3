//! `providers/example`: it keeps the contract, and a person who connects it is busy when the service says so.

use super::world::World;
use anyhow::{Context, ensure};
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::get};
use chronus_host::calendar::{BusyKind, Window};
use chronus_host::conformance::{
    self, CallbackTarget, EventForm, Expectation, ExpectedEvent, ExpectedInterval, ExpectedSpan, Target, Verdict,
};
use chronus_host::plugins::egress::{Credential, EgressGrant, EgressMap, EgressPolicy};
use chronus_host::plugins::{Budget, CallTarget};
use chronus_tests::peers::{self, Peer};
use chronus_tests::{components, harness, repo_root};
use jiff::{Timestamp, civil::date};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The service as the provider knows it; the map leads to where it is.
const SERVICE: &str = "https://rota.example.com";

const KEY: &str = "key-of-ann";

/// The service that the provider is for. It ends when this is dropped.
struct Rota {
    origin: String,
    server: JoinHandle<()>,
}

impl Rota {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("binding a port for the rota")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let routes = Router::new().route("/v1/shifts", get(shifts));
        let server = tokio::spawn(async move {
            // The server ends with this task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { origin, server })
    }
}

impl Drop for Rota {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Deserialize)]
struct ShiftQuery {
    from: Timestamp,
    to: Timestamp,
}

/// A shift of two hours, and a whole day. Those that end before the window or begin after it are left out.
async fn shifts(headers: HeaderMap, Query(asked): Query<ShiftQuery>) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != &format!("Bearer {KEY}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let all = [
        ("2027-05-03", json!({ "id": "7", "start": "2027-05-03T07:00:00Z", "end": "2027-05-03T09:00:00Z" })),
        ("2027-05-04", json!({ "id": "8", "day": "2027-05-04" })),
    ];
    let touches = |day: &str| {
        // A day begins and ends up to 14 hours before or after the same day in UTC.
        let midnight: Timestamp = format!("{day}T00:00:00Z").parse().unwrap_or_default();
        let apart = jiff::SignedDuration::from_hours(14);
        midnight - apart < asked.to && midnight + apart + jiff::SignedDuration::from_hours(24) > asked.from
    };
    let list: Vec<Value> = all.into_iter().filter(|(day, _)| touches(day)).map(|(_, shift)| shift).collect();
    Json(json!({ "shifts": list })).into_response()
}

#[tokio::test]
async fn the_example_keeps_the_contract() -> anyhow::Result<()> {
    let rota = Rota::start().await?;
    let built = tokio::task::spawn_blocking(components).await??.provider("example")?;
    let map = EgressMap::new([(SERVICE, rota.origin.as_str())])?;
    let sandbox = harness::sandbox(EgressPolicy { map, ..EgressPolicy::default() })?;
    let plugin = sandbox.admit(&std::fs::read(&built.path)?).await?;
    let target = Target {
        organisation: "organisation".into(),
        connection: CallTarget { sign_in: "key".into(), zone: "Europe/Rome".into(), ..CallTarget::default() },
        credential: Credential::Header {
            name: header::AUTHORIZATION,
            prefix: "Bearer ".into(),
            secret: KEY.to_owned().into(),
        },
        grant: EgressGrant { hosts: vec![SERVICE.parse()?], ..EgressGrant::default() },
        budget: Budget::default(),
        run: "example".into(),
        expect: Some(expectation()?),
        callback: CallbackTarget::default(),
    };
    let report = conformance::run(&plugin, &target, None).await?;
    println!("{report}");
    ensure!(report.verdict() == Verdict::Passed, "{report}");
    Ok(())
}

/// The shifts of the service, which has events of two forms.
fn expectation() -> anyhow::Result<Expectation> {
    let shift = ExpectedSpan::Timed { start: "2027-05-03T07:00:00Z".parse()?, end: "2027-05-03T09:00:00Z".parse()? };
    let day = ExpectedSpan::WholeDays { start: date(2027, 5, 4), end: date(2027, 5, 5) };
    let interval = |span| ExpectedInterval { span, kind: BusyKind::Busy, event: ExpectedEvent::Single };
    Ok(Expectation {
        window: Window { start: "2027-05-01T00:00:00Z".parse()?, end: "2027-05-08T00:00:00Z".parse()? },
        calendar: None,
        intervals: vec![interval(shift), interval(day)],
        without: vec![EventForm::Series, EventForm::Free, EventForm::Unanswered, EventForm::Cancelled],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_shifts_are_busy_times_in_the_host() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let rota = Rota::start().await?;
    let world = World::new("").await?;
    let mut config = std::fs::OpenOptions::new().append(true).open(world.config())?;
    writeln!(config, "{SERVICE:?} = {:?}", rota.origin)?;
    let built = tokio::task::spawn_blocking(components).await??.provider("example")?;
    let component = built.path.to_str().context("the checkout's path is text")?;
    let trusted = repo_root().join("plugins-build/out/trusted.pub");
    let trusted = trusted.to_str().context("the checkout's path is text")?;
    world.command(&["plugin", "add", component, "--accept", "--trusted", trusted]).await?;
    let scope = ["--organisation", &world.organisation, "--program", &world.program];
    world.command(&[&["provider", "enable", "example"], &scope[..]].concat()).await?;
    let host = world.host().await?;
    world.join(&host).await?;
    let ann = host.client(&world.ann.token)?;

    let sign_in =
        |key: &str| json!({ "provider": "example", "sign_in": "key", "fields": {}, "secrets": { "key": key } });
    let refused = ann.send(reqwest::Method::PUT, &world.connection(), Some(&sign_in("wrong"))).await?;
    ensure!(refused.status == 422 && refused.body["code"] == "sign-in-refused", "{}", refused.body);
    let connected = ann.put(&world.connection(), &sign_in(KEY)).await?;
    ensure!(connected["state"] == "connected" && connected["calendars"][0]["id"] == "shifts", "{connected}");

    let busy = format!("/v1/people/{}/busy?from=2027-05-01T00:00:00Z&to=2027-05-08T00:00:00Z", world.ann.id);
    let told = ann.get(&busy).await?;
    let times: Vec<_> =
        told["intervals"].as_array().context("intervals")?.iter().map(|one| (&one["start"], &one["end"])).collect();
    let expected = [
        (json!("2027-05-03T07:00:00Z"), json!("2027-05-03T09:00:00Z")),
        // The whole day in Rome.
        (json!("2027-05-03T22:00:00Z"), json!("2027-05-04T22:00:00Z")),
    ];
    ensure!(told["state"] == "known", "{told}");
    ensure!(times == expected.iter().map(|(start, end)| (start, end)).collect::<Vec<_>>(), "{told}");
    Ok(())
}
