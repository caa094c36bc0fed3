//! Conversion of a function's arguments into the contract's types. What the host holds is well-formed, so it cannot fail.

use super::{
    BusyTargets, CallTarget, CallbackRequest, Notify, SignInError, Subscription,
    bindings::chronus::calendar::values as wit,
};
use crate::calendar::{
    Attendee, AttendeeAnswer, BusyKind, Draft, Moment, Organiser, Patch, Role, Rsvp, Span, Status, Window, ZonedTime,
};
use jiff::{Timestamp, civil};

pub(in crate::plugins) fn connection(c: &CallTarget) -> wit::Connection {
    wit::Connection {
        sign_in: c.sign_in.clone(),
        server: c.server.clone(),
        subject: c.subject.clone(),
        address: c.address.clone(),
        zone: c.zone.clone(),
        fields: c.fields.clone(),
        memo: c.memo.as_ref().map(|memo| wit::Memo { format: memo.format, data: memo.data.clone() }),
    }
}

pub(in crate::plugins) fn window(window: Window) -> wit::Window {
    wit::Window { start: window.start.as_second(), end: window.end.as_second() }
}

pub(in crate::plugins) fn targets(targets: BusyTargets) -> wit::BusyTargets {
    match targets {
        BusyTargets::Calendars(ids) => wit::BusyTargets::Calendars(ids),
        BusyTargets::Addresses(addresses) => wit::BusyTargets::Addresses(addresses),
    }
}

pub(in crate::plugins) const fn notify(notify: Notify) -> wit::Notify {
    match notify {
        Notify::All => wit::Notify::All,
        Notify::None => wit::Notify::None,
    }
}

pub(in crate::plugins) fn draft(draft: Draft) -> wit::Draft {
    wit::Draft {
        uid: draft.uid,
        title: draft.title,
        description: draft.description,
        location: draft.location,
        url: draft.url,
        when: span(draft.when),
        busy: kind(draft.busy),
        status: status(draft.status),
        organiser: draft.organiser.map(organiser),
        attendees: draft.attendees.into_iter().map(attendee).collect(),
        recurrence: draft.recurrence,
    }
}

pub(in crate::plugins) fn patch(patch: Patch) -> wit::Patch {
    wit::Patch {
        title: patch.title,
        description: patch.description,
        location: patch.location,
        url: patch.url,
        when: patch.when.map(span),
        busy: patch.busy.map(kind),
        status: patch.status.map(status),
        attendees: patch.attendees.map(|list| list.into_iter().map(attendee).collect()),
        answers: patch.answers.into_iter().map(answer).collect(),
        recurrence: patch.recurrence,
    }
}

pub(in crate::plugins) fn callback_request(request: CallbackRequest<'_>) -> wit::CallbackRequest {
    wit::CallbackRequest {
        method: request.method.to_owned(),
        headers: request.headers.to_vec(),
        query: request.query.to_owned(),
        body: request.body.to_vec(),
    }
}

pub(in crate::plugins) fn moment(moment: Moment) -> wit::Moment {
    match moment {
        Moment::Timed(at) => wit::Moment::Timed(timed(at)),
        Moment::AllDay(day) => wit::Moment::AllDay(date(day)),
    }
}

pub(in crate::plugins) fn sign_in_error(error: SignInError) -> wit::SignInError {
    let SignInError { status, error, description, fields } = error;
    wit::SignInError { status, error, description, fields }
}

fn timed(timed: ZonedTime) -> wit::ZonedTime {
    wit::ZonedTime { at: timed.at.as_second(), zone: timed.zone }
}

pub(super) fn date(date: civil::Date) -> wit::Date {
    // A month and a day of month are never negative.
    wit::Date { year: date.year().into(), month: date.month().unsigned_abs(), day: date.day().unsigned_abs() }
}

fn span(span: Span) -> wit::Span {
    match span {
        Span::Timed { start, end } => wit::Span::Timed(wit::TimedSpan { start: timed(start), end: timed(end) }),
        Span::AllDay { start, end } => wit::Span::AllDay(wit::DaySpan { start: date(start), end: date(end) }),
    }
}

fn organiser(organiser: Organiser) -> wit::Organiser {
    let Organiser { address, name, is_self } = organiser;
    wit::Organiser { address, name, is_self }
}

fn answer(answer: AttendeeAnswer) -> wit::AttendeeAnswer {
    wit::AttendeeAnswer { address: answer.address, rsvp: rsvp(answer.rsvp) }
}

fn attendee(attendee: Attendee) -> wit::Attendee {
    let Attendee { address, name, role, rsvp: answer, is_self, responded: _, comment: _, proposed: _ } = attendee;
    let role = match role {
        Role::Chair => wit::Role::Chair,
        Role::Required => wit::Role::Required,
        Role::Optional => wit::Role::Optional,
        Role::NonParticipant => wit::Role::NonParticipant,
    };
    let (responded, comment, proposed) = (None, None, None);
    wit::Attendee { address, name, role, rsvp: rsvp(answer), is_self, responded, comment, proposed }
}

pub(in crate::plugins) const fn rsvp(rsvp: Rsvp) -> wit::Rsvp {
    match rsvp {
        Rsvp::NeedsAction => wit::Rsvp::NeedsAction,
        Rsvp::Accepted => wit::Rsvp::Accepted,
        Rsvp::Tentative => wit::Rsvp::Tentative,
        Rsvp::Declined => wit::Rsvp::Declined,
    }
}

const fn kind(kind: BusyKind) -> wit::BusyKind {
    match kind {
        BusyKind::Busy => wit::BusyKind::Busy,
        BusyKind::Tentative => wit::BusyKind::Tentative,
        BusyKind::Unanswered => wit::BusyKind::Unanswered,
        BusyKind::OutOfOffice => wit::BusyKind::OutOfOffice,
        BusyKind::WorkingElsewhere => wit::BusyKind::WorkingElsewhere,
        BusyKind::Free => wit::BusyKind::Free,
    }
}

const fn status(status: Status) -> wit::EventStatus {
    match status {
        Status::Confirmed => wit::EventStatus::Confirmed,
        Status::Tentative => wit::EventStatus::Tentative,
        Status::Cancelled => wit::EventStatus::Cancelled,
    }
}

pub(in crate::plugins) fn subscription(subscription: &Subscription) -> wit::Subscription {
    let Subscription { id, state, expires } = subscription;
    wit::Subscription { id: id.clone(), state: state.clone(), expires: expires.map(Timestamp::as_second) }
}
