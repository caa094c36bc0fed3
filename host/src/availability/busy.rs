//! Queries a person's calendars for busy times.

use crate::{
    calendar::{Interval, Problem, Window},
    connections::{CalendarAccess, NotCallable},
    ids::{OrganisationId, PersonId},
    people,
    plugins::{CallError, contract::BusyTargets},
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The longest window of one query.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// What is known of a person's busy times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Busy {
    /// All calendars have answered.
    Known {
        /// The busy intervals, sorted by start, then end; they may overlap.
        intervals: Vec<Interval>,
        /// Events that could not be read, and may occupy time.
        problems: Vec<Problem>,
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
        Err(error) => return Ok(Busy::Unknown { reason: error.code(), detail: error.to_string() }),
    };

    if calling.connection.own().is_empty() {
        // No calendar was queried, so nothing says that the person is free.
        let detail = "the connected account has no calendar of the person's own".to_owned();
        return Ok(Busy::Unknown { reason: "no-calendar", detail });
    }
    let (mut intervals, mut problems) = (Vec::new(), Vec::new());
    let longest = Duration::from_secs(calling.plugin().description().limits.busy_window);
    let parts = parts(window, longest);
    for &part in &parts {
        let whose = BusyTargets::Calendars(calling.connection.own());
        let asked = whose_count(&whose);
        let outcome = calling.plugin().busy(&calling.access, whose, part).await;
        let answers = match calendars.record_outcome(&mut calling, outcome).await? {
            Ok(answers) => answers,
            Err(error) => return Ok(unknown(&error)),
        };
        if answers.len() != asked {
            return Ok(unknown(&CallError::BadAnswer("busy: not every calendar was answered for".into())));
        }
        for answer in answers {
            match answer.outcome {
                Ok(times) => {
                    intervals.extend(times.intervals);
                    problems.extend(times.problems);
                }
                Err(failure) => return Ok(unknown(&CallError::Failure(failure))),
            }
        }
    }
    Ok(Busy::Known { intervals: joined(intervals, &parts), problems, as_of: calendars.now() })
}

const fn whose_count(whose: &BusyTargets) -> usize {
    match whose {
        BusyTargets::Calendars(names) | BusyTargets::Addresses(names) => names.len(),
    }
}

fn unknown(error: &CallError) -> Busy {
    Busy::Unknown { reason: error.code(), detail: error.to_string() }
}

/// Splits the window into parts that the provider accepts.
fn parts(window: Window, longest: Duration) -> Vec<Window> {
    let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX).max(SignedDuration::from_secs(1));
    let (mut parts, mut start) = (Vec::new(), window.start);
    while start < window.end {
        let end = start.checked_add(longest).unwrap_or(Timestamp::MAX).min(window.end);
        parts.push(Window { start, end });
        start = end;
    }
    parts
}

/// Sorts the intervals, and joins those that were cut where two parts of the window meet.
fn joined(mut intervals: Vec<Interval>, parts: &[Window]) -> Vec<Interval> {
    intervals.sort_by_key(|interval| (interval.start, interval.end));
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals {
        let continues = |earlier: &Interval| {
            let same =
                (earlier.kind, earlier.all_day, &earlier.ours) == (interval.kind, interval.all_day, &interval.ours);
            earlier.end == interval.start && same
        };
        let is_cut = parts.iter().skip(1).any(|part| part.start == interval.start);
        match joined.iter_mut().find(|earlier| is_cut && continues(earlier)) {
            Some(earlier) => earlier.end = interval.end,
            None => joined.push(interval),
        }
    }
    joined.sort_by_key(|interval| (interval.start, interval.end));
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::BusyKind;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window { start: at(start), end: at(end) }
    }

    #[test]
    fn parts_leave_no_gap_and_do_not_overlap() {
        let whole = window("2026-01-01T00:00:00Z", "2026-01-03T12:00:00Z");
        let parts = parts(whole, Duration::from_hours(24));
        let told: Vec<_> = parts.iter().map(|part| (part.start.to_string(), part.end.to_string())).collect();
        let days = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-03T12:00:00Z"];
        let expected: Vec<_> = days.windows(2).map(|two| (two[0].to_owned(), two[1].to_owned())).collect();
        assert_eq!(told, expected);
        assert_eq!(super::parts(whole, Duration::ZERO).len(), 60 * 60 * 60, "no endless loop");
    }

    #[test]
    fn what_was_cut_is_one_again() {
        let interval = |start: &str, end: &str, kind| Interval {
            start: at(start),
            end: at(end),
            kind,
            all_day: false,
            ours: None,
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
        assert_eq!(joined(cut, &parts), expected);
    }
}
