//! Conversion between stored texts and the contract's event.
//!
//! Planted errors that lose something act when a stored text becomes an event: the stored text stays correct, so that only
//! the result is wrong.

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::icalendar::event::{self, Answer, Busy, Role as EventRole, Status, When};
use chronus_sdk::icalendar::{self, Component, Property, Zone, Zones};
use chronus_sdk::values::*;
use chronus_test_guests::store::{kind, owner_zone};
use jiff::{Timestamp, civil};

use crate::service::StoredEvent;
use crate::{now, wrong};

/// The property that holds the key.
const KEY: &str = "X-KEY";

/// A stored text as a calendar.
pub(crate) fn parse(stored: &StoredEvent) -> Result<Component, Failure> {
    let (calendar, _) =
        icalendar::parse(stored.data.as_bytes()).map_err(|error| invalid("event", error.to_string()))?;
    Ok(calendar)
}

/// The event of a calendar, or the series: the first VEVENT.
pub(crate) fn only(calendar: &mut Component) -> Result<&mut Component, Failure> {
    calendar.inner_mut("VEVENT").next().ok_or_else(no_event)
}

fn no_event() -> Failure {
    invalid("event", "there is no VEVENT in it")
}

/// The key in a calendar.
pub(crate) fn key(calendar: &Component) -> Option<String> {
    calendar.inner("VEVENT").next()?.text(KEY)
}

/// A calendar with the event of a draft.
pub(crate) fn calendar(c: &Connection, key: &str, draft: &Draft) -> Result<Component, Failure> {
    let mut made = event::new(&draft.uid, now());
    made.set(Property::from_text(KEY, key));
    let patch = Patch {
        title: Some(draft.title.clone()),
        description: Some(draft.description.clone()),
        location: Some(draft.location.clone()),
        url: Some(draft.url.clone()),
        when: Some(draft.when.clone()),
        busy: Some(draft.busy),
        status: Some(draft.status),
        attendees: Some(draft.attendees.clone()),
        answers: vec![],
        recurrence: Some(draft.recurrence.clone()),
    };
    apply(c, &mut made, &patch)?;
    if let Some(organiser) = draft.organiser.as_ref().filter(|_| !wrong("organises-every-copy")) {
        let Organiser { address, name, .. } = organiser.clone();
        event::set_organiser(&mut made, &event::Organiser { address, name });
    }
    let mut calendar = Component::calendar("-//chronus//memory//EN", None);
    calendar.components.push(made);
    Ok(calendar)
}

/// Sets what a patch names.
pub(crate) fn apply(c: &Connection, made: &mut Component, patch: &Patch) -> Result<(), Failure> {
    if let Some(title) = &patch.title {
        event::set_title(made, title);
    }
    let kept = |description: &&String| !(description.is_empty() && wrong("keeps-what-is-emptied"));
    if let Some(description) = patch.description.as_ref().filter(kept) {
        event::set_description(made, description);
    }
    if let Some(location) = &patch.location {
        event::set_location(made, location);
    }
    if let Some(url) = &patch.url {
        event::set_url(made, url).map_err(|error| invalid("url", error.0))?;
    }
    if let Some(when) = &patch.when {
        event::set_when(made, &span_in(when)?);
    }
    if let Some(kind) = patch.busy {
        event::set_busy(made, busy_in(kind));
    }
    if let Some(status) = patch.status {
        event::set_status(
            made,
            match status {
                EventStatus::Confirmed => Status::Confirmed,
                EventStatus::Tentative => Status::Tentative,
                EventStatus::Cancelled => Status::Cancelled,
            },
        );
    }
    if let Some(attendees) = &patch.attendees {
        if !attendees.is_empty() {
            let owner = c.address.clone().ok_or_else(|| unsupported("the owner has no address to invite from"))?;
            event::set_organiser(made, &event::Organiser { address: owner, name: None });
        }
        if wrong("resets-answers") {
            made.remove("ATTENDEE");
        }
        // The connection's name for a service that does not keep the organiser among the attendees; it is no error.
        let is_organiser =
            |one: &&Attendee| c.address.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&one.address));
        let kept = attendees.iter().filter(|one| !(wrong("organiser-is-no-attendee") && is_organiser(one)));
        event::set_attendees(made, &kept.map(attendee_in).collect::<Vec<_>>());
    }
    for answer in patch.answers.iter().filter(|_| !wrong("answers-are-lost")) {
        event::set_answer(made, &[&answer.address], answer_in(answer.rsvp));
    }
    if let Some(lines) = &patch.recurrence {
        event::set_recurrence(made, lines).map_err(|error| invalid("recurrence", error.0))?;
    }
    Ok(())
}

/// The event of a stored text, or the series.
pub(crate) fn event(c: &Connection, stored: &StoredEvent) -> Result<Event, Failure> {
    let calendar = parse(stored)?;
    let vevent = calendar.inner("VEVENT").next().ok_or_else(no_event)?;
    read(c, stored, &calendar, vevent)
}

/// The event of a VEVENT in a stored text.
pub(crate) fn read(
    c: &Connection,
    stored: &StoredEvent,
    calendar: &Component,
    vevent: &Component,
) -> Result<Event, Failure> {
    let key = vevent.text(KEY);
    let (fields, _) = event::read(vevent, &mut Zones::new(calendar, owner_zone(c)));
    let when = fields.when.ok_or_else(|| invalid("event", "its time cannot be read"))?;
    let is_self = |address: &str| c.address.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(address));
    let mut seen = Event {
        id: stored.id.clone(),
        uid: fields.uid,
        etag: Some(if wrong("etag-stays") { "1".into() } else { stored.etag.clone() }),
        series_id: None,
        original_start: None,
        title: fields.title,
        description: fields.description,
        when: span_out(&when),
        busy: kind(fields.busy),
        status: match fields.status {
            Status::Confirmed => EventStatus::Confirmed,
            Status::Tentative => EventStatus::Tentative,
            Status::Cancelled => EventStatus::Cancelled,
        },
        organiser: fields.organiser.map(|one| Organiser {
            is_self: is_self(&one.address),
            address: one.address,
            name: one.name,
        }),
        attendees: fields.attendees.iter().map(|one| attendee_out(one, is_self(&one.address))).collect(),
        recurrence: fields.recurrence,
        client_key: key,
        sequence: Some(if wrong("sequence-stays") { 0 } else { fields.sequence }),
        unsent: wrong("never-sends"),
        location: fields.location,
        url: fields.url,
        private: fields.private,
        updated: fields.updated.map(Timestamp::as_second),
    };
    lose(&mut seen);
    Ok(seen)
}

/// Planted errors that lose something.
fn lose(event: &mut Event) {
    if wrong("loses-descriptions") {
        event.description.clear();
    }
    if wrong("loses-locations") {
        event.location.clear();
    }
    if wrong("loses-urls") {
        event.url.clear();
    }
    if wrong("loses-newlines") {
        event.description = event.description.replace('\n', " ");
    }
    if wrong("loses-astral") {
        event.title.retain(|character| u32::from(character) <= 0xffff);
    }
    if wrong("loses-marks") {
        event.title.retain(|character| !matches!(character, '\u{300}'..='\u{36f}' | '\u{200d}'));
        event.description.retain(|character| !matches!(character, '\u{200e}' | '\u{200f}'));
    }
    if wrong("shows-escapes") {
        event.title = event.title.replace(';', "\\;");
    }
    if wrong("takes-text-for-markup") {
        event.title = event.title.replace("<b>", "").replace("</b>", "");
    }
    if wrong("loses-kinds") {
        event.busy = BusyKind::Busy;
    }
    if wrong("is-always-certain") && event.status == EventStatus::Tentative {
        event.status = EventStatus::Confirmed;
    }
    if wrong("loses-rules") {
        event.recurrence.clear();
    }
    for attendee in &mut event.attendees {
        attendee.name = attendee.name.take().filter(|_| !wrong("loses-names"));
        if wrong("loses-roles") {
            attendee.role = Role::Required;
        }
    }
    match &mut event.when {
        Span::Timed(span) if wrong("loses-zones") => span.start.zone = "UTC".into(),
        Span::Timed(span) if wrong("nothing-takes-a-minute") => span.end.at = span.end.at.max(span.start.at + 60),
        Span::AllDay(_) if wrong("days-become-times") => {
            let midnight = ZonedTime { at: 0, zone: "UTC".into() };
            event.when = Span::Timed(TimedSpan { start: midnight.clone(), end: midnight });
        }
        _ => {}
    }
}

/// Whether it begins later than now.
pub(crate) fn is_ahead(when: &Span) -> bool {
    matches!(when, Span::Timed(span) if span.start.at > now().as_second())
}

/// Whether two stored texts are the same to the program that made them.
pub(crate) fn same(c: &Connection, one: &StoredEvent, other: &StoredEvent) -> Result<bool, Failure> {
    let bare = |stored: &StoredEvent| {
        let mut event = event(c, stored)?;
        (event.id, event.etag, event.updated) = (String::new(), None, None);
        event.attendees.iter_mut().for_each(|attendee| attendee.rsvp = Rsvp::NeedsAction);
        Ok::<_, Failure>(event)
    };
    Ok(bare(one)? == bare(other)?)
}

fn busy_in(kind: BusyKind) -> Busy {
    match kind {
        BusyKind::Busy => Busy::Busy,
        BusyKind::Tentative => Busy::Tentative,
        BusyKind::OutOfOffice => Busy::OutOfOffice,
        BusyKind::WorkingElsewhere => Busy::WorkingElsewhere,
        BusyKind::Unanswered => Busy::Tentative,
        BusyKind::Free => Busy::Free,
    }
}

pub(crate) fn answer_in(rsvp: Rsvp) -> Answer {
    match rsvp {
        Rsvp::NeedsAction => Answer::NeedsAction,
        Rsvp::Accepted => Answer::Accepted,
        Rsvp::Tentative => Answer::Tentative,
        Rsvp::Declined => Answer::Declined,
    }
}

fn attendee_in(attendee: &Attendee) -> event::Attendee {
    event::Attendee {
        address: attendee.address.clone(),
        name: attendee.name.clone(),
        role: match attendee.role {
            Role::Chair => EventRole::Chair,
            Role::Required => EventRole::Required,
            Role::Optional => EventRole::Optional,
            Role::NonParticipant => EventRole::NonParticipant,
        },
        answer: answer_in(attendee.rsvp),
    }
}

fn attendee_out(attendee: &event::Attendee, is_self: bool) -> Attendee {
    Attendee {
        address: attendee.address.clone(),
        name: attendee.name.clone(),
        role: match attendee.role {
            EventRole::Chair => Role::Chair,
            EventRole::Required => Role::Required,
            EventRole::Optional => Role::Optional,
            EventRole::NonParticipant => Role::NonParticipant,
        },
        rsvp: match attendee.answer {
            Answer::NeedsAction => Rsvp::NeedsAction,
            Answer::Accepted => Rsvp::Accepted,
            Answer::Tentative => Rsvp::Tentative,
            Answer::Declined => Rsvp::Declined,
        },
        is_self,
        responded: None,
        comment: None,
        proposed: None,
    }
}

fn span_in(span: &Span) -> Result<When, Failure> {
    let at = |timed: &ZonedTime| {
        let zone = Zone::iana(&timed.zone).ok_or_else(|| invalid("when.zone", "it is no IANA time zone"))?;
        let at = Timestamp::from_second(timed.at).map_err(|_| invalid("when.at", "it is too far away"))?;
        let again = zone.instant(zone.local(at)).filter(|_| wrong("knows-local-times-only"));
        Ok::<_, Failure>((again.unwrap_or(at), zone))
    };
    Ok(match span {
        Span::Timed(TimedSpan { start, end }) => {
            let ((start, start_zone), (end, end_zone)) = (at(start)?, at(end)?);
            When::Timed { start, start_zone, end, end_zone }
        }
        Span::AllDay(DaySpan { start, end }) => When::Days { start: day(start)?, end: day(end)? },
    })
}

/// A day for the engine.
pub(crate) fn day(date: &Date) -> Result<civil::Date, Failure> {
    let parts = (i16::try_from(date.year), i8::try_from(date.month), i8::try_from(date.day));
    let (Ok(year), Ok(month), Ok(day)) = parts else { return Err(invalid("when", "it is no date")) };
    civil::Date::new(year, month, day).map_err(|_| invalid("when", "it is no date"))
}

/// A day for the contract.
pub(crate) fn date(date: &civil::Date) -> Date {
    Date { year: date.year().into(), month: date.month().unsigned_abs(), day: date.day().unsigned_abs() }
}

fn span_out(when: &When) -> Span {
    let timed =
        |at: &Timestamp, zone: &Zone| ZonedTime { at: at.as_second(), zone: zone.name().unwrap_or("UTC").into() };
    match when {
        When::Timed { start, start_zone, end, end_zone } => {
            Span::Timed(TimedSpan { start: timed(start, start_zone), end: timed(end, end_zone) })
        }
        When::Days { start, end } => Span::AllDay(DaySpan { start: date(start), end: date(end) }),
    }
}
