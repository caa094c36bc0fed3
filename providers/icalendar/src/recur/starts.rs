//! The local times that a rule gives.
//!
//! A daily meeting of ten years ago must not cost ten years of steps to see next week, and a rule that never matches
//! (30 February) must not run for ever. So a rule without COUNT begins at the interval in which the window begins;
//! each interval that is examined and each time that is returned costs a step, and after [`MAX_STEPS`] steps the iterator
//! ends ([`Starts::gave_up`]).
//! Times are local, because a rule knows no zone. The set of an interval is the product of its days and its times of
//! day, both sorted; it is iterated without being stored. Only BYSETPOS selects from it by number.
//! Rejected: testing each second, which is simple, and far too slow for a yearly rule.

use jiff::civil::DateTime;

use super::days::{DayTest, FIRST, LAST, first_of_week, monday_zero};
use super::{Frequency, Rule};
use crate::wall::{self, civil, day_number};

/// The most steps that one rule may take within one window.
pub const MAX_STEPS: u32 = 1 << 20;

const DAY: i64 = 86_400;

/// See [`Rule::starts`].
#[derive(Debug)]
pub struct Starts<'r> {
    rule: &'r Rule,
    days_wanted: DayTest,
    /// All times below are seconds since 1970-01-01T00:00:00 in local time.
    start: i64,
    from: i64,
    before: i64,
    /// The remaining COUNT.
    left: Option<u32>,
    /// Whether DTSTART has been counted.
    start_counted: bool,
    /// The number of the next interval.
    interval: i64,
    set: Set,
    steps: u32,
    gave_up: bool,
}

/// The set of one interval: days times times of day, in order.
#[derive(Debug, Default)]
struct Set {
    days: Vec<i64>,
    /// Seconds after midnight, or after the interval's own hour or minute.
    times: Vec<i64>,
    /// The hour or minute of the interval, in seconds after midnight.
    base: i64,
    /// The members that are returned: all from this number on ...
    next: usize,
    /// ... or, with BYSETPOS, these, in reverse order.
    picked: Option<Vec<usize>>,
}

impl Rule {
    /// The times that this rule gives for a series that starts at `start`: those at or after both `start` and `from`
    /// and before `before`, in order, without repetition.
    ///
    /// UNTIL is not applied here: it may be an instant, and rules know no zone. COUNT counts the times of the rule; if
    /// `counts_start`, it also counts a `start` that the rule does not give ("The DTSTART property value always counts
    /// as the first occurrence", RFC 5545 §3.3.10), which is right for the only rule of an event.
    pub fn starts(&self, start: DateTime, from: DateTime, before: DateTime, counts_start: bool) -> Starts<'_> {
        let start = wall::seconds(start).clamp(FIRST * DAY, LAST * DAY);
        let from = wall::seconds(from).clamp(start, LAST * DAY);
        let day = start.div_euclid(DAY);
        let mut starts = Starts {
            rule: self,
            days_wanted: DayTest::new(self, day),
            start,
            from,
            before: wall::seconds(before).min(LAST * DAY),
            left: self.count,
            start_counted: !counts_start,
            interval: 0,
            set: Set { times: times_of_day(self, start.rem_euclid(DAY)), ..Set::default() },
            steps: 0,
            gave_up: false,
        };
        if self.count.is_none() {
            starts.interval = starts.interval_of(from);
        }
        starts
    }
}

impl Starts<'_> {
    /// Whether the times ended because the rule took too many steps. There may then be more of them.
    pub fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    fn step(&mut self) -> bool {
        self.steps += 1;
        self.gave_up |= self.steps > MAX_STEPS;
        !self.gave_up
    }

    /// The last interval that begins at or before this time, which is not before `start`.
    fn interval_of(&self, at: i64) -> i64 {
        let length = i64::from(self.rule.interval);
        let units = match self.rule.frequency {
            Frequency::Yearly => civil(at.div_euclid(DAY)).0 - civil(self.start.div_euclid(DAY)).0,
            Frequency::Monthly => month_number(at.div_euclid(DAY)) - month_number(self.start.div_euclid(DAY)),
            Frequency::Weekly => (at.div_euclid(DAY) - self.first_week()) / 7,
            _ => (at - self.first_unit()) / self.unit(),
        };
        units.max(0) / length
    }

    fn first_week(&self) -> i64 {
        first_of_week(self.start.div_euclid(DAY), monday_zero(self.rule.week_start))
    }

    /// The length of a unit of the frequency in seconds, where it has one.
    fn unit(&self) -> i64 {
        match self.rule.frequency {
            Frequency::Secondly => 1,
            Frequency::Minutely => 60,
            Frequency::Hourly => 3600,
            _ => DAY,
        }
    }

    fn first_unit(&self) -> i64 {
        self.start - self.start.rem_euclid(self.unit())
    }

    /// Fills the set of the next interval. Returns false at the end.
    fn fill(&mut self) -> bool {
        let Some(units) = self.interval.checked_mul(i64::from(self.rule.interval)) else { return false };
        self.interval += 1;
        self.set.days.clear();
        self.set.next = 0;
        self.set.picked = None;
        let begins = match self.rule.frequency {
            Frequency::Yearly => {
                let year = civil(self.start.div_euclid(DAY)).0 + units;
                if year <= 9998 {
                    self.days_wanted.of_year(year, &mut self.set.days);
                }
                if year > 9998 { LAST + 1 } else { day_number(year, 1, 1) }
            }
            Frequency::Monthly => {
                let month = month_number(self.start.div_euclid(DAY)) + units;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
                if year <= 9998 {
                    self.days_wanted.of_month(year, month, &mut self.set.days);
                }
                if year > 9998 { LAST + 1 } else { day_number(year, month, 1) }
            }
            Frequency::Weekly => {
                let Some(first) = units.checked_mul(7).and_then(|days| days.checked_add(self.first_week())) else {
                    return false;
                };
                if first <= LAST {
                    self.days_wanted.of_week(first, &mut self.set.days);
                }
                first
            }
            _ => return self.fill_short(units),
        };
        if begins.saturating_mul(DAY) >= self.before {
            return false;
        }
        self.pick();
        true
    }

    /// Fills the set of an interval of a day or less.
    fn fill_short(&mut self, units: i64) -> bool {
        let unit = self.unit();
        let Some(at) = units.checked_mul(unit).and_then(|passed| passed.checked_add(self.first_unit())) else {
            return false;
        };
        if at >= self.before {
            return false;
        }
        let day = at.div_euclid(DAY);
        let in_day = at.rem_euclid(DAY);
        // If the longer interval around this one does not match, all of it is skipped at once.
        let skip_to = if !self.days_wanted.passes(day) {
            Some((day + 1) * DAY)
        } else if unit < DAY && !wanted(&self.rule.by_hour, in_day / 3600) {
            Some(at - at.rem_euclid(3600) + 3600)
        } else if unit < 3600 && !wanted(&self.rule.by_minute, in_day / 60 % 60) {
            Some(at - at.rem_euclid(60) + 60)
        } else if unit < 60 && !wanted(&self.rule.by_second, in_day % 60) {
            Some(at + 1)
        } else {
            None
        };
        match skip_to {
            Some(next) => {
                let length = unit.saturating_mul(i64::from(self.rule.interval));
                let passed = (next - at + length - 1).div_euclid(length).max(1);
                self.interval = self.interval.saturating_add(passed - 1);
            }
            None => {
                self.set.days.push(day);
                self.set.base = if unit < DAY { in_day } else { 0 };
                self.pick();
            }
        }
        true
    }

    /// Applies BYSETPOS, or skips the times before the window.
    fn pick(&mut self) {
        let size = self.set.days.len() * self.set.times.len();
        if self.rule.by_position.is_empty() {
            if self.left.is_none() {
                let first_day = self.from.div_euclid(DAY);
                let earlier = self.set.days.partition_point(|&day| day < first_day);
                self.set.next = earlier * self.set.times.len();
            }
            return;
        }
        let place = |&position: &i16| match position {
            0 => None,
            1.. => usize::try_from(position - 1).ok(),
            _ => size.checked_sub(usize::from(position.unsigned_abs())),
        };
        let picked = self.rule.by_position.iter().filter_map(place).filter(|&at| at < size);
        // Sorted as numbers, as elsewhere: a sort of another type would add 3 KB to a component.
        let mut picked: Vec<i64> = picked.filter_map(|at| i64::try_from(at).ok()).collect();
        picked.sort_unstable();
        picked.dedup();
        self.set.picked = Some(picked.into_iter().rev().filter_map(|at| usize::try_from(at).ok()).collect());
    }
}

impl Set {
    fn take(&mut self) -> Option<i64> {
        let index = match &mut self.picked {
            Some(picked) => picked.pop()?,
            None => {
                self.next += 1;
                self.next - 1
            }
        };
        let day = self.days.get(index.checked_div(self.times.len())?)?;
        let time = self.times.get(index % self.times.len())?;
        Some(day * DAY + self.base + time)
    }
}

impl Iterator for Starts<'_> {
    type Item = DateTime;

    fn next(&mut self) -> Option<DateTime> {
        loop {
            if self.gave_up || self.left == Some(0) || !self.step() {
                return None;
            }
            let Some(at) = self.set.take() else {
                if !self.fill() {
                    self.left = Some(0);
                }
                continue;
            };
            if at < self.start || (at < self.from && self.left.is_none()) {
                continue;
            }
            if at >= self.before {
                self.left = Some(0);
                return None;
            }
            if let Some(left) = &mut self.left {
                if !self.start_counted && at != self.start {
                    *left -= 1;
                    self.start_counted = true;
                    if *left == 0 {
                        return None;
                    }
                }
                self.start_counted = true;
                *left -= 1;
            }
            if at >= self.from {
                return wall::at(at);
            }
        }
    }
}

fn wanted(list: &[u8], value: i64) -> bool {
    list.is_empty() || list.iter().any(|&wanted| i64::from(wanted) == value)
}

/// Months since the beginning of year 0.
fn month_number(day: i64) -> i64 {
    let (year, month, _) = civil(day);
    year * 12 + month - 1
}

/// The times of a day, or of an hour or minute if the frequency is shorter than a day. Parts that the rule omits are
/// taken from DTSTART.
fn times_of_day(rule: &Rule, start: i64) -> Vec<i64> {
    let part = |list: &[u8], given: i64, unit: Frequency| {
        if rule.frequency <= unit {
            return vec![0];
        }
        if list.is_empty() {
            return vec![given];
        }
        let mut values: Vec<i64> = list.iter().map(|&value| i64::from(value)).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let hours = part(&rule.by_hour, start / 3600, Frequency::Hourly);
    let minutes = part(&rule.by_minute, start / 60 % 60, Frequency::Minutely);
    let seconds = part(&rule.by_second, start % 60, Frequency::Secondly);
    let mut times = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
    for hour in &hours {
        for minute in &minutes {
            times.extend(seconds.iter().map(|second| hour * 3600 + minute * 60 + second));
        }
    }
    times
}
