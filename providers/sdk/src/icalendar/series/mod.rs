//! skeleton
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Component, Problem, Zone, Zones};

/// From `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// A start, in the one or the other form.
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
    /// Of a whole-day event: the first day, and the day after the last.
    pub days: Option<(Date, Date)>,
    /// The zone in which people see the start.
    pub zone: Zone,
    /// The start that the series gives it; none of a single event.
    pub original: Option<Moment>,
    /// The VEVENT that says everything else about it. It may be cancelled: that is for the caller to look at.
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
    pub uid: String,
    /// The VEVENT without RECURRENCE-ID; none if only changed occurrences are there.
    pub master: Option<&'a Component>,
    /// The VEVENTs with RECURRENCE-ID, as they came.
    pub overrides: Vec<&'a Component>,
}

impl<'a> Series<'a> {
    /// The occurrences within the window, sorted by start.
    pub fn occurrences(&self, _zones: &mut Zones<'a>, _window: Window) -> (Vec<Occurrence<'a>>, Vec<Problem>) {
        (Vec::new(), Vec::new())
    }
}

/// The series and single events of a calendar, in the order in which their UIDs first appear.
pub fn group(_calendar: &Component) -> (Vec<Series<'_>>, Vec<Problem>) {
    (Vec::new(), Vec::new())
}

/// Every occurrence of every event of a calendar within the window, sorted by start, then end.
pub fn occurrences(calendar: &Component, owner: Zone, window: Window) -> (Vec<Occurrence<'_>>, Vec<Problem>) {
    let (series, mut problems) = group(calendar);
    let mut zones = Zones::new(calendar, owner);
    let mut all = Vec::new();
    for one in &series {
        let (occurrences, more) = one.occurrences(&mut zones, window);
        all.extend(occurrences);
        problems.extend(more);
    }
    (all, problems)
}
