//! The busy times of the iCal provider are those of recurring-ical-events and of ical.js wherever these two agree, over
//! every calendar that recurring-ical-events and icalendar test themselves with.
//!
//! Each calendar is put on a real server, part by part as clients do, and the provider is asked through the sandbox for
//! windows of 45 days, of a year and of three years. The server is Radicale; what Radicale does not take (its parser
//! refuses one resource or another of a quarter of them) goes to Xandikos. Where only one of the two can read a calendar,
//! that one is right; where neither can, nothing is said. Remaining differences are written down to the interval in
//! `tests/fixtures/occurrences.toml`, with the sentence of the RFC that decides; one that is not there fails the test,
//! and so does one that is there no more (as far as the windows show all: `CHRONUS_WINDOWS=12`).

mod answers;
mod corpus;

use answers::{BusyTime, Difference, KnownDifferences, WitnessAnswers};
use chronus_host::calendar::Window;
use chronus_host::plugins::{Access, Failure, Plugin, contract::BusyTargets};
use chronus_tests::harness;
use chronus_tests::peers::{Account, Node, Peer, Python, Radicale, Xandikos, left_out};
use corpus::ZONE;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const KNOWN: &str = include_str!("../../fixtures/occurrences.toml");

/// Where a calendar is: its id, and the provider for the server.
type Place<'a> = (String, &'a (Plugin, Arc<Access>));

/// How much was compared.
#[derive(Debug, Default)]
struct Tally {
    calendars: usize,
    on_xandikos: usize,
    windows: usize,
    read_by_both: usize,
    agreed: usize,
}

#[tokio::test]
async fn busy_times_are_what_others_agree_on() -> anyhow::Result<()> {
    if left_out(&corpus::PEERS)? {
        return Ok(());
    }
    let known: KnownDifferences = toml::from_str(KNOWN)?;
    let (reference, icaljs) = (Python::of(Peer::Reference).await?, Node::of(Peer::IcalJs).await?);
    let mut corpus = corpus::read(&reference).await?;
    corpus.retain(|_, text| corpus::has_events(text));
    assert!(corpus.len() >= 170, "the corpus has shrunk to {} calendars with events", corpus.len());
    let (most, shows_all) = corpus::most()?;
    let mut asked: BTreeMap<&str, Vec<Window>> = BTreeMap::new();
    for (file, text) in &corpus {
        asked.insert(file, corpus::windows(text, most)?);
    }
    let request = corpus::request(&corpus, &asked);
    let others = tokio::spawn(async move {
        tokio::try_join!(reference.run("occurrences.py", &[], &request), icaljs.run("occurrences.mjs", &[], &request))
    });

    let (radicale, xandikos) = (Radicale::start(&[("ann", "secret-of-ann")]).await?, Xandikos::start().await?);
    let strict = harness::ical(&radicale.account("ann")?, ZONE).await?;
    let lenient = harness::ical(&xandikos.account(), ZONE).await?;
    let servers = [(radicale.account("ann")?, &strict), (xandikos.account(), &lenient)];
    let calendars = asked.iter().enumerate().map(|(number, (file, windows))| {
        let (text, servers) = (&corpus[*file], &servers);
        async move { ProviderAnswers::of(text, number, servers, windows).await }
    });
    let ours: Vec<ProviderAnswers> = stream::iter(calendars).buffered(4).try_collect().await?;
    let (theirs, others) = others.await??;

    let mut found: BTreeMap<&str, Difference> = BTreeMap::new();
    let mut tally = Tally::default();
    for ((file, windows), ours) in asked.iter().zip(ours) {
        tally.calendars += 1;
        tally.on_xandikos += usize::from(ours.on_xandikos);
        let mut difference = Difference { refused: ours.refused, ..Difference::default() };
        let is_unread = known.difference.get(*file).is_some_and(|known| known.unread);
        for (index, (&window, ours)) in windows.iter().zip(ours.answers).enumerate() {
            let said = WitnessAnswers::of([&theirs[file][index], &others[file][index]], window);
            tally.windows += 1;
            tally.read_by_both += usize::from(said.readers() == 2);
            tally.agreed += usize::from(said.readers() == 2 && said.agree());
            let ours = match ours {
                Ok(ours) => ours,
                Err(failure) => {
                    difference.unanswered = failure.service_code;
                    continue;
                }
            };
            let (missing, extra) = said.compare(&ours);
            if said.readers() == 1 && is_unread {
                difference.unread |= !(missing.is_empty() && extra.is_empty());
                continue;
            }
            difference.missing.extend(missing);
            difference.extra.extend(extra);
        }
        if difference != Difference::default() {
            found.insert(file, difference);
        }
    }
    println!("{tally:?}; {} known differences", known.difference.len());
    assert!(tally.agreed * 2 > tally.windows, "the others agree on too little to prove anything: {tally:?}");
    answers::report(&found, &known.difference, shows_all)
}

/// What the provider says of one calendar.
struct ProviderAnswers {
    /// How many of its resources no server takes.
    refused: usize,
    on_xandikos: bool,
    /// Of each window.
    answers: Vec<Result<Vec<BusyTime>, Failure>>,
}

impl ProviderAnswers {
    async fn of(
        text: &str,
        number: usize,
        servers: &[(Account, &(Plugin, Arc<Access>)); 2],
        windows: &[Window],
    ) -> anyhow::Result<Self> {
        let (refused, places) = store(text, number, servers).await?;
        let mut answers = Vec::with_capacity(windows.len());
        for &window in windows {
            answers.push(ask(&places, window).await?);
        }
        Ok(Self { refused, on_xandikos: places.len() > 1, answers })
    }
}

/// Puts a calendar where it is taken; how many of its resources nobody takes, and where the others are.
async fn store<'a>(
    text: &str,
    number: usize,
    servers: &[(Account, &'a (Plugin, Arc<Access>)); 2],
) -> anyhow::Result<(usize, Vec<Place<'a>>)> {
    let (mut left, mut places) = (corpus::resources(text), Vec::new());
    for (account, provider) in servers {
        if !left.is_empty() {
            let calendar = account.put_calendar(&format!("c{number}")).await?;
            left = put(account, &calendar, left).await;
            places.push((calendar, *provider));
        }
    }
    Ok((left.len(), places))
}

/// Puts resources into a calendar, and gives back those that the server does not take.
async fn put(account: &Account, calendar: &str, resources: Vec<String>) -> Vec<String> {
    let mut left = Vec::new();
    for (number, resource) in resources.into_iter().enumerate() {
        if account.put(&format!("{calendar}{number}.ics"), &resource).await.is_err() {
            left.push(resource);
        }
    }
    left
}

/// What the provider says, over all places.
async fn ask(places: &[Place<'_>], window: Window) -> anyhow::Result<Result<Vec<BusyTime>, Failure>> {
    let mut all = Vec::new();
    for (calendar, (plugin, access)) in places {
        let answers = plugin.busy(access, BusyTargets::Calendars(vec![calendar.clone()]), window).await?.value;
        let [answer] = answers.as_slice() else { anyhow::bail!("{} answers for one calendar", answers.len()) };
        match &answer.outcome {
            Ok(times) => all.extend(answers::ours(&times.intervals)),
            Err(failure) => return Ok(Err(failure.clone())),
        }
    }
    Ok(Ok(all))
}

/// What both engines were asked is what they answer.
#[tokio::test]
async fn both_engines_expand_what_they_are_given() -> anyhow::Result<()> {
    if left_out(&[Peer::Reference, Peer::IcalJs])? {
        return Ok(());
    }
    let daily = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//chronus//tests//EN\r\nBEGIN:VEVENT\r\n\
        UID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260301\r\nRRULE:FREQ=DAILY;COUNT=3\r\n\
        EXDATE;VALUE=DATE:20260302\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let windows = [["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"], ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]];
    let endless = daily.replace("FREQ=DAILY;COUNT=3", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30");
    let calendar = |text: &str| serde_json::json!({ "text": text, "windows": windows });
    let request = serde_json::json!({
        "zone": "America/New_York",
        "calendars": { "daily": calendar(daily), "broken": calendar("BEGIN:VCALENDAR"), "endless": calendar(&endless) },
    });
    let day = |start: &str, end: &str| serde_json::json!({ "uid": "a", "start": start, "end": end, "all_day": true, "status": "", "transparent": true });
    let expected: Vec<Value> =
        vec![day("2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z"), day("2026-03-03T05:00:00Z", "2026-03-04T05:00:00Z")];
    let theirs = Python::of(Peer::Reference).await?.run("occurrences.py", &[], &request).await?;
    let others = Node::of(Peer::IcalJs).await?.run("occurrences.mjs", &[], &request).await?;
    for answer in [theirs, others] {
        assert_eq!(answer["daily"][0]["occurrences"], Value::from(expected.clone()), "{answer}");
        assert_eq!(answer["daily"][1]["occurrences"], Value::from(vec![expected[0].clone()]), "{answer}");
        assert!(answer["broken"][1]["error"].is_string(), "{answer}");
        assert!(answer["endless"].as_array().is_some_and(|answers| answers.len() == 2), "{answer}");
    }
    Ok(())
}
