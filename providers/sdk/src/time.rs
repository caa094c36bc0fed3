//! Whole days as instants.
//!
//! Services write whole days as dates, and the contract wants instants: a day begins at midnight in the time zone of
//! the calendar's owner ([`Connection::zone`](crate::values::Connection)), and that is not midnight in UTC.

use jiff::civil::{Date, Time};

use crate::failure::invalid;
use crate::icalendar::Zone;
use crate::values::{Failure, Instant};

/// The instant at which a day begins in an IANA time zone. Where clocks skip midnight, the first instant of the day.
///
/// ```
/// use chronus_sdk::{jiff::civil::date, time};
///
/// assert_eq!(time::midnight("Europe/Rome", date(2026, 3, 2)), Ok(1_772_406_000));
/// ```
///
/// # Errors
/// `invalid`, if the zone is unknown or the day is out of range.
pub fn midnight(zone: &str, day: Date) -> Result<Instant, Failure> {
    let rules = Zone::iana(zone).ok_or_else(|| invalid("zone", format!("{zone:?} is not an IANA time zone")))?;
    let midnight = rules.instant(day.to_datetime(Time::midnight()));
    midnight.map(jiff::Timestamp::as_second).ok_or_else(|| invalid("day", format!("{day} is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Remedy;
    use jiff::civil::date;

    #[test]
    fn days_begin_at_midnight_in_their_zone() {
        assert_eq!(midnight("UTC", date(2026, 3, 2)), Ok(1_772_409_600));
        assert_eq!(midnight("America/New_York", date(2026, 3, 2)), Ok(1_772_409_600 + 5 * 3600));
        // Clocks went from 23:59 to 01:00.
        assert_eq!(midnight("America/Santiago", date(2026, 9, 6)), Ok(1_788_667_200));
    }

    #[test]
    fn an_unknown_zone_is_invalid() {
        assert_eq!(midnight("Mars/Base", date(2026, 3, 2)).unwrap_err().remedy, Remedy::Invalid("zone".into()));
    }
}
