//! The events that the tester put into the account by hand, and the cases that look for them.
//!
//! Problem: a provider that cannot write gives the suite no event whose time is known. Decision: the tester names a window and
//! the intervals in it, and each case looks for the intervals that test its sentence. The window may hold other events.

use super::{
    bench::{Bench, local},
    expect::{CaseResult, ensure, not_applicable, not_tried, times},
};
use crate::calendar::{BusyKind, Interval, Window};
use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};

super::list! {
    "busy/failure-is-not-free:expected" [ReadBusy, HeldEvents] found(Subject::Single);
    "busy/recurrence:expected" [ReadBusy, HeldEvents] found(Subject::Series);
    "busy/wall-clock:expected" [ReadBusy, HeldEvents] found(Subject::WallClock);
    "busy/all-day:expected" [ReadBusy, HeldEvents] found(Subject::WholeDays);
    "busy/free:expected" [ReadBusy, HeldEvents] free;
    "busy/unanswered" [ReadBusy, HeldEvents] found(Subject::Unanswered);
    "busy/cancelled:expected" [ReadBusy, HeldEvents] cancelled;
}

/// What the tester put into a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The window that the cases ask for.
    pub window: Window,
    /// The id of the calendar; otherwise the one that `open` calls the default.
    pub calendar: Option<String>,
    /// Intervals within the window. There may be others.
    pub intervals: Vec<ExpectedInterval>,
    /// The forms that no event of the service has, so that their cases do not apply.
    pub without: Vec<EventForm>,
}

/// A form that an event may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventForm {
    /// It repeats.
    Series,
    /// It takes whole days.
    AllDay,
    /// It does not block time.
    Free,
    /// It is an invitation that the owner can leave unanswered.
    Unanswered,
    /// It can be cancelled or declined and still be there.
    Cancelled,
}

/// The time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedInterval {
    /// The time.
    pub span: ExpectedSpan,
    /// What the interval means for the owner's time.
    pub kind: BusyKind,
    /// The event that takes the time.
    pub event: ExpectedEvent,
}

/// A time as the tester wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedSpan {
    /// From one instant to another.
    Timed {
        /// The first instant inside.
        start: Timestamp,
        /// The first instant after it.
        end: Timestamp,
    },
    /// Whole days in the zone of the connection.
    WholeDays {
        /// The first day.
        start: Date,
        /// The day after the last.
        end: Date,
    },
}

/// The form of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedEvent {
    /// An event that takes place once.
    #[default]
    Single,
    /// An occurrence of a series.
    Series,
    /// An event that was cancelled, or that the owner declined. It must not be found.
    Cancelled,
}

/// The sentence that an expected interval tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Single,
    /// Occurrences on the same side of a change of the clocks as the first one.
    Series,
    /// Occurrences on the other side.
    WallClock,
    WholeDays,
    Free,
    Unanswered,
    Cancelled,
}

impl Subject {
    /// `first_offset` is that of the first occurrence of a series which is named.
    fn of(expected: &ExpectedInterval, zone: &TimeZone, first_offset: Option<Offset>) -> Self {
        match (expected.event, expected.kind, expected.span) {
            (ExpectedEvent::Cancelled, ..) => Self::Cancelled,
            (_, BusyKind::Free, _) => Self::Free,
            (_, BusyKind::Unanswered, _) => Self::Unanswered,
            (ExpectedEvent::Series, _, ExpectedSpan::Timed { start, .. })
                if first_offset.is_some_and(|first| zone.to_offset(start) != first) =>
            {
                Self::WallClock
            }
            (ExpectedEvent::Series, ..) => Self::Series,
            (_, _, ExpectedSpan::WholeDays { .. }) => Self::WholeDays,
            (_, _, ExpectedSpan::Timed { .. }) => Self::Single,
        }
    }

    /// The form that the service may lack.
    const fn form(self) -> Option<EventForm> {
        match self {
            Self::Single => None,
            Self::Series | Self::WallClock => Some(EventForm::Series),
            Self::WholeDays => Some(EventForm::AllDay),
            Self::Free => Some(EventForm::Free),
            Self::Unanswered => Some(EventForm::Unanswered),
            Self::Cancelled => Some(EventForm::Cancelled),
        }
    }

    /// The event, and the lines of `[expect]` that name it.
    const fn description(self) -> (&'static str, &'static str) {
        match self {
            Self::Single => ("a single event", "`start` and `end`"),
            Self::Series => ("the occurrences of a series", "`event = \"series\"`"),
            Self::WallClock => (
                "occurrences of a series before and after a change of the clocks in the zone of the target",
                "`event = \"series\"` for each",
            ),
            Self::WholeDays => ("an event of whole days", "`all-day = true`"),
            Self::Free => ("an event that is marked as free", "`kind = \"free\"`"),
            Self::Unanswered => ("an invitation that the owner has not answered", "`kind = \"unanswered\"`"),
            Self::Cancelled => ("a cancelled or declined event", "`event = \"cancelled\"`"),
        }
    }
}

/// The expected intervals of a subject, and the answer of the provider.
struct Comparison {
    expected: Vec<Interval>,
    actual: Vec<Interval>,
}

async fn compare(bench: &Bench, subject: Subject) -> CaseResult<Comparison> {
    let (event, lines) = subject.description();
    let unnamed = |place: &str| {
        format!(
            "{place} does not name {event}; put it into the test account, and add [[expect.intervals]] with {lines}; if the service has no such events, add their form to `without`"
        )
    };
    let Some(expect) = &bench.caller.target().expect else { return not_tried(unnamed("the target")) };
    if subject.form().is_some_and(|form| expect.without.contains(&form)) {
        return not_applicable(format!("by `without` in [expect], the service does not have {event}"));
    }
    let zone = &bench.caller.target().connection.zone;
    let Ok(rules) = TimeZone::get(zone) else {
        return not_tried(format!("the zone {zone} is not known to the host; use another `zone` in the target"));
    };
    let first_offset = expect.intervals.iter().find_map(|one| match (one.event, one.span) {
        (ExpectedEvent::Series, ExpectedSpan::Timed { start, .. }) => Some(rules.to_offset(start)),
        _ => None,
    });
    let named = expect.intervals.iter().filter(|one| Subject::of(one, &rules, first_offset) == subject);
    let expected: Vec<Interval> = named.map(|one| interval(one, &rules)).collect();
    if expected.is_empty() {
        return not_tried(unnamed("[expect]"));
    }
    let calendar = expect.calendar.as_deref().map_or_else(|| bench.calendar(), Ok)?;
    let actual = bench.busy_of(&bench.caller, calendar, bench.held_window()?).await?.intervals;
    if actual.is_empty() && matches!(subject, Subject::Free | Subject::Cancelled) {
        return not_tried(format!(
            "the answer is empty, which proves nothing about {event}; put other events beside it"
        ));
    }
    Ok(Comparison { expected, actual })
}

fn interval(expected: &ExpectedInterval, zone: &TimeZone) -> Interval {
    let midnight = |date: Date| local(zone, date.at(0, 0, 0, 0));
    let (start, end, all_day) = match expected.span {
        ExpectedSpan::Timed { start, end } => (start, end, false),
        ExpectedSpan::WholeDays { start, end } => (midnight(start), midnight(end), true),
    };
    Interval { start, end, kind: expected.kind, all_day, client_key: None, uid: None }
}

/// Each interval of the subject is in the answer.
async fn found(bench: &Bench, subject: Subject) -> CaseResult {
    let Comparison { expected, actual } = compare(bench, subject).await?;
    for one in expected {
        let is_it = |other: &Interval| Interval { client_key: None, uid: None, ..other.clone() } == one;
        let day = if one.all_day { ", all day" } else { "" };
        let what =
            format!("{}, which [expect] names, with the kind {:?}{day}", times(&[(one.start, one.end)]), one.kind);
        ensure(actual.iter().any(is_it), &what, || describe(&actual))?;
    }
    Ok(())
}

async fn free(bench: &Bench) -> CaseResult {
    let Comparison { expected, actual } = compare(bench, Subject::Free).await?;
    for one in expected {
        let blocks = actual.iter().any(|other| is_at(other, &one) && other.kind != BusyKind::Free);
        let what = format!("{}, which [expect] names as free, does not block", times(&[(one.start, one.end)]));
        ensure(!blocks, &what, || describe(&actual))?;
    }
    Ok(())
}

async fn cancelled(bench: &Bench) -> CaseResult {
    let Comparison { expected, actual } = compare(bench, Subject::Cancelled).await?;
    for one in expected {
        let is_there = actual.iter().any(|other| is_at(other, &one));
        let what = format!("{}, which [expect] names as cancelled, takes nothing", times(&[(one.start, one.end)]));
        ensure(!is_there, &what, || describe(&actual))?;
    }
    Ok(())
}

fn is_at(one: &Interval, other: &Interval) -> bool {
    (one.start, one.end) == (other.start, other.end)
}

fn describe(intervals: &[Interval]) -> String {
    let one = |one: &Interval| {
        let day = if one.all_day { ", all day" } else { "" };
        format!("{} to {} ({:?}{day})", one.start, one.end, one.kind)
    };
    match intervals {
        [] => "nothing".into(),
        all => all.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
