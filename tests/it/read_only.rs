//! The conformance suite for providers that only read: the honest one passes with every case tried, each mistake fails the
//! sentences that name it, and a run that proves little says so.

use super::conformance::{at_the_store, target as conformance_target};
use chronus_host::calendar::{BusyKind, Window};
use chronus_host::conformance::{
    self, Ability, Expectation, ExpectedEvent, ExpectedInterval, ExpectedSpan, Outcome, Report, Target, Verdict,
};
use chronus_host::plugins::Plugin;
use chronus_tests::store::{PASSWORD, Store};
use chronus_tests::{command, components};
use futures_util::{StreamExt, stream};
use jiff::civil::date;
use std::collections::BTreeSet;

/// Each way in which `guests/examples/reader` can be wrong, and the sentences that it then breaks.
const WRONG: &[(&str, &[&str])] = &[
    ("lost-password-is-free", &["busy/failure-is-not-free", "failure/reconnect"]),
    ("refusal-is-free", &["failure/refused"]),
    ("absent-is-free", &["busy/failure-is-not-free", "failure/absent"]),
    ("precondition-is-free", &["failure/precondition"]),
    ("haste-is-free", &["failure/slow-down"]),
    // To the provider, a body without an end is a connection that ends.
    ("trouble-is-free", &["failure/never-guessed", "failure/temporary"]),
    ("garbage-is-free", &["failure/never-guessed"]),
    ("first-page-only", &["busy/failure-is-not-free"]),
    ("cut-short", &["busy/failure-is-not-free"]),
    ("edges-count", &["busy/half-open"]),
    ("not-clipped", &["busy/clipped"]),
    ("unsorted", &["busy/sorted"]),
    ("the-first-is-all", &["busy/recurrence", "busy/wall-clock"]),
    ("fixed-offset", &["busy/wall-clock"]),
    ("all-day-in-utc", &["busy/all-day"]),
    ("free-is-busy", &["busy/free"]),
    ("cancelled-is-busy", &["busy/cancelled"]),
    ("unanswered-is-busy", &["busy/unanswered"]),
    ("knows-no-future", &["failure/clock"]),
    (
        "liar",
        &[
            "busy/all-day",
            "busy/cancelled",
            "busy/clipped",
            "busy/failure-is-not-free",
            "busy/sorted",
            "failure/absent",
            "failure/never-guessed",
            "failure/precondition",
            "failure/reconnect",
            "failure/refused",
            "failure/slow-down",
            "failure/temporary",
        ],
    ),
];

/// The events that the tester puts into the account. The store gives the first five on one page, and the others on another.
const EVENTS: [(&str, &str); 8] = [
    (
        "a-invitation",
        "DTSTART:20240524T130000Z\r\nDTEND:20240524T150000Z\r\nORGANIZER:mailto:bo@example.com\r\n\
         ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:owner@example.com",
    ),
    ("a-series", "DTSTART:20240514T070000Z\r\nDTEND:20240514T080000Z\r\nRRULE:FREQ=DAILY;COUNT=3"),
    // The clocks of Rome go back between its two occurrences.
    (
        "a-weekly",
        "DTSTART;TZID=Europe/Rome:20241023T090000\r\nDTEND;TZID=Europe/Rome:20241023T100000\r\n\
         RRULE:FREQ=WEEKLY;COUNT=2",
    ),
    ("b-days", "DTSTART;VALUE=DATE:20240520\r\nDTEND;VALUE=DATE:20240522"),
    ("c-cancelled", "DTSTART:20240517T070000Z\r\nDTEND:20240517T080000Z\r\nSTATUS:CANCELLED"),
    ("d-free", "DTSTART:20240517T100000Z\r\nDTEND:20240517T110000Z\r\nTRANSP:TRANSPARENT"),
    ("e-one", "DTSTART:20240517T130000Z\r\nDTEND:20240517T150000Z"),
    ("f-other", "DTSTART:20240523T130000Z\r\nDTEND:20240523T150000Z"),
];

fn text(id: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//chronus//tests//EN\r\nBEGIN:VEVENT\r\nUID:{id}\r\n\
         DTSTAMP:20240101T000000Z\r\n{lines}\r\nSUMMARY:{id}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// A user whose calendar holds the events.
fn add_user(store: &Store, user: &str) {
    store.add_user(user);
    for (id, lines) in EVENTS {
        store.put(user, "home", id, &text(id, lines));
    }
}

pub(crate) fn expectation() -> anyhow::Result<Expectation> {
    let timed = |start: &str, end: &str, kind, event| {
        let span = ExpectedSpan::Timed { start: start.parse()?, end: end.parse()? };
        anyhow::Ok(ExpectedInterval { span, kind, event })
    };
    let mut intervals = vec![ExpectedInterval {
        span: ExpectedSpan::WholeDays { start: date(2024, 5, 20), end: date(2024, 5, 22) },
        kind: BusyKind::Busy,
        event: ExpectedEvent::Single,
    }];
    for day in 14..=16 {
        let (start, end) = (format!("2024-05-{day}T07:00:00Z"), format!("2024-05-{day}T08:00:00Z"));
        intervals.push(timed(&start, &end, BusyKind::Busy, ExpectedEvent::Series)?);
    }
    for (start, end, kind, event) in [
        ("2024-05-17T07:00:00Z", "2024-05-17T08:00:00Z", BusyKind::Busy, ExpectedEvent::Cancelled),
        ("2024-05-17T10:00:00Z", "2024-05-17T11:00:00Z", BusyKind::Free, ExpectedEvent::Single),
        ("2024-05-17T13:00:00Z", "2024-05-17T15:00:00Z", BusyKind::Busy, ExpectedEvent::Single),
        ("2024-05-23T13:00:00Z", "2024-05-23T15:00:00Z", BusyKind::Busy, ExpectedEvent::Single),
        ("2024-05-24T13:00:00Z", "2024-05-24T15:00:00Z", BusyKind::Unanswered, ExpectedEvent::Single),
        ("2024-10-23T07:00:00Z", "2024-10-23T08:00:00Z", BusyKind::Busy, ExpectedEvent::Series),
        ("2024-10-30T08:00:00Z", "2024-10-30T09:00:00Z", BusyKind::Busy, ExpectedEvent::Series),
    ] {
        intervals.push(timed(start, end, kind, event)?);
    }
    let window = Window { start: "2024-05-13T00:00:00Z".parse()?, end: "2024-11-04T00:00:00Z".parse()? };
    Ok(Expectation { window, calendar: None, intervals, without: vec![] })
}

/// The account of this user at the store, where the tester expects these events. The provider makes the mistake `wrong`.
pub(crate) fn target(user: &str, wrong: &str, expect: Option<Expectation>) -> anyhow::Result<Target> {
    Ok(Target { expect, ..conformance_target(user, wrong)? })
}

async fn reader(store: &Store) -> anyhow::Result<Plugin> {
    at_the_store(store, "reader").await
}

/// The reasons of the cases that were not tried, with the ids.
fn untried(report: &Report) -> Vec<(&str, &str)> {
    report
        .rows
        .iter()
        .filter_map(|row| match &row.outcome {
            Outcome::NotTried { why } => Some((row.id, why.as_str())),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn an_honest_reader_passes_with_everything_tried() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = reader(&store).await?;
    add_user(&store, "honest");
    let report = conformance::run(&plugin, &target("honest", "", Some(expectation()?))?, None).await?;
    println!("{report}");
    assert_eq!(report.verdict(), Verdict::Passed, "{report}");
    let busy = |id: &str| id.starts_with("busy/") || id.ends_with(":busy");
    let passed = report.rows.iter().filter(|row| busy(row.id) && row.outcome == Outcome::Passed);
    assert_eq!(passed.count(), 27, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_a_reader_fails_the_sentences_that_name_it_and_no_other() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = reader(&store).await?;
    let mut runs = stream::iter(WRONG)
        .map(|(wrong, sentences)| {
            add_user(&store, wrong);
            let (plugin, target) =
                (plugin.clone(), expectation().and_then(|expect| target(wrong, wrong, Some(expect))));
            tokio::spawn(
                async move { anyhow::Ok((wrong, sentences, conformance::run(&plugin, &target?, None).await?)) },
            )
        })
        .buffer_unordered(4);
    let mut surprises = Vec::new();
    let mut never_failed: BTreeSet<&str> =
        conformance::cases().filter(|case| case.needs.contains(&Ability::HeldEvents)).map(|case| case.id).collect();
    while let Some(run) = runs.next().await {
        let (wrong, sentences, report) = run??;
        let expected: BTreeSet<&str> = sentences.iter().copied().collect();
        never_failed.retain(|id| !report.failures().any(|row| row.id == *id));
        let broken: BTreeSet<&str> = report.failures().map(|row| row.sentence).collect();
        if broken != expected || report.verdict() != Verdict::Failed {
            let cases: Vec<_> = report.failures().map(|row| (row.id, &row.outcome)).collect();
            surprises.push(format!("{wrong}: should break {expected:?}, and breaks {cases:#?}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert_eq!(never_failed, BTreeSet::new(), "cases that no mistake failed");
    Ok(())
}

/// Without `[expect]`, and without an event in the next thirty days, nothing is proven and nothing passes.
#[tokio::test]
async fn an_empty_account_is_partly_tried() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = reader(&store).await?;
    add_user(&store, "empty");
    for wrong in ["", "trouble-is-free"] {
        let report = conformance::run(&plugin, &target("empty", wrong, None)?, None).await?;
        assert_eq!(report.verdict(), Verdict::PartlyTried, "{report}");
        let untried = untried(&report);
        assert_eq!(untried.len(), 21, "{report}");
        for (id, why) in &untried {
            let is_named = id.ends_with(":expected") || *id == "busy/unanswered";
            let advice = if is_named { "add [[expect.intervals]] with" } else { "put an event into the test account" };
            assert!(why.contains(advice), "{id}: {why}");
        }
        assert!(report.summary().ends_with("partly tried: 21 not tried (13 of busy, 8 of failure)"), "{report}");
    }
    Ok(())
}

/// Without `[expect]`, events of the next days are enough for the accidents.
#[tokio::test]
async fn held_events_are_enough_for_the_accidents() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = reader(&store).await?;
    add_user(&store, "held");
    let weekly = "DTSTART;TZID=Europe/Rome:20240514T070000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY";
    store.put("held", "home", "g-daily", &text("g-daily", weekly));
    for (wrong, verdict) in [("", Verdict::PartlyTried), ("trouble-is-free", Verdict::Failed)] {
        let report = conformance::run(&plugin, &target("held", wrong, None)?, None).await?;
        assert_eq!(report.verdict(), verdict, "{report}");
        let ids: Vec<&str> = untried(&report).iter().map(|(id, _)| *id).collect();
        let named = [
            "busy/all-day:another-zone",
            "busy/failure-is-not-free:expected",
            "busy/recurrence:expected",
            "busy/wall-clock:expected",
            "busy/all-day:expected",
            "busy/free:expected",
            "busy/unanswered",
            "busy/cancelled:expected",
        ];
        assert_eq!(ids, named, "{report}");
    }
    Ok(())
}

/// The target of the command line, with all that `[expect]` can name.
const EXPECT: &str = r#"
[expect]
from = "2024-05-13T00:00:00Z"
to = "2024-11-04T00:00:00Z"
calendar = "home"
[[expect.intervals]]
start = "2024-05-14T07:00:00Z"
end = "2024-05-14T08:00:00Z"
event = "series"
[[expect.intervals]]
start = "2024-10-30T08:00:00Z"
end = "2024-10-30T09:00:00Z"
event = "series"
[[expect.intervals]]
start = "2024-05-20"
end = "2024-05-22"
all-day = true
[[expect.intervals]]
start = "2024-05-17T07:00:00Z"
end = "2024-05-17T08:00:00Z"
event = "cancelled"
[[expect.intervals]]
start = "2024-05-17T10:00:00Z"
end = "2024-05-17T11:00:00Z"
kind = "free"
[[expect.intervals]]
start = "2024-05-24T13:00:00Z"
end = "2024-05-24T15:00:00Z"
kind = "unanswered"
[[expect.intervals]]
start = "2024-05-23T15:00:00+02:00"
end = "2024-05-23T17:00:00+02:00"
"#;

/// The exit codes: 0 for passed, 1 for failed, 4 for partly tried.
#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_partly_tried_from_passed_and_failed() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let component = tokio::task::spawn_blocking(components).await??.guest("reader")?.path.clone();
    let folder = tempfile::tempdir()?;
    let (target, junit) = (folder.path().join("target.toml"), folder.path().join("junit.xml"));
    add_user(&store, "ann");
    for (wrong, expect, code, verdict) in
        [("nothing", EXPECT, 0, "passed"), ("nothing", "", 4, "partly-tried"), ("unsorted", EXPECT, 1, "failed")]
    {
        let text = format!(
            "zone = \"Europe/Rome\"\naddress = \"owner@example.com\"\n[fields]\nuser = \"ann\"\nwrong = \"{wrong}\"\n[secrets]\npassword = \"{PASSWORD}\"\n\
             [egress.map]\n\"https://memory.example\" = \"{}\"\n{expect}",
            store.origin()
        );
        std::fs::write(&target, text)?;
        let mut command = tokio::task::spawn_blocking(command).await??;
        command.args(["plugin", "conformance", "--json", "--target"]).arg(&target).arg("--junit").arg(&junit);
        let output = command.arg(&component).output().await?;
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{told}{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value = serde_json::from_str(&told)?;
        assert_eq!(report["verdict"], verdict, "{report}");
        let xml = std::fs::read_to_string(&junit)?;
        assert!(xml.contains(r#"type="not-applicable""#), "{xml}");
        assert_eq!(xml.contains(r#"type="not-tried""#), code == 4, "{xml}");
    }
    Ok(())
}
