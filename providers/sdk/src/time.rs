//! Local times and whole days as instants.
//!
//! Many services write local times and dates, and the contract wants instants. A whole day begins at midnight in the time
//! zone of the calendar's owner ([`Connection::zone`](crate::values::Connection)), which is not midnight in UTC.
//!
//! In a component, the rules of a zone come from the host (`zones.transitions`): one call for each zone and window, and no
//! time zone database in the component. Elsewhere, in tests, they come from the database of the crate `icalendar`.
//!
//! ```
//! use chronus_sdk::jiff::civil::date;
//! use chronus_sdk::time::ZoneRules;
//! use chronus_sdk::values::Window;
//!
//! let window = Window { start: 1_772_300_000, end: 1_772_900_000 };
//! let zone = ZoneRules::within("W. Europe Standard Time", window)?;
//! assert_eq!(zone.name(), "Europe/Berlin");
//! assert_eq!(zone.midnight(date(2026, 3, 2)), Ok(1_772_406_000));
//! assert_eq!(zone.instant(date(2026, 3, 2).at(9, 30, 0, 0)), Ok(1_772_440_200));
//! assert_eq!(zone.local(1_772_440_200), Some(date(2026, 3, 2).at(9, 30, 0, 0)));
//! # Ok::<(), chronus_sdk::values::Failure>(())
//! ```

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::bindings::chronus::calendar::zones;
use crate::failure::invalid;
use crate::values::{Failure, Instant, Window};

/// More than the difference between a local time and the same time in UTC, in seconds.
const MARGIN: Instant = 2 * 86_400;

/// The rules of a time zone within a window.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneRules {
    name: String,
    /// The first one is in force two days before the window.
    transitions: Vec<zones::Transition>,
    end: Instant,
}

impl ZoneRules {
    /// Asks for the rules of a zone, by its IANA name or the name that Windows has for it.
    ///
    /// # Errors
    /// `invalid`, if the zone is unknown.
    pub fn within(name: &str, window: Window) -> Result<Self, Failure> {
        let wide = Window { start: window.start.saturating_sub(MARGIN), end: window.end.saturating_add(MARGIN) };
        let found = rules(name, wide).filter(|found| !found.transitions.is_empty());
        let found = found.ok_or_else(|| invalid("zone", format!("{name:?} is not a known time zone")))?;
        Ok(Self { name: found.zone, transitions: found.transitions, end: wide.end })
    }

    /// The IANA name of the zone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant of a local time. A time that the clocks skip has the offset before the gap; a time that occurs twice is
    /// the first of the two (RFC 5545 §3.3.5).
    ///
    /// # Errors
    /// `invalid`, if the time is not within the window of the rules, or at most a day away from it.
    pub fn instant(&self, local: DateTime) -> Result<Instant, Failure> {
        let outside = || invalid("time", format!("{local} is outside the window of the rules of {}", self.name));
        let as_utc = Offset::UTC.to_timestamp(local).map_err(|_| outside())?.as_second();
        let mut before = None;
        for (index, transition) in self.transitions.iter().enumerate() {
            let end = self.transitions.get(index + 1).map_or(self.end, |next| next.at);
            let at = as_utc - Instant::from(transition.offset);
            match before {
                _ if at >= end => before = Some(at),
                _ if at >= transition.at => return Ok(at),
                // The clocks skip the time.
                Some(before) => return Ok(before),
                None => return Err(outside()),
            }
        }
        Err(outside())
    }

    /// The instant at which a day begins. Where the clocks skip midnight, the first instant of the day.
    ///
    /// # Errors
    /// As [`ZoneRules::instant`].
    pub fn midnight(&self, day: Date) -> Result<Instant, Failure> {
        self.instant(day.to_datetime(Time::midnight()))
    }

    /// The local time at an instant; `None` if that is out of range.
    pub fn local(&self, at: Instant) -> Option<DateTime> {
        let in_force = self.transitions.iter().rev().find(|transition| transition.at <= at);
        let offset = in_force.or(self.transitions.first())?.offset;
        Some(Offset::from_seconds(offset).ok()?.to_datetime(Timestamp::from_second(at).ok()?))
    }
}

/// The instant at which a day begins in a time zone; see [`ZoneRules::midnight`]. For more than a few days, use
/// [`ZoneRules`], which asks the host once.
///
/// ```
/// use chronus_sdk::{jiff::civil::date, time};
///
/// assert_eq!(time::midnight("Europe/Rome", date(2026, 3, 2)), Ok(1_772_406_000));
/// ```
///
/// # Errors
/// `invalid`, if the zone is unknown or the day is out of range.
pub fn midnight(zone: &str, day: Date) -> Result<Instant, Failure> {
    local(zone, day.to_datetime(Time::midnight()))
}

/// The instant of a local time in a time zone; see [`ZoneRules::instant`].
///
/// # Errors
/// `invalid`, if the zone is unknown or the time is out of range.
pub fn local(zone: &str, time: DateTime) -> Result<Instant, Failure> {
    let as_utc = Offset::UTC.to_timestamp(time).map_err(|_| invalid("time", format!("{time} is out of range")))?;
    let start = as_utc.as_second();
    ZoneRules::within(zone, Window { start, end: start.saturating_add(1) })?.instant(time)
}

#[cfg(target_arch = "wasm32")]
fn rules(name: &str, window: Window) -> Option<zones::ZoneRules> {
    zones::transitions(name, window)
}

#[cfg(not(target_arch = "wasm32"))]
fn rules(name: &str, window: Window) -> Option<zones::ZoneRules> {
    let zone = crate::icalendar::Zone::named(name)?;
    let at = |second| Timestamp::from_second(second).ok();
    let transitions = zone.transitions(at(window.start)?, at(window.end)?);
    let transitions = transitions.map(|one| zones::Transition { at: one.at.as_second(), offset: one.offset });
    Some(zones::ZoneRules { zone: zone.name()?.to_owned(), transitions: transitions.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icalendar::Zone;
    use crate::values::Remedy;
    use jiff::civil::date;

    #[test]
    fn days_begin_at_midnight_in_their_zone() {
        assert_eq!(midnight("UTC", date(2026, 3, 2)), Ok(1_772_409_600));
        assert_eq!(midnight("America/New_York", date(2026, 3, 2)), Ok(1_772_409_600 + 5 * 3600));
        // Clocks went from 23:59 to 01:00.
        assert_eq!(midnight("America/Santiago", date(2026, 9, 6)), Ok(1_788_667_200));
    }

    #[test]
    fn an_unknown_zone_or_a_distant_time_is_invalid() {
        assert_eq!(midnight("Mars/Base", date(2026, 3, 2)).unwrap_err().remedy, Remedy::Invalid("zone".into()));
        let rules = ZoneRules::within("Europe/Rome", Window { start: 0, end: 86_400 }).unwrap();
        for distant in [date(1969, 12, 20), date(1970, 1, 20), date(9999, 12, 31)] {
            assert_eq!(rules.midnight(distant).unwrap_err().remedy, Remedy::Invalid("time".into()), "{distant}");
        }
    }

    /// The database of the engine is the reference, around changes of the clocks in both directions and by a whole day.
    #[test]
    fn local_times_are_those_of_the_database() {
        for (name, first) in [
            ("Europe/Rome", date(2026, 3, 27)),
            ("Europe/Rome", date(2026, 10, 23)),
            ("Australia/Lord_Howe", date(2026, 4, 3)),
            ("America/Havana", date(2026, 3, 6)),
            ("Pacific/Apia", date(2011, 12, 28)),
            ("Asia/Kolkata", date(2026, 1, 1)),
        ] {
            let zone = Zone::iana(name).unwrap();
            let start = Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)).unwrap().as_second();
            let rules = ZoneRules::within(name, Window { start, end: start + 4 * 86_400 }).unwrap();
            for quarter in 0..4 * 96 {
                let local = first.at(0, 0, 0, 0).saturating_add(jiff::SignedDuration::from_mins(15 * quarter));
                let expected = zone.instant(local).unwrap();
                assert_eq!(rules.instant(local), Ok(expected.as_second()), "{name} {local}");
                assert_eq!(rules.local(expected.as_second()), Some(zone.local(expected)), "{name} {expected}");
            }
        }
    }
}
