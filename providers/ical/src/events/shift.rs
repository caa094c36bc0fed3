//! Moving a series together with its exceptions.
//!
//! If a weekly meeting moves from nine to ten, the exceptions to its rule still say nine: an excluded week would come back, and a
//! week that was moved by hand would be there twice. So the values of EXDATE, RDATE and UNTIL move by the same local time, and so
//! do the RECURRENCE-IDs of changed occurrences. An occurrence at the series' time moves along; one that was moved by hand stays.
//!
//! Rejected: dropping the exceptions, as some services do. A patch of the time does not name them.

use chronus_sdk::icalendar::event::{self, Fields, When};
use chronus_sdk::icalendar::value::{self, DateOrTime, ListedDate, PeriodEnd};
use chronus_sdk::icalendar::{Component, Property, Zone, Zones};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

/// A move of a series from one time to another.
pub(super) struct Move<'a> {
    old: &'a When,
    new: &'a When,
    /// For the zones that the calendar defines.
    calendar: &'a Component,
}

impl<'a> Move<'a> {
    pub(super) fn new(old: &'a When, new: &'a When, calendar: &'a Component) -> Move<'a> {
        Move { old, new, calendar }
    }

    /// The distance in local time.
    fn distance(&self) -> SignedDuration {
        wall_start(self.old).duration_until(wall_start(self.new))
    }

    /// The local time in the new series for one in the old series.
    fn wall(&self, old: DateTime) -> Option<DateTime> {
        old.checked_add(self.distance()).ok()
    }

    /// A value of the old series as local time. A date means the occurrence of that day.
    fn read(&self, value: DateOrTime<'_>) -> Option<DateTime> {
        let zone = match self.old {
            When::Days { .. } => return Some(value.wall()),
            When::Timed { start_zone, .. } => start_zone,
        };
        let instant = match value {
            DateOrTime::Date(date) => return Some(date.to_datetime(wall_start(self.old).time())),
            DateOrTime::Floating(at) => return Some(at),
            DateOrTime::Utc(at) => Zone::utc().instant(at),
            DateOrTime::Local(at, tzid) => match Zones::new(self.calendar, Zone::utc()).get(tzid) {
                Some(zone) => zone.instant(at),
                None => return Some(at),
            },
        };
        instant.map(|instant| zone.local(instant))
    }

    /// A property of the new series for a local time.
    fn property(&self, name: &str, wall: DateTime) -> Property {
        match self.new {
            When::Days { .. } => DateOrTime::Date(wall.date()).property(name),
            When::Timed { start_zone, .. } => match start_zone.name().filter(|zone| !is_utc(zone)) {
                Some(tzid) => DateOrTime::Local(wall, tzid).property(name),
                None => match start_zone.instant(wall) {
                    Some(instant) => DateOrTime::Utc(Zone::utc().local(instant)).property(name),
                    None => DateOrTime::Utc(wall).property(name),
                },
            },
        }
    }

    fn moved(&self, name: &str, value: DateOrTime<'_>) -> Option<Property> {
        Some(self.property(name, self.wall(self.read(value)?)?))
    }

    /// Moves the rule's end, the additions and the exceptions of the series. Unreadable values stay.
    pub(super) fn recurrence(&self, master: &mut Component) {
        let mut properties = Vec::with_capacity(master.properties.len());
        for property in std::mem::take(&mut master.properties) {
            match &*property.name {
                "RRULE" => properties.push(self.rule(property)),
                "RDATE" | "EXDATE" => match self.list(&property) {
                    Some(moved) => properties.extend(moved),
                    None => properties.push(property),
                },
                _ => properties.push(property),
            }
        }
        master.properties = properties;
    }

    fn list(&self, property: &Property) -> Option<Vec<Property>> {
        let name = &property.name;
        value::list(property)
            .map(|listed| {
                let ListedDate { start, end } = listed.ok()?;
                let moved = self.moved(name, start)?;
                match end {
                    None => Some(moved),
                    Some(PeriodEnd::After(duration)) => Some(period(moved, &value::write_duration(duration))),
                    // A period with an explicit end is rare and stays unchanged.
                    Some(PeriodEnd::At(_)) => None,
                }
            })
            .collect()
    }

    fn rule(&self, rule: Property) -> Property {
        let part = |part: &str| {
            let until = part.get(..6).filter(|name| name.eq_ignore_ascii_case("UNTIL=")).and_then(|_| part.get(6..))?;
            let holder = Property::new("UNTIL", until);
            let moved = self.moved("UNTIL", value::date_or_time(&holder).ok()?)?;
            Some(format!("UNTIL={}", self.until(&moved)?))
        };
        let parts: Vec<String> =
            rule.value.split(';').map(|text| part(text).unwrap_or_else(|| text.to_owned())).collect();
        Property { value: parts.join(";"), ..rule }
    }

    /// UNTIL is a date for whole days and in UTC otherwise (RFC 5545 §3.3.10).
    fn until(&self, moved: &Property) -> Option<String> {
        match (value::date_or_time(moved).ok()?, self.new) {
            (DateOrTime::Local(wall, _), When::Timed { start_zone, .. }) => {
                let utc = Zone::utc().local(start_zone.instant(wall)?);
                Some(DateOrTime::Utc(utc).property("UNTIL").value)
            }
            (value, _) => Some(value.property("UNTIL").value),
        }
    }

    /// Moves a changed occurrence. Returns false if it cannot be read.
    pub(super) fn occurrence(&self, event: &mut Component, own: &Fields) -> bool {
        let Some(id) = event.property("RECURRENCE-ID").cloned() else { return false };
        let Some(original) = value::date_or_time(&id).ok().and_then(|value| self.read(value)) else { return false };
        let Some(wall) = self.wall(original) else { return false };
        let mut moved = self.property("RECURRENCE-ID", wall);
        if let Some(range) = id.parameter("RANGE") {
            moved.set_parameter("RANGE", range);
        }
        event.set(moved);
        if own.when.as_ref().is_some_and(|when| self.kept_time(when, original))
            && let Some(when) = self.at(wall)
        {
            event::set_when(event, &when);
        }
        true
    }

    /// Whether an occurrence has the series' time and length.
    fn kept_time(&self, when: &When, original: DateTime) -> bool {
        match (when, self.old) {
            (When::Timed { start, end, .. }, When::Timed { start: s, end: e, start_zone, .. }) => {
                start_zone.instant(original) == Some(*start) && length(*start, *end) == length(*s, *e)
            }
            (When::Days { start, end }, When::Days { start: s, end: e }) => {
                *start == original.date() && s.duration_until(*e) == start.duration_until(*end)
            }
            _ => false,
        }
    }

    /// The series' new time for an occurrence that starts at this local time.
    fn at(&self, wall: DateTime) -> Option<When> {
        Some(match self.new {
            When::Days { start, end } => {
                let days = start.duration_until(*end);
                When::Days { start: wall.date(), end: wall.checked_add(days).ok()?.date() }
            }
            When::Timed { start, start_zone, end, end_zone } => {
                let first = start_zone.instant(wall)?;
                let end = first.checked_add(length(*start, *end)).ok()?;
                When::Timed { start: first, start_zone: start_zone.clone(), end, end_zone: end_zone.clone() }
            }
        })
    }
}

fn wall_start(when: &When) -> DateTime {
    match when {
        When::Timed { start, start_zone, .. } => start_zone.local(*start),
        When::Days { start, .. } => start.to_datetime(jiff::civil::Time::midnight()),
    }
}

fn length(start: Timestamp, end: Timestamp) -> SignedDuration {
    start.duration_until(end)
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC")
}

fn period(mut start: Property, duration: &str) -> Property {
    start.value = format!("{}/{duration}", start.value);
    start.with("VALUE", "PERIOD")
}
