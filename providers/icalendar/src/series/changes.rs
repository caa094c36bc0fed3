//! The overrides of a series: VEVENTs with a RECURRENCE-ID.
//!
//! The id of an occurrence is not its time. The id is the start that the series gives to the occurrence: an instant, or
//! a day in a whole-day series. RECURRENCE-ID, EXDATE and RDATE refer to this start, in any zone and form. SEQUENCE is
//! not part of the id, because services raise it on overrides alone; it only decides which of two overrides of one
//! occurrence is newer. Each override is placed at its own time, so an override that moves an occurrence into the window
//! is found.
//!
//! Decisions: RANGE=THISANDFUTURE shifts later occurrences in local time and gives them its own length (RFC 5545
//! §3.8.4.4). An override that cannot be read does not hide the occurrence that it changes.
//! Rejected: matching names as text. Servers and clients write the same moment in UTC, in a zone and as a date.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::timing::Timing;
use super::{Moment, Series, WindowOccurrences};
use crate::value::{self, DateOrTime};
use crate::zone::Clock;
use crate::{Component, Problems, Zone, Zones, wall};

/// In seconds: more than the difference of any two zones, and than any change of the clocks.
pub(super) const MARGIN: i64 = 2 * 86_400;

/// The id of an occurrence, as RECURRENCE-ID, EXDATE and RDATE give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OccurrenceId {
    Exact(Moment),
    /// All occurrences of a timed series on this day.
    On(Date),
}

impl OccurrenceId {
    /// The id that a value gives in the series of this master. A time without a zone is in the master's zone.
    pub(super) fn of(
        value: DateOrTime<'_>,
        master: Option<&Timing>,
        zones: &mut Zones<'_>,
        uid: &str,
        problems: &mut Problems,
    ) -> Option<OccurrenceId> {
        let exact = |at: Timestamp| OccurrenceId::Exact(Moment::Timed(at));
        match (master, value) {
            (Some(Timing::Days { .. }), value) => Some(OccurrenceId::Exact(Moment::Date(value.wall().date()))),
            (Some(Timing::Timed { .. }), DateOrTime::Date(date)) => Some(OccurrenceId::On(date)),
            (None, DateOrTime::Date(date)) => Some(OccurrenceId::Exact(Moment::Date(date))),
            (Some(Timing::Timed { zone, .. }), DateOrTime::Floating(at)) => zone.instant(at).map(exact),
            // The instants of a series without a zone are unknown. A value in UTC with the series' time of day is
            // read as local time, because RFC 5545 §3.8.5.1 requires the form of DTSTART.
            (Some(Timing::Timed { zone, floating: true, start, .. }), DateOrTime::Utc(at))
                if at.time() == start.time() =>
            {
                zone.instant(at).map(exact)
            }
            (_, value) => zones.of(value, uid, problems).instant(value.wall()).map(exact),
        }
    }
}

/// The overrides of a series, the newest of each occurrence.
pub(super) struct Changes<'a> {
    by_id: BTreeMap<OccurrenceId, Change<'a>>,
    /// The overrides with RANGE=THISANDFUTURE, sorted by the start of the occurrence that they change.
    ranges: Vec<(Moment, OccurrenceId)>,
    /// Over all ranges, in seconds and never negative: the longest length and the largest shifts.
    pub(super) longest: i64,
    pub(super) latest_shift: i64,
    pub(super) earliest_shift: i64,
}

pub(super) struct Change<'a> {
    pub(super) id: OccurrenceId,
    /// The start of the changed occurrence before the change, as local time in the master's zone.
    pub(super) original: DateTime,
    range: bool,
    pub(super) timing: Timing,
    pub(super) event: &'a Component,
}

impl<'a> Changes<'a> {
    pub(super) fn read(
        series: &Series<'a>,
        master: Option<&Timing>,
        zones: &mut Zones<'a>,
        problems: &mut Problems,
    ) -> Changes<'a> {
        let mut by_id: BTreeMap<OccurrenceId, Change<'a>> = BTreeMap::new();
        for &event in &series.overrides {
            let Some(change) = Change::read(event, master, zones, &series.uid, problems) else { continue };
            match by_id.get(&change.id) {
                Some(present) if super::revision(present.event) > super::revision(event) => {}
                _ => {
                    by_id.insert(change.id, change);
                }
            }
        }
        let mut changes = Changes { by_id, ranges: Vec::new(), longest: 0, latest_shift: 0, earliest_shift: 0 };
        if let Some(master) = master {
            changes.read_ranges(master);
        }
        changes
    }

    fn read_ranges(&mut self, master: &Timing) {
        for (&id, change) in self.by_id.iter().filter(|(_, change)| change.range) {
            let from = match (id, master) {
                (OccurrenceId::Exact(moment), _) => Some(moment),
                (OccurrenceId::On(_), Timing::Timed { zone, .. }) => zone.instant(change.original).map(Moment::Timed),
                (OccurrenceId::On(day), Timing::Days { .. }) => Some(Moment::Date(day)),
            };
            self.ranges.extend(from.map(|from| (from, id)));
            self.longest = self.longest.max(change.timing.about().abs());
            if let Some(first) = change.shifted(change.original, master) {
                let shift = seconds_between(change.original, first);
                // The two local times may be in different zones, hence the margin.
                self.latest_shift = self.latest_shift.max(shift + MARGIN);
                self.earliest_shift = self.earliest_shift.max(MARGIN - shift);
            }
        }
        self.ranges.sort_unstable();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether this occurrence itself is overridden.
    pub(super) fn single(&self, id: OccurrenceId) -> bool {
        !self.by_id.is_empty() && self.by_id.contains_key(&id)
    }

    /// The last change of an earlier occurrence that also applies to this one.
    pub(super) fn governing(&self, moment: Moment) -> Option<&Change<'a>> {
        let after = self.ranges.partition_point(|&(from, _)| from < moment);
        let (_, id) = self.ranges.get(after.checked_sub(1)?)?;
        self.by_id.get(id)
    }

    /// Adds the wanted occurrences among those that are changed.
    pub(super) fn place(
        &self,
        wanted: impl Fn(&Change<'a>) -> bool,
        found: &mut WindowOccurrences<'a, '_>,
        owner: &Zone,
    ) {
        for change in self.by_id.values().filter(|change| wanted(change)) {
            let original = match change.id {
                OccurrenceId::Exact(moment) => moment,
                OccurrenceId::On(day) => Moment::Date(day),
            };
            let clock = Clock::new(change.timing.zone(owner));
            found.place(&change.timing, change.timing.start(), Some(original), change.event, &clock);
        }
    }
}

impl<'a> Change<'a> {
    fn read(
        event: &'a Component,
        master: Option<&Timing>,
        zones: &mut Zones<'a>,
        uid: &str,
        problems: &mut Problems,
    ) -> Option<Change<'a>> {
        let property = event.property("RECURRENCE-ID")?;
        let named = value::date_or_time(property).ok().and_then(|value| {
            let id = OccurrenceId::of(value, master, zones, uid, problems)?;
            Some((id, value.wall()))
        });
        let Some((id, written)) = named else {
            problems.add(uid, "RECURRENCE-ID cannot be read; the change of an occurrence was left out");
            return None;
        };
        let original = match (id, master) {
            (OccurrenceId::Exact(Moment::Timed(at)), Some(Timing::Timed { zone, .. })) => zone.local(at),
            _ => written,
        };
        let range = property.parameter("RANGE").is_some_and(|range| range.eq_ignore_ascii_case("THISANDFUTURE"));
        let timing = Timing::read(event, zones, uid, problems)?;
        Some(Change { id, original, range, timing, event })
    }

    /// The start of a later occurrence, shifted in the same way, as local time in the zone of this change.
    pub(super) fn shifted(&self, wall: DateTime, master: &Timing) -> Option<DateTime> {
        let own = self.timing.start();
        let shift = |at: DateTime, from: DateTime, to: DateTime| wall::later(at, seconds_between(from, to));
        match (master, &self.timing, self.id) {
            (Timing::Timed { zone, .. }, Timing::Timed { zone: own_zone, .. }, OccurrenceId::Exact(_)) => {
                let in_master = zone.local(own_zone.instant(own)?);
                Some(own_zone.local(zone.instant(shift(wall, self.original, in_master)?)?))
            }
            // One of the two is in whole days: the day is shifted, and the time of day comes from the change.
            _ => {
                let with_own_time = |at: DateTime| at.date().to_datetime(own.time());
                shift(with_own_time(wall), with_own_time(self.original), own)
            }
        }
    }
}

fn seconds_between(from: DateTime, to: DateTime) -> i64 {
    wall::seconds(to) - wall::seconds(from)
}
