//! Cases of series: single occurrences, the completeness of changes, and moves of a whole series.

use super::{
    bench::{Bench, CreatedEvent, timed},
    caller::Caller,
    changes::{follow_by, now},
    content::{Content, Field, holds},
    expect::{CaseResult, ensure, equal, expect_times, failed, fails, ok, short},
    respond,
};
use crate::{
    calendar::{Draft, Event, Moment, Patch, Rsvp, Span, Status, ZonedTime},
    clock::Clock,
    plugins::{CallError, EventRef, contract::Change},
};
use jiff::{SignedDuration, Timestamp};

super::list! {
    "occurrence/there" [RecurringWrites] there("UTC");
    "occurrence/there:another-zone" [RecurringWrites] there("Asia/Kolkata");
    "occurrence/there:moved" [RecurringWrites] there_when_moved;
    "occurrence/there:whole-days" [RecurringWrites] there_in_days;
    "occurrence/absent" [RecurringWrites] never_was;
    "occurrence/absent:taken-out" [RecurringWrites] taken_out;
    "occurrence/alone:title" [RecurringWrites] alone_retitled;
    "occurrence/alone:time" [ReadBusy, RecurringWrites] alone_moved;
    "occurrence/alone:cancelled" [ReadBusy, RecurringWrites] alone_cancelled;
    "occurrence/alone:answer" [RecurringWrites] alone_answered;
    "cancel/again:occurrence" [RecurringWrites] cancelled_again;
    "series/whole" [ReportChanges, RecurringWrites] whole(None);
    "series/whole:small-pages" [ReportChanges, RecurringWrites] whole(Some(1));
    "series/whole:listing" [ReportChanges, RecurringWrites] whole_listing;
    "update/series-move" [ReadBusy, RecurringWrites] move_by(1);
    "update/series-move:by-a-day" [ReadBusy, RecurringWrites] move_by(24);
    "update/series-move:days-named-by-the-rule" [ReadBusy, RecurringWrites] move_named_days;
}

const ZONE: &str = "Europe/Rome";
const DAILY: &str = "RRULE:FREQ=DAILY;COUNT=5";

/// An event from ten to eleven on the bench's day and the days after it, as the rule says.
async fn series(bench: &Bench, rule: &str) -> CaseResult<CreatedEvent> {
    let when = timed(bench.hour(10), bench.hour(11), ZONE);
    bench.make_if_possible(&Draft { when, recurrence: vec![rule.into()], ..bench.draft(10, 11) }).await
}

/// The start of an occurrence, some hours after the beginning of the bench's day.
fn start(bench: &Bench, hour: i64) -> Moment {
    Moment::Timed(ZonedTime { at: bench.hour(hour), zone: ZONE.into() })
}

async fn occurrence(bench: &Bench, series: &CreatedEvent, start: Moment) -> CaseResult<Event> {
    ok(
        &format!("`occurrence` gives the occurrence that the series starts at {}", describe(&start)),
        bench.caller.occurrence(series.event_ref(), start).await,
    )
}

fn describe(start: &Moment) -> String {
    match start {
        Moment::Timed(start) => start.at.to_string(),
        Moment::AllDay(day) => day.to_string(),
    }
}

/// Calls `update` for one occurrence.
async fn change(bench: &Bench, series: &CreatedEvent, id: &str, patch: Patch) -> CaseResult<Event> {
    let event = EventRef { calendar: &series.calendar, id };
    let updated = bench.caller.update(event, &series.key, None, patch, bench.notify()).await;
    ok("`update` of an occurrence succeeds", updated)
}

async fn retitle(bench: &Bench, series: &CreatedEvent, hour: i64, title: &str) -> CaseResult<Event> {
    let id = occurrence(bench, series, start(bench, hour)).await?.id;
    change(bench, series, &id, Patch { title: Some(title.into()), ..Patch::default() }).await
}

async fn put_off(bench: &Bench, series: &CreatedEvent, from: i64, to: i64) -> CaseResult<Event> {
    let id = occurrence(bench, series, start(bench, from)).await?.id;
    let when = timed(bench.hour(to), bench.hour(to + 1), ZONE);
    change(bench, series, &id, Patch { when: Some(when), ..Patch::default() }).await
}

async fn take_out(bench: &Bench, series: &CreatedEvent, hour: i64) -> CaseResult {
    let id = occurrence(bench, series, start(bench, hour)).await?.id;
    let event = EventRef { calendar: &series.calendar, id: &id };
    ok("`cancel` of an occurrence succeeds", bench.caller.cancel(event, &series.key, None, bench.notify()).await)
}

/// Checks that an event is this occurrence of the series.
fn is_occurrence(what: &str, series: &CreatedEvent, start: &Moment, event: &Event) -> CaseResult {
    equal(&format!("{what} has the `series-id`"), &Some(series.event.id.as_str()), &event.series_id.as_deref())?;
    let is_same = event.original_start.as_ref().is_some_and(|given| is_same_start(given, start));
    ensure(is_same, &format!("{what} has the `original-start` {}", describe(start)), || short(&event.original_start))?;
    equal(&format!("{what} has the UID of the series"), &series.event.uid, &event.uid)?;
    ensure(event.id != series.event.id, &format!("{what} has an id of its own"), || "that of the series".into())
}

fn is_same_start(one: &Moment, other: &Moment) -> bool {
    match (one, other) {
        (Moment::Timed(one), Moment::Timed(other)) => one.at == other.at,
        (Moment::AllDay(one), Moment::AllDay(other)) => one == other,
        _ => false,
    }
}

async fn there(bench: &Bench, zone: &'static str) -> CaseResult {
    let made = series(bench, DAILY).await?;
    let asked = Moment::Timed(ZonedTime { at: bench.hour(34), zone: zone.into() });
    let found = occurrence(bench, &made, asked.clone()).await?;
    is_occurrence("the occurrence", &made, &asked, &found)?;
    let when = timed(bench.hour(34), bench.hour(35), ZONE);
    let expected = Content::of_occurrence(&made.event, when);
    holds("`occurrence`", &Field::ALL, &expected, &found)?;
    let got = ok("`get` takes the id of an occurrence", bench.caller.get(&made.calendar, &found.id).await)?;
    holds("`get` of the occurrence", &Field::ALL, &expected, &got)
}

async fn there_when_moved(bench: &Bench) -> CaseResult {
    let made = series(bench, DAILY).await?;
    let moved = put_off(bench, &made, 34, 39).await?;
    is_occurrence("the moved occurrence", &made, &start(bench, 34), &moved)?;
    let found = occurrence(bench, &made, start(bench, 34)).await?;
    equal("`occurrence` gives the moved occurrence with the id that `update` gave", &moved.id, &found.id)?;
    let when = timed(bench.hour(39), bench.hour(40), ZONE);
    let expected = Content::of_occurrence(&made.event, when);
    holds("`occurrence`", &Field::ALL, &expected, &found)
}

async fn there_in_days(bench: &Bench) -> CaseResult {
    let day = |number: i64| bench.day.saturating_add(SignedDuration::from_hours(24 * number));
    let when = Span::AllDay { start: bench.day, end: day(1) };
    let draft = Draft { when, recurrence: vec![DAILY.into()], ..bench.draft(0, 24) };
    let made = bench.make_if_possible(&draft).await?;
    let asked = Moment::AllDay(day(2));
    let found = occurrence(bench, &made, asked.clone()).await?;
    is_occurrence("the occurrence", &made, &asked, &found)?;
    let when = Span::AllDay { start: day(2), end: day(3) };
    let expected = Content::of_occurrence(&made.event, when);
    holds("`occurrence`", &Field::ALL, &expected, &found)
}

async fn never_was(bench: &Bench) -> CaseResult {
    let made = series(bench, DAILY).await?;
    occurrence(bench, &made, start(bench, 34)).await?;
    for hour in [35, 10 + 24 * 5] {
        let asked = start(bench, hour);
        let what = format!("`occurrence` at {}, where the series has none", describe(&asked));
        fails(&what, bench.caller.occurrence(made.event_ref(), asked).await, &["not-found"])?;
    }
    Ok(())
}

async fn taken_out(bench: &Bench) -> CaseResult {
    let made = series(bench, DAILY).await?;
    take_out(bench, &made, 34).await?;
    let asked = bench.caller.occurrence(made.event_ref(), start(bench, 34)).await;
    fails("`occurrence` of one that was taken out of its series", asked, &["gone"])?;
    occurrence(bench, &made, start(bench, 58)).await.map(drop)
}

async fn alone_retitled(bench: &Bench) -> CaseResult {
    let made = series(bench, DAILY).await?;
    let before = bench.get(&made).await?;
    let changed = retitle(bench, &made, 34, "Another title").await?;
    equal("`update` of an occurrence returns the new title", &"Another title", &changed.title.as_str())?;
    holds(
        "`get` of the series, after a change of one occurrence",
        &Field::ALL,
        &Content::from(&before),
        &bench.get(&made).await?,
    )?;
    let next = occurrence(bench, &made, start(bench, 58)).await?;
    equal("the next occurrence has the title of the series", &before.title, &next.title)
}

async fn alone_moved(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(0, 24 * 6)).await?;
    let made = series(bench, DAILY).await?;
    put_off(bench, &made, 34, 39).await?;
    expect_times("a series of which one occurrence moved", &hours(bench, &[10, 39, 58, 82, 106]), &watch.added().await?)
}

async fn alone_cancelled(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(0, 24 * 6)).await?;
    let made = series(bench, DAILY).await?;
    let before = bench.get(&made).await?;
    take_out(bench, &made, 34).await?;
    let left = hours(bench, &[10, 58, 82, 106]);
    expect_times("a series of which one occurrence was cancelled", &left, &watch.added().await?)?;
    let rest = Field::all_but(Field::Recurrence);
    let what = "`get` of the series, after one occurrence was cancelled";
    holds(what, &rest, &Content::from(&before), &bench.get(&made).await?)
}

async fn cancelled_again(bench: &Bench) -> CaseResult {
    let made = series(bench, DAILY).await?;
    let id = occurrence(bench, &made, start(bench, 34)).await?.id;
    let event = EventRef { calendar: &made.calendar, id: &id };
    for what in ["`cancel` of an occurrence succeeds", "`cancel` of a cancelled occurrence succeeds"] {
        ok(what, bench.caller.cancel(event, &made.key, None, bench.notify()).await)?;
    }
    Ok(())
}

async fn alone_answered(bench: &Bench) -> CaseResult {
    let draft = Draft { recurrence: vec![DAILY.into()], ..bench.draft(10, 11) };
    let made = respond::invited_to(bench, draft, str::to_owned).await?;
    let before = bench.get(&made).await?;
    let id = occurrence(bench, &made, start(bench, 34)).await?.id;
    let event = EventRef { calendar: &made.calendar, id: &id };
    let answered = bench.caller.respond(event, &made.key, Rsvp::Tentative, bench.notify()).await;
    let answered = ok("`respond` to an occurrence succeeds", answered)?;
    let own = |event: &Event| event.attendees.iter().find(|one| one.is_self).map(|one| one.rsvp);
    equal("`respond` returns the answer of the owner", &Some(Rsvp::Tentative), &own(&answered))?;
    let what = "`get` of the series, after the owner answered for one occurrence";
    holds(what, &Field::ALL, &Content::from(&before), &bench.get(&made).await?)
}

/// Intervals of one hour that begin at these hours after the beginning of the bench's day.
fn hours(bench: &Bench, starts: &[i64]) -> Vec<(Timestamp, Timestamp)> {
    starts.iter().map(|start| (bench.hour(*start), bench.hour(start + 1))).collect()
}

/// The last state of each event that the pages name as present.
async fn named(bench: &Bench, cursor: Option<&[u8]>, max: Option<u32>) -> CaseResult<Vec<Event>> {
    let pages = follow_by(bench, cursor, max.unwrap_or(bench.limits().page_size)).await?;
    let mut events = Vec::new();
    for id in pages.ids() {
        match pages.last(id) {
            Some(Change::Event(event)) => events.push(event.clone()),
            Some(Change::Reference { id, .. }) => {
                let got = bench.caller.get(bench.calendar()?, id).await;
                events.push(ok("`get` returns the event that a page names by its id", got)?);
            }
            Some(Change::Gone(_) | Change::Left(_) | Change::Problem(_)) | None => {}
        }
    }
    Ok(events)
}

/// Checks that the series is there, with these changed occurrences and without these others.
fn is_whole(
    bench: &Bench,
    what: &str,
    made: &CreatedEvent,
    events: &[Event],
    changed: &[(i64, &str)],
    out: i64,
) -> CaseResult {
    let Some(series) = events.iter().find(|event| event.id == made.event.id) else {
        return failed(format!("{what} name the series `{}`", made.event.id), ids(events));
    };
    let at = |hour: i64| {
        let start = start(bench, hour);
        let is_it = |event: &&Event| {
            event.series_id.as_ref() == Some(&made.event.id)
                && event.original_start.as_ref().is_some_and(|given| is_same_start(given, &start))
        };
        events.iter().find(is_it)
    };
    for &(hour, title) in changed {
        let Some(found) = at(hour) else {
            let expected = format!("{what} name the changed occurrence of {}", bench.hour(hour));
            return failed(expected, ids(events));
        };
        equal(&format!("{what} give the title of the changed occurrence"), &title, &found.title.as_str())?;
    }
    let is_out = match at(out) {
        Some(event) => event.status == Status::Cancelled,
        None => series.recurrence.iter().any(|line| line.starts_with("EXDATE")),
    };
    let expected =
        format!("{what} give the occurrence of {} as cancelled, or as an EXDATE of the series", bench.hour(out));
    ensure(is_out, &expected, || short(&(at(out), &series.recurrence)))
}

fn ids(events: &[Event]) -> String {
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    format!("the pages name {ids:?}")
}

async fn whole(bench: &Bench, max: Option<u32>) -> CaseResult {
    let made = series(bench, DAILY).await?;
    let mut cursor = now(bench).await?;
    retitle(bench, &made, 34, "Second").await?;
    take_out(bench, &made, 58).await?;
    let first = named(bench, Some(&cursor), max).await?;
    is_whole(bench, "the pages after a change", &made, &first, &[(34, "Second")], 58)?;
    cursor = now(bench).await?;
    retitle(bench, &made, 82, "Fourth").await?;
    let second = named(bench, Some(&cursor), max).await?;
    let changed = [(34, "Second"), (82, "Fourth")];
    is_whole(bench, "the pages after a change of another occurrence", &made, &second, &changed, 58)?;
    cursor = now(bench).await?;
    ok(
        "`update` of the series succeeds",
        bench.update(&made, Patch { location: Some("Room 2".into()), ..Patch::default() }).await,
    )?;
    let third = named(bench, Some(&cursor), max).await?;
    is_whole(bench, "the pages after a change of the series", &made, &third, &changed, 58)
}

async fn whole_listing(bench: &Bench) -> CaseResult {
    let made = series(bench, DAILY).await?;
    retitle(bench, &made, 34, "Second").await?;
    take_out(bench, &made, 58).await?;
    is_whole(bench, "the pages of a listing", &made, &named(bench, None, None).await?, &[(34, "Second")], 58)
}

/// A caller for whose provider the bench's day is still to come.
fn the_day_before(bench: &Bench) -> Caller {
    bench.caller.with_clock_offset(bench.hour(-24).duration_since(Clock::System.now()))
}

/// A series with one occurrence that was moved, one that was taken out, and one with another title.
async fn disturbed(bench: &Bench) -> CaseResult<CreatedEvent> {
    let made = series(bench, DAILY).await?;
    put_off(bench, &made, 34, 39).await?;
    take_out(bench, &made, 58).await?;
    retitle(bench, &made, 82, "Another title").await?;
    Ok(made)
}

/// Moves the series as a whole.
async fn shift(bench: &Bench, made: &CreatedEvent, hours: i64) -> Result<Event, CallError> {
    let when = timed(bench.hour(10 + hours), bench.hour(11 + hours), ZONE);
    let patch = Patch { when: Some(when), ..Patch::default() };
    the_day_before(bench).update(made.event_ref(), &made.key, None, patch, bench.notify()).await
}

async fn move_by(bench: &Bench, distance: i64) -> CaseResult {
    let watch = bench.watch(bench.hours(0, 24 * 8)).await?;
    let made = disturbed(bench).await?;
    ok("`update` moves a series", shift(bench, &made, distance).await)?;
    let expected = hours(bench, &[10, 34, 82, 106].map(|hour| hour + distance));
    let what =
        "a moved series, with the occurrence that had been moved back in its place, and the cancelled one left out";
    expect_times(what, &expected, &watch.added().await?)?;
    let retitled = occurrence(bench, &made, start(bench, 82 + distance)).await?;
    equal("an occurrence of a moved series keeps its title", &"Another title", &retitled.title.as_str())
}

/// A rule that names the days of its occurrences, which may or may not move along.
async fn move_named_days(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(0, 24 * 30)).await?;
    let weekday = bench.day.strftime("%a").to_string().to_uppercase();
    let rule = format!("RRULE:FREQ=WEEKLY;BYDAY={};COUNT=3", weekday.get(..2).unwrap_or_default());
    let made = series(bench, &rule).await?;
    let week = 24 * 7;
    let moved = shift(bench, &made, 24).await;
    let distance = match &moved {
        Err(CallError::Failure(failure)) if failure.remedy.code() == "unsupported" => 0,
        _ => {
            ok("`update` moves a series, or fails with `unsupported`", moved)?;
            24
        }
    };
    let what = match distance {
        0 => "a series that could not be moved",
        _ => "a series that was moved by a day",
    };
    let expected = hours(bench, &[10 + distance, 10 + week + distance, 10 + 2 * week + distance]);
    expect_times(what, &expected, &watch.added().await?)
}
