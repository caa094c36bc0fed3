//! A series that Google's own client and the provider change in turns: each reads what the other has written, and no change
//! disturbs the other occurrences.

use super::{ANN, BEN, TWO_WAY, World, draft, hour, remedy};
use anyhow::{Context, ensure};
use chronus_host::calendar::{Draft, Event, Moment, Patch, Span, Status, Window, ZonedTime};
use chronus_host::plugins::contract::{BusyTargets, Change, Notify};
use chronus_host::plugins::{Access, EventRef, Remedy};
use chronus_tests::peers::{self, GoogleClient, Peer};
use jiff::Timestamp;
use serde_json::{Value, json};

const SERIES: &str = "series";

/// The start of an occurrence: Mondays at nine in Rome. The clocks go forward before the fifth.
fn start(week: i64) -> Timestamp {
    hour(24 * 7 * week - i64::from(week > 3))
}

fn at(at: Timestamp) -> ZonedTime {
    ZonedTime { at, zone: "Europe/Rome".into() }
}

fn id(week: i64) -> String {
    format!("{SERIES}_{}", start(week).strftime("%Y%m%dT%H%M%SZ"))
}

/// A time as Google's client writes it.
fn times(start: Timestamp) -> Value {
    let time = |at: Timestamp| json!({ "dateTime": at.to_string(), "timeZone": "Europe/Rome" });
    json!({ "start": time(start), "end": time(start + jiff::SignedDuration::from_hours(1)) })
}

/// Google's client, as Ann.
struct Client<'a> {
    world: &'a World,
    client: GoogleClient,
    credentials: Value,
}

impl<'a> Client<'a> {
    async fn new(world: &'a World) -> anyhow::Result<Self> {
        let credentials = json!({ "token": world.google.issue(ANN, &["calendar.events"]) });
        Ok(Self { world, client: GoogleClient::calendar().await?, credentials })
    }

    async fn call(&self, method: &str, mut arguments: Value) -> anyhow::Result<Value> {
        arguments["calendarId"] = "primary".into();
        let call = json!({ "method": format!("events.{method}"), "arguments": arguments });
        let origin = self.world.google.origin();
        let input = json!({ "origin": origin, "credentials": self.credentials, "calls": [call] });
        let mut said = self.client.ask("calls", &input).await?;
        let answer = said[0]["answer"].take();
        ensure!(!answer.is_null(), "{call}: {said}");
        Ok(answer)
    }

    async fn patch(&self, event: &str, body: Value) -> anyhow::Result<Value> {
        self.call("patch", json!({ "eventId": event, "body": body })).await
    }

    /// The occurrences of the series by their ids, without what every write changes.
    async fn occurrences(&self) -> anyhow::Result<std::collections::BTreeMap<String, Value>> {
        let mut answer = self.call("instances", json!({ "eventId": SERIES, "showDeleted": false })).await?;
        let items = answer["items"].as_array_mut().context("items")?;
        let mut named = std::collections::BTreeMap::new();
        for item in items {
            let body = item.as_object_mut().context("an object")?;
            body.retain(|name, _| !["etag", "updated", "sequence"].contains(&name.as_str()));
            named.insert(item["id"].as_str().context("an id")?.to_owned(), item.take());
        }
        Ok(named)
    }
}

/// What a host stores of the calendar after the pages up to the last: the events, by the weeks of their original starts.
struct Seen {
    events: Vec<Event>,
    next: Vec<u8>,
}

impl Seen {
    async fn of(
        world: &World,
        access: &std::sync::Arc<Access>,
        cursor: Option<&[u8]>,
        max: u32,
    ) -> anyhow::Result<Self> {
        let window = Window { start: start(0), end: start(2) };
        let (mut events, mut cursor) = (Vec::<Event>::new(), cursor.map(<[u8]>::to_vec));
        loop {
            let page = world.plugin.changes(access, ANN, cursor.as_deref(), window, max).await?.value;
            ensure!(page.items.len() <= max as usize, "{} items of {max}", page.items.len());
            for item in page.items {
                let Change::Event(event) = item else { anyhow::bail!("{item:?}") };
                events.retain(|known| known.id != event.id);
                events.push(event);
            }
            if !page.more {
                return Ok(Self { events, next: page.next });
            }
            cursor = Some(page.next);
        }
    }

    /// Original start, title, present start and status of each event; the series has no original start.
    fn told(&self) -> Vec<(Option<Timestamp>, String, Timestamp, Status)> {
        let start = |span: &Span| match span {
            Span::Timed { start, .. } => start.at,
            Span::AllDay { .. } => Timestamp::MIN,
        };
        let original = |event: &Event| match &event.original_start {
            Some(Moment::Timed(at)) => Some(at.at),
            _ => None,
        };
        let mut told: Vec<_> = self
            .events
            .iter()
            .map(|event| (original(event), event.title.clone(), start(&event.when), event.status))
            .collect();
        told.sort_by_key(|one| one.0);
        told
    }
}

#[tokio::test]
async fn each_reads_the_occurrences_that_the_other_changed() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Google])? {
        return Ok(());
    }
    let world = World::new().await?;
    let (access, client) = (world.access(ANN, &TWO_WAY)?, Client::new(&world).await?);
    let mut body = times(start(0));
    for (name, value) in [
        ("id", json!(SERIES)),
        ("summary", json!("Weekly")),
        ("location", json!("Room 1")),
        ("colorId", json!("5")),
        ("visibility", json!("private")),
        ("description", json!("<b>Bring</b> notes")),
        ("attendees", json!([{ "email": BEN, "comment": "late" }])),
        ("reminders", json!({ "useDefault": false, "overrides": [{ "method": "popup", "minutes": 5 }] })),
        ("recurrence", json!(["RRULE:FREQ=WEEKLY;COUNT=7", "EXDATE;TZID=Europe/Rome:20260413T090000"])),
    ] {
        body[name] = value;
    }
    client.call("insert", json!({ "body": body })).await?;
    let before = Seen::of(&world, &access, None, 100).await?;
    assert_eq!(before.told(), [(None, "Weekly".into(), start(0), Status::Confirmed)]);

    // The client moves the second out of the window, takes out the third, and renames the fourth.
    client.patch(&id(1), times(hour(24 * 40))).await?;
    client.call("delete", json!({ "eventId": id(2) })).await?;
    client.patch(&id(3), json!({ "summary": "Special" })).await?;
    let whole = [
        (None, "Weekly".into(), start(0), Status::Confirmed),
        (Some(start(1)), "Weekly".into(), hour(24 * 40), Status::Confirmed),
        (Some(start(2)), String::new(), start(2), Status::Cancelled),
        (Some(start(3)), "Special".into(), start(3), Status::Confirmed),
    ];
    let changed = Seen::of(&world, &access, Some(&before.next), 100).await?;
    assert_eq!(changed.told(), whole);
    let in_small_pages = Seen::of(&world, &access, Some(&before.next), 1).await?;
    assert_eq!(in_small_pages.told(), whole);
    // One more change of one occurrence names all of them, and so does a listing of a short window.
    client.patch(&id(3), json!({ "colorId": "7" })).await?;
    let again = Seen::of(&world, &access, Some(&changed.next), 2).await?;
    assert_eq!(again.told(), whole);
    assert_eq!(Seen::of(&world, &access, None, 3).await?.told(), whole);
    assert_eq!(Seen::of(&world, &access, Some(&again.next), 3).await?.told(), []);

    let series = EventRef { calendar: ANN, id: SERIES };
    let occurrence = async |at: ZonedTime| world.plugin.occurrence(&access, series, Moment::Timed(at)).await;
    assert_eq!(remedy(occurrence(at(start(2))).await)?, Remedy::Gone, "cancelled");
    assert_eq!(remedy(occurrence(at(start(6))).await)?, Remedy::Gone, "excluded");
    assert_eq!(remedy(occurrence(at(start(7))).await)?, Remedy::NotFound, "after the last one");
    assert_eq!(remedy(occurrence(at(hour(24 * 40))).await)?, Remedy::NotFound, "where the second was moved to");

    // The provider renames the one that was moved, moves the first, and takes out the fifth.
    let theirs = client.occurrences().await?;
    let second = occurrence(at(start(1))).await?.value;
    assert_eq!((second.location.as_str(), second.private, second.attendees.len()), ("Room 1", true, 1));
    let write = async |event: &Event, patch: Patch| {
        let own = EventRef { calendar: ANN, id: &event.id };
        world.plugin.update(&access, own, "key", event.etag.as_deref(), patch, Notify::None).await
    };
    write(&second, Patch { title: Some("Renamed".into()), ..Patch::default() }).await?;
    let first = occurrence(at(start(0))).await?.value;
    let when = Span::Timed { start: at(hour(3)), end: at(hour(4)) };
    write(&first, Patch { when: Some(when), ..Patch::default() }).await?;
    let fifth = occurrence(at(start(4))).await?.value;
    let own = EventRef { calendar: ANN, id: &fifth.id };
    world.plugin.cancel(&access, own, "key", fifth.etag.as_deref(), None, Notify::None).await?;
    assert_eq!(remedy(world.plugin.get(&access, ANN, &fifth.id).await)?, Remedy::Gone);

    let mut expected = theirs;
    expected.remove(&id(4));
    expected.get_mut(&id(1)).context("the second")?["summary"] = "Renamed".into();
    let moved = client.occurrences().await?;
    let first = expected.get_mut(&id(0)).context("the first")?;
    for (name, hours) in [("start", 3), ("end", 4)] {
        let seen = moved[&id(0)][name]["dateTime"].as_str().context("a time")?;
        assert_eq!(seen.parse::<Timestamp>()?, hour(hours));
        first[name] = moved[&id(0)][name].clone();
    }
    assert_eq!(moved, expected);

    let window = Window { start: start(0), end: start(8) };
    let busy = world.plugin.busy(&access, BusyTargets::Calendars(vec![ANN.into()]), window).await?.value;
    let times = busy.first().context("an answer")?.outcome.as_ref().map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let starts: Vec<Timestamp> = times.intervals.iter().map(|one| one.start).collect();
    assert_eq!(starts, [hour(3), start(3), start(5), hour(24 * 40)]);
    assert!(times.intervals.iter().all(|one| one.uid.as_deref() == Some("series@google.com")), "{times:?}");
    assert_eq!(world.google.violations(), Vec::<String>::new(), "not as Google's document says");
    Ok(())
}

/// The series moves by a day and an hour, so that one day's occurrence has the id that another day's had.
#[tokio::test]
async fn a_series_moves_with_its_changed_occurrences() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    // In March of 2026, a year later, and five years later: of times that are so far away, the stand-in keeps changed
    // occurrences that the series no longer has.
    for (base, is_past) in [(0, true), (24 * 7 * 52, false), (24 * 7 * 52 * 5, false)] {
        let on = |day: i64, hours: i64| hour(base + 24 * day + hours);
        let excluded = format!("EXDATE:{}", on(4, 0).strftime("%Y%m%dT%H%M%SZ"));
        let daily = Draft { recurrence: vec!["RRULE:FREQ=DAILY;COUNT=6".into(), excluded], ..draft(base, base + 1) };
        let series = world.plugin.create(&access, ANN, &format!("daily-{base}"), daily, Notify::None).await?.value;
        let path =
            |day: i64| format!("calendars/primary/events/{}_{}", series.id, on(day, 0).strftime("%Y%m%dT%H%M%SZ"));
        world.other_program(ANN, "PATCH", &path(1), &times(on(1, 3)).to_string()).await?;
        world.other_program(ANN, "DELETE", &path(2), "").await?;
        world.other_program(ANN, "PATCH", &path(3), r#"{"summary":"Special","colorId":"3"}"#).await?;

        let own = EventRef { calendar: ANN, id: &series.id };
        let patch = Patch { when: Some(draft(base + 25, base + 27).when), ..Patch::default() };
        world.plugin.update(&access, own, "key", series.etag.as_deref(), patch, Notify::None).await?;
        let list = format!("calendars/primary/events/{}/instances?timeMax={}", series.id, on(30, 0));
        let listed = world.other_program(ANN, "GET", &list, "").await?;
        let mut seen = Vec::new();
        for item in listed["items"].as_array().context("items")? {
            let time = |name: &str| item[name]["dateTime"].as_str().unwrap_or_default().parse::<Timestamp>();
            let color = item["colorId"].as_str().unwrap_or_default();
            seen.push((time("start")?, time("end")?, item["summary"].as_str().unwrap_or_default(), color));
        }
        let second = if is_past { (on(1, 3), on(1, 4)) } else { (on(2, 1), on(2, 3)) };
        let mut expected = vec![
            (on(1, 1), on(1, 3), "Choir", ""),
            (second.0, second.1, "Choir", ""),
            (on(4, 1), on(4, 3), "Special", "3"),
            (on(6, 1), on(6, 3), "Choir", ""),
        ];
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected);
        // A change of its length alone leaves a time of its own where it is.
        let path = format!("calendars/primary/events/{}_{}", series.id, on(1, 1).strftime("%Y%m%dT%H%M%SZ"));
        world.other_program(ANN, "PATCH", &path, &times(on(1, 5)).to_string()).await?;
        let patch = Patch { when: Some(draft(base + 25, base + 26).when), ..Patch::default() };
        world.plugin.update(&access, own, "key", None, patch, Notify::None).await?;
        let moved = world.other_program(ANN, "GET", &path, "").await?;
        assert_eq!(moved["start"]["dateTime"].as_str().context("a start")?.parse::<Timestamp>()?, on(1, 5));
    }
    Ok(())
}
