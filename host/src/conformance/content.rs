//! Compares events field by field, so that a report names the field that differs.
//!
//! Equivalent forms count as equal: attendees in another order, addresses in another case, the parts of a rule in another
//! order, and `Etc/UTC`. All other values must be unchanged.

use super::expect::{CaseResult, ensure, short};
use crate::calendar::{Attendee, BusyKind, Draft, Event, Organiser, Span, Status};

/// A field that a draft, an event and a patch have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Title,
    Description,
    Location,
    Url,
    When,
    Busy,
    Status,
    Attendees,
    Recurrence,
}

impl Field {
    pub(super) const ALL: [Self; 9] = [
        Self::Title,
        Self::Description,
        Self::Location,
        Self::Url,
        Self::When,
        Self::Busy,
        Self::Status,
        Self::Attendees,
        Self::Recurrence,
    ];

    /// All fields but one.
    pub(super) fn all_but(left_out: Self) -> Vec<Self> {
        Self::ALL.into_iter().filter(|field| *field != left_out).collect()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::Location => "location",
            Self::Url => "URL",
            Self::When => "time",
            Self::Busy => "kind",
            Self::Status => "status",
            Self::Attendees => "attendees",
            Self::Recurrence => "recurrence",
        }
    }
}

/// The fields that a draft and an event share.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) location: String,
    pub(super) url: String,
    pub(super) when: Span,
    pub(super) busy: BusyKind,
    pub(super) status: Status,
    pub(super) attendees: Vec<Attendee>,
    pub(super) recurrence: Vec<String>,
    /// May be among the attendees without having been given: services add the organiser.
    organiser: Option<Organiser>,
}

impl From<&Draft> for Content {
    fn from(draft: &Draft) -> Self {
        let Draft { title, description, location, url, when, busy, status, attendees, recurrence, .. } = draft.clone();
        Self { title, description, location, url, when, busy, status, attendees, recurrence, organiser: None }
    }
}

impl From<&Event> for Content {
    fn from(event: &Event) -> Self {
        let Event { title, description, location, url, when, busy, status, attendees, recurrence, organiser, .. } =
            event.clone();
        Self { title, description, location, url, when, busy, status, attendees, recurrence, organiser }
    }
}

impl Content {
    /// The content of an occurrence of a series that takes place at this time, and otherwise as the series says.
    pub(super) fn of_occurrence(series: &Event, when: Span) -> Self {
        Self { when, recurrence: Vec::new(), ..Self::from(series) }
    }
}

/// Checks that the result of a call has the expected values in these fields.
pub(super) fn holds(call: &str, fields: &[Field], expected: &Content, actual: &Event) -> CaseResult {
    let actual = Content::from(actual);
    for &field in fields {
        let name = field.name();
        let (wanted, given) = (describe_field(field, expected, expected), describe_field(field, &actual, expected));
        ensure(wanted == given, &format!("{call} returns the {name} {wanted}"), || format!("the {name} {given}"))?;
    }
    Ok(())
}

/// A field as text. Equivalent values have equal texts.
fn describe_field(field: Field, content: &Content, expected: &Content) -> String {
    match field {
        Field::Title => short(&content.title),
        Field::Description => short(&content.description),
        Field::Location => short(&content.location),
        Field::Url => short(&content.url),
        Field::When => span(&content.when),
        Field::Busy => format!("{:?}", content.busy),
        Field::Status => format!("{:?}", content.status),
        Field::Attendees => attendees(content, expected),
        Field::Recurrence => {
            let mut lines: Vec<String> = content.recurrence.iter().map(|line| rule(line)).collect();
            lines.sort();
            format!("{lines:?}")
        }
    }
}

fn span(span: &Span) -> String {
    let zone = |zone: &str| if zone == "Etc/UTC" { "UTC".to_owned() } else { zone.to_owned() };
    match span {
        Span::Timed { start, end } => {
            format!("from {} in {} to {} in {}", start.at, zone(&start.zone), end.at, zone(&end.zone))
        }
        Span::AllDay { start, end } => format!("whole days from {start} up to but not including {end}"),
    }
}

fn attendees(content: &Content, expected: &Content) -> String {
    let is = |one: &Attendee, address: &str| one.address.eq_ignore_ascii_case(address);
    let wanted = |one: &Attendee| expected.attendees.iter().any(|other| is(one, &other.address));
    let inviter = |one: &Attendee| content.organiser.as_ref().is_some_and(|organiser| is(one, &organiser.address));
    let mut described: Vec<String> = content
        .attendees
        .iter()
        .filter(|one| wanted(one) || !(one.is_self || inviter(one)))
        .map(|Attendee { address, name, role, rsvp, .. }| {
            format!("{} {name:?} {role:?} {rsvp:?}", address.to_ascii_lowercase())
        })
        .collect();
    described.sort();
    format!("{described:?}")
}

/// A content line with the parts of a rule in one order, and without default values.
fn rule(line: &str) -> String {
    match line.split_once(':') {
        Some((name, parts)) if name.eq_ignore_ascii_case("RRULE") => {
            let mut parts: Vec<String> = parts.split(';').map(str::to_ascii_uppercase).collect();
            parts.retain(|part| part != "INTERVAL=1" && part != "WKST=MO");
            parts.sort();
            format!("RRULE:{}", parts.join(";"))
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_rule_may_be_written_in_another_order() {
        assert_eq!(rule("RRULE:COUNT=5;FREQ=daily"), rule("RRULE:FREQ=DAILY;INTERVAL=1;COUNT=5;WKST=MO"));
        assert_ne!(rule("RRULE:FREQ=DAILY;COUNT=5"), rule("RRULE:FREQ=DAILY;COUNT=6"));
        assert_eq!(rule("EXDATE:20240101T000000Z"), "EXDATE:20240101T000000Z");
    }

    fn content(addresses: &[&str]) -> Content {
        let one = |address: &&str| Attendee::required((*address).into(), None);
        Content {
            title: String::new(),
            description: String::new(),
            location: String::new(),
            url: String::new(),
            when: Span::AllDay { start: date(2024, 1, 1), end: date(2024, 1, 2) },
            busy: BusyKind::Busy,
            status: Status::Confirmed,
            attendees: addresses.iter().map(one).collect(),
            recurrence: Vec::new(),
            organiser: Some(Organiser { address: "host@example.com".into(), name: None, is_self: true }),
        }
    }

    #[test]
    fn attendees_are_compared_by_address_and_who_invites_may_be_among_them() {
        let expected = content(&["a@example.com", "b@example.com"]);
        let described = |addresses| attendees(&content(addresses), &expected);
        let wanted = attendees(&expected, &expected);
        assert_eq!(described(&["B@example.com", "a@example.com", "Host@example.com"]), wanted);
        assert_ne!(described(&["a@example.com"]), wanted);
        assert_ne!(described(&["a@example.com", "b@example.com", "c@example.com"]), wanted);
    }
}
