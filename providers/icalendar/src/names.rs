//! Names of components, properties and parameters.
//!
//! They compare without regard to case (RFC 5545 §1.2), so they are kept in upper case. A calendar of a thousand events
//! has tens of thousands of names and few different ones: those of the standard come from a table and cost no
//! allocation. The table is sorted by length, which tells most names apart before a letter is compared.
//! Rejected: an enum of known names. Every user would need a second path for unknown ones.

use std::borrow::Cow;

/// A name in upper case.
pub type Name = Cow<'static, str>;

/// Brings a name to upper case, without allocating for the usual ones.
pub(super) fn upper(name: &str) -> Name {
    let from = OF_LENGTH.get(name.len()).copied().unwrap_or(KNOWN.len());
    let of_length = || KNOWN.iter().skip(from).take_while(|known| known.len() == name.len()).copied();
    let exact = of_length().find(|known| is(known, name));
    match exact.or_else(|| of_length().find(|known| known.eq_ignore_ascii_case(name))) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.to_ascii_uppercase()),
    }
}

/// Whether two names are equal. Nearly all different names differ in length or first letter; calling a comparison of memory
/// for them would be a twentieth of the time that a calendar takes to read in a sandbox.
pub(super) fn is(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}

/// Where the names of each length begin in [`KNOWN`].
const OF_LENGTH: [usize; 32] = {
    let mut starts = [KNOWN.len(); 32];
    let mut index = KNOWN.len();
    while index > 0 {
        index -= 1;
        starts[KNOWN[index].len()] = index;
    }
    starts
};

/// Sorted by length.
const KNOWN: &[&str] = &[
    "CN",
    "END",
    "GEO",
    "UID",
    "URL",
    "ROLE",
    "RSVP",
    "TZID",
    "BEGIN",
    "CLASS",
    "DTEND",
    "EMAIL",
    "RANGE",
    "RDATE",
    "RRULE",
    "VALUE",
    "ACTION",
    "ALTREP",
    "ATTACH",
    "CUTYPE",
    "EXDATE",
    "METHOD",
    "PRODID",
    "STATUS",
    "TRANSP",
    "TZNAME",
    "VALARM",
    "VEVENT",
    "CREATED",
    "DTSTAMP",
    "DTSTART",
    "RELATED",
    "SENT-BY",
    "SUMMARY",
    "TRIGGER",
    "VERSION",
    "ATTENDEE",
    "CALSCALE",
    "DAYLIGHT",
    "DURATION",
    "LANGUAGE",
    "LOCATION",
    "PARTSTAT",
    "PRIORITY",
    "SEQUENCE",
    "STANDARD",
    "ORGANIZER",
    "VCALENDAR",
    "VTIMEZONE",
    "CATEGORIES",
    "TZOFFSETTO",
    "DESCRIPTION",
    "TZOFFSETFROM",
    "X-WR-CALNAME",
    "LAST-MODIFIED",
    "RECURRENCE-ID",
    "X-WR-TIMEZONE",
    "SCHEDULE-AGENT",
    "X-LIC-LOCATION",
    "SCHEDULE-STATUS",
    "X-MICROSOFT-CDO-BUSYSTATUS",
];
