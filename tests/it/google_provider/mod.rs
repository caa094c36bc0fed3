//! The Google provider in its sandbox, against the stand-in for Google.

mod conformance;
mod events;
mod push;
mod series;
mod times;

use anyhow::Context;
use chronus_host::calendar::{BusyKind, Draft, Span, Status, ZonedTime};
use chronus_host::clock::Clock;
use chronus_host::plugins::egress::{Credential, EgressGrant, EgressMap, EgressPolicy};
use chronus_host::plugins::{Access, Budget, CallError, CallTarget, Plugin, Remedy};
use chronus_tests::google::{Google, Strictness};
use chronus_tests::{components, harness};
use http::HeaderName;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

pub(crate) const ANN: &str = "ann@example.com";
const BEN: &str = "ben@example.com";

/// The scopes to write meetings to a person's calendar.
pub(crate) const TWO_WAY: [&str; 3] = ["openid", "email", "calendar.events"];

/// The scopes to read when a person is free.
const AVAILABILITY: [&str; 3] = ["openid", "email", "calendar.freebusy"];

/// The stand-in for Google with the users Ann and Ben, and the provider.
pub(crate) struct World {
    pub(crate) google: Google,
    pub(crate) plugin: Plugin,
    client: reqwest::Client,
}

impl World {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let built = tokio::task::spawn_blocking(components).await??.provider("google")?;
        let google = Google::start(Clock::System, Strictness::Documented).await?;
        google.add_user(ANN, "Ann Alto", "Europe/Rome");
        google.add_user(BEN, "Ben Basso", "Europe/Rome");
        let pairs = google.map();
        let map = EgressMap::new(pairs.iter().map(|(from, to)| (from.as_str(), to.as_str())))?;
        let sandbox = harness::sandbox(EgressPolicy { map, ..EgressPolicy::default() })?;
        let plugin = sandbox.admit(&std::fs::read(&built.path)?).await?;
        Ok(Self { google, plugin, client: reqwest::Client::builder().no_proxy().build()? })
    }

    /// The connection of a person who granted these scopes.
    fn connection(person: &str, scopes: &[&str]) -> CallTarget {
        let full = |scope: &&str| match *scope {
            "openid" | "email" => (*scope).to_owned(),
            scope => format!("https://www.googleapis.com/auth/{scope}"),
        };
        CallTarget {
            sign_in: "google".into(),
            address: Some(person.into()),
            zone: "Europe/Rome".into(),
            fields: vec![("scope".into(), scopes.iter().map(full).collect::<Vec<_>>().join(" "))],
            ..CallTarget::default()
        }
    }

    /// The token of that connection.
    fn credential(&self, person: &str, scopes: &[&str]) -> Credential {
        let secret = self.google.issue(person, scopes).into();
        Credential::Header { name: HeaderName::from_static("authorization"), prefix: "Bearer ".into(), secret }
    }

    pub(crate) fn access(&self, person: &str, scopes: &[&str]) -> anyhow::Result<Arc<Access>> {
        let credential = self.credential(person, scopes);
        self.access_by(Self::connection(person, scopes), credential)
    }

    fn access_by(&self, connection: CallTarget, credential: Credential) -> anyhow::Result<Arc<Access>> {
        Access::new("organisation", connection, credential, grant()?, Budget::default()).context("the access")
    }

    /// A request by another program of a user, with all permissions of the account.
    async fn other_program(
        &self,
        person: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> anyhow::Result<serde_json::Value> {
        let url = format!("{}/calendar/v3/{path}", self.google.origin());
        let request = self.client.request(method.parse()?, url).bearer_auth(self.google.issue(person, &["calendar"]));
        let answer = request.header("content-type", "application/json").body(body.to_owned()).send().await?;
        let (status, bytes) = (answer.status(), answer.bytes().await?);
        anyhow::ensure!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&bytes));
        Ok(if bytes.is_empty() { serde_json::Value::Null } else { serde_json::from_slice(&bytes)? })
    }

    /// The requests since the last call of this function, as `GET /calendar/v3/…`.
    fn asked(&self) -> Vec<String> {
        self.google.take_requests().iter().map(|one| format!("{} {}", one.method, one.path)).collect()
    }
}

/// A grant of everything that the provider requests.
fn grant() -> anyhow::Result<EgressGrant> {
    Ok(EgressGrant {
        hosts: vec!["https://www.googleapis.com".parse()?],
        read_only_posts: vec!["https://www.googleapis.com/calendar/v3/freeBusy".parse()?],
        ..EgressGrant::default()
    })
}

/// The instant `hours` after nine o'clock in Rome on a Monday in March.
fn hour(hours: i64) -> Timestamp {
    Timestamp::from_second(1_772_438_400).unwrap_or_default() + SignedDuration::from_hours(hours)
}

fn draft(start: i64, end: i64) -> Draft {
    let timed = |hours| ZonedTime { at: hour(hours), zone: "Europe/Rome".into() };
    Draft {
        uid: "meeting@chronus.example".into(),
        title: "Choir".into(),
        description: "Bring <notes> & pens".into(),
        location: "Room <5>".into(),
        url: "https://example.org/choir?week=1&part=2".into(),
        organiser: None,
        when: Span::Timed { start: timed(start), end: timed(end) },
        busy: BusyKind::Busy,
        status: Status::Confirmed,
        attendees: Vec::new(),
        recurrence: Vec::new(),
    }
}

/// The remedy of a call that must fail by the contract.
fn remedy<T: std::fmt::Debug>(result: Result<T, CallError>) -> anyhow::Result<Remedy> {
    match result {
        Err(CallError::Failure(failure)) => Ok(failure.remedy),
        other => anyhow::bail!("no failure of the contract: {other:?}"),
    }
}
