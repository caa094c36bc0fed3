//! skeleton
use jiff::civil::{DateTime, Weekday};

/// RFC 5545 §3.3.10, in the order of length.
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
    pub count: Option<u32>,
    pub until: Option<Until>,
    pub by_second: Vec<u8>,
    pub by_minute: Vec<u8>,
    pub by_hour: Vec<u8>,
    pub by_day: Vec<DayOf>,
    pub by_month_day: Vec<i8>,
    pub by_year_day: Vec<i16>,
    pub by_week: Vec<i8>,
    pub by_month: Vec<u8>,
    pub by_position: Vec<i16>,
    pub week_start: Weekday,
}

/// One value of BYDAY: `MO`, `1MO`, `-1FR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOf {
    /// Which of them in the month or year, counted from its end if negative; 0 means all.
    pub ordinal: i8,
    pub weekday: Weekday,
}

/// The three forms of UNTIL. It is inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Date(jiff::civil::Date),
    Local(DateTime),
    Utc(DateTime),
}
