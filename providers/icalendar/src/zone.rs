//! The time zones of a calendar, as rules that turn local time into instants.
//!
//! An unknown zone would move its events by hours, so a TZID is resolved in several ways, in this order: as an IANA name in any
//! case; by its ending, if a program added a prefix (`/mozilla.org/20050126_1/Europe/Berlin`); as a Windows name; by the
//! `X-LIC-LOCATION` of its VTIMEZONE; by the rules of its VTIMEZONE. Otherwise its times are read as floating, with a problem.
//!
//! A known name takes precedence over the embedded VTIMEZONE, which was copied when the event was created: governments change
//! rules later, many programs write one year's rules for all years, and a series must follow local time.
//!
//! `X-WR-TIMEZONE` gives the zone of floating times in a published calendar, which is better than the reader's zone. It does not
//! affect times in UTC, which are instants, nor whole days, which are days in the owner's zone.
//!
//! Rejected: the definition first, as in RFC 5545 §3.6.5; it is used for zones with an unknown name. Also rejected: moving UTC
//! times into `X-WR-TIMEZONE`, as recurring-ical-events does. It changes nothing for single events, and a series in UTC would
//! differ from what every RFC 5545 reader shows.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::value::DateOrTime;
use super::{Component, Problems, observance, wall, windows};

/// Rules that turn local time into instants and back. Clones share them.
#[derive(Clone, Debug)]
pub struct Zone {
    rules: TimeZone,
    /// Whether the rules are those of a VTIMEZONE, so that the name is the calendar's own.
    custom: bool,
}

impl Zone {
    pub fn utc() -> Zone {
        Zone { rules: TimeZone::UTC, custom: false }
    }

    /// The zone of an IANA name, in any case of letters.
    pub fn iana(name: &str) -> Option<Zone> {
        let rules = TimeZoneDatabase::bundled().get(name).ok().filter(|rules| !rules.is_unknown())?;
        Some(Zone { rules, custom: false })
    }

    /// The zone of an IANA name, a prefixed one, or a Windows name.
    pub fn named(name: &str) -> Option<Zone> {
        let name = name.trim().trim_matches('"').trim();
        if let Some(zone) = Zone::iana(name) {
            return Some(zone);
        }
        if name.eq_ignore_ascii_case("tzone://Microsoft/Utc") || name.eq_ignore_ascii_case("Z") {
            return Some(Zone::utc());
        }
        let mut prefixed = name.strip_prefix('/');
        while let Some(name) = prefixed {
            if let Some(zone) = Zone::iana(name) {
                return Some(zone);
            }
            prefixed = name.split_once('/').map(|(_, rest)| rest);
        }
        Zone::iana(windows::iana(name)?)
    }

    pub(super) fn custom(rules: TimeZone) -> Zone {
        Zone { rules, custom: true }
    }

    /// The IANA name; `None` for a zone that only its VTIMEZONE defines.
    pub fn name(&self) -> Option<&str> {
        if self.custom { None } else { self.rules.iana_name() }
    }

    /// The rules themselves.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }

    /// The instant of a local time. A time that the clocks skip has the offset before the gap; a time that occurs twice is the
    /// first (RFC 5545 §3.3.5). `None` beyond the range of instants.
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        self.rules.to_timestamp(local).ok()
    }

    /// The local time at an instant.
    pub fn local(&self, instant: Timestamp) -> DateTime {
        self.rules.to_datetime(instant)
    }

    /// The offset that is in force at `start`, and those that begin after it and before `end`.
    pub fn transitions(&self, start: Timestamp, end: Timestamp) -> impl Iterator<Item = Transition> {
        let first = Transition { at: start, offset: self.rules.to_offset(start).seconds() };
        let later = self.rules.following(start).take_while(move |one| one.timestamp() < end);
        let later = later.map(|one| Transition { at: one.timestamp(), offset: one.offset().seconds() });
        std::iter::once(first).chain(later)
    }
}

/// A change of the offset of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When the offset begins.
    pub at: Timestamp,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// A zone with a cache of the last period between two changes of the clocks. A series needs hundreds of times in a row, and
/// looking up each of them was most of the work of a query.
#[derive(Debug)]
pub(super) struct Clock<'z> {
    zone: &'z Zone,
    stretch: Cell<Stretch>,
}

/// Local times, in seconds, that certainly have one offset.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    before: i64,
    offset: i64,
}

impl<'z> Clock<'z> {
    pub(super) fn new(zone: &'z Zone) -> Clock<'z> {
        Clock { zone, stretch: Cell::new(Stretch { from: 0, before: 0, offset: 0 }) }
    }

    pub(super) fn zone(&self) -> &'z Zone {
        self.zone
    }

    /// As [`Zone::instant`].
    pub(super) fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let wall = wall::seconds(local);
        let known = self.stretch.get();
        if (known.from..known.before).contains(&wall) {
            return Timestamp::from_second(wall - known.offset).ok();
        }
        let instant = self.zone.instant(local)?;
        self.stretch.set(self.stretch_around(instant));
        Some(instant)
    }

    fn stretch_around(&self, instant: Timestamp) -> Stretch {
        // Clocks have been changed by a whole day at most, so two days away from a change no wall time is in doubt.
        const MARGIN: i64 = 2 * 86_400;
        let rules = &self.zone.rules;
        // Not the difference of the wall time and the instant: of a time that the clocks skip, that is the old offset.
        let offset = i64::from(rules.to_offset(instant).seconds());
        let just_after = instant.saturating_add(SignedDuration::from_secs(1)).unwrap_or(instant);
        let last = rules.preceding(just_after).next().map_or(i64::MIN / 2, |change| change.timestamp().as_second());
        let next = rules.following(instant).next().map_or(i64::MAX / 2, |change| change.timestamp().as_second());
        Stretch { from: last + offset + MARGIN, before: next + offset - MARGIN, offset }
    }
}

/// The zones of one calendar: those that it names or defines, and those of times without a zone.
#[derive(Debug)]
pub struct Zones<'a> {
    /// The first VTIMEZONE of each TZID.
    definitions: BTreeMap<String, &'a Component>,
    owner: Zone,
    floating: Zone,
    known: BTreeMap<String, Option<Zone>>,
}

impl<'a> Zones<'a> {
    /// `owner` is the zone of the calendar's owner, in which whole days are meant, and floating times too unless the
    /// calendar says otherwise.
    pub fn new(calendar: &'a Component, owner: Zone) -> Zones<'a> {
        let mut definitions = BTreeMap::new();
        for definition in calendar.inner("VTIMEZONE") {
            let tzid = definition.text("TZID").unwrap_or_default().trim().to_owned();
            definitions.entry(tzid).or_insert(definition);
        }
        let mut zones = Zones { definitions, floating: owner.clone(), owner, known: BTreeMap::new() };
        if let Some(stated) = calendar.property("X-WR-TIMEZONE")
            && let Some(zone) = zones.get(&stated.text())
        {
            zones.floating = zone;
        }
        zones
    }

    /// The zone that whole days are meant in.
    pub fn owner(&self) -> &Zone {
        &self.owner
    }

    /// The zone that floating times are meant in.
    pub fn floating(&self) -> &Zone {
        &self.floating
    }

    /// The zone of a TZID, if it can be understood.
    pub fn get(&mut self, tzid: &str) -> Option<Zone> {
        if let Some(zone) = self.known.get(tzid) {
            return zone.clone();
        }
        let zone = Zone::named(tzid).or_else(|| self.defined(tzid));
        self.known.insert(tzid.to_owned(), zone.clone());
        zone
    }

    fn defined(&self, tzid: &str) -> Option<Zone> {
        let definition = *self.definitions.get(tzid.trim())?;
        if let Some(location) = definition.text("X-LIC-LOCATION")
            && let Some(zone) = Zone::named(&location)
        {
            return Some(zone);
        }
        observance::rules(definition).map(Zone::custom)
    }

    /// The zone that a value is meant in, with a problem if its TZID cannot be understood.
    pub(super) fn of(&mut self, value: DateOrTime<'_>, uid: &str, problems: &mut Problems) -> Zone {
        match value {
            DateOrTime::Date(_) => self.owner.clone(),
            DateOrTime::Floating(_) => self.floating.clone(),
            DateOrTime::Utc(_) => Zone::utc(),
            DateOrTime::Local(_, tzid) => match self.get(tzid) {
                Some(zone) => zone,
                None => {
                    problems.add(uid, format!("the time zone {} is not known; its times are floating", shown(tzid)));
                    self.floating.clone()
                }
            },
        }
    }
}

/// A name from outside, shortened and cleaned for a message or a log.
pub(super) fn shown(name: &str) -> String {
    let clean: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
    format!("`{clean}`")
}
