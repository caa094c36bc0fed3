//! Recurrence rules (RFC 5545 §3.3.10): reading, writing, and the local times they give.
//!
//! A rule is data: providers convert it to the patterns of their services, and [`Rule::starts`] computes its times. Reading
//! is strict about values, because a rule that is half understood gives wrong times for years, and lenient about form:
//! case, spaces, empty parts and unknown `X-` parts do not matter, and a COUNT below zero, which some programs write
//! for "no end", is ignored. A rule must not have both COUNT and UNTIL, but some have; then both limit the series.
//! Rejected: RSCALE and SKIP (RFC 7529). Hardly any calendar has them, and each needs a calendar system of its own; a
//! rule with them is an error, unless their values are the defaults.

mod days;
mod moved;
mod starts;

use std::fmt;

use jiff::civil::{Date, DateTime, Weekday};

pub use starts::{MAX_STEPS, Starts};

use super::value::{BadValue, parse_wall, write_date, write_date_time};

/// The unit of a rule's interval, from the shortest to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frequency {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule as it is written, every value within its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub frequency: Frequency,
    /// At least 1.
    pub interval: u32,
    /// At least 1.
    pub count: Option<u32>,
    pub until: Option<Until>,
    /// 0 to 59.
    pub by_second: Vec<u8>,
    /// 0 to 59.
    pub by_minute: Vec<u8>,
    /// 0 to 23.
    pub by_hour: Vec<u8>,
    pub by_day: Vec<DayOf>,
    /// 1 to 31 or -31 to -1.
    pub by_month_day: Vec<i8>,
    /// 1 to 366 or -366 to -1.
    pub by_year_day: Vec<i16>,
    /// 1 to 53 or -53 to -1.
    pub by_week: Vec<i8>,
    /// 1 to 12.
    pub by_month: Vec<u8>,
    /// 1 to 366 or -366 to -1.
    pub by_position: Vec<i16>,
    pub week_start: Weekday,
}

/// One value of BYDAY: `MO`, `1MO`, `-1FR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOf {
    /// The number of the weekday within the month or year, counted from the end if negative; 0 means every one.
    pub ordinal: i8,
    pub weekday: Weekday,
}

/// The three forms of UNTIL, which is inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Date(Date),
    Local(DateTime),
    Utc(DateTime),
}

/// An invalid rule. The text names the invalid part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRule(pub String);

impl fmt::Display for BadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadRule {}

impl Rule {
    /// A rule without any bound or limit.
    pub fn new(frequency: Frequency) -> Rule {
        Rule {
            frequency,
            interval: 1,
            count: None,
            until: None,
            by_second: Vec::new(),
            by_minute: Vec::new(),
            by_hour: Vec::new(),
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_year_day: Vec::new(),
            by_week: Vec::new(),
            by_month: Vec::new(),
            by_position: Vec::new(),
            week_start: Weekday::Monday,
        }
    }

    /// Reads the value of an RRULE property.
    ///
    /// # Errors
    /// If a part is missing, unknown, repeated or out of its range.
    pub fn parse(text: &str) -> Result<Rule, BadRule> {
        let mut rule = Rule::new(Frequency::Yearly);
        let mut seen: Vec<String> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| bad("a part without a value"))?;
            let name = name.trim().to_ascii_uppercase();
            if name.starts_with("X-") {
                continue;
            }
            rule.read_part(&name, value.trim())?;
            if seen.contains(&name) {
                return Err(bad("a part is there twice"));
            }
            seen.push(name);
        }
        if !seen.iter().any(|name| name == "FREQ") {
            return Err(bad("FREQ is missing"));
        }
        Ok(rule)
    }

    fn read_part(&mut self, name: &str, value: &str) -> Result<(), BadRule> {
        match name {
            "FREQ" => self.frequency = frequency(value)?,
            "INTERVAL" => self.interval = positive(value).ok_or_else(|| bad("INTERVAL"))?,
            "COUNT" if value.starts_with('-') => self.count = None,
            "COUNT" => self.count = Some(positive(value).ok_or_else(|| bad("COUNT"))?),
            "UNTIL" => self.until = Some(until(value).map_err(|_| bad("UNTIL"))?),
            // A leap second is the one before it (RFC 5545 §3.3.12).
            "BYSECOND" => {
                self.by_second = numbers::<u8>(value, 0..=60, name)?.into_iter().map(|second| second.min(59)).collect();
            }
            "BYMINUTE" => self.by_minute = numbers(value, 0..=59, name)?,
            "BYHOUR" => self.by_hour = numbers(value, 0..=23, name)?,
            "BYDAY" => {
                self.by_day = list(value).take(MAX_LIST + 1).map(day_of).collect::<Result<_, _>>()?;
                if !(1..=MAX_LIST).contains(&self.by_day.len()) {
                    return Err(bad(name));
                }
            }
            "BYMONTHDAY" => self.by_month_day = not_zero(numbers(value, -31..=31, name)?, name)?,
            "BYYEARDAY" => self.by_year_day = not_zero(numbers(value, -366..=366, name)?, name)?,
            "BYWEEKNO" => self.by_week = not_zero(numbers(value, -53..=53, name)?, name)?,
            "BYMONTH" => self.by_month = numbers(value, 1..=12, name)?,
            "BYSETPOS" => self.by_position = not_zero(numbers(value, -366..=366, name)?, name)?,
            "WKST" => self.week_start = weekday(value).ok_or_else(|| bad("WKST"))?,
            "RSCALE" if value.eq_ignore_ascii_case("GREGORIAN") => {}
            "SKIP" if value.eq_ignore_ascii_case("OMIT") => {}
            "RSCALE" | "SKIP" => return Err(BadRule(format!("{name} is not supported"))),
            _ => return Err(bad("an unknown part")),
        }
        Ok(())
    }

    /// Writes the value of an RRULE property, its parts in the order of RFC 5545.
    pub fn write(&self) -> String {
        let mut text = format!("FREQ={}", frequency_name(self.frequency));
        let mut part = |name: &str, value: String| {
            if !value.is_empty() {
                text.push_str(&format!(";{name}={value}"));
            }
        };
        part("UNTIL", self.until.map(write_until).unwrap_or_default());
        part("COUNT", self.count.map(|count| count.to_string()).unwrap_or_default());
        part("INTERVAL", if self.interval == 1 { String::new() } else { self.interval.to_string() });
        part("BYSECOND", join(&self.by_second));
        part("BYMINUTE", join(&self.by_minute));
        part("BYHOUR", join(&self.by_hour));
        part("BYDAY", join(&self.by_day));
        part("BYMONTHDAY", join(&self.by_month_day));
        part("BYYEARDAY", join(&self.by_year_day));
        part("BYWEEKNO", join(&self.by_week));
        part("BYMONTH", join(&self.by_month));
        part("BYSETPOS", join(&self.by_position));
        let default = self.week_start == Weekday::Monday;
        part("WKST", if default { String::new() } else { weekday_name(self.week_start).to_owned() });
        text
    }
}

impl fmt::Display for DayOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ordinal {
            0 => f.write_str(weekday_name(self.weekday)),
            ordinal => write!(f, "{ordinal}{}", weekday_name(self.weekday)),
        }
    }
}

fn bad(part: &str) -> BadRule {
    BadRule(format!("the recurrence rule cannot be read: {part}"))
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn join<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

/// The most values in one part; the longest sensible list is every day of a year.
const MAX_LIST: usize = 366;

fn numbers<T: TryFrom<i16>>(value: &str, range: std::ops::RangeInclusive<i16>, name: &str) -> Result<Vec<T>, BadRule> {
    let read = |item: &str| {
        let number = item.parse::<i16>().ok().filter(|number| range.contains(number))?;
        T::try_from(number).ok()
    };
    let values: Option<Vec<T>> = list(value).map(read).collect();
    values.filter(|values| (1..=MAX_LIST).contains(&values.len())).ok_or_else(|| bad(name))
}

fn not_zero<T: Default + PartialEq>(values: Vec<T>, name: &str) -> Result<Vec<T>, BadRule> {
    if values.contains(&T::default()) { Err(bad(name)) } else { Ok(values) }
}

fn positive(value: &str) -> Option<u32> {
    value.parse().ok().filter(|&number| number > 0)
}

fn until(value: &str) -> Result<Until, BadValue> {
    let wall = parse_wall(value)?;
    Ok(match wall.time {
        None => Until::Date(wall.date),
        Some((time, false)) => Until::Local(wall.date.to_datetime(time)),
        Some((time, true)) => Until::Utc(wall.date.to_datetime(time)),
    })
}

fn write_until(until: Until) -> String {
    match until {
        Until::Date(date) => write_date(date),
        Until::Local(at) => write_date_time(at),
        Until::Utc(at) => write_date_time(at) + "Z",
    }
}

fn day_of(item: &str) -> Result<DayOf, BadRule> {
    let split = item.len().checked_sub(2).and_then(|at| item.split_at_checked(at));
    let (ordinal, day) = split.ok_or_else(|| bad("BYDAY"))?;
    let weekday = weekday(day).ok_or_else(|| bad("BYDAY"))?;
    let ordinal = match ordinal.trim() {
        "" => 0,
        number => match number.parse::<i8>() {
            Ok(ordinal) if ordinal != 0 && (-53..=53).contains(&ordinal) => ordinal,
            _ => return Err(bad("BYDAY")),
        },
    };
    Ok(DayOf { ordinal, weekday })
}

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("SECONDLY", Frequency::Secondly),
    ("MINUTELY", Frequency::Minutely),
    ("HOURLY", Frequency::Hourly),
    ("DAILY", Frequency::Daily),
    ("WEEKLY", Frequency::Weekly),
    ("MONTHLY", Frequency::Monthly),
    ("YEARLY", Frequency::Yearly),
];

fn frequency(value: &str) -> Result<Frequency, BadRule> {
    let found = FREQUENCIES.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
    found.map(|&(_, frequency)| frequency).ok_or_else(|| bad("FREQ"))
}

fn frequency_name(frequency: Frequency) -> &'static str {
    FREQUENCIES.iter().find(|&&(_, known)| known == frequency).map_or("", |&(name, _)| name)
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn weekday(value: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, _)| value.eq_ignore_ascii_case(name)).map(|&(_, weekday)| weekday)
}

fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|&&(_, known)| known == weekday).map_or("", |&(name, _)| name)
}
