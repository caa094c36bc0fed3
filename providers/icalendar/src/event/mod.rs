//! The fields of one VEVENT, read and changed in place.
//!
//! A provider converts events to the contract and back. Data that the contract does not name (alarms, categories, vendor
//! properties) must stay, so fields are read from the tree and set in the tree, and nothing else changes. Properties with an
//! overlapping meaning are read together: TRANSP, STATUS and Outlook's `X-MICROSOFT-CDO-BUSYSTATUS` make one [`Busy`]. If they
//! disagree, the blocking one counts, except that TRANSPARENT always counts: programs without Outlook's property change
//! TRANSP only.
//!
//! Rejected: a struct that replaces the tree. The first update would lose everything without a field.

mod change;

use jiff::Timestamp;
use jiff::civil::Date;

pub use change::{
    new, revise, set_answer, set_attendees, set_busy, set_description, set_location, set_organiser, set_recurrence,
    set_status, set_title, set_url, set_when, stamp,
};

use super::series::{Moment, Timing};
use super::value::{self, DateOrTime, ListedDate, PeriodEnd};
use super::zone::Clock;
use super::{Component, Problem, Problems, Property, Zone, Zones};

/// The fields of an event.
#[derive(Clone, Debug)]
pub struct Fields {
    pub uid: String,
    /// SUMMARY
    pub title: String,
    /// DESCRIPTION, lines ended by `\n`.
    pub description: String,
    /// LOCATION
    pub location: String,
    /// URL
    pub url: String,
    /// CLASS: PRIVATE or CONFIDENTIAL.
    pub private: bool,
    /// `None` if DTSTART cannot be read; then a problem says so.
    pub when: Option<When>,
    /// RECURRENCE-ID, if this is a changed occurrence of a series.
    pub original: Option<Moment>,
    pub busy: Busy,
    pub status: Status,
    pub organiser: Option<Organiser>,
    pub attendees: Vec<Attendee>,
    pub sequence: u32,
    /// RRULE, RDATE, EXDATE as unfolded content lines. Their zones have IANA names; times in a zone without one are
    /// given in UTC.
    pub recurrence: Vec<String>,
    /// LAST-MODIFIED, else DTSTAMP.
    pub updated: Option<Timestamp>,
}

/// When an event takes place.
#[derive(Clone, Debug)]
pub enum When {
    /// `end` is not before `start`.
    Timed { start: Timestamp, start_zone: Zone, end: Timestamp, end_zone: Zone },
    /// From the first day up to but not including the second, which is after it.
    Days { start: Date, end: Date },
}

/// The kind of an event's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    Busy,
    Tentative,
    OutOfOffice,
    WorkingElsewhere,
    Free,
}

/// STATUS. One that is missing or unknown is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Confirmed,
    Tentative,
    Cancelled,
}

/// ROLE; rooms and resources (CUTYPE) do not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Chair,
    Required,
    Optional,
    NonParticipant,
}

/// PARTSTAT. One that is missing, unknown or DELEGATED needs action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    NeedsAction,
    Accepted,
    Tentative,
    Declined,
}

/// ORGANIZER
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organiser {
    /// Without `mailto:`.
    pub address: String,
    pub name: Option<String>,
}

/// ATTENDEE
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Without `mailto:`.
    pub address: String,
    pub name: Option<String>,
    pub role: Role,
    pub answer: Answer,
}

/// Reads the fields of a VEVENT.
pub fn read(event: &Component, zones: &mut Zones<'_>) -> (Fields, Vec<Problem>) {
    let mut problems = Problems::default();
    let uid = event.text("UID").unwrap_or_default();
    let timing = Timing::read(event, zones, &uid, &mut problems);
    let original = event.property("RECURRENCE-ID").and_then(|property| {
        let value = value::date_or_time(property).ok();
        if value.is_none() {
            problems.add(&uid, "RECURRENCE-ID cannot be read");
        }
        match value? {
            DateOrTime::Date(date) => Some(Moment::Date(date)),
            value => zones.of(value, &uid, &mut problems).instant(value.wall()).map(Moment::Timed),
        }
    });
    let sequence = event.property("SEQUENCE").and_then(|property| property.value.trim().parse().ok());
    let fields = Fields {
        title: event.text("SUMMARY").unwrap_or_default(),
        description: event.text("DESCRIPTION").unwrap_or_default(),
        location: event.text("LOCATION").unwrap_or_default(),
        url: event.property("URL").map(|url| url.value.trim().to_owned()).unwrap_or_default(),
        private: is_private(event),
        when: timing.and_then(|timing| when(&timing, zones.owner())),
        original,
        busy: busy(event),
        status: status(event),
        organiser: organiser(event),
        attendees: attendees(event),
        sequence: sequence.unwrap_or(0),
        recurrence: recurrence(event, zones, &uid, &mut problems),
        updated: instant_of(event, "LAST-MODIFIED").or_else(|| instant_of(event, "DTSTAMP")),
        uid,
    };
    (fields, problems.into_vec())
}

fn when(timing: &Timing, owner: &Zone) -> Option<When> {
    let placed = timing.place(timing.start(), &Clock::new(timing.zone(owner)))?;
    Some(match (timing, placed.days) {
        (Timing::Timed { zone, end_zone, .. }, _) => {
            When::Timed { start: placed.start, start_zone: zone.clone(), end: placed.end, end_zone: end_zone.clone() }
        }
        (_, Some((start, end))) => When::Days { start, end },
        (_, None) => return None,
    })
}

/// The kind of the event's time, without regard to the owner's answer to an invitation.
pub fn busy(event: &Component) -> Busy {
    let value = |name: &str| event.property(name).map(|property| property.value.trim().to_ascii_uppercase());
    let outlook = value("X-MICROSOFT-CDO-BUSYSTATUS");
    match (value("TRANSP").as_deref(), outlook.as_deref()) {
        (_, Some("WORKINGELSEWHERE")) => Busy::WorkingElsewhere,
        (Some("TRANSPARENT"), _) | (None, Some("FREE")) => Busy::Free,
        (_, Some("OOF")) => Busy::OutOfOffice,
        (_, Some("TENTATIVE")) => Busy::Tentative,
        (_, Some("BUSY")) => Busy::Busy,
        _ if status(event) == Status::Tentative => Busy::Tentative,
        _ => Busy::Busy,
    }
}

/// RFC 5545 §3.8.1.3: an unknown class is private.
fn is_private(event: &Component) -> bool {
    event.property("CLASS").is_some_and(|class| !class.value.trim().eq_ignore_ascii_case("PUBLIC"))
}

/// STATUS
pub fn status(event: &Component) -> Status {
    match event.property("STATUS").map(|status| status.value.trim()) {
        Some(value) if value.eq_ignore_ascii_case("CANCELLED") => Status::Cancelled,
        Some(value) if value.eq_ignore_ascii_case("TENTATIVE") => Status::Tentative,
        _ => Status::Confirmed,
    }
}

/// ORGANIZER, if it has an address.
pub fn organiser(event: &Component) -> Option<Organiser> {
    let property = event.property("ORGANIZER")?;
    Some(Organiser { address: address(property)?, name: name(property) })
}

/// Every ATTENDEE that has an address.
pub fn attendees(event: &Component) -> Vec<Attendee> {
    event.all("ATTENDEE").filter_map(attendee).collect()
}

/// The answer of the attendee with one of these addresses, if there is one.
pub fn answer(event: &Component, addresses: &[&str]) -> Option<Answer> {
    event.all("ATTENDEE").find(|property| is_one_of(property, addresses)).map(answer_of)
}

fn attendee(property: &Property) -> Option<Attendee> {
    Some(Attendee {
        address: address(property)?,
        name: name(property),
        role: role_of(property),
        answer: answer_of(property),
    })
}

fn is_one_of(property: &Property, addresses: &[&str]) -> bool {
    address(property).is_some_and(|own| addresses.iter().any(|address| same_address(&own, address)))
}

/// Whether two addresses are equal, ignoring the case of ASCII letters only.
fn same_address(one: &str, other: &str) -> bool {
    fn bare(address: &str) -> &str {
        after_mailto(address.trim()).unwrap_or(address.trim())
    }
    bare(one).eq_ignore_ascii_case(bare(other))
}

/// The e-mail address of a calendar user. Apple's servers name people by paths and put the address in EMAIL.
fn address(property: &Property) -> Option<String> {
    let value = property.value.trim();
    let found = match after_mailto(value) {
        Some(address) => decode_percent(address),
        None => property.parameter("EMAIL").filter(|email| email.contains('@')).unwrap_or(value).trim().to_owned(),
    };
    found.contains('@').then_some(found)
}

/// The text after `mailto:`, even if a colon in an unquoted parameter split the line too early.
fn after_mailto(value: &str) -> Option<&str> {
    const SCHEME: &str = "mailto:";
    let at = value.as_bytes().windows(SCHEME.len()).position(|part| part.eq_ignore_ascii_case(SCHEME.as_bytes()))?;
    value.get(at + SCHEME.len()..).map(str::trim)
}

/// Decodes escapes (RFC 6068 §2). Malformed ones stay.
fn decode_percent(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.split_at_checked(2)).flatten();
        let decoded = escaped.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = decoded.unwrap_or((byte, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| address.to_owned())
}

fn name(property: &Property) -> Option<String> {
    property.parameter("CN").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn role_of(property: &Property) -> Role {
    let upper = |name: &str| property.parameter(name).map(str::to_ascii_uppercase).unwrap_or_default();
    match (upper("CUTYPE").as_str(), upper("ROLE").as_str()) {
        ("ROOM" | "RESOURCE", _) | (_, "NON-PARTICIPANT") => Role::NonParticipant,
        (_, "CHAIR") => Role::Chair,
        (_, "OPT-PARTICIPANT") => Role::Optional,
        _ => Role::Required,
    }
}

fn answer_of(property: &Property) -> Answer {
    match property.parameter("PARTSTAT").map(str::to_ascii_uppercase).as_deref() {
        Some("ACCEPTED") => Answer::Accepted,
        Some("TENTATIVE") => Answer::Tentative,
        Some("DECLINED") => Answer::Declined,
        _ => Answer::NeedsAction,
    }
}

fn instant_of(event: &Component, name: &str) -> Option<Timestamp> {
    // By RFC 5545 these are in UTC, even without the mark.
    let value = value::date_or_time(event.property(name)?).ok()?;
    Zone::utc().instant(value.wall())
}

fn recurrence(event: &Component, zones: &mut Zones<'_>, uid: &str, problems: &mut Problems) -> Vec<String> {
    let mut lines = Vec::new();
    for name in ["RRULE", "RDATE", "EXDATE"] {
        for property in event.all(name).filter(|property| !property.value.trim().is_empty()) {
            let zone = property.parameter("TZID").and_then(|tzid| zones.get(tzid));
            let named = match zone.as_ref().map(Zone::name) {
                None => property.clone(),
                Some(Some(name)) => property.clone().with("TZID", name),
                Some(None) => in_utc(property, zones, uid, problems),
            };
            lines.push(named.line());
        }
    }
    lines
}

/// A list of times in UTC, for a zone that others do not know.
fn in_utc(property: &Property, zones: &mut Zones<'_>, uid: &str, problems: &mut Problems) -> Property {
    let mut utc = |value: DateOrTime<'_>| {
        let at = zones.of(value, uid, problems).instant(value.wall())?;
        Some(value::write_date_time(Zone::utc().local(at)) + "Z")
    };
    let mut values = Vec::new();
    for listed in value::list(property).flatten() {
        let ListedDate { start, end } = listed;
        let Some(start) = utc(start) else { continue };
        match end {
            None => values.push(start),
            Some(PeriodEnd::At(end)) => values.extend(utc(end).map(|end| format!("{start}/{end}"))),
            Some(PeriodEnd::After(duration)) => values.push(format!("{start}/{}", value::write_duration(duration))),
        }
    }
    let mut property = Property { value: values.join(","), ..property.clone() };
    property.remove_parameter("TZID");
    property
}
