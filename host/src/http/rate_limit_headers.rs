//! The headers that tell clients of rate limits, as in draft-ietf-httpapi-ratelimit-headers.

use crate::rate_limits::{LimitReached, Rate, Standing};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::SignedDuration;

/// How often something may happen.
pub(in crate::http) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How often it may still happen, and when it may happen as often as ever again.
pub(in crate::http) const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// Adds the headers of a request that a limit let through, unless another limit refused it: the client waits for that one.
pub(in crate::http) fn tell_standing(headers: &mut HeaderMap, standing: Standing) {
    if headers.contains_key(REMAINING) {
        return;
    }
    let Standing { rate, most, left, full_after } = standing;
    insert(headers, rate, most, left, full_after);
}

/// Adds the headers of a request that a limit refused.
pub(in crate::http) fn tell_refusal(headers: &mut HeaderMap, reached: LimitReached) {
    let LimitReached { rate, most, retry_after } = reached;
    insert(headers, rate, most, 0, retry_after);
    headers.insert(header::RETRY_AFTER, seconds(retry_after).into());
}

fn insert(headers: &mut HeaderMap, rate: Rate, most: u32, left: u64, after: SignedDuration) {
    let name = rate.name();
    let policy = format!("\"{name}\";q={most};w={}", rate.window().as_secs());
    let remaining = format!("\"{name}\";r={left};t={}", seconds(after));
    for (header, value) in [(POLICY, policy), (REMAINING, remaining)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(header, value);
        }
    }
}

/// Whole seconds, rounded up, so that a client that waits so long has waited long enough.
fn seconds(time: SignedDuration) -> u64 {
    let whole = time.unsigned_abs();
    whole.as_secs() + u64::from(whole.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_the_limit_and_what_is_left() {
        let mut headers = HeaderMap::new();
        let full_after = SignedDuration::from_millis(1_001);
        tell_standing(&mut headers, Standing { rate: Rate::Search, most: 10, left: 7, full_after });
        assert_eq!(headers[POLICY], "\"search\";q=10;w=60");
        assert_eq!(headers[REMAINING], "\"search\";r=7;t=2");
        assert!(!headers.contains_key(header::RETRY_AFTER));
        tell_refusal(
            &mut headers,
            LimitReached { rate: Rate::Write, most: 3, retry_after: SignedDuration::from_secs(5) },
        );
        assert_eq!(headers[REMAINING], "\"write\";r=0;t=5");
        assert_eq!(headers[header::RETRY_AFTER], "5");
        tell_standing(&mut headers, Standing { rate: Rate::Search, most: 10, left: 7, full_after });
        assert_eq!(headers[REMAINING], "\"write\";r=0;t=5", "the refusal of another limit stays");
    }
}
