//! The rules of time zones, for providers.
//!
//! Problem: every service has local times and whole days, and a component that carried the time zone database would be
//! megabytes larger, and out of date after some years. Decision: the host answers from the database that is compiled into it,
//! so that the machine's files change nothing. It knows the names of IANA and those of Windows.
//! Rejected: one call for each conversion, because a call costs more than a conversion.

use crate::plugins::contract::bindings::chronus::calendar::{values as wit, zones};
use chronus_icalendar::Zone;
use jiff::Timestamp;
use wasmtime::component::HasData;

/// The most transitions in one answer: those of more than two centuries.
const MOST: usize = 512;

/// The import `zones`. It has no state.
#[derive(Debug)]
pub(super) struct Zones;

impl HasData for Zones {
    type Data<'a> = Self;
}

impl zones::Host for Zones {
    fn transitions(&mut self, name: String, window: wit::Window) -> wasmtime::Result<Option<zones::ZoneRules>> {
        let zone = Zone::named(&name);
        Ok(zone.and_then(|zone| {
            let name = zone.name()?.to_owned();
            Some(zones::ZoneRules { zone: name, transitions: transitions(&zone, window) })
        }))
    }
}

/// The offset at the start of the window, and those that begin within it.
fn transitions(zone: &Zone, window: wit::Window) -> Vec<zones::Transition> {
    let at = |seconds: i64| {
        let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_second(seconds).unwrap_or(end)
    };
    let all = zone.transitions(at(window.start), at(window.end));
    all.take(MOST).map(|one| zones::Transition { at: one.at.as_second(), offset: one.offset }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, start: i64, end: i64) -> Option<(String, Vec<(i64, i32)>)> {
        let rules = zones::Host::transitions(&mut Zones, name.into(), wit::Window { start, end }).unwrap()?;
        Some((rules.zone, rules.transitions.iter().map(|one| (one.at, one.offset)).collect()))
    }

    /// 2027-01-01 and 2028-01-01, in UTC.
    const YEAR: (i64, i64) = (1_798_761_600, 1_830_297_600);

    #[test]
    fn a_year_has_its_first_offset_and_two_changes() {
        let rome = ("Europe/Rome".to_owned(), vec![(YEAR.0, 3600), (1_806_195_600, 7200), (1_824_944_400, 3600)]);
        assert_eq!(ask("Europe/Rome", YEAR.0, YEAR.1), Some(rome));
        assert_eq!(ask("UTC", YEAR.0, YEAR.1), Some(("UTC".to_owned(), vec![(YEAR.0, 0)])));
    }

    #[test]
    fn names_of_windows_are_known_and_others_are_not() {
        let (zone, offsets) = ask("W. Europe Standard Time", YEAR.0, YEAR.1).unwrap();
        assert_eq!((zone.as_str(), offsets.len()), ("Europe/Berlin", 3));
        assert_eq!(ask("Middle-earth/Shire", YEAR.0, YEAR.1), None);
    }

    #[test]
    fn no_window_is_too_long() {
        let (_, offsets) = ask("Europe/Rome", i64::MIN, i64::MAX).unwrap();
        assert_eq!(offsets.len(), MOST);
        assert_eq!(ask("Europe/Rome", YEAR.1, YEAR.0).unwrap().1.len(), 1);
    }
}
