//! Series: a calendar's events by UID, and their occurrences within a window.
//!
//! An event that repeats is one UID with a master and any number of overrides, spread over the file in any order. They
//! are put together before anything is computed, since an override read alone would be a second event beside the
//! occurrence that it replaces. Of several masters of one UID the newest counts (RFC 5546 §2.1.5: SEQUENCE, then
//! DTSTAMP). If neither is newer and they take place at different times, the UID is wrong rather than one of the
//! events, and both are kept: a time that is not known is never reported as free.
//! Rejected: grouping by (UID, SEQUENCE). Google and Outlook raise SEQUENCE on overrides alone, and both the moved and
//! the original occurrence would show.

mod bounds;
mod changes;
mod expand;
mod timing;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

pub use bounds::bounds;
use timing::OccurrenceTime;
pub(super) use timing::Timing;

use super::recur::MAX_STEPS;
use super::sort::sort_by_times;
use super::value::{self, DateOrTime};
use super::zone::Clock;
use super::{Component, Problem, Problems, Zone, Zones};

/// The most occurrences that one query returns. If there are more, a problem is reported.
pub const MAX_OCCURRENCES: usize = 250_000;

/// The most steps that all rules of one query may take; see [`MAX_STEPS`] for one rule.
pub const MAX_STEPS_IN_ALL: u32 = 16 * MAX_STEPS;

/// From `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Window {
    /// Whether an event from `start` to `end` overlaps the window; to touch it is not enough. Of several adjacent
    /// windows, an event without duration is in the one in which it starts.
    pub fn meets(&self, start: Timestamp, end: Timestamp) -> bool {
        start < self.end && (end > self.start || (start == end && start == self.start))
    }
}

/// The start of an occurrence: an instant or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    Date(Date),
    Timed(Timestamp),
}

/// One event of a series, or a single event.
#[derive(Clone, Debug)]
pub struct Occurrence<'a> {
    pub start: Timestamp,
    /// Not before `start`.
    pub end: Timestamp,
    /// For a whole-day event: the first day, and the day after the last.
    pub days: Option<(Date, Date)>,
    /// The zone in which people see the start; the owner's for whole days.
    pub zone: Zone,
    /// The start that the series gives it. `None` for a single event.
    pub original: Option<Moment>,
    /// The VEVENT with all other properties. It may be cancelled; the caller checks that.
    pub event: &'a Component,
}

impl Occurrence<'_> {
    pub fn all_day(&self) -> bool {
        self.days.is_some()
    }
}

/// All VEVENTs of one UID.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// Empty for an event without UID.
    pub uid: String,
    /// The VEVENT without RECURRENCE-ID. `None` if the calendar has only changed occurrences.
    pub master: Option<&'a Component>,
    /// The VEVENTs with RECURRENCE-ID, in the order of the file.
    pub overrides: Vec<&'a Component>,
}

impl<'a> Series<'a> {
    /// The occurrences within the window, sorted by start, then end.
    pub fn occurrences(&self, zones: &mut Zones<'a>, window: Window) -> (Vec<Occurrence<'a>>, Vec<Problem>) {
        let mut problems = Problems::default();
        let mut found = expand::expand(self, zones, window, &mut Budget::default(), &mut problems);
        sort(&mut found);
        (found, problems.into_vec())
    }
}

/// The series and single events of a calendar, in the order in which their UIDs first appear.
pub fn group(calendar: &Component) -> (Vec<Series<'_>>, Vec<Problem>) {
    let mut problems = Problems::default();
    let series = group_into(calendar, &mut problems);
    (series, problems.into_vec())
}

/// Every occurrence of every event of a calendar within the window, sorted by start, then end.
pub fn occurrences(calendar: &Component, owner: Zone, window: Window) -> (Vec<Occurrence<'_>>, Vec<Problem>) {
    let mut problems = Problems::default();
    let mut zones = Zones::new(calendar, owner);
    let mut budget = Budget::default();
    let mut all = Vec::new();
    for series in group_into(calendar, &mut problems) {
        all.extend(expand::expand(&series, &mut zones, window, &mut budget, &mut problems));
    }
    sort(&mut all);
    (all, problems.into_vec())
}

/// Sorts by start, then end.
fn sort(occurrences: &mut Vec<Occurrence<'_>>) {
    sort_by_times(occurrences, |one| (one.start.as_second(), one.end.as_second()));
}

fn group_into<'a>(calendar: &'a Component, problems: &mut Problems) -> Vec<Series<'a>> {
    let mut all: Vec<Series<'a>> = Vec::new();
    let mut by_uid: BTreeMap<&str, usize> = BTreeMap::new();
    let mut beside = Vec::new();
    for event in calendar.inner("VEVENT") {
        let uid = event.property("UID").map(|uid| uid.value.trim()).unwrap_or_default();
        let known = by_uid.get(uid).and_then(|&index| all.get_mut(index)).filter(|_| !uid.is_empty());
        let is_override = event.property("RECURRENCE-ID").is_some();
        let Some(series) = known else {
            by_uid.insert(uid, all.len());
            let (master, overrides) = if is_override { (None, vec![event]) } else { (Some(event), Vec::new()) };
            all.push(Series { uid: value_text(uid), master, overrides });
            continue;
        };
        match series.master {
            _ if is_override => series.overrides.push(event),
            None => series.master = Some(event),
            Some(present) => match revision(event).cmp(&revision(present)) {
                std::cmp::Ordering::Greater => {
                    series.master = Some(event);
                    problems.add(uid, "an event is there twice; the older version was left out");
                }
                std::cmp::Ordering::Less => {
                    problems.add(uid, "an event is there twice; the older version was left out");
                }
                std::cmp::Ordering::Equal if same_times(event, present) => {}
                std::cmp::Ordering::Equal => {
                    problems.add(uid, "two events have one UID and neither is newer; both are kept");
                    beside.push(Series { uid: value_text(uid), master: Some(event), overrides: Vec::new() });
                }
            },
        }
    }
    all.extend(beside);
    all
}

fn value_text(uid: &str) -> String {
    super::line::unescape(uid)
}

/// The version of a component, to find the newest: SEQUENCE, then DTSTAMP.
fn revision(event: &Component) -> (i64, Option<DateTime>) {
    let stamp = event.property("DTSTAMP").and_then(|property| value::date_or_time(property).ok());
    (sequence(event), stamp.map(DateOrTime::wall))
}

/// SEQUENCE, or 0 without this property.
fn sequence(event: &Component) -> i64 {
    event.property("SEQUENCE").and_then(|property| property.value.trim().parse().ok()).unwrap_or(0)
}

fn same_times(one: &Component, other: &Component) -> bool {
    const NAMES: [&str; 6] = ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE"];
    NAMES.iter().all(|name| one.all(name).eq(other.all(name)))
}

/// The remaining occurrences and steps of one query.
struct Budget {
    occurrences: usize,
    steps: u32,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { occurrences: MAX_OCCURRENCES, steps: MAX_STEPS_IN_ALL }
    }
}

impl Budget {
    /// Uses up one occurrence. Returns false if no occurrence was left.
    fn occurrence(&mut self) -> bool {
        let left = self.occurrences > 0;
        self.occurrences = self.occurrences.saturating_sub(1);
        left
    }

    fn has_steps(&self) -> bool {
        self.steps > 0
    }

    fn take_steps(&mut self, steps: u32) {
        self.steps = self.steps.saturating_sub(steps);
    }
}

/// The occurrences that were found within the window.
struct WindowOccurrences<'a, 'b> {
    window: Window,
    budget: &'b mut Budget,
    /// Whether an occurrence was left out because there were too many.
    dropped: bool,
    occurrences: Vec<Occurrence<'a>>,
}

impl<'a> WindowOccurrences<'a, '_> {
    /// Adds an occurrence if it is in the window. `clock` is that of the timing's zone.
    fn place(
        &mut self,
        timing: &Timing,
        wall: DateTime,
        original: Option<Moment>,
        event: &'a Component,
        clock: &Clock<'_>,
    ) {
        let Some(OccurrenceTime { start, end, days }) = timing.place(wall, clock) else { return };
        if !self.window.meets(start, end) {
            return;
        }
        if !self.budget.occurrence() {
            self.dropped = true;
            return;
        }
        self.occurrences.push(Occurrence { start, end, days, zone: clock.zone().clone(), original, event });
    }
}
