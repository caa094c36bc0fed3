//! Values of time: DATE, DATE-TIME, DURATION, PERIOD and UTC-OFFSET (RFC 5545 §3.3).
//!
//! Programs deviate from the grammar in a few known ways, and an event with an unreadable start makes time unknown. So values are
//! read by their shape: a missing `VALUE=DATE`, lower-case letters, ISO 8601's dashes and colons, a missing or sixtieth second,
//! a `TZID` on a UTC time, and 24 o'clock all have one possible meaning. An ambiguous value is an error.
//!
//! Rejected: turning values into instants here. The meaning of a local time depends on its calendar ([`super::zone`]).

use jiff::civil::{Date, DateTime, Time};

use super::line::Property;
use super::wall;

/// A DATE or DATE-TIME as it is written. The zone is a name that has yet to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrTime<'a> {
    Date(Date),
    /// Local time in no particular zone.
    Floating(DateTime),
    Utc(DateTime),
    /// Local time in the zone of this `TZID`.
    Local(DateTime, &'a str),
}

/// How long something takes (RFC 5545 §3.3.6): days are days of the calendar, seconds are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duration {
    /// Weeks are seven days.
    pub days: i64,
    /// Of the same sign as `days`, or zero.
    pub seconds: i64,
}

/// One value of `RDATE` or `EXDATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedDate<'a> {
    pub start: DateOrTime<'a>,
    /// Only of a PERIOD.
    pub end: Option<PeriodEnd<'a>>,
}

/// The second half of a PERIOD (RFC 5545 §3.3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodEnd<'a> {
    At(DateOrTime<'a>),
    After(Duration),
}

/// An unreadable value, with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadValue(pub &'static str);

impl DateOrTime<'_> {
    /// The local date and time; midnight for a DATE.
    pub fn wall(self) -> DateTime {
        match self {
            DateOrTime::Date(date) => date.to_datetime(Time::midnight()),
            DateOrTime::Floating(at) | DateOrTime::Utc(at) | DateOrTime::Local(at, _) => at,
        }
    }

    pub fn is_date(self) -> bool {
        matches!(self, DateOrTime::Date(_))
    }

    /// The property of this name that has this value.
    pub fn property(self, name: &str) -> Property {
        match self {
            DateOrTime::Date(date) => Property::new(name, write_date(date)).with("VALUE", "DATE"),
            DateOrTime::Floating(at) => Property::new(name, write_date_time(at)),
            DateOrTime::Utc(at) => Property::new(name, write_date_time(at) + "Z"),
            DateOrTime::Local(at, tzid) => Property::new(name, write_date_time(at)).with("TZID", tzid),
        }
    }
}

/// Reads a property with one DATE or DATE-TIME: `DTSTART`, `DTEND`, `RECURRENCE-ID`, `DTSTAMP`.
///
/// # Errors
/// If the value is neither.
pub fn date_or_time(property: &Property) -> Result<DateOrTime<'_>, BadValue> {
    parse_date_or_time(&property.value, ValueParameters::of(property))
}

/// Reads a property with a list: `RDATE` (with periods), `EXDATE`.
pub fn list(property: &Property) -> impl Iterator<Item = Result<ListedDate<'_>, BadValue>> {
    let declared = ValueParameters::of(property);
    property.value.split(',').filter(|value| !value.trim().is_empty()).map(move |value| {
        let Some((start, end)) = value.split_once('/') else {
            return Ok(ListedDate { start: parse_date_or_time(value, declared)?, end: None });
        };
        let end = match parse_duration(end) {
            Ok(duration) => PeriodEnd::After(duration),
            Err(_) => PeriodEnd::At(parse_date_or_time(end, declared)?),
        };
        Ok(ListedDate { start: parse_date_or_time(start, declared)?, end: Some(end) })
    })
}

/// The type and the zone by the parameters.
#[derive(Clone, Copy)]
struct ValueParameters<'a> {
    tzid: Option<&'a str>,
    date: bool,
}

impl<'a> ValueParameters<'a> {
    fn of(property: &'a Property) -> ValueParameters<'a> {
        let tzid = property.parameter("TZID").map(str::trim).filter(|tzid| !tzid.is_empty());
        let date = property.parameter("VALUE").is_some_and(|value| value.trim().eq_ignore_ascii_case("DATE"));
        ValueParameters { tzid, date }
    }
}

const NO_TIME: BadValue = BadValue("a DATE or DATE-TIME was expected");

fn parse_date_or_time<'a>(text: &str, declared: ValueParameters<'a>) -> Result<DateOrTime<'a>, BadValue> {
    let wall = parse_wall(text.trim())?;
    let Some((time, utc)) = wall.time else {
        return Ok(DateOrTime::Date(wall.date));
    };
    if declared.date && time == Time::midnight() {
        return Ok(DateOrTime::Date(wall.date));
    }
    let at = wall.date.to_datetime(time);
    Ok(match declared.tzid {
        _ if utc => DateOrTime::Utc(at),
        Some(tzid) => DateOrTime::Local(at, tzid),
        None => DateOrTime::Floating(at),
    })
}

pub(super) struct WallTime {
    pub(super) date: Date,
    /// The time of day, and whether it is marked as UTC.
    pub(super) time: Option<(Time, bool)>,
}

/// Reads `19970714`, `19970714T133000`, `19970714T133000Z` and their deviations.
pub(super) fn parse_wall(text: &str) -> Result<WallTime, BadValue> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = digits(date, '-', [4, 2, 2], 0)?;
    let date = new_date(year, month, day)?;
    let Some(time) = time else {
        return Ok(WallTime { date, time: None });
    };
    let (time, utc) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    let [hour, minute, second] = digits(without_fraction(time), ':', [2, 2, 2], 1)?;
    if hour == 24 && minute == 0 && second == 0 {
        let date = wall::days_later(date, 1).ok_or(NO_TIME)?;
        return Ok(WallTime { date, time: Some((Time::midnight(), utc)) });
    }
    // A leap second is the one before it (RFC 5545 §3.3.12).
    let time = new_time(hour, minute, second.min(59)).ok_or(NO_TIME)?;
    if second > 60 {
        return Err(NO_TIME);
    }
    Ok(WallTime { date, time: Some((time, utc)) })
}

/// Reads three fields of fixed width, with the separator between all or none of them. The last `optional` fields may
/// be missing; they are then zero.
fn digits(text: &str, separator: char, widths: [usize; 3], optional: usize) -> Result<[i16; 3], BadValue> {
    let mut fields = [0_i16; 3];
    let mut rest = text;
    for (index, (field, width)) in fields.iter_mut().zip(widths).enumerate() {
        if rest.is_empty() && index + optional >= widths.len() {
            break;
        }
        let (digits, after) = rest.split_at_checked(width).ok_or(NO_TIME)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NO_TIME);
        }
        *field = digits.parse().map_err(|_| NO_TIME)?;
        rest = after.strip_prefix(separator).unwrap_or(after);
    }
    if rest.is_empty() { Ok(fields) } else { Err(NO_TIME) }
}

/// Some programs write fractions of a second, which iCalendar does not have.
fn without_fraction(time: &str) -> &str {
    match time.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        _ => time,
    }
}

fn new_date(year: i16, month: i16, day: i16) -> Result<Date, BadValue> {
    let month = i8::try_from(month).map_err(|_| NO_TIME)?;
    let day = i8::try_from(day).map_err(|_| NO_TIME)?;
    match year {
        1.. => Date::new(year, month, day).map_err(|_| NO_TIME),
        _ => Err(NO_TIME),
    }
}

fn new_time(hour: i16, minute: i16, second: i16) -> Option<Time> {
    let part = |value: i16| i8::try_from(value).ok();
    Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()
}

/// Longer than any calendar: ten thousand years.
const MAX_DAYS: i64 = 3_660_000;

/// Reads a DURATION: `P1W`, `-PT15M`, `P1DT12H`.
///
/// # Errors
/// If it is malformed, or longer than ten thousand years.
pub fn parse_duration(text: &str) -> Result<Duration, BadValue> {
    const BAD: BadValue = BadValue("a DURATION was expected");
    let text = text.trim();
    let (negative, text) = match text.split_at_checked(1) {
        Some(("-", rest)) => (true, rest),
        Some(("+", rest)) => (false, rest),
        _ => (false, text),
    };
    let mut rest = text.strip_prefix(['P', 'p']).ok_or(BAD)?;
    let mut in_time = false;
    let mut any = false;
    let mut duration = Duration::default();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if in_time {
                return Err(BAD);
            }
            in_time = true;
            rest = after;
            continue;
        }
        let end = rest.find(|character: char| !character.is_ascii_digit()).ok_or(BAD)?;
        let (number, unit) = rest.split_at_checked(end).ok_or(BAD)?;
        let number: i64 = number.parse().map_err(|_| BAD)?;
        let mut characters = unit.chars();
        let (days, seconds) = match (characters.next().map(|unit| unit.to_ascii_uppercase()), in_time) {
            (Some('W'), false) => (7, 0),
            (Some('D'), false) => (1, 0),
            (Some('H'), true) => (0, 3600),
            (Some('M'), true) => (0, 60),
            (Some('S'), true) => (0, 1),
            _ => return Err(BAD),
        };
        let add = |sum: i64, unit: i64| number.checked_mul(unit).and_then(|product| sum.checked_add(product));
        duration.days = add(duration.days, days).ok_or(BAD)?;
        duration.seconds = add(duration.seconds, seconds).ok_or(BAD)?;
        any = true;
        rest = characters.as_str();
    }
    if !any || duration.days > MAX_DAYS || duration.seconds > MAX_DAYS * 86_400 {
        return Err(BAD);
    }
    if negative {
        duration = Duration { days: -duration.days, seconds: -duration.seconds };
    }
    Ok(duration)
}

/// Reads a UTC-OFFSET such as `-0500` or `+013015`; in seconds.
///
/// # Errors
/// If it is malformed, or a day or more.
pub fn parse_utc_offset(text: &str) -> Result<i32, BadValue> {
    const BAD: BadValue = BadValue("a UTC offset was expected");
    let text = text.trim();
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("-", rest)) => (-1, rest),
        Some(("+", rest)) => (1, rest),
        _ => (1, text),
    };
    let [hours, minutes, seconds] = digits(rest, ':', [2, 2, 2], 2).map_err(|_| BAD)?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(BAD);
    }
    Ok(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60 + i32::from(seconds)))
}

/// `P7DT3600S`
pub fn write_duration(duration: Duration) -> String {
    let Duration { days, seconds } = duration;
    let sign = if days < 0 || seconds < 0 { "-" } else { "" };
    let (days, seconds) = (days.unsigned_abs(), seconds.unsigned_abs());
    match (days, seconds) {
        (0, _) => format!("{sign}PT{seconds}S"),
        (_, 0) => format!("{sign}P{days}D"),
        _ => format!("{sign}P{days}DT{seconds}S"),
    }
}

/// `19970714`
pub fn write_date(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// `19970714T133000`
pub fn write_date_time(at: DateTime) -> String {
    format!("{}T{:02}{:02}{:02}", write_date(at.date()), at.hour(), at.minute(), at.second())
}

/// `+0100`
pub fn write_utc_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest {
        0 => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
    }
}
