//! Known deviations of servers that their answers do not show.
//!
//! Most deviations show in a server's answers, and then the answers decide. A search that omits events does not: its answer
//! looks like a calendar with few events, and the omitted times would count as free. So this module names the products that
//! do so.
//!
//! Rejected: testing the server. A test would need an event that the person did not create, or the whole calendar each time.

use chronus_sdk::http::{Response, Url};

/// Whether a search for a window finds the series that began before it. Servers without recurrence find an
/// event by the times of its first occurrence, so for them the search begins long ago.
///
/// As measured by python-caldav (`compatibility_hints.py` of 3.6.0: `search.recurrences.includes-implicit`), and for
/// Xandikos by the comparison in `tests/it/occurrences`: it misses occurrences by RDATE.
pub(crate) fn finds_series(server: &Url, home: &Url, answer: &Response) -> bool {
    let make = answer.header("server").unwrap_or_default().to_ascii_lowercase();
    let of_host = |domain: &str| {
        let host = home.host();
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let sogo = home.path().starts_with("/SOGo/");
    let davical = home.path().starts_with("/caldav.php/") || answer.header("x-davical-version").is_some();
    // Of series of whole days.
    let stalwart = make.starts_with("stalwart") || home.path().starts_with("/dav/cal/");
    let yahoo = of_host("yahoo.com") || server.host() == "caldav.calendar.yahoo.com";
    // Its answers name its web server, which hardly any other calendar server uses.
    let xandikos = make.contains("aiohttp");
    !(sogo || davical || stalwart || yahoo || xandikos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_are_known_by_what_they_say_and_where_they_live() {
        let url = |text| Url::parse(text).expect("an address");
        let judge = |home, name, value| {
            let answer = Response::new(home, 207).with_header(name, value);
            finds_series(&url("https://dav.example"), &url(home), &answer)
        };
        for (home, name, value) in [
            ("https://dav.example/SOGo/dav/ann/Calendar/", "server", "Apache"),
            ("https://dav.example/caldav.php/ann/", "server", "Apache"),
            ("https://dav.example/x/", "x-davical-version", "1.1.12"),
            ("https://dav.example/dav/cal/ann/", "server", ""),
            ("https://caldav.calendar.yahoo.com/dav/ann/Calendar/", "server", "ATS"),
            ("https://dav.example/ann/calendars/", "server", "Python/3.11 aiohttp/3.14.5"),
        ] {
            assert!(!judge(home, name, value), "{home} {name}: {value}");
        }
        for (home, value) in [
            ("https://p01-caldav.icloud.com/1/calendars/", "AppleHttpServer"),
            ("https://dav.example/ann/", "Cyrus-HTTP/3.6.1"),
            ("https://notyahoo.com/ann/", "x"),
        ] {
            assert!(judge(home, "server", value), "{home} {value}");
        }
    }
}
