//! skeleton
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Component, Problem, Zone, Zones};

/// What an event says of itself.
#[derive(Clone, Debug)]
pub struct Fields {
    pub uid: String,
    /// SUMMARY
    pub title: String,
    /// DESCRIPTION, lines ended by `\n`.
    pub description: String,
    /// None if DTSTART cannot be read; a problem then says so.
    pub when: Option<When>,
    /// RECURRENCE-ID, if this is a changed occurrence of a series.
    pub original: Option<super::series::Moment>,
    pub busy: Busy,
    pub status: Status,
    pub organiser: Option<Organiser>,
    pub attendees: Vec<Attendee>,
    pub sequence: u32,
    /// RRULE, RDATE, EXDATE as unfolded content lines.
    pub recurrence: Vec<String>,
    /// LAST-MODIFIED, else DTSTAMP.
    pub updated: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub enum When {
    Timed {
        start: Timestamp,
        start_zone: Zone,
        end: Timestamp,
        end_zone: Zone,
    },
    /// From the first day up to but not including the second.
    Days {
        start: Date,
        end: Date,
    },
}

/// What the time of an event means: TRANSP, STATUS and X-MICROSOFT-CDO-BUSYSTATUS together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    Busy,
    Tentative,
    OutOfOffice,
    WorkingElsewhere,
    Free,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Confirmed,
    Tentative,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Chair,
    Required,
    Optional,
    NonParticipant,
}

/// PARTSTAT. DELEGATED and unknown values are read as needing action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    NeedsAction,
    Accepted,
    Tentative,
    Declined,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organiser {
    /// Without `mailto:`.
    pub address: String,
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Without `mailto:`.
    pub address: String,
    pub name: Option<String>,
    pub role: Role,
    pub answer: Answer,
}

/// Reads the fields of a VEVENT.
pub fn read(_event: &Component, _zones: &mut Zones<'_>) -> (Fields, Vec<Problem>) {
    let fields = Fields {
        uid: String::new(),
        title: String::new(),
        description: String::new(),
        when: None,
        original: None,
        busy: Busy::Busy,
        status: Status::Confirmed,
        organiser: None,
        attendees: Vec::new(),
        sequence: 0,
        recurrence: Vec::new(),
        updated: None,
    };
    (fields, Vec::new())
}

/// Sets SUMMARY.
pub fn set_title(_event: &mut Component, _title: &str) {}

/// Sets DESCRIPTION, and takes away the HTML copy of it that some programs keep beside.
pub fn set_description(_event: &mut Component, _description: &str) {}

/// Sets DTSTART and DTEND, and takes DURATION away. A zone without an IANA name is written as UTC.
pub fn set_when(_event: &mut Component, _when: &When) {}

/// Sets STATUS.
pub fn set_status(_event: &mut Component, _status: Status) {}

/// Sets TRANSP and X-MICROSOFT-CDO-BUSYSTATUS.
pub fn set_busy(_event: &mut Component, _busy: Busy) {}

/// Sets ORGANIZER.
pub fn set_organiser(_event: &mut Component, _organiser: &Organiser) {}

/// Makes these the attendees. The property of one who stays keeps its answer and all that it says besides.
pub fn set_attendees(_event: &mut Component, _attendees: &[Attendee]) {}

/// Sets the answer of the attendee with one of these addresses, and nothing else. Whether there is one.
pub fn set_answer(_event: &mut Component, _addresses: &[&str], _answer: Answer) -> bool {
    false
}

/// Puts these content lines in the place of RRULE, RDATE, EXDATE and EXRULE.
///
/// # Errors
/// If a line is none of these; nothing is changed then.
pub fn set_recurrence(_event: &mut Component, _lines: &[String]) -> Result<(), super::value::BadValue> {
    Ok(())
}

/// Raises SEQUENCE by one and sets DTSTAMP and LAST-MODIFIED, as RFC 5546 §2.1.4 asks of a change by the organiser.
pub fn revise(_event: &mut Component, _now: Timestamp) {}
