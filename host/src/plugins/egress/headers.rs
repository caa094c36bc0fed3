//! Which headers a provider may set, and which headers of a response it gets.

use http::HeaderName;

/// Headers that a provider may not set: credentials, headers that would route or frame the request differently, and
/// `range`, with which a response could be fetched in pieces too small for the leak scan.
pub(super) fn is_host_controlled(name: &HeaderName) -> bool {
    const EXACT: [&str; 22] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "if-range",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-api-key",
    ];
    const PREFIXES: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", "x-goog-"];
    EXACT.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// Headers of a response that the provider does not get: sessions belong to the host, and headers that a provider may not
/// send are of no use to it. (`wasi:http` would report each of the latter as if the provider had set it.)
pub(super) fn is_withheld(name: &HeaderName) -> bool {
    matches!(name.as_str(), "authentication-info" | "set-cookie2") || is_host_controlled(name) || is_framing(name)
}

/// Headers that describe the connection to the service, and the encoding of a body that has been decoded.
fn is_framing(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-encoding"
            | "content-length"
            | "keep-alive"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_routing_are_the_hosts() {
        for name in
            ["authorization", "cookie", "proxy-authorization", "x-goog-api-key", "x-forwarded-for", "range", "te"]
        {
            assert!(is_host_controlled(&name.parse().unwrap()), "{name}");
        }
        for name in ["accept", "content-type", "depth", "destination", "if-match", "if-none-match", "prefer", "brief"] {
            assert!(!is_host_controlled(&name.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn sessions_are_withheld_from_guests() {
        for name in ["set-cookie", "content-encoding", "content-length", "via", "x-goog-hash"] {
            assert!(is_withheld(&name.parse().unwrap()), "{name}");
        }
        for name in ["etag", "www-authenticate", "location", "retry-after", "dav", "schedule-tag"] {
            assert!(!is_withheld(&name.parse().unwrap()), "{name}");
        }
    }
}
