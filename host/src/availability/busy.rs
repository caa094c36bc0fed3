//! Queries a person's calendars for busy times.

use crate::{
    calendar::{BusyKind, Interval, Problem, Window},
    connections::{CalendarAccess, NotCallable},
    ids::{OrganisationId, PersonId},
    offload::offload,
    people,
    plugins::{BudgetLimit, CallError, contract::BusyTargets},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

/// The longest window of one query.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// The most calls for one query: a provider that takes windows of a day can answer for [`LONGEST`].
const MAX_PARTS: usize = 366;

/// The reason of [`Busy::Unknown`] if events cannot be read.
pub const UNREADABLE_EVENTS: &str = "unreadable-events";

/// What is known of a person's busy times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Busy {
    /// All calendars have answered, and all their events could be read.
    Known {
        /// The busy intervals, sorted by start, then end; they may overlap.
        intervals: Vec<Interval>,
        /// The instant of the query.
        as_of: Timestamp,
    },
    /// No calendar is connected.
    NotConnected,
    /// A calendar is connected but did not answer in full.
    Unknown {
        /// A stable code: a remedy of the contract, or the error of the call.
        reason: &'static str,
        /// The reason as a sentence.
        detail: String,
        /// Events that could not be read. Each may take any time of the window.
        problems: Vec<Problem>,
    },
}

/// Why a query is refused.
#[derive(Debug, thiserror::Error)]
pub enum BusyError {
    /// The person does not exist.
    #[error("the person does not exist")]
    Unknown,
    /// The window ends before its start.
    #[error("the window ends at {0}, which is not after its start")]
    Backwards(Timestamp),
    /// The window is too long.
    #[error("the window is longer than {} days; query shorter windows", LONGEST.as_hours() / 24)]
    TooLong,
    /// The call to the provider did not begin, because too many are under way.
    #[error(transparent)]
    TooBusy(CallError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Queries the busy times of a person.
///
/// # Errors
/// If the query is refused. A calendar that does not answer is not an error but the answer [`Busy::Unknown`].
pub async fn busy(
    calendars: &CalendarAccess,
    organisation: OrganisationId,
    person: PersonId,
    window: Window,
) -> Result<Busy, BusyError> {
    if window.end <= window.start {
        return Err(BusyError::Backwards(window.end));
    }
    if window.end.duration_since(window.start) > LONGEST {
        return Err(BusyError::TooLong);
    }
    let person_row = calendars.db.read(async |tx| people::person(tx, organisation, person).await).await?;
    person_row.ok_or(BusyError::Unknown)?;
    let mut calling = match calendars.open_session(organisation, person).await {
        Ok(calling) => calling,
        Err(NotCallable::NotConnected) => return Ok(Busy::NotConnected),
        Err(NotCallable::Database(error)) => return Err(error.into()),
        Err(error) => return Ok(unknown(error.code(), error.to_string())),
    };

    if calling.connection.own().is_empty() {
        // No calendar was queried, so nothing says that the person is free.
        let detail = "the connected account has no calendar of the person's own".to_owned();
        return Ok(unknown("no-calendar", detail));
    }
    let (mut intervals, mut problems) = (Vec::new(), Vec::new());
    let longest = Duration::from_secs(calling.plugin().description().limits.busy_window);
    let Some(parts) = parts(window, longest) else {
        let seconds = longest.as_secs();
        let detail = format!(
            "the provider accepts windows of at most {seconds} s, and one query makes at most {MAX_PARTS} calls; query a \
             shorter window"
        );
        return Ok(unknown("window-too-large", detail));
    };
    for &part in &parts {
        let whose = BusyTargets::Calendars(calling.connection.own());
        let asked = whose_count(&whose);
        let outcome = calendars.busy(&calling, whose, part).await;
        let answers = match calendars.record_outcome(&mut calling, outcome).await? {
            Ok(answers) => answers,
            Err(error @ CallError::Busy(_)) => return Err(BusyError::TooBusy(error)),
            Err(error) => return Ok(failed_call(&error)),
        };
        if answers.len() != asked {
            return Ok(failed_call(&CallError::BadAnswer("busy: not every calendar was answered for".into())));
        }
        for answer in answers {
            match answer.outcome {
                Ok(times) => {
                    intervals.extend(times.intervals);
                    problems.extend(times.problems);
                }
                Err(failure) => return Ok(failed_call(&CallError::Failure(failure))),
            }
        }
        // Each call has this limit. Without it here, the host would hold up to `MAX_PARTS` times as many records.
        let (needed, limit) = (intervals.len() + problems.len(), calling.access.budget.records);
        if needed > limit {
            return Ok(failed_call(&CallError::Exhausted(BudgetLimit::Records { limit, needed })));
        }
    }
    let as_of = calendars.now();
    Ok(match problems.is_empty() {
        true => Busy::Known { intervals: offload(intervals.len(), || join_cut(intervals, &parts)), as_of },
        false => offload(problems.len(), || unreadable(problems)),
    })
}

const fn whose_count(whose: &BusyTargets) -> usize {
    match whose {
        BusyTargets::Calendars(names) | BusyTargets::Addresses(names) => names.len(),
    }
}

fn failed_call(error: &CallError) -> Busy {
    unknown(error.code(), error.to_string())
}

fn unknown(reason: &'static str, detail: String) -> Busy {
    Busy::Unknown { reason, detail, problems: vec![] }
}

/// The answer about calendars with events that cannot be read. The contract does not say which time such an event may take,
/// so nothing is known of the whole window.
fn unreadable(mut problems: Vec<Problem>) -> Busy {
    problems.sort_by(|one, other| (&one.id, &one.what).cmp(&(&other.id, &other.what)));
    problems.dedup();
    let detail = match problems.len() {
        1 => "an event cannot be read, and may take any time".to_owned(),
        number => format!("{number} events cannot be read, and may take any time"),
    };
    Busy::Unknown { reason: UNREADABLE_EVENTS, detail, problems }
}

/// Splits the window into parts that the provider accepts. `None` if there are more than [`MAX_PARTS`].
fn parts(window: Window, longest: Duration) -> Option<Vec<Window>> {
    let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX).max(SignedDuration::from_secs(1));
    let (mut parts, mut start) = (Vec::new(), window.start);
    while start < window.end {
        if parts.len() == MAX_PARTS {
            return None;
        }
        let end = start.checked_add(longest).unwrap_or(Timestamp::MAX).min(window.end);
        parts.push(Window { start, end });
        start = end;
    }
    Some(parts)
}

/// Sorts the intervals, and joins those that were cut where two parts of the window meet. Takes n·log n steps: the number of
/// intervals is the provider's to choose.
fn join_cut(mut intervals: Vec<Interval>, parts: &[Window]) -> Vec<Interval> {
    intervals.sort_by_key(|interval| (interval.start, interval.end));
    let seams: HashSet<Timestamp> = parts.iter().skip(1).map(|part| part.start).collect();
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    // Indices into `joined` of the intervals that end at a seam, keyed by the properties that a continuation shares.
    let mut cut: HashMap<Continuation, VecDeque<usize>> = HashMap::new();
    for interval in intervals {
        let earlier = match seams.contains(&interval.start) {
            true => cut.get_mut(&Continuation::of(&interval, interval.start)).and_then(VecDeque::pop_front),
            false => None,
        };
        let index = earlier.unwrap_or(joined.len());
        if seams.contains(&interval.end) {
            cut.entry(Continuation::of(&interval, interval.end)).or_default().push_back(index);
        }
        match joined.get_mut(index) {
            Some(earlier) => earlier.end = interval.end,
            None => joined.push(interval),
        }
    }
    joined.sort_by_key(|interval| (interval.start, interval.end));
    joined
}

/// What two parts of one interval have in common, and the seam where they meet.
#[derive(PartialEq, Eq, Hash)]
struct Continuation {
    seam: Timestamp,
    kind: BusyKind,
    all_day: bool,
    client_key: Option<String>,
    uid: Option<String>,
}

impl Continuation {
    fn of(interval: &Interval, seam: Timestamp) -> Self {
        Self {
            seam,
            kind: interval.kind,
            all_day: interval.all_day,
            client_key: interval.client_key.clone(),
            uid: interval.uid.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::thread_cpu_time;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window { start: at(start), end: at(end) }
    }

    #[test]
    fn parts_leave_no_gap_and_do_not_overlap() {
        let whole = window("2026-01-01T00:00:00Z", "2026-01-03T12:00:00Z");
        let parts = parts(whole, Duration::from_hours(24)).unwrap();
        let told: Vec<_> = parts.iter().map(|part| (part.start.to_string(), part.end.to_string())).collect();
        let days = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-03T12:00:00Z"];
        let expected: Vec<_> = days.windows(2).map(|two| (two[0].to_owned(), two[1].to_owned())).collect();
        assert_eq!(told, expected);
        let year = window("2026-01-01T00:00:00Z", "2027-01-02T00:00:00Z");
        assert_eq!(super::parts(year, Duration::from_hours(24)).unwrap().len(), 366);
        for longest in [Duration::ZERO, Duration::from_secs(1), Duration::from_hours(23)] {
            assert_eq!(super::parts(year, longest), None, "{longest:?} would be a call for each of too many parts");
        }
    }

    #[test]
    fn what_was_cut_is_one_again() {
        let interval = |start: &str, end: &str, kind| Interval {
            start: at(start),
            end: at(end),
            kind,
            all_day: false,
            client_key: None,
            uid: None,
        };
        let [monday, six, seven] = ["2026-01-01T20:00:00Z", "2026-01-02T06:00:00Z", "2026-01-02T07:00:00Z"];
        let midnight = "2026-01-02T00:00:00Z";
        let parts = [window(monday, midnight), window(midnight, seven)];
        let cut = vec![
            interval(midnight, six, BusyKind::Busy),
            interval(monday, midnight, BusyKind::Busy),
            interval(six, seven, BusyKind::Busy),
            interval(midnight, six, BusyKind::Tentative),
        ];
        let expected = vec![
            interval(monday, six, BusyKind::Busy),
            interval(midnight, six, BusyKind::Tentative),
            interval(six, seven, BusyKind::Busy),
        ];
        assert_eq!(join_cut(cut, &parts), expected);
    }

    /// S4 of the security review: the time grew with the square of the number of intervals.
    #[test]
    fn ten_times_the_intervals_take_at_most_fifteen_times_as_long() {
        let [start, seam, end] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"];
        let parts = [window(start, seam), window(seam, end)];
        let cut = |number: usize| {
            let whole = |part: &Window, key: usize| Interval {
                start: part.start,
                end: part.end,
                kind: BusyKind::Busy,
                all_day: false,
                client_key: Some((key % 1000).to_string()),
                uid: None,
            };
            let parts = parts.iter().rev();
            parts.flat_map(|part| (0..number).map(|key| whole(part, key))).collect::<Vec<_>>()
        };
        // The thread's own time, and the shortest of several runs: nothing else on the machine must decide.
        let time = |number: usize| {
            let once = |intervals: Vec<Interval>| {
                let begun = thread_cpu_time();
                assert_eq!(join_cut(intervals, &parts).len(), number);
                thread_cpu_time() - begun
            };
            (0..10).map(|_| once(cut(number))).min().unwrap()
        };
        let (few, many) = (time(4_000), time(40_000));
        assert!(many <= 15 * few, "4,000: {few:?}; 40,000: {many:?}");
    }

    proptest! {
        /// The intervals of a window are those of its parts, however the window is cut.
        #[test]
        fn cutting_and_joining_changes_nothing(
            hours in proptest::collection::vec((0_i64..96, 1_i64..48), 0..12), length in 1_i64..50,
        ) {
            let at = |hour: i64| Timestamp::from_second(hour * 3_600).unwrap();
            let whole = Window { start: at(0), end: at(144) };
            let parts = parts(whole, Duration::from_hours(length.cast_unsigned())).unwrap();
            let intervals: Vec<Interval> = hours
                .into_iter()
                .enumerate()
                .map(|(key, (start, length))| Interval {
                    start: at(start),
                    end: at(start + length),
                    kind: BusyKind::Busy,
                    all_day: false,
                    // Two events of one key that touch would be joined, rightly or not.
                    client_key: Some(key.to_string()),
                    uid: None,
                })
                .collect();
            let cut = |part: &Window| {
                let inside = |interval: &Interval| interval.start < part.end && part.start < interval.end;
                let clip = |interval: &Interval| Interval {
                    start: interval.start.max(part.start),
                    end: interval.end.min(part.end),
                    ..interval.clone()
                };
                intervals.iter().filter(|interval| inside(interval)).map(clip).collect::<Vec<_>>()
            };
            let mut expected = intervals.clone();
            expected.sort_by_key(|interval| (interval.start, interval.end));
            prop_assert_eq!(join_cut(parts.iter().flat_map(cut).collect(), &parts), expected);
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_makes_the_whole_window_unknown() {
        let problem = |id: &str| Problem { id: id.into(), what: "no start".into(), span: None };
        // A calendar may name the same event for each part of the window.
        let Busy::Unknown { reason, detail, problems } = unreadable(vec![problem("b"), problem("a"), problem("b")])
        else {
            panic!("known");
        };
        assert_eq!((reason, problems), ("unreadable-events", vec![problem("a"), problem("b")]));
        assert!(detail.starts_with("2 events"), "{detail}");
    }
}
