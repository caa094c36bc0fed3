//! Requests, each made by one function.
//!
//! Bodies are written out and not built from parts, so that each can be compared with the paragraph of the RFC. Values from
//! outside are escaped.

use chronus_sdk::http::{Request, Url};
use chronus_sdk::icalendar::value;
use chronus_sdk::values::{Instant, Window};
use jiff::{Timestamp, tz::TimeZone};

use super::xml::escape;

const XML: &str = "application/xml; charset=utf-8";
const CALENDAR: &str = "text/calendar; charset=utf-8";

/// The most bytes of an answer with events' data: the memory of one call holds them and their parsed form.
pub(crate) const MAX_DATA: usize = 48 << 20;

/// A day in seconds. Servers resolve floating times and whole days in zones of their own choice, at most 14 hours from
/// UTC, so requests cover a margin and the result is cut.
const MARGIN: i64 = 86_400;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
const SPACES: &str =
    "xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" xmlns:s=\"http://calendarserver.org/ns/\"";

/// PROPFIND (RFC 4918 §9.1). `props` are element names with the prefixes `d`, `c` and `s`.
pub(crate) fn propfind(url: &Url, depth: &str, props: &[&str]) -> Request {
    let props: String = props.iter().map(|prop| format!("<{prop}/>")).collect();
    let body = format!("{HEAD}<d:propfind {SPACES}><d:prop>{props}</d:prop></d:propfind>");
    Request::new("PROPFIND", url.to_string()).header("depth", depth).body(XML, body)
}

/// The data that a calendar-query returns for each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryData {
    Etags,
    Data,
}

impl QueryData {
    fn props(self) -> &'static str {
        match self {
            QueryData::Etags => "<d:prop><d:getetag/></d:prop>",
            QueryData::Data => "<d:prop><d:getetag/><c:calendar-data/></d:prop>",
        }
    }
}

/// The range of a search, in seconds since 1970. An end that is missing is not limited (RFC 4791 §9.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeRange {
    start: Option<i64>,
    end: Option<i64>,
}

impl TimeRange {
    /// A window with its margin; without a start, if everything before the window is wanted as well. Times that 32 bits
    /// cannot hold are left out, since servers with such times find nothing by them.
    pub(crate) fn around(window: Window, has_start: bool) -> TimeRange {
        let fits = |second: &i64| i32::try_from(*second).is_ok();
        TimeRange {
            start: Some(window.start.saturating_sub(MARGIN)).filter(|start| has_start && fits(start)),
            end: Some(window.end.saturating_add(MARGIN)).filter(fits),
        }
    }

    /// The element of the filter; empty for all times, because RFC 4791 wants one of the two at least.
    fn element(self) -> String {
        let attribute = |name: &str, second: Option<i64>| {
            second.map_or(String::new(), |second| format!(" {name}=\"{}\"", utc(second)))
        };
        match self {
            TimeRange { start: None, end: None } => String::new(),
            TimeRange { start, end } => {
                format!("<c:time-range{}{}/>", attribute("start", start), attribute("end", end))
            }
        }
    }
}

/// calendar-query for the events of a calendar within a range (RFC 4791 §7.8). The filter on components is spelled out, as
/// iCloud demands.
pub(crate) fn query(calendar: &Url, give: QueryData, range: TimeRange) -> Request {
    calendar_query(calendar, give, &range.element()).limit(MAX_DATA)
}

/// calendar-query for the event of a UID (RFC 4791 §7.8.6). Not every server answers correctly: check the answer, and
/// conclude nothing from an empty one.
pub(crate) fn query_uid(calendar: &Url, uid: &str) -> Request {
    let filter = format!(
        "<c:prop-filter name=\"UID\"><c:text-match collation=\"i;octet\">{}</c:text-match></c:prop-filter>",
        escape(uid)
    );
    calendar_query(calendar, QueryData::Data, &filter)
}

fn calendar_query(calendar: &Url, give: QueryData, filter: &str) -> Request {
    let body = format!(
        "{HEAD}<c:calendar-query {SPACES}>{}<c:filter><c:comp-filter name=\"VCALENDAR\"><c:comp-filter \
         name=\"VEVENT\">{filter}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>",
        give.props()
    );
    Request::new("REPORT", calendar.to_string()).header("depth", "1").body(XML, body)
}

/// calendar-multiget (RFC 4791 §7.9).
pub(crate) fn multiget<'a>(calendar: &Url, events: impl Iterator<Item = &'a Url>) -> Request {
    let hrefs: String = events.map(|url| format!("<d:href>{}</d:href>", escape(url.path()))).collect();
    let body = format!("{HEAD}<c:calendar-multiget {SPACES}>{}{hrefs}</c:calendar-multiget>", QueryData::Data.props());
    Request::new("REPORT", calendar.to_string()).header("depth", "1").body(XML, body).limit(MAX_DATA)
}

/// sync-collection (RFC 6578 §3). No limit is asked for: iCloud ignores it, and others may refuse it.
pub(crate) fn sync(calendar: &Url, token: &str) -> Request {
    let body = format!(
        "{HEAD}<d:sync-collection {SPACES}><d:sync-token>{}</d:sync-token><d:sync-level>1</d:sync-level>\
         <d:prop><d:getetag/></d:prop></d:sync-collection>",
        escape(token)
    );
    // RFC 6578 §3.2 wants depth 0; servers of its drafts look at sync-level alone.
    Request::new("REPORT", calendar.to_string()).header("depth", "0").body(XML, body).limit(MAX_DATA)
}

/// free-busy-query (RFC 4791 §7.10), without a margin: the server's reading of whole days cannot be corrected here.
pub(crate) fn free_busy(calendar: &Url, window: Window) -> Request {
    let (start, end) = (utc(window.start), utc(window.end));
    let body = format!(
        "{HEAD}<c:free-busy-query {SPACES}><c:time-range start=\"{start}\" end=\"{end}\"/></c:free-busy-query>"
    );
    Request::new("REPORT", calendar.to_string()).header("depth", "1").header("accept", "text/calendar").body(XML, body)
}

/// GET of one event.
pub(crate) fn get(event: &Url) -> Request {
    Request::new("GET", event.to_string()).header("accept", "text/calendar")
}

/// The precondition of a write (RFC 9110 §13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteCondition<'a> {
    /// If there is nothing yet.
    IfAbsent,
    /// If it still has this entity tag. Never `*`, which iCloud reads the wrong way round.
    IfStill(&'a str),
    Always,
}

impl WriteCondition<'_> {
    fn on(self, request: Request) -> Request {
        match self {
            WriteCondition::IfAbsent => request.header("if-none-match", "*"),
            WriteCondition::IfStill(etag) => request.header("if-match", etag),
            WriteCondition::Always => request,
        }
    }
}

/// PUT of one event.
pub(crate) fn put(event: &Url, only: WriteCondition<'_>, calendar_data: String) -> Request {
    only.on(Request::new("PUT", event.to_string()).body(CALENDAR, calendar_data))
}

/// DELETE of one event. Unless it is `silent`, the server may send the organiser of an invitation a refusal (RFC 6638 §8.1).
pub(crate) fn delete(event: &Url, only: WriteCondition<'_>, silent: bool) -> Request {
    let request = only.on(Request::new("DELETE", event.to_string()));
    if silent { request.header("schedule-reply", "F") } else { request }
}

/// OPTIONS.
pub(crate) fn options(url: &Url) -> Request {
    Request::new("OPTIONS", url.to_string())
}

/// `20261122T080000Z`, kept within what four digits of a year can say.
fn utc(instant: Instant) -> String {
    // 1 January 1 and 30 December 9999.
    const RANGE: (Instant, Instant) = (-62_135_596_800, 253_402_128_000);
    let at = Timestamp::from_second(instant.clamp(RANGE.0, RANGE.1)).unwrap_or(Timestamp::UNIX_EPOCH);
    value::write_date_time(TimeZone::UTC.to_datetime(at)) + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dav::xml::{self, Ns};

    fn calendar() -> Url {
        Url::parse("https://dav.example/alice/cal/").expect("an address")
    }

    #[test]
    fn a_window_is_asked_for_with_a_margin() {
        let window = Window { start: 1_795_392_000, end: 1_795_478_400 };
        assert!(range(window, true).contains("start=\"20261122T000000Z\" end=\"20261125T000000Z\""));
        assert!(range(window, false).contains("<c:time-range end=\"20261125T000000Z\"/>"), "no start at all");
    }

    /// F1 of the CalDAV review: a server with 32-bit times finds no single event by a date that these cannot hold.
    #[test]
    fn no_time_is_asked_for_that_32_bits_cannot_hold() {
        let (past, now, future) = (i64::from(i32::MIN), 1_795_392_000, i64::from(i32::MAX));
        let old = Window { start: past, end: now };
        assert!(range(old, true).contains("<c:time-range end=\"20261124T000000Z\"/>"));
        let late = Window { start: now, end: future };
        assert!(range(late, true).contains("<c:time-range start=\"20261122T000000Z\"/>"));
        for window in [Window { start: past, end: future }, Window { start: i64::MIN, end: i64::MAX }] {
            assert!(!range(window, true).contains("time-range"), "RFC 4791 wants a start or an end");
        }
        let most = Window { start: past + MARGIN, end: future - MARGIN };
        assert!(range(most, true).contains("start=\"19011213T204552Z\" end=\"20380119T031407Z\""));
    }

    fn range(window: Window, has_start: bool) -> String {
        String::from_utf8(query(&calendar(), QueryData::Etags, TimeRange::around(window, has_start)).body)
            .expect("text")
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let body = query_uid(&calendar(), "a<&\">b\n").body;
        let root = xml::parse(&body).expect("well-formed");
        let mut element = root.child(Ns::CalDav, "filter");
        for name in ["comp-filter", "comp-filter", "prop-filter", "text-match"] {
            element = element.and_then(|outer| outer.child(Ns::CalDav, name));
        }
        assert_eq!(element.map(|element| element.text.as_str()), Some("a<&\">b\n"));
        assert!(xml::parse(&sync(&calendar(), "</d:sync-token>").body).is_ok());
    }

    #[test]
    fn every_body_is_well_formed() {
        let event = Url::parse("https://dav.example/alice/cal/a%40b.ics").expect("an address");
        for request in [
            propfind(&calendar(), "0", &["d:resourcetype", "s:getctag"]),
            query(&calendar(), QueryData::Data, TimeRange::default()),
            multiget(&calendar(), [&event].into_iter()),
            sync(&calendar(), ""),
            free_busy(&calendar(), Window { start: 0, end: 1 }),
        ] {
            assert!(xml::parse(&request.body).is_ok(), "{request:?}");
        }
    }

    #[test]
    fn preconditions_are_headers() {
        let header = |only| put(&calendar(), only, String::new()).headers.pop();
        assert_eq!(header(WriteCondition::IfAbsent), Some(("if-none-match".into(), "*".into())));
        assert_eq!(header(WriteCondition::IfStill("\"1\"")), Some(("if-match".into(), "\"1\"".into())));
        assert_eq!(header(WriteCondition::Always).map(|(name, _)| name).as_deref(), Some("content-type"));
        let silent = delete(&calendar(), WriteCondition::Always, true).headers;
        assert_eq!(silent, [("schedule-reply".to_owned(), "F".to_owned())]);
    }
}
