//! Cases of `busy.query` with computed times: series, clock changes and whole days.
//!
//! The expected times are computed from the rules of the time zone in the simplest way: a local time on each day.

use super::{
    bench::{Bench, local, timed},
    clocks::{Change, ClockChange},
    expect::{CaseResult, ensure, expect_times, not_applicable},
};
use crate::calendar::{Draft, Span, Window};
use jiff::{
    SignedDuration, Timestamp,
    civil::{self, Date, Time, Weekday, time},
    tz::TimeZone,
};
use std::ops::Range;

super::list! {
    "busy/recurrence" [ReadBusy, RecurringWrites] daily;
    "busy/recurrence:exception" [ReadBusy, RecurringWrites] exception;
    "busy/recurrence:exception-local" [ReadBusy, RecurringWrites] exception_local;
    "busy/recurrence:addition" [ReadBusy, RecurringWrites] addition;
    "busy/recurrence:weekdays" [ReadBusy, RecurringWrites] weekdays;
    "busy/recurrence:until" [ReadBusy, RecurringWrites] until;
    "busy/recurrence:endless" [ReadBusy, RecurringWrites] endless;
    "busy/recurrence:whole-days" [ReadBusy, RecurringWrites] whole_days_again;
    "busy/wall-clock:spring-north" [ReadBusy, RecurringWrites] weekly("Europe/Rome", ClockChange::Forward);
    "busy/wall-clock:autumn-north" [ReadBusy, RecurringWrites] weekly("Europe/Rome", ClockChange::Back);
    "busy/wall-clock:spring-west" [ReadBusy, RecurringWrites] weekly("America/New_York", ClockChange::Forward);
    "busy/wall-clock:spring-south" [ReadBusy, RecurringWrites] weekly("Australia/Sydney", ClockChange::Forward);
    "busy/wall-clock:autumn-south" [ReadBusy, RecurringWrites] weekly("Australia/Sydney", ClockChange::Back);
    "busy/wall-clock:skipped-time" [ReadBusy, RecurringWrites] daily_in_the_hour("Europe/Rome", ClockChange::Forward);
    "busy/wall-clock:time-that-comes-twice" [ReadBusy, RecurringWrites] daily_in_the_hour("Europe/Rome", ClockChange::Back);
    "busy/all-day" [ReadBusy, Write] whole_days(None, 1);
    "busy/all-day:several" [ReadBusy, Write] whole_days(None, 3);
    "busy/all-day:west" [ReadBusy, Write] whole_days(Some("America/New_York"), 1);
    "busy/all-day:east" [ReadBusy, Write] whole_days(Some("Pacific/Auckland"), 2);
    "busy/all-day:short-day" [ReadBusy, Write] turning_day("Europe/Rome", ClockChange::Forward);
    "busy/all-day:long-day" [ReadBusy, Write] turning_day("Europe/Rome", ClockChange::Back);
    "busy/all-day:no-midnight" [ReadBusy, Write] turning_day("America/Havana", ClockChange::Forward);
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The hours of the bench's day, and the same hours on the days after it.
fn on_days(bench: &Bench, hours: Range<i64>, days: &[i64]) -> Vec<(Timestamp, Timestamp)> {
    days.iter().map(|day| (bench.hour(hours.start + 24 * day), bench.hour(hours.end + 24 * day))).collect()
}

fn repeated(draft: Draft, lines: &[&str]) -> Draft {
    Draft { recurrence: lines.iter().map(ToString::to_string).collect(), ..draft }
}

/// A date and time in the form of RFC 5545 §3.3.5, without the `Z` of UTC.
fn rfc_5545(at: civil::DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

fn rfc_5545_utc(at: Timestamp) -> String {
    rfc_5545(TimeZone::UTC.to_datetime(at)) + "Z"
}

/// Creates a series that begins at ten on the bench's day, and expects it on these days.
async fn expect(bench: &Bench, what: &str, lines: &[&str], days: &[i64]) -> CaseResult {
    let watch = bench.watch(bench.hours(0, 24 * 14)).await?;
    bench.make_if_possible(&repeated(bench.draft(10, 11), lines)).await?;
    expect_times(what, &on_days(bench, 10..11, days), &watch.added().await?)
}

async fn daily(bench: &Bench) -> CaseResult {
    expect(bench, "every occurrence of a series", &["RRULE:FREQ=DAILY;COUNT=4"], &[0, 1, 2, 3]).await
}

async fn exception(bench: &Bench) -> CaseResult {
    let left_out = format!("EXDATE:{}", rfc_5545_utc(bench.hour(10 + 24 * 2)));
    expect(bench, "a series without its exception", &["RRULE:FREQ=DAILY;COUNT=4", &left_out], &[0, 1, 3]).await
}

async fn exception_local(bench: &Bench) -> CaseResult {
    let zone = "Europe/Rome";
    let Ok(rules) = TimeZone::get(zone) else {
        return not_applicable(format!("the zone {zone} is not known to the host"));
    };
    let left_out = rfc_5545(rules.to_datetime(bench.hour(10 + 24)));
    let lines = ["RRULE:FREQ=DAILY;COUNT=3".to_owned(), format!("EXDATE;TZID={zone}:{left_out}")];
    let watch = bench.watch(bench.hours(0, 24 * 14)).await?;
    let when = timed(bench.hour(10), bench.hour(11), zone);
    bench.make(&Draft { when, recurrence: lines.to_vec(), ..bench.draft(10, 11) }).await?;
    expect_times("a series without its exception", &on_days(bench, 10..11, &[0, 2]), &watch.added().await?)
}

async fn addition(bench: &Bench) -> CaseResult {
    let added = format!("RDATE:{}", rfc_5545_utc(bench.hour(10 + 24 * 5)));
    expect(bench, "a series with its addition", &["RRULE:FREQ=DAILY;COUNT=2", &added], &[0, 1, 5]).await
}

async fn weekdays(bench: &Bench) -> CaseResult {
    // Days from the bench's day to the next Monday.
    let to_monday = i64::from(bench.day.weekday().until(Weekday::Monday));
    let draft = bench.draft(10 + 24 * to_monday, 11 + 24 * to_monday);
    let watch = bench.watch(bench.hours(0, 24 * 28)).await?;
    bench.make(&repeated(draft, &["RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4"])).await?;
    let days = [0, 2, 7, 9].map(|day| day + to_monday);
    expect_times("a series on Mondays and Wednesdays", &on_days(bench, 10..11, &days), &watch.added().await?)
}

async fn until(bench: &Bench) -> CaseResult {
    let rule = format!("RRULE:FREQ=DAILY;UNTIL={}", rfc_5545_utc(bench.hour(10 + 24 * 2)));
    expect(bench, "a series up to and including the start that UNTIL names", &[&rule], &[0, 1, 2]).await
}

async fn endless(bench: &Bench) -> CaseResult {
    let watch = bench.watch(bench.hours(0, 24 * 8)).await?;
    let draft = bench.draft(10 - 24 * 70, 11 - 24 * 70);
    bench.make(&repeated(draft, &["RRULE:FREQ=WEEKLY"])).await?;
    let expected = on_days(bench, 10..11, &[0, 7]);
    expect_times(
        "the occurrences within the window of an endless series that began ten weeks before",
        &expected,
        &watch.added().await?,
    )
}

async fn whole_days_again(bench: &Bench) -> CaseResult {
    let caller = bench.caller.with(|target| target.connection.zone = "UTC".into());
    let watch = bench.watch_by(caller, bench.hours(-48, 24 * 7)).await?;
    let left_out = bench.day.saturating_add(DAY).strftime("EXDATE;VALUE=DATE:%Y%m%d").to_string();
    let draft = Draft { when: days(bench.day, 1), ..bench.draft(0, 24) };
    bench.make(&repeated(draft, &["RRULE:FREQ=DAILY;COUNT=3", &left_out])).await?;
    expect_times("a series of whole days without its exception", &on_days(bench, 0..24, &[0, 2]), &watch.added().await?)
}

/// Once a week at nine local time, from two weeks before a clock change to two weeks after it.
async fn weekly(bench: &Bench, zone: &'static str, turn: ClockChange) -> CaseResult {
    let change = turn_of(bench, zone, turn)?;
    let at = |weeks: i64, hour: i8| change.at(7 * weeks, time(hour, 0, 0, 0));
    let window = Window { start: at(-2, 0), end: at(2, 23) };
    let watch = bench.watch(window).await?;
    let draft = Draft { when: timed(at(-2, 9), at(-2, 10), zone), ..bench.draft(9, 10) };
    bench.make(&repeated(draft, &["RRULE:FREQ=WEEKLY;COUNT=5"])).await?;
    let expected: Vec<_> = (-2..=2).map(|weeks| (at(weeks, 9), at(weeks, 10))).collect();
    let what = format!("nine to ten o'clock in {zone} once a week, while the clocks change on {}", change.day(0));
    expect_times(&what, &expected, &watch.added().await?)
}

/// Every day for a quarter of an hour within the hour that is skipped or repeated on the third day.
async fn daily_in_the_hour(bench: &Bench, zone: &'static str, turn: ClockChange) -> CaseResult {
    let change = turn_of(bench, zone, turn)?;
    let (start, end) = (within(change.wall.time(), 30), within(change.wall.time(), 45));
    let window = Window { start: change.at(-3, time(0, 0, 0, 0)), end: change.at(3, time(0, 0, 0, 0)) };
    let watch = bench.watch(window).await?;
    let draft = Draft { when: timed(change.at(-2, start), change.at(-2, end), zone), ..bench.draft(9, 10) };
    bench.make(&repeated(draft, &["RRULE:FREQ=DAILY;COUNT=5"])).await?;
    let expected: Vec<_> = (-2..=2).map(|day| (change.at(day, start), change.at(day, end))).collect();
    let what = format!("{start} to {end} in {zone} every day, while the clocks change on {}", change.day(0));
    expect_times(&what, &expected, &watch.added().await?)
}

fn within(hour: Time, minutes: i8) -> Time {
    time(hour.hour(), minutes, 0, 0)
}

fn turn_of(bench: &Bench, zone: &str, turn: ClockChange) -> CaseResult<Change> {
    match Change::find(zone, bench.day.year(), turn) {
        Some(change) => Ok(change),
        None => not_applicable(format!("the clocks of {zone} do not change in {}", bench.day.year())),
    }
}

fn days(first: Date, count: i64) -> Span {
    Span::AllDay { start: first, end: first.saturating_add(DAY * i32::try_from(count).unwrap_or(1)) }
}

/// An event of whole days, in the time zone of the connection or in another one.
async fn whole_days(bench: &Bench, zone: Option<&'static str>, count: i64) -> CaseResult {
    let zone = zone.unwrap_or(&bench.caller.target().connection.zone).to_owned();
    midnight_to_midnight(bench, &zone, bench.day, count).await
}

/// The whole day on which the clocks change.
async fn turning_day(bench: &Bench, zone: &'static str, turn: ClockChange) -> CaseResult {
    let change = turn_of(bench, zone, turn)?;
    midnight_to_midnight(bench, zone, change.day(0), 1).await
}

async fn midnight_to_midnight(bench: &Bench, zone: &str, first: Date, count: i64) -> CaseResult {
    let Ok(rules) = TimeZone::get(zone) else {
        return not_applicable(format!("the zone {zone} is not known to the host"));
    };
    let midnight = |date: Date| local(&rules, date.at(0, 0, 0, 0));
    let when = days(first, count);
    let Span::AllDay { start, end } = when else { return Ok(()) };
    let expected = (midnight(start), midnight(end));
    let caller = bench.caller.with(|target| target.connection.zone = zone.into());
    let watch = bench.watch_by(caller, Window { start: expected.0 - DAY, end: expected.1 + DAY }).await?;
    bench.make(&Draft { when: Span::AllDay { start, end }, ..bench.draft(0, 24) }).await?;
    let new = watch.added().await?;
    let what = format!("the whole days from {start} up to but not including {end}, in the connection's zone {zone}");
    expect_times(&what, &[expected], &new)?;
    ensure(new.iter().all(|interval| interval.all_day), "an interval that says `all-day`", || "it does not".into())
}
