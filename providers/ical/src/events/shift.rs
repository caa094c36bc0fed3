//! Moving a series together with its exceptions.
//!
//! If a weekly meeting moves from Monday at nine to Tuesday at ten, its rule must say Tuesday, and the exceptions to the rule still
//! say Monday at nine: an excluded week would come back, and a week that was moved by hand would be there twice. So the days that
//! the rule names move, and so do the values of EXDATE, RDATE and UNTIL and the RECURRENCE-IDs of changed occurrences: all by the
//! same local time. A rule that cannot be moved exactly is refused (see [`Rule::moved`]); the caller can send another rule along.
//!
//! An occurrence at the series' time moves along. One that was moved by hand returns to the series if it is still to come
//! ([update/series-move]), and stays where it is if it is past, or if the series would put it into the past. If the caller replaces the rule, changed occurrences that the series no longer has end with the old rule.
//!
//! Rejected: dropping all exceptions, as some services do. A patch of the time does not name them.

use chronus_sdk::failure::unsupported;
use chronus_sdk::icalendar::event::{self, Fields, When};
use chronus_sdk::icalendar::recur::Rule;
use chronus_sdk::icalendar::value::{self, DateOrTime, ListedDate, PeriodEnd};
use chronus_sdk::icalendar::{Component, Moment, Property, Zone, Zones, wall};
use chronus_sdk::values::Failure;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::occurrence::{REPETITION, has_occurrence};
use crate::record::KEY;
use crate::session::Session;

/// Properties that differ between a series and an occurrence that was only moved.
const OF_ONE_OCCURRENCE: [&str; 9] = [
    "RECURRENCE-ID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "DTSTAMP",
    "CREATED",
    "LAST-MODIFIED",
    "SEQUENCE",
    // Other programs do not copy it.
    KEY,
];

/// A move of a series from one time to another, or to another rule.
pub(super) struct Move<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) old: &'a When,
    pub(super) new: &'a When,
    /// The stored calendar.
    pub(super) calendar: &'a Component,
    /// Whether the rule is replaced by another one, apart from its end.
    pub(super) has_other_rule: bool,
    pub(super) now: Timestamp,
}

/// The series alone before and after its rule was replaced.
pub(super) struct ReplacedRule {
    pub(super) before: Component,
    pub(super) after: Component,
}

/// What becomes of a changed occurrence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Unchanged,
    Moved,
    /// Its change is no longer needed.
    Removed,
}

impl<'a> Move<'a> {
    /// Whether the series can be moved at all.
    ///
    /// # Errors
    /// `unsupported` if a change of one occurrence is also one of all later occurrences.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let mut ids = self.calendar.inner("VEVENT").filter_map(|event| event.property("RECURRENCE-ID"));
        let has_range = ids.any(|id| id.parameter("RANGE").is_some());
        if has_range && (self.is_elsewhere() || !is_same_zone(self.old, self.new)) {
            return Err(unsupported("a change of an occurrence and all later ones cannot be moved with its series"));
        }
        Ok(())
    }

    /// The distance in local time, in seconds.
    fn distance(&self) -> i64 {
        wall::seconds(wall_start(self.new)) - wall::seconds(wall_start(self.old))
    }

    /// The local time in the new series for one in the old series.
    fn wall(&self, old: DateTime) -> Option<DateTime> {
        wall::later(old, self.distance())
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

    /// Moves the rule, the additions and the exceptions of the series. Unreadable values stay.
    ///
    /// # Errors
    /// `unsupported` if the rule cannot be moved.
    pub(super) fn recurrence(&self, master: &mut Component) -> Result<(), Failure> {
        let mut properties = Vec::with_capacity(master.properties.len());
        for property in std::mem::take(&mut master.properties) {
            match &*property.name {
                "RRULE" => properties.push(self.rule(property)?),
                "RDATE" | "EXDATE" => self.list(&property, &mut properties),
                _ => properties.push(property),
            }
        }
        master.properties = properties;
        Ok(())
    }

    fn list(&self, property: &Property, moved: &mut Vec<Property>) {
        let texts = property.value.split(',').filter(|value| !value.trim().is_empty());
        for (listed, text) in value::list(property).zip(texts) {
            let listed = listed.ok().and_then(|listed| self.listed(&property.name, listed));
            moved.push(listed.unwrap_or_else(|| Property { value: text.to_owned(), ..property.clone() }));
        }
    }

    fn listed(&self, name: &str, ListedDate { start, end }: ListedDate<'_>) -> Option<Property> {
        let moved = self.moved(name, start)?;
        Some(match end {
            None => moved,
            Some(PeriodEnd::After(duration)) => period(moved, &value::write_duration(duration)),
            Some(PeriodEnd::At(end)) => {
                let seconds = wall::seconds(self.read(end)?) - wall::seconds(self.read(start)?);
                period(moved, &value::write_duration(value::Duration { days: 0, seconds }))
            }
        })
    }

    fn rule(&self, rule: Property) -> Result<Property, Failure> {
        let mut text = rule.value.clone();
        if let Ok(read) = Rule::parse(&rule.value) {
            let moved = read.moved(wall_start(self.old), wall_start(self.new)).ok_or_else(|| {
                unsupported(
                    "the rule cannot be changed so that every occurrence moves by the same distance; \
                     send the new rule with the new time",
                )
            })?;
            if moved != read {
                text = moved.write();
            }
        }
        let part = |part: &str| {
            let until = part.get(..6).filter(|name| name.eq_ignore_ascii_case("UNTIL=")).and_then(|_| part.get(6..))?;
            let holder = Property::new("UNTIL", until);
            let moved = self.moved("UNTIL", value::date_or_time(&holder).ok()?)?;
            Some(format!("UNTIL={}", self.until(&moved)?))
        };
        let parts: Vec<String> = text.split(';').map(|text| part(text).unwrap_or_else(|| text.to_owned())).collect();
        Ok(Property { value: parts.join(";"), ..rule })
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

    /// Moves a changed occurrence.
    pub(super) fn occurrence(&self, event: &mut Component, own: &Fields, replaced: Option<&ReplacedRule>) -> Outcome {
        let Some(id) = event.property("RECURRENCE-ID") else { return Outcome::Unchanged };
        let original = value::date_or_time(id).ok().and_then(|value| self.read(value));
        let Some((original, wall)) = original.and_then(|original| Some((original, self.wall(original)?))) else {
            return Outcome::Unchanged;
        };
        let is_to_come = |when: &When| self.start(when).is_some_and(|start| start > self.now);
        let to_come = own.when.as_ref().is_some_and(is_to_come);
        if let Some(ReplacedRule { before, after }) = replaced
            && !self.has(after, self.new, wall)
        {
            let ends = to_come && self.has(before, self.old, original);
            return if ends { Outcome::Removed } else { Outcome::Unchanged };
        }
        let in_series = self.at(wall);
        let kept = own.when.as_ref().is_some_and(|when| self.kept_time(when, original));
        let returns = !kept && self.is_elsewhere() && to_come && in_series.as_ref().is_some_and(is_to_come);
        if returns && self.is_only_moved(event) {
            return Outcome::Removed;
        }
        if wall != original || !is_same_zone(self.old, self.new) {
            event.set(self.property("RECURRENCE-ID", wall));
        } else if !returns && !kept {
            return Outcome::Unchanged;
        }
        if let Some(when) = in_series.filter(|_| kept || returns) {
            event::set_when(event, &when);
        }
        Outcome::Moved
    }

    /// Whether the occurrences of the series are at other times than before.
    fn is_elsewhere(&self) -> bool {
        self.has_other_rule || self.distance() != 0 || self.start(self.old) != self.start(self.new)
    }

    fn start(&self, when: &When) -> Option<Timestamp> {
        match when {
            When::Timed { start, .. } => Some(*start),
            When::Days { .. } => self.session.zone.instant(wall_start(when)),
        }
    }

    fn has(&self, series: &Component, when: &When, wall: DateTime) -> bool {
        let start = match when {
            When::Days { .. } => Some(Moment::Date(wall.date())),
            When::Timed { start_zone, .. } => start_zone.instant(wall).map(Moment::Timed),
        };
        start.is_some_and(|start| has_occurrence(series, self.session, start))
    }

    /// Whether a changed occurrence says nothing but another time than its series.
    fn is_only_moved(&self, event: &Component) -> bool {
        let Some(series) = crate::record::main_event(self.calendar) else { return false };
        let is_shared = |property: &&Property| {
            let name = &*property.name;
            !OF_ONE_OCCURRENCE.contains(&name) && !REPETITION.contains(&name)
        };
        let within = |one: &Component, other: &Component| {
            one.properties.iter().filter(is_shared).all(|property| other.properties.contains(property))
        };
        within(event, series) && within(series, event) && event.components == series.components
    }

    /// Whether an occurrence has the series' time and length.
    fn kept_time(&self, when: &When, original: DateTime) -> bool {
        match (when, self.old) {
            (When::Timed { start, end, .. }, When::Timed { start: s, end: e, start_zone, .. }) => {
                start_zone.instant(original) == Some(*start) && length(*start, *end) == length(*s, *e)
            }
            (When::Days { start, end }, When::Days { start: s, end: e }) => {
                *start == original.date() && wall::days_between(*s, *e) == wall::days_between(*start, *end)
            }
            _ => false,
        }
    }

    /// The series' new time for an occurrence that starts at this local time.
    fn at(&self, wall: DateTime) -> Option<When> {
        Some(match self.new {
            When::Days { start, end } => {
                let first = wall.date();
                When::Days { start: first, end: wall::days_later(first, wall::days_between(*start, *end))? }
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

fn is_same_zone(one: &When, other: &When) -> bool {
    match (one, other) {
        (When::Timed { start_zone: one, .. }, When::Timed { start_zone: other, .. }) => one.name() == other.name(),
        (When::Days { .. }, When::Days { .. }) => true,
        _ => false,
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
