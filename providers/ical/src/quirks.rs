//! What servers are known to do otherwise and cannot be asked about.
//!
//! Most habits of a server show in its answers, and what is written there decides. A search that leaves out events does
//! not show: its answer looks like a calendar with few of them, and their times would be free. So the makes that are
//! known to do that are named here, each with what is known of it.
//! Rejected: to try it out. It would take an event that the person never made, or all of the calendar at every look.

use chronus_sdk::http::{Response, Url};

/// Whether a search for a window finds the series that began before it. Servers that do not know recurrence find an
/// event by the times of its first occurrence, so for them the window is made to begin long ago.
///
/// As measured by python-caldav (`compatibility_hints.py` of 3.6.0: `search.recurrences.includes-implicit`), and for
/// Xandikos by our own comparison in `tests/it/occurrences.rs`: it misses what only RDATE gives.
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
    // It tells the name of its web server, which hardly any other server of calendars has.
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
