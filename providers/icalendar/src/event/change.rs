//! Changing the fields of a VEVENT in place.
//!
//! Setting a field to its present value changes nothing, so that parameters (a LANGUAGE, vendor marks) stay. Times are written so
//! that every reader computes the same instant: as local time with its TZID, or in UTC if the zone's name is unknown to others
//! or the local time is ambiguous (the second of two equal hours).
//!
//! Rejected: writing a new event from the fields, which loses everything else.

use jiff::Timestamp;

use super::{
    Answer, Attendee, Busy, Organiser, Role, Status, When, answer_of, attendee, is_one_of, name, organiser, role_of,
    same_address, status,
};
use crate::line::parse_line;
use crate::recur::Rule;
use crate::value::{BadValue, DateOrTime};
use crate::{Component, Property, Zone};

/// A VEVENT with the properties that RFC 5545 §3.6.1 demands, all but DTSTART.
pub fn new(uid: &str, now: Timestamp) -> Component {
    let mut event = Component::new("VEVENT");
    event.properties.push(Property::from_text("UID", uid));
    event.properties.push(utc("DTSTAMP", now));
    event.properties.push(utc("CREATED", now));
    event.properties.push(Property::new("SEQUENCE", "0"));
    event
}

/// Sets SUMMARY.
pub fn set_title(event: &mut Component, title: &str) {
    set_text(event, "SUMMARY", title);
}

/// Sets DESCRIPTION, or removes it if it is empty, and removes the HTML copy that some programs keep.
pub fn set_description(event: &mut Component, description: &str) {
    if event.text("DESCRIPTION").unwrap_or_default() == description {
        return;
    }
    event.remove("X-ALT-DESC");
    match description {
        "" => event.remove("DESCRIPTION"),
        text => set_text(event, "DESCRIPTION", text),
    }
}

/// Sets LOCATION, or removes it if it is empty. The parameters of the old one, a page about the place, go with it.
pub fn set_location(event: &mut Component, location: &str) {
    match location {
        "" => event.remove("LOCATION"),
        text => set_text(event, "LOCATION", text),
    }
}

/// Sets URL, or removes it if it is empty.
///
/// # Errors
/// If the address has white space or control characters, which no address has (RFC 3986).
pub fn set_url(event: &mut Component, url: &str) -> Result<(), BadValue> {
    if url.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return Err(BadValue("an address has no white space"));
    }
    match url {
        "" => event.remove("URL"),
        url if event.property("URL").is_none_or(|known| known.value.trim() != url) => {
            event.set(Property::new("URL", url));
        }
        _ => {}
    }
    Ok(())
}

fn set_text(event: &mut Component, name: &str, text: &str) {
    if event.text(name).as_deref() != Some(text) {
        event.set(Property::from_text(name, text));
    }
}

/// Sets DTSTART and DTEND, and removes DURATION.
pub fn set_when(event: &mut Component, when: &When) {
    let (start, end) = match when {
        When::Timed { start, start_zone, end, end_zone } => {
            (timed("DTSTART", *start, start_zone), timed("DTEND", *end, end_zone))
        }
        When::Days { start, end } => {
            (DateOrTime::Date(*start).property("DTSTART"), DateOrTime::Date(*end).property("DTEND"))
        }
    };
    event.set(start);
    event.set(end);
    event.remove("DURATION");
    if event.property("X-MICROSOFT-CDO-ALLDAYEVENT").is_some() {
        let whole_days = matches!(when, When::Days { .. });
        event.set(Property::new("X-MICROSOFT-CDO-ALLDAYEVENT", if whole_days { "TRUE" } else { "FALSE" }));
    }
}

fn timed(name: &str, at: Timestamp, zone: &Zone) -> Property {
    let local = zone.local(at);
    match zone.name() {
        Some("UTC" | "Etc/UTC") | None => utc(name, at),
        Some(tzid) if zone.instant(local) == Some(at) => DateOrTime::Local(local, tzid).property(name),
        Some(_) => utc(name, at),
    }
}

fn utc(name: &str, at: Timestamp) -> Property {
    DateOrTime::Utc(Zone::utc().local(at)).property(name)
}

/// Sets STATUS.
pub fn set_status(event: &mut Component, new: Status) {
    if status(event) == new && event.property("STATUS").is_some() {
        return;
    }
    let value = match new {
        Status::Confirmed => "CONFIRMED",
        Status::Tentative => "TENTATIVE",
        Status::Cancelled => "CANCELLED",
    };
    event.set(Property::new("STATUS", value));
}

/// Sets TRANSP, and X-MICROSOFT-CDO-BUSYSTATUS for kinds that TRANSP cannot express.
pub fn set_busy(event: &mut Component, new: Busy) {
    let (transp, outlook) = match new {
        Busy::Busy => ("OPAQUE", "BUSY"),
        Busy::Tentative => ("OPAQUE", "TENTATIVE"),
        Busy::OutOfOffice => ("OPAQUE", "OOF"),
        Busy::WorkingElsewhere => ("TRANSPARENT", "WORKINGELSEWHERE"),
        Busy::Free => ("TRANSPARENT", "FREE"),
    };
    for (name, value) in [("TRANSP", transp), ("X-MICROSOFT-CDO-BUSYSTATUS", outlook)] {
        if !event.property(name).is_some_and(|present| present.value.eq_ignore_ascii_case(value)) {
            event.set(Property::new(name, value));
        }
    }
}

/// Sets ORGANIZER. One with the same address keeps its other parameters.
pub fn set_organiser(event: &mut Component, new: &Organiser) {
    let same = organiser(event).is_some_and(|present| same_address(&present.address, &new.address));
    let present = event.property("ORGANIZER").filter(|_| same).cloned();
    let mut property = present.unwrap_or_else(|| Property::new("ORGANIZER", mailto(&new.address)));
    rename(&mut property, new.name.as_deref());
    event.set(property);
}

/// Sets the attendees, in this order. An attendee who stays keeps their answer and their other parameters. An ATTENDEE without
/// an e-mail address, which [`super::attendees`] omits, stays too.
pub fn set_attendees(event: &mut Component, new: &[Attendee]) {
    let present: Vec<Property> = event.all("ATTENDEE").cloned().collect();
    let mut properties: Vec<Property> = Vec::with_capacity(new.len());
    for one in new {
        let staying = present.iter().find(|property| is_one_of(property, &[one.address.as_str()])).cloned();
        let mut property = staying.unwrap_or_else(|| invited(one));
        rename(&mut property, one.name.as_deref());
        if role_of(&property) != one.role {
            property.set_parameter("ROLE", role(one.role));
        }
        properties.push(property);
    }
    properties.extend(present.into_iter().filter(|property| attendee(property).is_none()));
    event.set_all("ATTENDEE", properties);
}

fn invited(one: &Attendee) -> Property {
    let property = Property::new("ATTENDEE", mailto(&one.address))
        .with("CUTYPE", "INDIVIDUAL")
        .with("ROLE", role(one.role))
        .with("PARTSTAT", partstat(one.answer));
    if one.answer == Answer::NeedsAction { property.with("RSVP", "TRUE") } else { property }
}

fn rename(property: &mut Property, new: Option<&str>) {
    if let Some(new) = new.filter(|new| !new.trim().is_empty())
        && name(property).as_deref() != Some(new)
    {
        property.set_parameter("CN", new);
    }
}

/// Sets the answer of the attendee with one of these addresses, and nothing else. Returns false if there is no such attendee.
pub fn set_answer(event: &mut Component, addresses: &[&str], answer: Answer) -> bool {
    let mut found = false;
    for property in event.properties.iter_mut().filter(|property| property.name == "ATTENDEE") {
        if is_one_of(property, addresses) {
            found = true;
            if answer_of(property) != answer {
                property.set_parameter("PARTSTAT", partstat(answer));
            }
        }
    }
    found
}

/// Replaces RRULE, RDATE, EXDATE and EXRULE with these content lines.
///
/// # Errors
/// If a line is not one of the first three or cannot be read. Then nothing changes.
pub fn set_recurrence(event: &mut Component, lines: &[String]) -> Result<(), BadValue> {
    let mut properties = Vec::with_capacity(lines.len());
    for line in lines {
        let property = parse_line(line).map_err(|bad| BadValue(bad.what()))?;
        match &*property.name {
            "RRULE" if Rule::parse(&property.value).is_ok() => properties.push(property),
            "RRULE" => return Err(BadValue("a recurrence rule that can be read was expected")),
            "RDATE" | "EXDATE" => {
                for listed in crate::value::list(&property) {
                    listed?;
                }
                properties.push(property);
            }
            _ => return Err(BadValue("RRULE, RDATE or EXDATE was expected")),
        }
    }
    event.remove("EXRULE");
    for name in ["RRULE", "RDATE", "EXDATE"] {
        let (own, others) = properties.into_iter().partition(|property| property.name == name);
        event.set_all(name, own);
        properties = others;
    }
    Ok(())
}

/// Raises SEQUENCE by one and stamps the event, as RFC 5546 §2.1.4 requires for significant changes by the organiser.
pub fn revise(event: &mut Component, now: Timestamp) {
    let sequence = event.property("SEQUENCE").and_then(|property| property.value.trim().parse::<u32>().ok());
    let next = sequence.unwrap_or(0).saturating_add(1);
    event.set(Property::new("SEQUENCE", next.to_string()));
    stamp(event, now);
}

/// Sets DTSTAMP and LAST-MODIFIED, for every change.
pub fn stamp(event: &mut Component, now: Timestamp) {
    event.set(utc("DTSTAMP", now));
    event.set(utc("LAST-MODIFIED", now));
}

fn mailto(address: &str) -> String {
    let mut value = String::from("mailto:");
    for character in address.trim().chars() {
        match character {
            '%' => value.push_str("%25"),
            character if character.is_whitespace() || character.is_control() => {}
            character => value.push(character),
        }
    }
    value
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Chair => "CHAIR",
        Role::Required => "REQ-PARTICIPANT",
        Role::Optional => "OPT-PARTICIPANT",
        Role::NonParticipant => "NON-PARTICIPANT",
    }
}

fn partstat(answer: Answer) -> &'static str {
    match answer {
        Answer::NeedsAction => "NEEDS-ACTION",
        Answer::Accepted => "ACCEPTED",
        Answer::Tentative => "TENTATIVE",
        Answer::Declined => "DECLINED",
    }
}
