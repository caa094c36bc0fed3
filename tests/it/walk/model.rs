//! What a series is after each change, as simply as it can be said: a start for each day, and what became of single days.

use std::collections::BTreeMap;

use chronus_tests::random::Random;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// The zone of the calendar. The clocks go forward within the series.
pub(super) const ZONE: &str = "Europe/Rome";

/// The length of every occurrence.
pub(super) const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// One occurrence that takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Occurrence {
    pub(super) start: Timestamp,
    pub(super) original: Timestamp,
    pub(super) title: String,
}

/// What became of a single occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Cancelled,
    /// It has its own title, and its own start or the one that the series gives it.
    Changed {
        title: String,
        start: Option<Timestamp>,
    },
}

/// A daily series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    /// The key and the UID that it was made with.
    pub(super) key: String,
    pub(super) title: String,
    /// The local time of the first occurrence.
    pub(super) first: DateTime,
    pub(super) count: i64,
    pub(super) changes: BTreeMap<i64, Change>,
}

/// A change of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Create(Series),
    Retitle(String),
    RetitleOne(i64, String),
    MoveOne(i64, Timestamp),
    CancelOne(i64),
    /// Moves the whole series: the local time of the first occurrence.
    Move(DateTime),
    Count(i64),
    Cancel,
}

/// What the service or its provider does where the contract leaves it open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// A new title of the series reaches the changed occurrences that had its old title.
    pub(super) titles_spread: bool,
    /// Whole series are moved.
    pub(super) moves: bool,
    /// A shorter rule forgets what became of the occurrences behind its end.
    pub(super) forgets: bool,
}

impl Series {
    pub(super) fn rule(&self) -> String {
        format!("FREQ=DAILY;COUNT={}", self.count)
    }

    /// The local start that the series gives an occurrence.
    pub(super) fn local(&self, index: i64) -> DateTime {
        self.first.saturating_add(index.days())
    }

    /// The start that the series gives an occurrence.
    pub(super) fn original(&self, index: i64) -> anyhow::Result<Timestamp> {
        instant(self.local(index))
    }

    /// An occurrence; `None` if the series has none there, or has it no more.
    pub(super) fn occurrence(&self, index: i64) -> anyhow::Result<Option<Occurrence>> {
        let original = self.original(index)?;
        let (title, start) = match self.changes.get(&index) {
            _ if !(0..self.count).contains(&index) => return Ok(None),
            Some(Change::Cancelled) => return Ok(None),
            Some(Change::Changed { title, start }) => (title, start.unwrap_or(original)),
            None => (&self.title, original),
        };
        Ok(Some(Occurrence { start, original, title: title.clone() }))
    }

    /// All that take place, by their starts.
    pub(super) fn occurrences(&self) -> anyhow::Result<Vec<Occurrence>> {
        let all: anyhow::Result<Vec<_>> = (0..self.count).map(|index| self.occurrence(index)).collect();
        let mut all: Vec<_> = all?.into_iter().flatten().collect();
        all.sort();
        Ok(all)
    }

    /// The indices of those that take place.
    pub(super) fn present(&self) -> Vec<i64> {
        (0..self.count).filter(|index| self.changes.get(index) != Some(&Change::Cancelled)).collect()
    }

    fn own(&mut self, index: i64) -> (&mut String, &mut Option<Timestamp>) {
        let own = self.changes.entry(index).or_insert(Change::Cancelled);
        if *own == Change::Cancelled {
            *own = Change::Changed { title: self.title.clone(), start: None };
        }
        match own {
            Change::Changed { title, start } => (title, start),
            Change::Cancelled => unreachable!("it was changed a line above"),
        }
    }
}

/// The calendar's series after an act.
pub(super) fn after(series: Option<Series>, act: &Act, habits: Habits) -> Option<Series> {
    let mut series = match act {
        Act::Create(series) => return Some(series.clone()),
        Act::Cancel => return None,
        _ => series?,
    };
    match act {
        Act::Create(_) | Act::Cancel => {}
        Act::Move(first) if *first == series.first => {}
        Act::Retitle(new) => {
            for change in series.changes.values_mut() {
                if let Change::Changed { title, .. } = change
                    && habits.titles_spread
                    && *title == series.title
                {
                    title.clone_from(new);
                }
            }
            series.title.clone_from(new);
        }
        Act::RetitleOne(index, new) => series.own(*index).0.clone_from(new),
        Act::MoveOne(index, to) => *series.own(*index).1 = Some(*to),
        Act::CancelOne(index) => drop(series.changes.insert(*index, Change::Cancelled)),
        Act::Move(first) => {
            let before: Vec<DateTime> = series.changes.keys().map(|index| series.local(*index)).collect();
            series.first = *first;
            for index in 0..series.count {
                // What was changed at this start has the fields of the series now, and is still an event of its own.
                let is_own = before.contains(&series.local(index)) && !habits.titles_spread;
                let plain = Change::Changed { title: series.title.clone(), start: None };
                match series.changes.get_mut(&index) {
                    Some(Change::Changed { start, .. }) => *start = None,
                    Some(Change::Cancelled) => {}
                    None if is_own => drop(series.changes.insert(index, plain.clone())),
                    None => {}
                }
                if !is_own && series.changes.get(&index) == Some(&plain) {
                    series.changes.remove(&index);
                }
            }
        }
        Act::Count(count) => {
            series.count = *count;
            series.changes.retain(|index, _| index < count);
        }
    }
    Some(series)
}

/// Something to do next. `step` makes titles and keys unlike all others.
pub(super) fn next(random: &mut Random, series: Option<&Series>, step: usize, habits: Habits) -> anyhow::Result<Act> {
    let title = format!("Title {step}");
    let Some(series) = series else { return Ok(Act::Create(new_series(random, step))) };
    let present = series.present();
    if present.is_empty() {
        return Ok(Act::Cancel);
    }
    let one = random.one_of(&present);
    Ok(match random.below(100) {
        0..22 => Act::RetitleOne(one, title),
        22..47 => Act::MoveOne(one, series.original(one)? + SignedDuration::from_mins(30 * number(random, -60, 60))),
        47..60 => Act::CancelOne(one),
        60..70 => Act::Retitle(title),
        70..82 => {
            let last = series.changes.keys().next_back().filter(|_| !habits.forgets).map_or(1, |last| *last);
            Act::Count(number(random, last + 1, 13))
        }
        82..94 if habits.moves => Act::Move(first(random)),
        82..94 => Act::Retitle(title),
        _ => Act::Cancel,
    })
}

fn new_series(random: &mut Random, step: usize) -> Series {
    let (first, count) = (first(random), number(random, 3, 13));
    Series { key: format!("walk-{step}"), title: format!("Title {step}"), first, count, changes: BTreeMap::new() }
}

/// Between eight and seven, when no clocks change, in the fortnight before they do.
fn first(random: &mut Random) -> DateTime {
    let day = i8::try_from(number(random, 15, 30)).unwrap_or(15);
    date(2027, 3, day).at(i8::try_from(number(random, 8, 19)).unwrap_or(8), 0, 0, 0)
}

/// A number from `from` up to but not including `to`.
pub(super) fn number(random: &mut Random, from: i64, to: i64) -> i64 {
    from + i64::try_from(random.below(to.abs_diff(from))).unwrap_or(0)
}

/// The instant of a local time.
pub(super) fn instant(local: DateTime) -> anyhow::Result<Timestamp> {
    Ok(TimeZone::get(ZONE)?.to_timestamp(local)?)
}
