//! Moving a rule to another start.
//!
//! A rule that names days ("every Monday") does not follow its DTSTART. If a series moves to another day, its rule must name other
//! days, and not every rule can: the day after the second Monday is not always the second Tuesday. So [`Rule::moved`] gives a
//! rule only if each of its times is a time of the old rule, moved by the same number of days and to the new time of day. The
//! exceptions of the series then move by that distance too.
//!
//! Rejected: moving a rule approximately, after which exceptions match nothing.

use jiff::civil::{Date, DateTime, Weekday};

use super::days::{days_in_month, monday_zero, weekday};
use super::{DayOf, Frequency, Rule};
use crate::wall::{self, civil, day_number};

impl Rule {
    /// The rule of the same series if it starts at `to` instead of `start`: its times are those of this rule, moved by the same
    /// number of days and to the new time of day. `None` if no rule does that, or none is known. UNTIL stays.
    #[must_use]
    pub fn moved(&self, start: DateTime, to: DateTime) -> Option<Rule> {
        let mut moved = self.clone();
        if start.time() != to.time() {
            moved.move_time(start, to)?;
        }
        let days = wall::days_between(start.date(), to.date());
        if days != 0 {
            moved.move_days(start.date(), to.date(), days)?;
        }
        Some(moved)
    }

    fn move_time(&mut self, start: DateTime, to: DateTime) -> Option<()> {
        let parts = [
            (&mut self.by_hour, start.hour(), to.hour()),
            (&mut self.by_minute, start.minute(), to.minute()),
            (&mut self.by_second, start.second(), to.second()),
        ];
        for (part, from, to) in parts {
            match part.as_slice() {
                [] => {}
                // Several times a day are no longer as far apart if one of them is carried to the next day.
                [only] if self.frequency >= Frequency::Daily && i8::try_from(*only) == Ok(from) => {
                    *part = vec![u8::try_from(to).ok()?];
                }
                _ => return None,
            }
        }
        // Several times a day cross midnight on other days than before.
        (self.frequency >= Frequency::Daily || !self.names_days()).then_some(())
    }

    fn names_days(&self) -> bool {
        !self.by_day.is_empty() || self.names_dates()
    }

    /// Whether a part names days other than by the weekday.
    fn names_dates(&self) -> bool {
        !self.by_month.is_empty()
            || !self.by_month_day.is_empty()
            || !self.by_year_day.is_empty()
            || !self.by_week.is_empty()
    }

    fn move_days(&mut self, start: Date, to: Date, days: i64) -> Option<()> {
        let has_units_of_days = self.frequency <= Frequency::Weekly;
        if has_units_of_days && !self.names_days() {
            return Some(());
        }
        let every_such_weekday = !self.by_day.is_empty() && self.by_day.iter().all(|day| day.ordinal == 0);
        // "Every Monday" is the same in a month or a year as in a week, if no month or year is left out.
        let like_weekly = self.interval == 1 && self.by_position.is_empty();
        if every_such_weekday && !self.names_dates() && (has_units_of_days || like_weekly) {
            return self.move_weekdays(start, days);
        }
        if has_units_of_days || !self.by_week.is_empty() {
            return None;
        }
        let is_yearly = self.frequency == Frequency::Yearly;
        let stays = start.year() == to.year() && (is_yearly || start.month() == to.month());
        match (self.by_day.is_empty(), self.by_month_day.is_empty(), self.by_year_day.is_empty()) {
            (false, true, true) if stays && days % 7 == 0 => self.move_ordinals(days / 7),
            (true, true, false) if stays && is_yearly && self.by_month.is_empty() => {
                // Whether a year has a 366th day makes no difference to the others.
                self.by_year_day.iter_mut().try_for_each(|day| shift(day, days, 365))
            }
            (true, _, true) => self.move_month_days(start, to, days, stays),
            _ => None,
        }
    }

    fn move_weekdays(&mut self, start: Date, days: i64) -> Option<()> {
        if self.frequency == Frequency::Weekly && (self.interval > 1 || !self.by_position.is_empty()) {
            // The days of one week stay in one week: that of its own beginning, or one that begins as much later.
            let begins = monday_zero(self.week_start);
            let week = |weekday: i64| ((weekday - begins).rem_euclid(7) + days).div_euclid(7);
            let week_of_start = week(weekday(wall::day(start)));
            if self.by_day.iter().any(|day| week(monday_zero(day.weekday)) != week_of_start) {
                self.week_start = rotated(self.week_start, days)?;
            }
        }
        self.by_day.iter_mut().try_for_each(|day| {
            day.weekday = rotated(day.weekday, days)?;
            Some(())
        })
    }

    /// Moves "the second Monday" by whole weeks.
    fn move_ordinals(&mut self, weeks: i64) -> Option<()> {
        // Every month has four of each weekday, and every year fifty-two.
        let in_year = self.frequency == Frequency::Yearly && self.by_month.is_empty();
        let most = if in_year { 52 } else { 4 };
        self.by_day.iter_mut().try_for_each(|DayOf { ordinal, .. }| shift(ordinal, weeks, most))
    }

    /// Moves days of months, which may be that of the start.
    fn move_month_days(&mut self, start: Date, to: Date, days: i64, stays: bool) -> Option<()> {
        let from_start = self.by_month_day.is_empty();
        let own_day = [start.day()];
        let month_days = if from_start { &own_day[..] } else { &self.by_month_day };
        let own_month = u8::try_from(start.month()).ok()?;
        let of_start = self.frequency == Frequency::Yearly && from_start && self.by_month.is_empty();
        let month_is_own = of_start || self.by_month == [own_month];
        // A day that comes from the start is as many days later only within the month of the start.
        if stays && (!from_start || start.month() == to.month()) {
            // Days that each of the months has.
            let length = |month: u8| days_in_month(2023, i64::from(month));
            let shortest = self.by_month.iter().map(|&month| length(month)).min().unwrap_or(28);
            let most = if of_start { length(own_month) } else { shortest };
            let mut moved = month_days.to_vec();
            if moved.iter_mut().try_for_each(|day| shift(day, days, most)).is_some() {
                if !from_start {
                    self.by_month_day = moved;
                }
                return Some(());
            }
        }
        if self.frequency != Frequency::Yearly || !month_is_own || month_days != own_day {
            return None;
        }
        // One date a year: as far from the other in every year, unless a 29 February is between them or one of them.
        let years = i64::from(to.year()) - i64::from(start.year());
        let always = (2021..2029).all(|year| {
            let moved = civil(day_number(year, start.month().into(), start.day().into()) + days);
            moved == (year + years, to.month().into(), to.day().into())
        });
        if !always || years.abs() > 1 {
            return None;
        }
        if !self.by_month.is_empty() {
            self.by_month = vec![u8::try_from(to.month()).ok()?];
        }
        if !from_start {
            self.by_month_day = vec![to.day()];
        }
        Some(())
    }
}

/// Adds to a position that counts from 1, or from -1 backwards, if it is one of the first or last `most` before and after.
fn shift<T: Copy + Into<i64> + TryFrom<i64>>(position: &mut T, by: i64, most: i64) -> Option<()> {
    let old: i64 = (*position).into();
    let new = old + by;
    if old.signum() != new.signum() || new == 0 || old.abs() > most || new.abs() > most {
        return None;
    }
    *position = T::try_from(new).ok()?;
    Some(())
}

fn rotated(weekday: Weekday, days: i64) -> Option<Weekday> {
    let moved = (monday_zero(weekday) + days).rem_euclid(7);
    Weekday::from_monday_zero_offset(i8::try_from(moved).ok()?).ok()
}
