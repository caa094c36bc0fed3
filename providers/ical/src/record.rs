//! Conversion between stored calendar data and the contract's event.
//!
//! One resource of a CalDAV server holds one UID: the event and, if it repeats, its changed occurrences, which
//! [`occurrence`](super::occurrence) makes events of their own. If there are only changed occurrences (the person was invited to
//! single days of a series), the earliest is the event of the resource.

use chronus_sdk::failure::invalid;
use chronus_sdk::icalendar::event::{self, Answer, Busy, Fields, Role, Status, When};
use chronus_sdk::icalendar::{self, Component, Problem, Zone, Zones};
use chronus_sdk::values::{
    Attendee, BusyKind, Date, DaySpan, Event, EventStatus, Failure, Organiser, Role as ContractRole, Rsvp, Span,
    TimedSpan, Window, ZonedTime,
};
use jiff::Timestamp;

use crate::dav::Etag;
use crate::session::Session;

/// The property that holds the key of the `create` that made an event.
pub(crate) const KEY: &str = "X-CHRONUS-KEY";

/// An event as a server stores it.
#[derive(Clone, Debug)]
pub(crate) struct StoredEvent {
    pub(crate) id: String,
    pub(crate) etag: Option<Etag>,
    pub(crate) calendar: Component,
    /// A part that could not be read and would be lost if the event were written.
    pub(crate) unread: Option<String>,
}

/// Reads a stored event.
///
/// # Errors
/// If it is not a calendar. The text says why, and holds no text of the event.
pub(crate) fn parse(id: &str, etag: Option<Etag>, data: &[u8]) -> Result<StoredEvent, String> {
    let (calendar, problems) = icalendar::parse(data).map_err(|error| error.to_string())?;
    let unread = problems.into_iter().map(|problem| problem.what).next();
    Ok(StoredEvent { id: id.to_owned(), etag, calendar, unread })
}

/// The main VEVENT: the master, or the earliest changed occurrence.
pub(crate) fn main_event(calendar: &Component) -> Option<&Component> {
    let index = main_index(calendar)?;
    calendar.components.get(index)
}

/// The position of the main VEVENT among the components.
pub(crate) fn main_index(calendar: &Component) -> Option<usize> {
    let events = || calendar.components.iter().enumerate().filter(|(_, component)| component.name == "VEVENT");
    let master = events().find(|(_, event)| event.property("RECURRENCE-ID").is_none());
    let earliest = || {
        let start = |event: &Component| event.property("RECURRENCE-ID").map(|start| start.value.clone());
        events().min_by_key(|(_, event)| start(event))
    };
    master.or_else(earliest).map(|(index, _)| index)
}

/// Whether it holds an event. A calendar may also hold tasks.
pub(crate) fn holds_event(calendar: &Component) -> bool {
    calendar.inner("VEVENT").next().is_some()
}

/// The time that the events of a resource may take, if that is known although they cannot be read completely.
pub(crate) fn bounds(calendar: &Component, session: &Session<'_>) -> Option<Window> {
    let icalendar::Window { start, end } = icalendar::bounds(calendar, session.zone.clone())?;
    Some(Window { start: start.as_second(), end: end.as_second() })
}

impl StoredEvent {
    /// The contract's event.
    ///
    /// # Errors
    /// If it cannot be read. The text says why, and holds no text of the event.
    pub(crate) fn event(&self, session: &Session<'_>) -> Result<Event, String> {
        self.read(session, main_event(&self.calendar).ok_or("it holds no event")?)
    }

    /// One VEVENT as a single event.
    ///
    /// # Errors
    /// If it cannot be read. The text says why, and holds no text of the event.
    pub(crate) fn read(&self, session: &Session<'_>, event: &Component) -> Result<Event, String> {
        let (fields, problems) = event::read(event, &mut Zones::new(&self.calendar, session.zone.clone()));
        let when = fields.when.as_ref().ok_or_else(|| all(&problems))?;
        Ok(Event {
            id: self.id.clone(),
            etag: self.etag.as_ref().map(Etag::shown),
            series_id: None,
            original_start: None,
            when: span(when),
            busy: kind(fields.busy),
            status: match fields.status {
                Status::Confirmed => EventStatus::Confirmed,
                Status::Tentative => EventStatus::Tentative,
                Status::Cancelled => EventStatus::Cancelled,
            },
            organiser: fields.organiser.as_ref().map(|organiser| Organiser {
                address: organiser.address.clone(),
                name: organiser.name.clone(),
                is_self: session.is_own(&organiser.address),
            }),
            attendees: fields.attendees.iter().map(|attendee| attendee_of(attendee, session)).collect(),
            client_key: client_key(event),
            sequence: Some(fields.sequence),
            // A server that invites does so with the write.
            unsent: false,
            location: fields.location,
            url: fields.url,
            private: fields.private,
            updated: fields.updated.map(Timestamp::as_second),
            uid: fields.uid,
            title: fields.title,
            description: fields.description,
            recurrence: fields.recurrence,
        })
    }

    /// The contract's event, or `invalid` if it cannot be read.
    pub(crate) fn event_or_failure(&self, session: &Session<'_>) -> Result<Event, Failure> {
        self.event(session).map_err(unreadable)
    }

    /// The fields of the main event.
    pub(crate) fn fields(&self, session: &Session<'_>) -> Option<Fields> {
        let main = main_event(&self.calendar)?;
        Some(event::read(main, &mut Zones::new(&self.calendar, session.zone.clone())).0)
    }
}

/// The failure for a resource that is not a readable event.
pub(crate) fn unreadable(what: String) -> Failure {
    invalid("event", format!("the event cannot be read: {what}"))
}

fn all(problems: &[Problem]) -> String {
    match problems.first() {
        Some(problem) => problem.what.clone(),
        None => "it has no start".to_owned(),
    }
}

/// The key that an event carries.
pub(crate) fn client_key(event: &Component) -> Option<String> {
    event.text(KEY).filter(|key| !key.is_empty())
}

fn attendee_of(attendee: &event::Attendee, session: &Session<'_>) -> Attendee {
    Attendee {
        address: attendee.address.clone(),
        name: attendee.name.clone(),
        role: match attendee.role {
            Role::Chair => ContractRole::Chair,
            Role::Required => ContractRole::Required,
            Role::Optional => ContractRole::Optional,
            Role::NonParticipant => ContractRole::NonParticipant,
        },
        rsvp: match attendee.answer {
            Answer::NeedsAction => Rsvp::NeedsAction,
            Answer::Accepted => Rsvp::Accepted,
            Answer::Tentative => Rsvp::Tentative,
            Answer::Declined => Rsvp::Declined,
        },
        is_self: session.is_own(&attendee.address),
        responded: None,
        comment: None,
        proposed: None,
    }
}

/// The contract's attendees for the engine.
pub(crate) fn attendees(list: &[Attendee]) -> Vec<event::Attendee> {
    let convert = |attendee: &Attendee| event::Attendee {
        address: attendee.address.trim().to_owned(),
        name: attendee.name.clone(),
        role: match attendee.role {
            ContractRole::Chair => Role::Chair,
            ContractRole::Required => Role::Required,
            ContractRole::Optional => Role::Optional,
            ContractRole::NonParticipant => Role::NonParticipant,
        },
        answer: answer(attendee.rsvp),
    };
    list.iter().map(convert).collect()
}

pub(crate) fn answer(rsvp: Rsvp) -> Answer {
    match rsvp {
        Rsvp::NeedsAction => Answer::NeedsAction,
        Rsvp::Accepted => Answer::Accepted,
        Rsvp::Tentative => Answer::Tentative,
        Rsvp::Declined => Answer::Declined,
    }
}

pub(crate) fn status(status: EventStatus) -> Status {
    match status {
        EventStatus::Confirmed => Status::Confirmed,
        EventStatus::Tentative => Status::Tentative,
        EventStatus::Cancelled => Status::Cancelled,
    }
}

/// The contract's kind for the engine.
///
/// # Errors
/// `invalid` for a kind that only busy times have.
pub(crate) fn busy(kind: BusyKind) -> Result<Busy, Failure> {
    Ok(match kind {
        BusyKind::Busy => Busy::Busy,
        BusyKind::Tentative => Busy::Tentative,
        BusyKind::OutOfOffice => Busy::OutOfOffice,
        BusyKind::WorkingElsewhere => Busy::WorkingElsewhere,
        BusyKind::Free => Busy::Free,
        BusyKind::Unanswered => return Err(invalid("busy", "no event is stored as an unanswered invitation")),
    })
}

pub(crate) fn kind(busy: Busy) -> BusyKind {
    match busy {
        Busy::Busy => BusyKind::Busy,
        Busy::Tentative => BusyKind::Tentative,
        Busy::OutOfOffice => BusyKind::OutOfOffice,
        Busy::WorkingElsewhere => BusyKind::WorkingElsewhere,
        Busy::Free => BusyKind::Free,
    }
}

pub(crate) fn span(when: &When) -> Span {
    let timed = |at: &Timestamp, zone: &Zone| ZonedTime {
        at: at.as_second(),
        // A zone that only this calendar defines has no name for others; the instant is right.
        zone: zone.name().unwrap_or("UTC").to_owned(),
    };
    match when {
        When::Timed { start, start_zone, end, end_zone } => {
            Span::Timed(TimedSpan { start: timed(start, start_zone), end: timed(end, end_zone) })
        }
        When::Days { start, end } => Span::AllDay(DaySpan { start: date(*start), end: date(*end) }),
    }
}

pub(crate) fn date(date: jiff::civil::Date) -> Date {
    let part = |value: i8| u8::try_from(value).unwrap_or(1);
    Date { year: i32::from(date.year()), month: part(date.month()), day: part(date.day()) }
}

/// The contract's span for the engine.
///
/// # Errors
/// `invalid` if a zone is unknown, a date does not exist, or the end is not after the start.
pub(crate) fn when(span: &Span) -> Result<When, Failure> {
    match span {
        Span::Timed(span) => {
            if span.end.at < span.start.at {
                return Err(invalid("when", "the event's end is before its start"));
            }
            let (start, start_zone) = moment(&span.start)?;
            let (end, end_zone) = moment(&span.end)?;
            Ok(When::Timed { start, start_zone, end, end_zone })
        }
        Span::AllDay(span) => {
            let (start, end) = (civil(span.start)?, civil(span.end)?);
            if end <= start {
                return Err(invalid("when", "the event's last day is before its first"));
            }
            Ok(When::Days { start, end })
        }
    }
}

fn moment(timed: &ZonedTime) -> Result<(Timestamp, Zone), Failure> {
    let zone = Zone::iana(&timed.zone)
        .ok_or_else(|| invalid("when.zone", format!("{:?} is not an IANA time zone", timed.zone)))?;
    let at = Timestamp::from_second(timed.at)
        .map_err(|_| invalid("when.at", format!("{} is beyond the year 9999", timed.at)))?;
    Ok((at, zone))
}

pub(crate) fn civil(date: Date) -> Result<jiff::civil::Date, Failure> {
    let made = || {
        let (year, month, day) =
            (i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
        jiff::civil::Date::new(year, month, day).ok().filter(|made| made.year() > 0)
    };
    made().ok_or_else(|| {
        invalid("when.date", format!("{}-{}-{} is not a date of the years 1 to 9999", date.year, date.month, date.day))
    })
}
