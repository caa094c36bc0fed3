//! Instants as web services write them: `2026-03-02T09:00:00+01:00` (RFC 3339).
//!
//! A time without an offset is refused: a guessed offset would move an event by hours.

use jiff::Timestamp;

use crate::values::Instant;

/// Seconds since 1970 of a date-time with an offset. A fraction of a second is dropped: calendars resolve to whole ones.
pub fn parse(text: &str) -> Option<Instant> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_second() - i64::from(at.subsec_nanosecond() < 0))
}

/// The instant in UTC; `None` for a year that RFC 3339 cannot write.
///
/// ```
/// assert_eq!(chronus_sdk::rfc3339::write(1_772_438_400).as_deref(), Some("2026-03-02T08:00:00Z"));
/// ```
pub fn write(at: Instant) -> Option<String> {
    Timestamp::from_second(at).ok().map(|at| at.to_string()).filter(|text| !text.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read() {
        for text in ["2026-03-02T09:00:00+01:00", "2026-03-02T08:00:00Z", "2026-03-02T08:00:00.999Z"] {
            assert_eq!(parse(text), Some(1_772_438_400), "{text}");
        }
        assert_eq!(parse("1969-12-31T23:59:58.5Z"), Some(-2));
        for text in ["", "2026-03-02", "2026-03-02T09:00:00", "soon", "2026-02-30T09:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_is_read(at in -62_135_596_800_i64..253_402_207_200) {
            proptest::prop_assert_eq!(write(at).as_deref().and_then(parse), Some(at));
        }
    }

    #[test]
    fn beyond_the_years_there_is_nothing() {
        assert_eq!(write(i64::MAX), None);
        assert_eq!(write(-62_200_000_000), None);
    }
}
