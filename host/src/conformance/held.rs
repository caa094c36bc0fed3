//! Cases of `busy.query` against the events that the account holds, for connections that cannot write.
//!
//! Problem: without writing, the suite does not know what an answer must hold. Decision: the first answer is the reference, and
//! answers about related windows must agree with it. A case that proves nothing with this reference is not tried, and says
//! what to put into the account. Each case checks its own sentence only, so that a mistake fails
//! one sentence.
//!
//! Rejected: to pass when the reference is empty, because a provider that loses every event would pass.

use super::{
    bench::{Bench, local},
    caller::Caller,
    expect::{CaseResult, ensure, equal, failed, not_tried, ok, spans, times},
};
use crate::calendar::{Interval, Window};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

super::list! {
    "busy/failure-is-not-free:pieces" [ReadBusy, HeldEvents] pieces;
    "busy/half-open:neighbours" [ReadBusy, HeldEvents] neighbours;
    "busy/clipped:halves" [ReadBusy, HeldEvents] halves;
    "busy/clipped:by-a-second" [ReadBusy, HeldEvents] by_a_second;
    "busy/sorted:held" [ReadBusy, HeldEvents] sorted;
    "busy/all-day:another-zone" [ReadBusy, HeldEvents] another_zone;
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The number of windows into which `pieces` cuts the window.
const PIECES: i32 = 8;

/// The reference: a calendar, and its intervals within a window, which are not empty.
pub(super) struct Held {
    pub(super) calendar: String,
    pub(super) window: Window,
    intervals: Vec<Interval>,
}

/// Finds the calendar that the tester named, or else one that has events: the default calendar first.
pub(super) async fn find(bench: &Bench) -> CaseResult<Held> {
    let window = bench.held_window()?;
    let named = bench.caller.target().expect.as_ref().and_then(|expect| expect.calendar.as_deref());
    let ids: Vec<&str> = match named {
        Some(id) => vec![id],
        None => {
            let first = bench.calendar()?;
            let all = bench.account()?.calendars.iter().map(|calendar| calendar.id.as_str());
            std::iter::once(first).chain(all.filter(|id| *id != first)).collect()
        }
    };
    for answer in ok("`query` answers", bench.caller.busy(&ids, window).await)? {
        match answer.outcome {
            Ok(times) if !times.intervals.is_empty() => {
                return Ok(Held { calendar: answer.target, window, intervals: times.intervals });
            }
            Ok(_) => {}
            Err(failure) if ids.first() == Some(&answer.target.as_str()) => {
                failed(format!("`query` reads the calendar `{}`", answer.target), failure.to_string())?;
            }
            Err(_) => {}
        }
    }
    not_tried(format!(
        "the account has no event from {} to {}, and an empty answer proves nothing; put an event into the test account in \
         the next 30 days, or name its events in [expect] of the target",
        window.start, window.end
    ))
}

impl Held {
    async fn busy(&self, bench: &Bench, window: Window) -> CaseResult<Vec<Interval>> {
        self.busy_by(bench, &bench.caller, window).await
    }

    async fn busy_by(&self, bench: &Bench, caller: &Caller, window: Window) -> CaseResult<Vec<Interval>> {
        bench.busy_of(caller, &self.calendar, window).await.map(|times| times.intervals)
    }

    /// The longest part of an interval within the window, if it is long enough to be cut.
    fn longest(&self) -> CaseResult<(Timestamp, Timestamp)> {
        let parts = self.intervals.iter().map(|one| (one.start.max(self.window.start), one.end.min(self.window.end)));
        let longest = parts.max_by_key(|(start, end)| end.duration_since(*start));
        match longest.filter(|(start, end)| end.duration_since(*start) > SECOND * 3) {
            Some(longest) => Ok(longest),
            None => not_tried("every event is shorter than four seconds; put a longer one into the test account"),
        }
    }
}

/// The times that the intervals take together, as disjoint spans in order.
fn union(intervals: &[Interval]) -> Vec<(Timestamp, Timestamp)> {
    let mut sorted = spans(intervals);
    sorted.sort_unstable();
    let mut union: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in sorted {
        match union.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => union.push((start, end)),
        }
    }
    union
}

/// A window holds what its pieces hold: an answer that was cut short is longer in pieces.
async fn pieces(bench: &Bench) -> CaseResult {
    let held = find(bench).await?;
    let Window { start, end } = held.window;
    let length = SignedDuration::from_secs((end.duration_since(start) / PIECES).as_secs());
    let mut found = Vec::new();
    for piece in 0..PIECES {
        let from = start + length * piece;
        let to = if piece + 1 == PIECES { end } else { from + length };
        found.extend(held.busy(bench, Window { start: from, end: to }).await?);
    }
    let (expected, actual) = (union(&found), union(&held.intervals));
    let what = format!("one window takes what the {PIECES} windows take into which it is cut: {}", times(&expected));
    ensure(expected == actual, &what, || times(&actual))
}

/// Windows that end where an interval starts, and start where it ends.
async fn neighbours(bench: &Bench) -> CaseResult {
    let held = find(bench).await?;
    let inside = |one: &&Interval| one.start > held.window.start && one.end < held.window.end;
    let Some(interval) = held.intervals.iter().find(inside) else {
        return not_tried("no event is within the window; put a shorter one into the test account");
    };
    let before = Window { start: held.window.start, end: interval.start };
    let after = Window { start: interval.end, end: held.window.end };
    for window in [before, after] {
        let intervals = held.busy(bench, window).await?;
        let outside = spans(intervals.iter().filter(|one| one.end <= window.start || one.start >= window.end));
        let what = format!("from {} to {}, no event that only touches the window", window.start, window.end);
        ensure(outside.is_empty(), &what, || times(&outside))?;
    }
    Ok(())
}

/// The window ends, and another starts, within an event.
async fn halves(bench: &Bench) -> CaseResult {
    let held = find(bench).await?;
    let (start, end) = held.longest()?;
    let middle = start + SignedDuration::from_secs(end.duration_since(start).as_secs() / 2);
    cut(bench, &held, Window { start: held.window.start, end: middle }, (start, middle)).await?;
    cut(bench, &held, Window { start: middle, end: held.window.end }, (middle, end)).await
}

/// The window is shorter than an event by a second on each side.
async fn by_a_second(bench: &Bench) -> CaseResult {
    let held = find(bench).await?;
    let (start, end) = held.longest()?;
    let window = Window { start: start + SECOND, end: end - SECOND };
    cut(bench, &held, window, (window.start, window.end)).await
}

/// No interval leaves the window, and this part of an interval is there.
async fn cut(bench: &Bench, held: &Held, window: Window, part: (Timestamp, Timestamp)) -> CaseResult {
    let intervals = held.busy(bench, window).await?;
    let inside = intervals.iter().filter(|one| one.start < window.end && one.end > window.start);
    let crossing = spans(inside.filter(|one| one.start < window.start || one.end > window.end));
    let whole = format!("from {} to {}, intervals within the window", window.start, window.end);
    ensure(crossing.is_empty(), &whole, || times(&crossing))?;
    let found = spans(&intervals);
    let what = format!("from {} to {}, the event that is cut: {}", window.start, window.end, times(&[part]));
    ensure(found.contains(&part), &what, || times(&found))
}

async fn sorted(bench: &Bench) -> CaseResult {
    let held = find(bench).await?;
    let found = spans(&held.intervals);
    if found.iter().all(|one| Some(one) == found.first()) {
        return not_tried("all events are at one time; put events at several times into the test account");
    }
    ensure(found.is_sorted(), "intervals sorted by start, then end", || times(&found))
}

/// In another zone of the connection, whole days are elsewhere and all other events where they were.
async fn another_zone(bench: &Bench) -> CaseResult {
    let held = find(bench).await?;
    let own = bench.caller.target().connection.zone.clone();
    let other = if own == "Pacific/Auckland" { "America/New_York" } else { "Pacific/Auckland" };
    let caller = bench.caller.with(|target| target.connection.zone = other.to_owned());
    let intervals = held.busy_by(bench, &caller, held.window).await?;
    equal(
        &format!("the times that are not whole days, in {other} as in {own}"),
        &timed(&held.intervals),
        &timed(&intervals),
    )?;
    if !held.intervals.iter().chain(&intervals).any(|one| one.all_day) {
        return not_tried("no event of the window takes whole days; put one into the test account");
    }
    for (zone, intervals) in [(own.as_str(), &held.intervals), (other, &intervals)] {
        let Ok(rules) = TimeZone::get(zone) else {
            return not_tried(format!("the zone {zone} is not known to the host; use another `zone` in the target"));
        };
        for day in intervals.iter().filter(|one| one.all_day) {
            let midnight = |at: Timestamp| local(&rules, rules.to_datetime(at).date().at(0, 0, 0, 0)) == at;
            let right = (midnight(day.start) || day.start == held.window.start)
                && (midnight(day.end) || day.end == held.window.end);
            ensure(right, &format!("a whole day from midnight to midnight in {zone}, the connection's zone"), || {
                times(&[(day.start, day.end)])
            })?;
        }
    }
    Ok(())
}

/// The times that are not whole days, in order.
fn timed(intervals: &[Interval]) -> Vec<(Timestamp, Timestamp)> {
    let mut timed = spans(intervals.iter().filter(|one| !one.all_day));
    timed.sort_unstable();
    timed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::BusyKind;

    #[test]
    fn a_union_joins_what_overlaps_or_touches() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let one = |start, end| Interval {
            start: at(start),
            end: at(end),
            kind: BusyKind::Busy,
            all_day: false,
            client_key: None,
            uid: None,
        };
        let spans = union(&[one(8, 9), one(1, 3), one(3, 4), one(2, 3)]);
        assert_eq!(spans, [(at(1), at(4)), (at(8), at(9))]);
    }
}
