//! skeleton
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::Component;
use super::value::DateOrTime;

/// A time zone that a calendar names.
#[derive(Clone, Debug)]
pub struct Zone {
    rules: TimeZone,
    name: Option<String>,
}

impl Zone {
    /// The zone of this IANA name, in any case of letters.
    pub fn iana(name: &str) -> Option<Zone> {
        let rules = TimeZone::get(name).ok()?;
        let name = rules.iana_name().map(str::to_owned);
        Some(Zone { rules, name })
    }

    /// The IANA name, or none if the zone is known by a VTIMEZONE alone.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The instant of a local time. One that the clocks skip is read with the offset before the gap; of one that occurs
    /// twice it is the first (RFC 5545 §3.3.5). None beyond the range of instants.
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        self.rules.to_timestamp(local).ok()
    }

    /// The local time at an instant.
    pub fn local(&self, instant: Timestamp) -> DateTime {
        self.rules.to_datetime(instant)
    }
}

/// The zones of one calendar: those that it defines, those that it names, and the one in which floating times are meant.
#[derive(Debug)]
pub struct Zones<'a> {
    calendar: &'a Component,
    owner: Zone,
}

impl<'a> Zones<'a> {
    /// `owner` is the zone of the calendar's owner, in which whole days are meant.
    pub fn new(calendar: &'a Component, owner: Zone) -> Zones<'a> {
        Zones { calendar, owner }
    }

    pub fn owner(&self) -> &Zone {
        &self.owner
    }

    /// The zone of a TZID.
    pub fn get(&mut self, tzid: &str) -> Option<Zone> {
        let _ = self.calendar;
        Zone::iana(tzid)
    }

    /// The zone that a value is meant in.
    pub fn of(&mut self, value: DateOrTime<'_>) -> Option<Zone> {
        match value {
            DateOrTime::Utc(_) => Zone::iana("UTC"),
            DateOrTime::Local(_, tzid) => self.get(tzid),
            DateOrTime::Floating(_) | DateOrTime::Date(_) => Some(self.owner.clone()),
        }
    }
}
