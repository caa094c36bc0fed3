//! When one VEVENT takes place: its start, and how long it takes.
//!
//! RFC 5545 §3.8.5.3 makes a difference that matters twice a year: DTEND gives every occurrence the same exact length,
//! DURATION the same nominal length, in which days are days of the calendar. So the two stay different here until the
//! time of an occurrence is computed.
//! Common errors have only one possible meaning and are read by it: an end before the start swaps the two, a whole-day
//! event without length takes one day, and a midnight as the end of a whole-day event is a date.
//! Rejected: reading a timed event without end as lasting until midnight, as some programs do; §3.6.1 says zero.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use crate::value::{self, DateOrTime, Duration};
use crate::zone::Clock;
use crate::{Component, Problems, Zone, Zones, wall};

const DAY: i64 = 86_400;

/// The time of one VEVENT, from its DTSTART, DTEND and DURATION.
#[derive(Clone, Debug)]
pub(crate) enum Timing {
    /// A whole-day event. `count` is at least 1.
    Days { first: Date, count: i64 },
    Timed {
        start: DateTime,
        zone: Zone,
        /// Whether DTSTART names no zone, so that `zone` is the owner's.
        floating: bool,
        length: Length,
        end_zone: Zone,
    },
}

/// The length of a timed event. It is negative if the end is before the start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Seconds, from DTEND.
    Exact(i64),
    /// From DURATION.
    Nominal(Duration),
}

/// The time of one occurrence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OccurrenceTime {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) days: Option<(Date, Date)>,
}

impl Timing {
    /// Reads a VEVENT. Returns `None`, and adds a problem, if it has no start.
    pub(crate) fn read(event: &Component, zones: &mut Zones<'_>, uid: &str, problems: &mut Problems) -> Option<Timing> {
        let Some(property) = event.property("DTSTART") else {
            problems.add(uid, "an event has no DTSTART and was left out");
            return None;
        };
        let Ok(start) = value::date_or_time(property) else {
            problems.add(uid, "DTSTART cannot be read; the event was left out");
            return None;
        };
        let end = event.property("DTEND").map(value::date_or_time);
        let duration = event.property("DURATION").map(|property| value::parse_duration(&property.value));
        let end = end.and_then(|end| end.map_err(|_| problems.add(uid, "DTEND cannot be read")).ok());
        let duration = duration.and_then(|read| read.map_err(|_| problems.add(uid, "DURATION cannot be read")).ok());
        let timing = match (start, end, duration) {
            (DateOrTime::Date(first), Some(end), _) if is_whole_day_end(end) => {
                days(first, wall::days_between(first, end.wall().date()), uid, problems)
            }
            (DateOrTime::Date(first), Some(end), _) => {
                let zone = zones.of(end, uid, problems);
                let start = first.to_datetime(jiff::civil::Time::midnight());
                timed(start, zone.clone(), true, end, zone, uid, problems)
            }
            (start, Some(end), _) => {
                // An end without a zone is in the zone of the start, and the other way round.
                let named = |value| matches!(value, DateOrTime::Utc(_) | DateOrTime::Local(..));
                let zone = zones.of(if named(start) || !named(end) { start } else { end }, uid, problems);
                let end_zone = if named(end) { zones.of(end, uid, problems) } else { zone.clone() };
                timed(start.wall(), zone, !named(start) && !named(end), end, end_zone, uid, problems)
            }
            (DateOrTime::Date(first), None, None) => days(first, 1, uid, problems),
            (DateOrTime::Date(first), None, Some(Duration { days: count, seconds })) if seconds % DAY == 0 => {
                days(first, count + seconds / DAY, uid, problems)
            }
            (start, None, duration) => {
                let zone = zones.of(start, uid, problems);
                let length = Length::Nominal(duration.unwrap_or_default());
                let floating = matches!(start, DateOrTime::Floating(_) | DateOrTime::Date(_));
                Timing::Timed { start: start.wall(), end_zone: zone.clone(), zone, floating, length }
            }
        };
        if let Timing::Timed { length, .. } = &timing
            && length.about() < 0
        {
            problems.add(uid, "the event ends before it starts; it is taken the other way round");
        }
        Some(timing)
    }

    /// The start in local time; midnight for a whole-day event.
    pub(crate) fn start(&self) -> DateTime {
        match self {
            Timing::Days { first, .. } => first.to_datetime(jiff::civil::Time::midnight()),
            Timing::Timed { start, .. } => *start,
        }
    }

    /// The zone of the start.
    pub(crate) fn zone<'z>(&'z self, owner: &'z Zone) -> &'z Zone {
        match self {
            Timing::Days { .. } => owner,
            Timing::Timed { zone, .. } => zone,
        }
    }

    /// The length in seconds, exact to about a day. Not negative for whole days.
    pub(crate) fn about(&self) -> i64 {
        match self {
            Timing::Days { count, .. } => count * DAY,
            Timing::Timed { length, .. } => length.about(),
        }
    }

    /// The same event with the length of a PERIOD.
    pub(crate) fn with_length(&self, length: Length) -> Timing {
        match self {
            Timing::Days { first, .. } => Timing::Days { first: *first, count: (length.about() / DAY).max(1) },
            Timing::Timed { start, zone, floating, end_zone, .. } => {
                let (zone, end_zone) = (zone.clone(), end_zone.clone());
                Timing::Timed { start: *start, zone, floating: *floating, length, end_zone }
            }
        }
    }

    /// The time of an occurrence that starts at this local time instead of the event's own. `clock` is the clock of
    /// [`Timing::zone`]. `None` if the time is out of range.
    pub(crate) fn place(&self, wall: DateTime, clock: &Clock<'_>) -> Option<OccurrenceTime> {
        match self {
            Timing::Days { count, .. } => {
                let first = wall.date();
                let after = wall::days_later(first, *count)?;
                let midnight = |day: Date| clock.instant(day.to_datetime(jiff::civil::Time::midnight()));
                Some(OccurrenceTime { start: midnight(first)?, end: midnight(after)?, days: Some((first, after)) })
            }
            Timing::Timed { length, .. } => {
                let start = clock.instant(wall)?;
                let end = length.after(wall, start, clock)?;
                Some(OccurrenceTime { start: start.min(end), end: end.max(start), days: None })
            }
        }
    }
}

impl Length {
    fn about(self) -> i64 {
        match self {
            Length::Exact(seconds) => seconds,
            Length::Nominal(Duration { days, seconds }) => days * DAY + seconds,
        }
    }

    /// The end of an occurrence that starts at the local time `wall`, which is the instant `start`.
    fn after(self, wall: DateTime, start: Timestamp, clock: &Clock<'_>) -> Option<Timestamp> {
        let (from, seconds) = match self {
            Length::Exact(seconds) => (start, seconds),
            Length::Nominal(Duration { days: 0, seconds }) => (start, seconds),
            Length::Nominal(Duration { days, seconds }) => {
                let day = wall::later(wall, days.checked_mul(DAY)?)?;
                (clock.instant(day)?, seconds)
            }
        };
        from.checked_add(SignedDuration::from_secs(seconds)).ok()
    }
}

fn is_whole_day_end(end: DateOrTime<'_>) -> bool {
    end.is_date() || end.wall().time() == jiff::civil::Time::midnight()
}

fn days(first: Date, count: i64, uid: &str, problems: &mut Problems) -> Timing {
    if count >= 0 {
        return Timing::Days { first, count: count.max(1) };
    }
    problems.add(uid, "the event ends before it starts; it is taken the other way round");
    let first = wall::days_later(first, count).unwrap_or(first);
    Timing::Days { first, count: -count }
}

fn timed(
    start: DateTime,
    zone: Zone,
    floating: bool,
    end: DateOrTime<'_>,
    end_zone: Zone,
    uid: &str,
    problems: &mut Problems,
) -> Timing {
    let length = match (zone.instant(start), end_zone.instant(end.wall())) {
        (Some(start), Some(end)) => end.as_second() - start.as_second(),
        _ => {
            problems.add(uid, "DTEND is beyond the range of time");
            0
        }
    };
    Timing::Timed { start, zone, floating, length: Length::Exact(length), end_zone }
}
