//! Days as numbers, and a rule's test of a day.
//!
//! A rule that runs for decades tests many days and selects few, so days are integers, and their year and month are
//! computed only if a part of the rule needs them. After the parts that the rule omits are filled in from DTSTART, each
//! part about days is a test of one day; this is equivalent to the table of RFC 5545 §3.3.10, which expands in some cases
//! and limits in others. A part that the table calls not applicable (BYMONTHDAY in a weekly rule) limits.
//! Rejected: a separate expansion for each cell of the table. It gives the same result in forty cases.

use super::{DayOf, Frequency, Rule};
use crate::wall::{civil, day_number};

/// The first and the last day that rules produce: in the years 1 and 9998. One year is left for sums.
pub(super) const FIRST: i64 = day_number(1, 1, 1);
pub(super) const LAST: i64 = day_number(9998, 12, 31);

/// 0 is Monday.
pub(super) fn weekday(number: i64) -> i64 {
    (number + 3).rem_euclid(7)
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(super) fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A rule's test of days, completed by DTSTART.
#[derive(Debug)]
pub(super) struct DayTest {
    /// Bit `m` is month `m`. Zero: any.
    months: u16,
    /// Days of the month, counted from its end if negative. Empty: any.
    month_days: Vec<i64>,
    year_days: Vec<i64>,
    weeks: Vec<i64>,
    /// Bit `w` is weekday `w`, every one of them.
    weekdays: u8,
    /// Weekdays with an ordinal: (ordinal, weekday).
    ordinals: Vec<(i64, i64)>,
    /// Whether ordinals count within the year, not the month.
    in_year: bool,
    week_start: i64,
}

impl DayTest {
    pub(super) fn new(rule: &Rule, start_day: i64) -> DayTest {
        let (_, start_month, start_month_day) = civil(start_day);
        let counts_ordinals = match rule.frequency {
            Frequency::Monthly => true,
            Frequency::Yearly => rule.by_week.is_empty(),
            _ => false,
        };
        let mut test = DayTest {
            months: rule.by_month.iter().fold(0, |months, &month| months | 1 << month.min(15)),
            month_days: rule.by_month_day.iter().map(|&day| i64::from(day)).collect(),
            year_days: rule.by_year_day.iter().map(|&day| i64::from(day)).collect(),
            weeks: rule.by_week.iter().map(|&week| i64::from(week)).collect(),
            weekdays: 0,
            ordinals: Vec::new(),
            in_year: rule.frequency == Frequency::Yearly && rule.by_month.is_empty(),
            week_start: monday_zero(rule.week_start),
        };
        for &DayOf { ordinal, weekday } in &rule.by_day {
            match ordinal {
                0 => test.weekdays |= 1 << monday_zero(weekday),
                _ if !counts_ordinals => test.weekdays |= 1 << monday_zero(weekday),
                _ => test.ordinals.push((i64::from(ordinal), monday_zero(weekday))),
            }
        }
        if rule.by_day.is_empty() && rule.by_month_day.is_empty() && rule.by_year_day.is_empty() {
            match rule.frequency {
                Frequency::Yearly if !rule.by_week.is_empty() => test.weekdays = 1 << weekday(start_day),
                Frequency::Yearly => {
                    if test.months == 0 {
                        test.months = 1 << start_month;
                    }
                    test.month_days.push(start_month_day);
                }
                Frequency::Monthly => test.month_days.push(start_month_day),
                Frequency::Weekly => test.weekdays = 1 << weekday(start_day),
                _ => {}
            }
        }
        test
    }

    /// Appends the days of a year that pass the test, sorted.
    pub(super) fn of_year(&self, year: i64, days: &mut Vec<i64>) {
        let first = day_number(year, 1, 1);
        let length = days_in_year(year);
        if self.year_days.is_empty() {
            for month in (1..=12).filter(|month| self.months == 0 || self.months & 1 << month != 0) {
                self.of_month(year, month, days);
            }
            return;
        }
        let in_year = self.year_days.iter().map(|&day| if day < 0 { length + day } else { day - 1 });
        days.extend(in_year.filter(|day| (0..length).contains(day)).map(|day| first + day));
        self.keep_passing(days);
    }

    /// Appends the days of a month that pass the test, sorted.
    pub(super) fn of_month(&self, year: i64, month: i64, days: &mut Vec<i64>) {
        if self.months != 0 && self.months & 1 << month == 0 {
            return;
        }
        let first = day_number(year, month, 1);
        let length = days_in_month(year, month);
        if self.month_days.is_empty() {
            days.extend((first..first + length).filter(|&day| self.passes(day)));
            return;
        }
        let before = days.len();
        let in_month = self.month_days.iter().map(|&day| if day < 0 { length + day } else { day - 1 });
        days.extend(in_month.filter(|day| (0..length).contains(day)).map(|day| first + day));
        if days.len() > before + 1 || !self.only_month_days() {
            self.keep_passing(days);
        }
    }

    /// Appends the days of a week that pass the test.
    pub(super) fn of_week(&self, first: i64, days: &mut Vec<i64>) {
        days.extend((first..first + 7).filter(|&day| self.passes(day)));
    }

    fn keep_passing(&self, days: &mut Vec<i64>) {
        days.sort_unstable();
        days.dedup();
        days.retain(|&day| self.passes(day));
    }

    fn only_month_days(&self) -> bool {
        self.weekdays == 0 && self.ordinals.is_empty() && self.weeks.is_empty() && self.year_days.is_empty()
    }

    /// Whether a day passes the test.
    pub(super) fn passes(&self, day: i64) -> bool {
        let on = weekday(day);
        let any_weekday = self.weekdays == 0 && self.ordinals.is_empty();
        let plain = self.weekdays & 1 << on != 0;
        if !any_weekday && !plain && self.ordinals.is_empty() {
            return false;
        }
        if self.months == 0
            && self.month_days.is_empty()
            && self.year_days.is_empty()
            && self.weeks.is_empty()
            && (any_weekday || plain)
        {
            return true;
        }
        let (year, month, month_day) = civil(day);
        if self.months != 0 && self.months & 1 << month == 0 {
            return false;
        }
        let month_length = days_in_month(year, month);
        if !self.month_days.is_empty()
            && !self.month_days.iter().any(|&wanted| wanted == month_day || wanted == month_day - month_length - 1)
        {
            return false;
        }
        let year_day = day - day_number(year, 1, 1) + 1;
        let year_length = days_in_year(year);
        if !self.year_days.is_empty()
            && !self.year_days.iter().any(|&wanted| wanted == year_day || wanted == year_day - year_length - 1)
        {
            return false;
        }
        if !self.weeks.is_empty() && !self.in_week(day) {
            return false;
        }
        if any_weekday || plain {
            return true;
        }
        let (at, length) = if self.in_year { (year_day, year_length) } else { (month_day, month_length) };
        let from_start = (at - 1) / 7 + 1;
        let from_end = -((length - at) / 7 + 1);
        self.ordinals.iter().any(|&(which, weekday)| weekday == on && (which == from_start || which == from_end))
    }

    /// Whether the week of the day has one of the wanted numbers. The first week of a year is the first with at least
    /// four days in it, so the year of a week is the year of its fourth day.
    fn in_week(&self, day: i64) -> bool {
        let fourth = first_of_week(day, self.week_start) + 3;
        let (year, _, _) = civil(fourth);
        let year_day = fourth - day_number(year, 1, 1) + 1;
        let from_start = (year_day - 1) / 7 + 1;
        let from_end = -((days_in_year(year) - year_day) / 7 + 1);
        self.weeks.iter().any(|&wanted| wanted == from_start || wanted == from_end)
    }
}

/// The day on which the week of a day begins.
pub(super) fn first_of_week(day: i64, week_start: i64) -> i64 {
    day - (weekday(day) - week_start).rem_euclid(7)
}

pub(super) fn monday_zero(weekday: jiff::civil::Weekday) -> i64 {
    i64::from(weekday.to_monday_zero_offset())
}
