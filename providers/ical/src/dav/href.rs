//! Canonical addresses, and ids that stay within their calendar.
//!
//! Servers write the same address in several ways: with `%40` or `@`, absolute or relative, with or without the port. Ids are
//! compared and stored, so each address is first brought to one form: decoded, and encoded again except for the unreserved
//! characters.
//!
//! The id of an event is the last segment of its address. So for any id, the request goes to that calendar: no id can name
//! another collection, another host or a query. The id of a calendar is its path, which must be within a calendar home of the
//! account.

use chronus_sdk::http::{Url, decode, encode};

/// The longest id: longer than any name that servers accept.
const MAX_SEGMENT: usize = 1024;

/// Resolves an address in an answer; `None` if it is not usable.
pub(crate) fn resolve(base: &Url, link: &str) -> Option<Url> {
    if link.is_empty() || link.starts_with("mailto:") || link.starts_with("urn:") {
        return None;
    }
    if let Some(url) = base.with_canonical_path(link) {
        return Some(url);
    }
    // Some servers do not encode spaces.
    let url = base.join(&link.replace(' ', "%20")).ok()?;
    at(&url, url.path())
}

/// The address of a path on the same origin, in canonical form.
pub(crate) fn at(url: &Url, path: &str) -> Option<Url> {
    Url::parse(&format!("{}{}", url.origin(), canonical(path))).ok()
}

/// Each segment decoded and encoded again.
fn canonical(path: &str) -> String {
    path.split('/').map(canonical_segment).collect::<Vec<_>>().join("/")
}

fn canonical_segment(segment: &str) -> String {
    encode_bytes(&decode(segment))
}

/// Like [`encode`], also for what is not UTF-8.
fn encode_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => encode(text),
        Err(_) => bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
    }
}

/// The id of the event at this address: its last segment; `None` for a collection.
pub(crate) fn event_id(url: &Url) -> Option<String> {
    let segment = url.path().rsplit('/').next()?;
    (!segment.is_empty()).then(|| segment.to_owned())
}

/// The address of an event of a calendar; `None` if no event can have the id.
pub(crate) fn event_url(calendar: &Url, id: &str) -> Option<Url> {
    let decoded = decode(id);
    let plain = !matches!(decoded.as_slice(), b"" | b"." | b"..") && !decoded.contains(&b'/');
    if !plain || id.len() > MAX_SEGMENT || decoded.iter().any(u8::is_ascii_control) {
        return None;
    }
    Url::parse(&format!("{calendar}{}", encode_bytes(&decoded))).ok()
}

/// The address of a calendar; `None` if the id is not a path within one of these homes.
pub(crate) fn calendar_url(homes: &[Url], id: &str) -> Option<Url> {
    let proper = id.starts_with('/') && id.ends_with('/') && !id.contains(['?', '#']);
    if !proper {
        return None;
    }
    homes.iter().find_map(|home| at(home, id).filter(|url| url.path().starts_with(home.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn an_event_id_stays_within_its_calendar() {
        let calendar = url("https://dav.example/alice/cal/");
        for (id, path) in [
            ("a.ics", "/alice/cal/a.ics"),
            ("a@b c.ics", "/alice/cal/a%40b%20c.ics"),
            ("a%40b.ics", "/alice/cal/a%40b.ics"),
            ("50%.ics", "/alice/cal/50%25.ics"),
            ("x?y#z", "/alice/cal/x%3Fy%23z"),
            ("http:", "/alice/cal/http%3A"),
            ("\u{fc}", "/alice/cal/%C3%BC"),
            ("%FF.ics", "/alice/cal/%FF%2E%69%63%73"),
        ] {
            assert_eq!(event_url(&calendar, id).map(|url| url.to_string()), Some(format!("https://dav.example{path}")));
        }
        for id in ["", ".", "..", "%2e%2e", "%2E.", "a/b", "../x", "a%2Fb", "a%2fb", "a\n", "a%0Db", "a%00"] {
            assert_eq!(event_url(&calendar, id), None, "{id:?}");
        }
        assert_eq!(event_url(&calendar, &"a".repeat(2000)), None);
    }

    proptest::proptest! {
        #[test]
        fn a_canonical_path_stays_as_it_is(path in "/([a-zA-Z0-9/._~-]|%[0-9A-Fa-f]{2}|[%?# @]){0,24}") {
            let base = url("https://dav.example/alice/cal/");
            if let Some(url) = base.with_canonical_path(&path) {
                let joined = base.join(&path).expect("a path");
                proptest::prop_assert_eq!(Some(url), at(&joined, joined.path()));
            }
        }
    }

    #[test]
    fn a_calendar_id_stays_within_the_homes() {
        let homes = [url("https://p1.example/7/calendars/"), url("https://dav.example/shared/")];
        let find = |id| calendar_url(&homes, id).map(|url| url.to_string());
        assert_eq!(find("/7/calendars/home/"), Some("https://p1.example/7/calendars/home/".into()));
        assert_eq!(find("/shared/a@b/"), Some("https://dav.example/shared/a%40b/".into()));
        for id in ["", "/", "home/", "/7/calendars/home", "/7/calendars/../../x/", "/7/calendars/%2e%2e/%2E%2e/x/"] {
            assert_eq!(find(id), None, "{id}");
        }
        for id in ["//evil.example/7/calendars/", "https://evil.example/", "/7/calendars/x/?y/", "/7/calendars/#/"] {
            assert_eq!(find(id), None, "{id}");
        }
    }

    #[test]
    fn what_servers_write_comes_to_one_form() {
        let base = url("https://dav.example/alice/cal/");
        let forms = [
            "/alice/cal/a%40b%20c.ics",
            "/alice/cal/a@b c.ics",
            "a@b%20c.ics",
            "https://dav.example:443/alice/./cal/%61@b%20c.ics",
        ];
        for form in forms {
            let resolved = resolve(&base, form).expect("an address");
            assert_eq!(resolved.path(), "/alice/cal/a%40b%20c.ics", "{form}");
            assert_eq!(event_id(&resolved).as_deref(), Some("a%40b%20c.ics"));
        }
        for none in ["", "mailto:a@b.example", "urn:uuid:1", "ftp://x/y"] {
            assert_eq!(resolve(&base, none), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_id_that_came_from_an_address_leads_back_to_it(name in "\\PC{1,30}") {
            let calendar = url("https://dav.example/alice/cal/");
            if let Some(made) = event_url(&calendar, &name) {
                let id = event_id(&made).expect("a segment");
                proptest::prop_assert_eq!(event_url(&calendar, &id), Some(made.clone()));
                proptest::prop_assert_eq!(resolve(&calendar, made.path()), Some(made));
            }
        }
    }
}
