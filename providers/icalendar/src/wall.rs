//! Arithmetic of local times and days, which know no zone.
//!
//! Rejected: jiff's own. Some of its functions panic with an error and format it, so that the texts of all its errors become part
//! of each component. Without them, the iCal provider is 140 KB smaller.

use jiff::civil::{Date, DateTime};

const DAY: i64 = 86_400;

/// Seconds since 1970-01-01T00:00:00 in local time.
pub fn seconds(at: DateTime) -> i64 {
    let time = i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second());
    day(at.date()) * DAY + time
}

/// The local time at these seconds since 1970-01-01T00:00:00. `None` if it is out of range.
pub fn at(seconds: i64) -> Option<DateTime> {
    let part = |value: i64| i8::try_from(value).ok();
    let (date, time) = (date(seconds.div_euclid(DAY))?, seconds.rem_euclid(DAY));
    DateTime::new(date.year(), date.month(), date.day(), part(time / 3600)?, part(time / 60 % 60)?, part(time % 60)?, 0)
        .ok()
}

/// The local time some seconds later, or earlier if they are negative. `None` if it is out of range.
pub fn later(from: DateTime, by: i64) -> Option<DateTime> {
    at(seconds(from).checked_add(by)?)
}

/// The day some days later, or earlier if they are negative. `None` if it is out of range.
pub fn days_later(from: Date, days: i64) -> Option<Date> {
    date(day(from).checked_add(days)?)
}

/// The number of days from one to another; negative if the other is earlier.
pub fn days_between(one: Date, other: Date) -> i64 {
    day(other) - day(one)
}

/// Days since 1970-01-01.
pub(super) fn day(date: Date) -> i64 {
    day_number(date.year().into(), date.month().into(), date.day().into())
}

fn date(day: i64) -> Option<Date> {
    // Far beyond the range of dates, the sums below would overflow.
    let (year, month, day) = civil(Some(day).filter(|day| (-10_000_000..10_000_000).contains(day))?);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar.
pub(crate) const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end, which makes months a linear formula.
    let shifted = if month <= 2 { year - 1 } else { year };
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a day number.
pub(crate) fn civil(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}
