//! Dates in HTTP headers (RFC 9110 §5.6.7).
//!
//! A recipient must take three formats. They share their parts, so the text is cut into words and the words are
//! recognised by what they look like, instead of by three patterns.

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or
/// `Sun Nov  6 08:49:37 1994`.
pub fn parse_date(text: &str) -> Option<i64> {
    let (mut month, mut day, mut year, mut time) = (None, None, None, None);
    for word in text.split([' ', ',', '-']).filter(|word| !word.is_empty()) {
        if word.contains(':') {
            time = Some(parse_time(word)?);
        } else if let Ok(number) = word.parse::<i16>() {
            match (day, word.len()) {
                (None, 1 | 2) => day = Some(i8::try_from(number).ok()?),
                // Two digits: no date of a wait is far from now, and this century has room.
                (_, 2) => year = Some(number + 2000),
                _ => year = Some(number),
            }
        } else if month.is_none() {
            month = parse_month(word);
        }
    }
    let (hour, minute, second) = time?;
    let midnight = Date::new(year?, month?, day?).ok()?;
    // A leap second counts as the second before it.
    let moment = midnight.at(hour, minute, second.min(59), 0);
    Some(TimeZone::UTC.to_timestamp(moment).ok()?.as_second())
}

fn parse_time(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (fits && parts.next().is_none()).then_some((hour, minute, second))
}

fn parse_month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|month| word.eq_ignore_ascii_case(month))?;
    i8::try_from(at + 1).ok()
}
