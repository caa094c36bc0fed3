//! Dates in HTTP headers (RFC 9110 §5.6.7).

use std::time::UNIX_EPOCH;

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or
/// `Sun Nov  6 08:49:37 1994`.
///
/// Servers also write the second form with a short weekday and a year of four digits. A leap second counts as the second
/// before it.
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.replace(":60 ", ":59 ");
    let date = httpdate::parse_http_date(&text).or_else(|_| httpdate::parse_http_date(&text.replace('-', " ")));
    i64::try_from(date.ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}
