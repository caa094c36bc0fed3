//! Cases of `busy.query`: the calendars that are asked for, and the busy times of single events. Series and whole days are in
//! `series`.

use super::{
    bench::{Bench, CreatedEvent, Watch},
    expect::{CaseResult, ensure, equal, expect_times, failed, fails, not_applicable, ok, short, times},
    get::NOT_THERE,
    open, respond,
};
use crate::{
    calendar::{BusyKind, Draft, Interval, Patch, Rsvp, Status, Window},
    plugins::{
        CallError,
        contract::{BusyAnswer, BusyTimes},
    },
};
use jiff::SignedDuration;

super::list! {
    "busy/each" [ReadBusy] each;
    "busy/each:none" [ReadBusy] none_asked;
    "busy/failure-is-not-free:unknown-calendar" [ReadBusy] unknown_calendar;
    "busy/failure-is-not-free:wrong-credential" [ReadBusy] wrong_credential;
    "busy/half-open" [ReadBusy, Write] half_open;
    "busy/clipped" [ReadBusy, Write] clipped;
    "busy/clipped:longer-than-the-window" [ReadBusy, Write] longer_than_the_window;
    "busy/clipped:no-length" [ReadBusy, Write] no_length;
    "busy/sorted" [ReadBusy, Write] sorted;
    "busy/free" [ReadBusy, Write] free;
    "busy/free:later" [ReadBusy, Write] free_later;
    "busy/cancelled" [ReadBusy, Write] cancelled;
    "busy/cancelled:later" [ReadBusy, Write] cancelled_later;
    "busy/cancelled:declined" [ReadBusy, Write] declined;
    "busy/uid" [ReadBusy, Write] uid;
    "busy/client-key" [ReadBusy, Write] client_key;
    "busy/one-bad-event" [ReadBusy] one_bad_event;
    "busy/window:backwards" [ReadBusy] window(-1);
    "busy/window:empty" [ReadBusy] window(0);
}

async fn each(bench: &Bench) -> CaseResult {
    let calendars = &bench.account()?.calendars;
    let mut asked: Vec<String> = calendars.iter().rev().map(|calendar| calendar.id.clone()).collect();
    asked.insert(asked.len().min(1), bench.unknown_id(bench.calendar()?));
    let ids: Vec<&str> = asked.iter().map(String::as_str).collect();
    let answers = ok("`query` succeeds for several calendars", bench.caller.busy(&ids, bench.hours(0, 24)).await)?;
    let answered: Vec<String> = answers.into_iter().map(|answer| answer.target).collect();
    equal("one answer for each calendar, in the order of the query", &asked, &answered)
}

async fn none_asked(bench: &Bench) -> CaseResult {
    let answers = ok("`query` for no calendars succeeds", bench.caller.busy(&[], bench.hours(0, 24)).await)?;
    equal("as many answers as calendars in the query", &0, &answers.len())
}

async fn unknown_calendar(bench: &Bench) -> CaseResult {
    let id = bench.unknown_id(bench.calendar()?);
    not_free(&id, bench.caller.busy(&[&id], bench.hours(0, 24)).await)
}

async fn wrong_credential(bench: &Bench) -> CaseResult {
    let id = bench.calendar()?;
    let stranger = open::stranger(bench).await?;
    not_free(id, stranger.busy(&[id], bench.hours(0, 24)).await)
}

fn not_free(id: &str, answers: Result<Vec<BusyAnswer>, CallError>) -> CaseResult {
    // The whole call may also fail.
    let Ok(answers) = answers else { return Ok(()) };
    let read = answers.iter().find(|answer| answer.outcome.is_ok());
    match read {
        Some(answer) => failed(
            format!("a failure for the calendar `{id}`, which cannot be read"),
            format!("the calendar was read, and has {}", short(&answer.outcome)),
        ),
        None => Ok(()),
    }
}

async fn half_open(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(10, 12)).await?;
    bench.make(&bench.draft(9, 10)).await?;
    bench.make(&bench.draft(12, 13)).await?;
    let guard = bench.guard(10, 11).await?;
    expect_times(
        "beside another event, one that ends when the window starts, and one that starts when it ends, take nothing",
        &[guard],
        &watch.added().await?,
    )
}

async fn clipped(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(10, 12)).await?;
    bench.make(&bench.draft(9, 11)).await?;
    bench.make(&bench.draft(11, 13)).await?;
    let expected = [(bench.hour(10), bench.hour(11)), (bench.hour(11), bench.hour(12))];
    expect_times("events across the edges of the window are cut to the window", &expected, &watch.added().await?)
}

async fn longer_than_the_window(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(10, 12)).await?;
    bench.make(&bench.draft(8, 14)).await?;
    let expected = [(bench.hour(10), bench.hour(12))];
    expect_times("an event around the window takes all of it", &expected, &watch.added().await?)
}

async fn no_length(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    bench.make_if_possible(&bench.draft(11, 11)).await?;
    bench.make(&bench.draft(10, 11)).await?;
    expect_times("an event without length takes no time", &[(bench.hour(10), bench.hour(11))], &watch.added().await?)
}

async fn sorted(bench: &Bench) -> CaseResult {
    let window = bench.hours(8, 18);
    let watch = bench.watch(window).await?;
    let hours = [(14, 15), (9, 12), (13, 15), (9, 10), (11, 16)];
    for (start, end) in hours {
        bench.make(&bench.draft(start, end)).await?;
    }
    let expected = hours.map(|(start, end)| (bench.hour(start), bench.hour(end)));
    expect_times("the events are found", &expected, &watch.added().await?)?;
    let intervals = bench.busy(window).await?.intervals;
    let sorted = intervals.is_sorted_by_key(|Interval { start, end, .. }| (*start, *end));
    ensure(sorted, "intervals sorted by start, then end", || {
        let actual: Vec<_> = intervals.iter().map(|interval| (interval.start, interval.end)).collect();
        times(&actual)
    })
}

async fn free(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    bench.make(&Draft { busy: BusyKind::Free, ..bench.draft(10, 12) }).await?;
    blocks_nothing(bench, "an event of the kind `free`", &watch).await
}

async fn free_later(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    let made = bench.make(&bench.draft(10, 12)).await?;
    let patch = Patch { busy: Some(BusyKind::Free), ..Patch::default() };
    ok("`update` marks the event as free", bench.update(&made, patch).await)?;
    blocks_nothing(bench, "an event that was later marked as free", &watch).await
}

async fn blocks_nothing(bench: &Bench, what: &str, watch: &Watch<'_>) -> CaseResult {
    let guard = bench.guard(9, 10).await?;
    let blocking: Vec<Interval> =
        watch.added().await?.into_iter().filter(|interval| interval.kind != BusyKind::Free).collect();
    expect_times(&format!("{what} is `free` or left out, so that only another event blocks"), &[guard], &blocking)
}

async fn cancelled(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    let draft = Draft { status: Status::Cancelled, ..bench.draft(10, 12) };
    bench.make_if_possible(&draft).await?;
    takes_nothing(bench, "an event of the status `cancelled`", &watch).await
}

async fn cancelled_later(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    let made = bench.make(&bench.draft(10, 12)).await?;
    let patch = Patch { status: Some(Status::Cancelled), ..Patch::default() };
    ok("`update` gives the event the status `cancelled`", bench.update(&made, patch).await)?;
    takes_nothing(bench, "an event that was given the status `cancelled`", &watch).await
}

async fn declined(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    let made = respond::invited(bench).await?;
    let answered = bench.caller.respond(made.event_ref(), &made.key, Rsvp::Declined, bench.notify()).await;
    ok("`respond` sets the owner's answer", answered)?;
    takes_nothing(bench, "an event that the owner declined", &watch).await
}

async fn takes_nothing(bench: &Bench, what: &str, watch: &Watch<'_>) -> CaseResult {
    let guard = bench.guard(9, 10).await?;
    expect_times(&format!("{what} takes nothing beside another event"), &[guard], &watch.added().await?)
}

async fn uid(bench: &Bench) -> CaseResult {
    let (made, interval) = made_and_read(bench).await?;
    match interval.uid {
        Some(uid) => equal("the interval has the UID of the event", &made.event.uid, &uid),
        None => not_applicable("the service does not tell UIDs with busy times"),
    }
}

async fn client_key(bench: &Bench) -> CaseResult {
    let (made, interval) = made_and_read(bench).await?;
    match interval.client_key {
        Some(key) => equal("the interval has the key of the event", &made.key, &key),
        None => not_applicable("the service does not tell keys with busy times"),
    }
}

/// A new event, and its interval.
async fn made_and_read(bench: &Bench) -> CaseResult<(CreatedEvent, Interval)> {
    let watch = bench.watch(bench.hours(9, 13)).await?;
    let made = bench.make(&bench.draft(10, 11)).await?;
    let added = watch.added().await?;
    expect_times("the event takes its time", &[(bench.hour(10), bench.hour(11))], &added)?;
    match added.into_iter().next() {
        Some(interval) => Ok((made, interval)),
        None => failed("the event takes its time", "nothing"),
    }
}

/// Applicable only if the account has an unreadable event: the contract has no function to create one.
async fn one_bad_event(bench: &Bench) -> CaseResult {
    let length = i64::try_from(bench.limits().busy_window.min(365 * 86_400)).unwrap_or(86_400);
    let start = bench.hour(0);
    let window = Window { start, end: start + SignedDuration::from_secs(length) };
    let calendars = &bench.account()?.calendars;
    let ids: Vec<&str> = calendars.iter().map(|calendar| calendar.id.as_str()).collect();
    let mut seen = false;
    for answer in ok("`query` succeeds", bench.caller.busy(&ids, window).await)? {
        let calendar = &answer.target;
        match answer.outcome {
            // The calendar does not exist, which `open/calendars` reports.
            Err(failure) if NOT_THERE.contains(&failure.remedy.code()) => {}
            Err(failure) => failed(
                format!(
                    "the calendar `{calendar}`, which `open` lists, is read although an event in it cannot be read"
                ),
                failure.to_string(),
            )?,
            Ok(BusyTimes { problems, .. }) => {
                seen |= !problems.is_empty();
                let named = problems.iter().all(|problem| !problem.id.is_empty() && !problem.what.is_empty());
                ensure(named, "each problem has the id of the event and a description", || short(&problems))?;
            }
        }
    }
    if seen { Ok(()) } else { not_applicable("no calendar of the account has an event that cannot be read") }
}

async fn window(bench: &Bench, hours: i64) -> CaseResult {
    let calendar = bench.calendar()?;
    let window = bench.hours(10, 10 + hours);
    let answers = bench.caller.busy(&[calendar], window).await;
    fails(&format!("`query` from {} to {}", window.start, window.end), answers, &["invalid"]).map(drop)
}
