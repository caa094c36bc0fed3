//! Names of components, properties and parameters.
//!
//! They compare without regard to case (RFC 5545 §1.2), so they are kept in upper case. A calendar of a thousand events
//! has tens of thousands of names and few different ones: those of the standard come from a table and cost no
//! allocation. Rejected: an enum of known names. Every place that meets an unknown one would need a second way.

use std::borrow::Cow;

/// A name in upper case.
pub type Name = Cow<'static, str>;

/// Brings a name to upper case, without allocating for the usual ones.
pub(super) fn upper(name: &str) -> Name {
    match KNOWN.binary_search_by(|known| known.bytes().cmp(name.bytes().map(|byte| byte.to_ascii_uppercase()))) {
        Ok(index) => match KNOWN.get(index) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(name.to_ascii_uppercase()),
        },
        Err(_) => Cow::Owned(name.to_ascii_uppercase()),
    }
}

/// Sorted.
const KNOWN: &[&str] = &[
    "ACTION",
    "ALTREP",
    "ATTACH",
    "ATTENDEE",
    "BEGIN",
    "CALSCALE",
    "CATEGORIES",
    "CLASS",
    "CN",
    "CREATED",
    "CUTYPE",
    "DAYLIGHT",
    "DESCRIPTION",
    "DTEND",
    "DTSTAMP",
    "DTSTART",
    "DURATION",
    "EMAIL",
    "END",
    "EXDATE",
    "GEO",
    "LANGUAGE",
    "LAST-MODIFIED",
    "LOCATION",
    "METHOD",
    "ORGANIZER",
    "PARTSTAT",
    "PRIORITY",
    "PRODID",
    "RANGE",
    "RDATE",
    "RECURRENCE-ID",
    "RELATED",
    "ROLE",
    "RRULE",
    "RSVP",
    "SCHEDULE-AGENT",
    "SCHEDULE-STATUS",
    "SENT-BY",
    "SEQUENCE",
    "STANDARD",
    "STATUS",
    "SUMMARY",
    "TRANSP",
    "TRIGGER",
    "TZID",
    "TZNAME",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "UID",
    "URL",
    "VALARM",
    "VALUE",
    "VCALENDAR",
    "VERSION",
    "VEVENT",
    "VTIMEZONE",
    "X-LIC-LOCATION",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-WR-CALNAME",
    "X-WR-TIMEZONE",
];
