//! Finds the clock changes of a time zone, so that cases can put events there.

use super::bench::local;
use jiff::{
    SignedDuration, Timestamp,
    civil::{self, DateTime},
    tz::TimeZone,
};

/// The direction of a clock change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockChange {
    /// An hour is skipped.
    Forward,
    /// An hour comes twice.
    Back,
}

/// A change of the clocks.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) zone: TimeZone,
    /// The first local time that is skipped or repeated.
    pub(super) wall: DateTime,
}

impl Change {
    /// The clock change in a year. `None` if the zone is unknown or has no such change.
    pub(super) fn find(zone: &str, year: i16, turn: ClockChange) -> Option<Self> {
        let zone = TimeZone::get(zone).ok()?;
        let (from, to) = (begin_of(year), begin_of(year + 1));
        let turned = zone.following(from).take_while(|transition| transition.timestamp() < to).find_map(|transition| {
            let at = transition.timestamp();
            let before = zone.to_offset(at - SignedDuration::from_secs(1));
            let wall = |offset: jiff::tz::Offset| offset.to_datetime(at);
            match turn {
                ClockChange::Forward if transition.offset() > before => Some(wall(before)),
                ClockChange::Back if transition.offset() < before => Some(wall(transition.offset())),
                _ => None,
            }
        });
        turned.map(|wall| Self { zone: zone.clone(), wall })
    }

    /// The instant of a time of day, this many days after the day of the change.
    pub(super) fn at(&self, days: i64, time: civil::Time) -> Timestamp {
        local(&self.zone, self.day(days).to_datetime(time))
    }

    /// The date this many days after the day of the change.
    pub(super) fn day(&self, days: i64) -> civil::Date {
        self.wall.date().saturating_add(SignedDuration::from_hours(24 * days))
    }
}

fn begin_of(year: i16) -> Timestamp {
    local(&TimeZone::UTC, civil::date(year, 1, 1).at(0, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::YEARS;

    fn wall(zone: &str, year: i16, turn: ClockChange) -> String {
        Change::find(zone, year, turn).unwrap().wall.to_string()
    }

    #[test]
    fn the_changes_are_those_of_the_almanac() {
        assert_eq!(wall("Europe/Rome", 2024, ClockChange::Forward), "2024-03-31T02:00:00");
        assert_eq!(wall("Europe/Rome", 2024, ClockChange::Back), "2024-10-27T02:00:00");
        assert_eq!(wall("Australia/Sydney", 2023, ClockChange::Forward), "2023-10-01T02:00:00");
        assert_eq!(wall("Australia/Sydney", 2023, ClockChange::Back), "2023-04-02T02:00:00");
        assert_eq!(wall("America/Havana", 2019, ClockChange::Forward), "2019-03-10T00:00:00");
    }

    #[test]
    fn every_zone_of_the_cases_turns_its_clocks_in_every_year() {
        for year in YEARS {
            for zone in ["Europe/Rome", "America/New_York", "Australia/Sydney", "America/Havana"] {
                for turn in [ClockChange::Forward, ClockChange::Back] {
                    assert!(Change::find(zone, year, turn).is_some(), "{zone} {year} {turn:?}");
                }
            }
        }
        assert!(Change::find("Asia/Tokyo", 2024, ClockChange::Forward).is_none());
    }
}
