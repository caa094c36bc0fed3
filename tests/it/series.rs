//! A series whose occurrences are changed one by one, by an independent client and by the provider: each reads what the other
//! has written, and no change disturbs the other occurrences.

use anyhow::{Context as _, ensure};
use chronus_host::calendar::{Moment, Patch, Span, Window, ZonedTime};
use chronus_host::plugins::contract::{BusyTargets, Change, Notify};
use chronus_host::plugins::{CallError, EventRef};
use chronus_tests::harness;
use chronus_tests::peers::{Account, CaldavClient, NewEvent, Peer, Radicale, Xandikos, left_out};
use jiff::Timestamp;

const ZONE: &str = "Europe/Rome";

/// Mondays at nine in Rome; the clocks go forward before the fifth.
const STARTS: [&str; 6] = [
    "2026-03-02T08:00:00Z",
    "2026-03-09T08:00:00Z",
    "2026-03-16T08:00:00Z",
    "2026-03-23T08:00:00Z",
    "2026-03-30T07:00:00Z",
    "2026-04-06T07:00:00Z",
];

fn event(title: &str, start: &str, end: &str) -> NewEvent {
    let local = |time: &str| format!("2026-03-{time}:00");
    let (start, end) = (local(start), local(end));
    NewEvent { uid: "weekly".into(), title: title.into(), start, end, zone: ZONE.into(), rule: None }
}

fn at(time: &str) -> anyhow::Result<ZonedTime> {
    Ok(ZonedTime { at: time.parse()?, zone: ZONE.into() })
}

async fn both_change_it(account: &Account) -> anyhow::Result<()> {
    let calendar = &account.put_calendar("series").await?;
    let other = CaldavClient::new(account).await?;
    let weekly = NewEvent { rule: Some("FREQ=WEEKLY;COUNT=6".into()), ..event("Weekly", "02T09:00", "02T10:00") };
    other.create(calendar, &weekly).await?;
    // The other client moves the second, excludes the third, and renames the fourth.
    other
        .change(calendar, "weekly", "2026-03-09T09:00:00", ZONE, Some(&event("Weekly", "10T15:00", "10T16:00")))
        .await?;
    other.change(calendar, "weekly", "2026-03-16T09:00:00", ZONE, None).await?;
    other
        .change(calendar, "weekly", "2026-03-23T09:00:00", ZONE, Some(&event("Special", "23T09:00", "23T10:00")))
        .await?;

    let (plugin, access) = harness::ical(account, ZONE).await?;
    let window = Window { start: "2026-03-01T00:00:00Z".parse()?, end: "2026-05-01T00:00:00Z".parse()? };
    let page = plugin.changes(&access, calendar, None, window, 100).await?.value;
    let mut named = Vec::new();
    for item in &page.items {
        let Change::Event(event) = item else { anyhow::bail!("{item:?}") };
        let original = match &event.original_start {
            Some(Moment::Timed(start)) => Some(start.at.to_string()),
            _ => None,
        };
        named.push((event.title.as_str(), original));
    }
    let start = |index: usize| Some(STARTS[index].to_owned());
    ensure!(
        page.complete_listing && named == [("Weekly", None), ("Weekly", start(1)), ("Special", start(3))],
        "{named:?}"
    );
    let Some(Change::Event(series)) = page.items.first() else { anyhow::bail!("no series") };

    // The provider moves the first, cancels the fifth, and renames the moved one.
    let occurrence = async |index: usize| {
        let series = EventRef { calendar, id: &series.id };
        plugin.occurrence(&access, series, Moment::Timed(at(STARTS[index])?)).await.context(STARTS[index])
    };
    let first = occurrence(0).await?.value;
    let when = Span::Timed { start: at("2026-03-02T11:00:00Z")?, end: at("2026-03-02T12:00:00Z")? };
    let (moved, renamed) =
        (Patch { when: Some(when), ..Patch::default() }, Patch { title: Some("Renamed".into()), ..Patch::default() });
    let own = |id| EventRef { calendar, id };
    plugin.update(&access, own(&first.id), "key", first.etag.as_deref(), moved, Notify::None).await?;
    let fifth = occurrence(4).await?.value;
    plugin.cancel(&access, own(&fifth.id), "key", fifth.etag.as_deref(), None, Notify::None).await?;
    let second = occurrence(1).await?.value;
    plugin.update(&access, own(&second.id), "key", second.etag.as_deref(), renamed, Notify::None).await?;
    let gone = plugin.get(&access, calendar, &fifth.id).await;
    ensure!(matches!(&gone, Err(CallError::Failure(failure)) if failure.remedy.code() == "gone"), "{gone:?}");

    let seen = other.occurrences(calendar, "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z").await?;
    let seen: Vec<_> = seen.iter().map(|one| (one.start.as_str(), one.title.as_str(), one.uid.as_str())).collect();
    let expected = [
        ("2026-03-02T11:00:00Z", "Weekly", "weekly"),
        ("2026-03-10T14:00:00Z", "Renamed", "weekly"),
        (STARTS[3], "Special", "weekly"),
        (STARTS[5], "Weekly", "weekly"),
    ];
    ensure!(seen == expected, "{seen:?}");
    let busy = BusyTargets::Calendars(vec![calendar.clone()]);
    let answers = plugin.busy(&access, busy, window).await?.value;
    let times =
        answers.first().context("an answer")?.outcome.as_ref().map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let starts: Vec<Timestamp> = times.intervals.iter().map(|one| one.start).collect();
    let expected: Result<Vec<Timestamp>, _> = expected.iter().map(|(start, ..)| start.parse()).collect();
    ensure!(starts == expected?, "{times:?}");
    Ok(())
}

/// The provider moves a series from Mondays at nine to Wednesdays at ten, after the other client has moved, excluded and renamed
/// occurrences. The series is far enough ahead to be still to come.
async fn a_series_moves(account: &Account) -> anyhow::Result<()> {
    let calendar = &account.put_calendar("moved").await?;
    let other = CaldavClient::new(account).await?;
    let event = |title: &str, start: &str, end: &str, rule: Option<&str>| NewEvent {
        uid: "mondays".into(),
        title: title.into(),
        start: format!("2036-03-{start}:00"),
        end: format!("2036-03-{end}:00"),
        zone: ZONE.into(),
        rule: rule.map(Into::into),
    };
    let rule = Some("FREQ=WEEKLY;BYDAY=MO;COUNT=6");
    other.create(calendar, &event("Weekly", "03T09:00", "03T10:00", rule)).await?;
    for (start, changed) in [
        ("2036-03-10T09:00:00", Some(event("Weekly", "11T15:00", "11T16:00", None))),
        ("2036-03-17T09:00:00", None),
        ("2036-03-24T09:00:00", Some(event("Special", "24T09:00", "24T10:00", None))),
        ("2036-03-31T09:00:00", Some(event("Moved and special", "28T15:00", "28T17:00", None))),
    ] {
        other.change(calendar, "mondays", start, ZONE, changed.as_ref()).await?;
    }
    let (plugin, access) = harness::ical(account, ZONE).await?;
    let window = Window { start: "2036-03-01T00:00:00Z".parse()?, end: "2036-05-01T00:00:00Z".parse()? };
    let found = plugin.find(&access, "mondays").await?.value;
    let series = &found.first().context("the series")?.event;
    let when = Span::Timed { start: at("2036-03-05T09:00:00Z")?, end: at("2036-03-05T10:00:00Z")? };
    let moved = Patch { when: Some(when), ..Patch::default() };
    let own = EventRef { calendar, id: &series.id };
    let after = plugin.update(&access, own, "key", series.etag.as_deref(), moved, Notify::None).await?.value;
    ensure!(after.recurrence.iter().any(|line| line.contains("BYDAY=WE")), "{:?}", after.recurrence);

    let seen = other.occurrences(calendar, "2036-03-01T00:00:00Z", "2036-05-01T00:00:00Z").await?;
    let seen: Vec<_> = seen.iter().map(|one| (one.start.as_str(), one.end.as_str(), one.title.as_str())).collect();
    let expected = [
        ("2036-03-05T09:00:00Z", "2036-03-05T10:00:00Z", "Weekly"),
        ("2036-03-12T09:00:00Z", "2036-03-12T10:00:00Z", "Weekly"),
        ("2036-03-26T09:00:00Z", "2036-03-26T10:00:00Z", "Special"),
        ("2036-04-02T08:00:00Z", "2036-04-02T09:00:00Z", "Moved and special"),
        ("2036-04-09T08:00:00Z", "2036-04-09T09:00:00Z", "Weekly"),
    ];
    ensure!(seen == expected, "{seen:?}");
    let busy = BusyTargets::Calendars(vec![calendar.clone()]);
    let answers = plugin.busy(&access, busy, window).await?.value;
    let times =
        answers.first().context("an answer")?.outcome.as_ref().map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let starts: Vec<String> = times.intervals.iter().map(|one| one.start.to_string()).collect();
    ensure!(starts == expected.map(|(start, ..)| start), "{starts:?}");
    Ok(())
}

#[tokio::test]
async fn each_reads_the_occurrences_that_the_other_changed_on_radicale() -> anyhow::Result<()> {
    if left_out(&[Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("ann", "secret-of-ann")]).await?;
    both_change_it(&radicale.account("ann")?).await?;
    a_series_moves(&radicale.account("ann")?).await
}

#[tokio::test]
async fn each_reads_the_occurrences_that_the_other_changed_on_xandikos() -> anyhow::Result<()> {
    if left_out(&[Peer::Xandikos, Peer::Caldav])? {
        return Ok(());
    }
    let xandikos = Xandikos::start().await?;
    both_change_it(&xandikos.account()).await?;
    a_series_moves(&xandikos.account()).await
}
