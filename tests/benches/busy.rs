//! What busy times cost, from the server's bytes to intervals: `cargo bench --workspace --bench busy`.
//!
//! A thousand events, of which half repeat or are whole days, are put on a Radicale. The provider asks it once, in the
//! sandbox, and the answer is kept; then that answer is read again and again: in the sandbox, where the host gives it in
//! place of the server's, and by the same code compiled for this machine with the same optimisation (Cargo.toml,
//! `[profile.bench.package]`). recurring-ical-events, ical.js and libical read the same events as one calendar. All in
//! turn, in one run. What is promised is checked: beyond it the program fails.

#![expect(
    clippy::result_large_err,
    reason = "the contract's failure can hold an event; it is made once per failed call"
)]

use anyhow::Context;
use chronus_host::calendar::Window;
use chronus_host::conformance::faults::{Fault, Faults, RecordedResponse};
use chronus_host::plugins::{Access, Plugin, contract::BusyTargets};
use chronus_sdk::Provider as _;
use chronus_sdk::http::{Response, native};
use chronus_sdk::values as guest;
use chronus_tests::measure::{Medians, median};
use chronus_tests::peers::{Libical, Node, Peer, Python, Radicale, left_out};
use chronus_tests::{events, harness};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

const EVENTS: usize = 1000;
const ROUNDS: usize = 21;
/// recurring-ical-events takes seconds.
const ROUNDS_OF_OTHERS: usize = 5;

/// The most that the sandbox may take, as a multiple of the same code outside of it.
const SANDBOX: f64 = 2.0;

/// What people look at: a page of a calendar, and a year.
const WINDOWS: [(&str, &str, &str); 2] = [
    ("4 weeks", "2025-05-05T00:00:00Z", "2025-06-02T00:00:00Z"),
    ("a year", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let radicale = Radicale::start(&[("ann", "secret-of-ann")]).await?;
    let account = radicale.account("ann")?;
    account.put(&format!("{}work/", account.home), &events::calendar(EVENTS)).await?;
    let (plugin, access) = harness::ical(&account, events::ZONE).await?;
    let opened = plugin.open(&access).await?;
    let calendar = opened.value.calendars.first().context("the server has the calendar")?.id.clone();
    let mut connection = access.target.clone();
    connection.memo = opened.memo;

    let mut missed = Vec::new();
    for (name, start, end) in WINDOWS {
        let window = Window { start: start.parse()?, end: end.parse()? };
        let recorder = Faults::none();
        let recording = harness::access(&account, connection.clone())?.with_interceptor(recorder.interceptor());
        let case = Case { plugin: &plugin, access: &recording, calendar: &calendar, window };
        let intervals = case.sandboxed().await?;
        let [seen] = &recorder.exchanges()[..] else { anyhow::bail!("busy times take more than one request") };
        let answer = seen.response.clone().context("Radicale answered")?;

        let faults = Faults::always(Fault::Replaced(answer.clone()));
        let access = harness::access(&account, connection.clone())?.with_interceptor(faults.interceptor());
        let case = Case { access: &access, ..case };
        let own = outside(&access);
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            let began = Instant::now();
            anyhow::ensure!(case.sandboxed().await? == intervals, "the replayed answer is another");
            let sandboxed = began.elapsed();
            let began = Instant::now();
            anyhow::ensure!(case.native(&own, &answer)? == intervals, "outside of the sandbox it is another");
            // The first round warms up both.
            if round > 0 {
                rounds.push((sandboxed, began.elapsed()));
            }
        }
        let Medians { one: sandboxed, other: native, ratio } = Medians::of(&rounds);
        println!(
            "busy, {EVENTS} events ({} KiB), {name}: {intervals} intervals in {:.1} ms; native {:.1} ms; ratio: {ratio:.2} (≤ {SANDBOX})",
            answer.body.len() >> 10,
            sandboxed * 1e3,
            native * 1e3,
        );
        if ratio > SANDBOX {
            missed.push(format!("{name}: the sandbox takes {ratio:.2} times as long as the same code outside of it"));
        }
        for OtherProgram { name: other, seconds, occurrences, at_least } in OtherProgram::all(&window).await? {
            let ratio = seconds / sandboxed;
            let promise = at_least.map_or_else(String::new, |least| format!(" (≥ {least})"));
            println!(
                "busy, {EVENTS} events, {name}: {other} {:.1} ms for {occurrences} occurrences; ratio: {ratio:.2}{promise}",
                seconds * 1e3,
            );
            if at_least.is_some_and(|least| ratio < least) {
                missed.push(format!("{name}: {other} takes only {ratio:.2} times as long as the sandbox"));
            }
        }
    }
    anyhow::ensure!(missed.is_empty(), "{}", missed.join("; "));
    Ok(())
}

/// The measured calendar.
#[derive(Clone, Copy)]
struct Case<'a> {
    plugin: &'a Plugin,
    access: &'a Arc<Access>,
    calendar: &'a str,
    window: Window,
}

impl Case<'_> {
    /// How many intervals the provider in the sandbox gives.
    async fn sandboxed(&self) -> anyhow::Result<usize> {
        let targets = BusyTargets::Calendars(vec![self.calendar.to_owned()]);
        let [answer] = &self.plugin.busy(self.access, targets, self.window).await?.value[..] else {
            anyhow::bail!("one calendar has one answer");
        };
        let times = answer.outcome.as_ref().map_err(Clone::clone)?;
        anyhow::ensure!(times.problems.is_empty(), "{:?}", times.problems);
        Ok(times.intervals.len())
    }

    /// How many the same code gives outside of it.
    fn native(&self, connection: &guest::Connection, answer: &RecordedResponse) -> anyhow::Result<usize> {
        let (status, body) = (answer.status.as_u16(), answer.body.clone());
        let give = move |request: &chronus_sdk::http::Request| {
            Ok(Response::new(&request.url, status).with_body("application/xml; charset=utf-8", body.clone()))
        };
        let targets = guest::BusyTargets::Calendars(vec![self.calendar.to_owned()]);
        let window = guest::Window { start: self.window.start.as_second(), end: self.window.end.as_second() };
        let answers = native::answering(give, || chronus_ical::Ical::busy(connection, &targets, window));
        let answers = answers.map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
        let times = answers.answers.into_iter().next().context("one calendar has one answer")?.outcome;
        Ok(times.map_err(|failure| anyhow::anyhow!("{failure:?}"))?.intervals.len())
    }
}

/// The connection as the provider sees it.
fn outside(access: &Access) -> guest::Connection {
    let of = &access.target;
    guest::Connection {
        sign_in: of.sign_in.clone(),
        server: of.server.clone(),
        subject: of.subject.clone(),
        address: of.address.clone(),
        zone: of.zone.clone(),
        fields: of.fields.clone(),
        memo: of.memo.as_ref().map(|memo| guest::Memo { format: memo.format, data: memo.data.clone() }),
    }
}

/// How long somebody else's program takes, from a calendar's text to its occurrences in the window.
struct OtherProgram {
    name: &'static str,
    seconds: f64,
    occurrences: u64,
    /// So many times as fast the sandbox has to be.
    at_least: Option<f64>,
}

impl OtherProgram {
    /// Those that are not left out.
    async fn all(window: &Window) -> anyhow::Result<Vec<Self>> {
        let text = events::calendar(EVENTS);
        let asked = json!({ "text": text, "windows": [[window.start.to_string(), window.end.to_string()]] });
        let request = json!({ "zone": events::ZONE, "calendars": { "all": asked }, "times": ROUNDS_OF_OTHERS });
        let mut all = Vec::new();
        if !left_out(&[Peer::Reference])? {
            let answer = Python::of(Peer::Reference).await?.run("occurrences.py", &[], &request).await?;
            all.push(Self::of("recurring-ical-events", &answer["all"], Some(20.0))?);
        }
        if !left_out(&[Peer::IcalJs])? {
            let answer = Node::of(Peer::IcalJs).await?.run("occurrences.mjs", &[], &request).await?;
            all.push(Self::of("ical.js", &answer["all"], Some(1.0))?);
        }
        if !left_out(&[Peer::Libical])? {
            let answer = Libical::build().await?.run(&text, window.start, window.end, ROUNDS_OF_OTHERS).await?;
            all.push(Self::of("libical", &answer, None)?);
        }
        Ok(all)
    }

    fn of(name: &'static str, answer: &Value, at_least: Option<f64>) -> anyhow::Result<Self> {
        let seconds: Vec<f64> = serde_json::from_value(answer["seconds"].clone())?;
        let occurrences = answer["occurrences"].as_u64().context("it says how many occurrences there are")?;
        Ok(Self { name, seconds: median(seconds), occurrences, at_least })
    }
}
