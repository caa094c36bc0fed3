//! Conversion between the contract's types and the host's own types.
//!
//! Problem: a provider's result may hold dates that do not exist, instants out of range, or spans that end before they
//! start. Decision: results are checked when they are converted, and an invalid one is an error ([`BadAnswer`]) that says
//! how it breaks the contract. [`bounds`] says how long texts may be. Rejected: conversion with default values, which would
//! show up later as a wrong meeting.

use super::{
    Abilities, Account, Batch, BusyAnswer, BusyTargets, BusyTimes, Calendar, CalendarRole, CallTarget, Change, Failure,
    FetchedEvent, Hint, HintKind, HttpReply, Memo, Notification, Notify, Remedy, Reply, SignInError, Subscription,
    bindings::chronus::calendar::types as wit,
    bounds::{self, ADDRESSES, BadAnswer, CALENDARS, DESCRIPTION, DETAIL, ID, NAME, RULE, TITLE, ZONE},
};
use crate::calendar::{
    Attendee, BusyKind, Draft, Event, Interval, Moment, Organiser, Patch, Problem, Role, Rsvp, Span, Status, Window,
    ZonedTime,
};
use jiff::{Timestamp, civil};

type Conversion<T> = Result<T, BadAnswer>;

fn bad<T>(what: impl Into<String>) -> Conversion<T> {
    Err(BadAnswer::Invalid(what.into()))
}

// ---- into the provider ------------------------------------------------------------------------------------------

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

pub(in crate::plugins) fn whose(whose: BusyTargets) -> wit::Whose {
    match whose {
        BusyTargets::Calendars(ids) => wit::Whose::Calendars(ids),
        BusyTargets::Addresses(addresses) => wit::Whose::Addresses(addresses),
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
        when: span_out(draft.when),
        busy: kind_out(draft.busy),
        status: status_out(draft.status),
        attendees: draft.attendees.into_iter().map(attendee_out).collect(),
        recurrence: draft.recurrence,
    }
}

pub(in crate::plugins) fn patch(patch: Patch) -> wit::Patch {
    wit::Patch {
        title: patch.title,
        description: patch.description,
        when: patch.when.map(span_out),
        busy: patch.busy.map(kind_out),
        status: patch.status.map(status_out),
        attendees: patch.attendees.map(|list| list.into_iter().map(attendee_out).collect()),
        recurrence: patch.recurrence,
    }
}

pub(in crate::plugins) fn sign_in_error(error: SignInError) -> wit::SignInError {
    let SignInError { status, error, description, fields } = error;
    wit::SignInError { status, error, description, fields }
}

fn timed_out(timed: ZonedTime) -> wit::Timed {
    wit::Timed { at: timed.at.as_second(), zone: timed.zone }
}

fn date_out(date: civil::Date) -> wit::Date {
    // A month and a day of month are never negative.
    wit::Date { year: date.year().into(), month: date.month().unsigned_abs(), day: date.day().unsigned_abs() }
}

fn span_out(span: Span) -> wit::Span {
    match span {
        Span::Timed { start, end } => wit::Span::Timed(wit::TimedSpan { start: timed_out(start), end: timed_out(end) }),
        Span::AllDay { start, end } => wit::Span::AllDay(wit::DaySpan { start: date_out(start), end: date_out(end) }),
    }
}

fn attendee_out(attendee: Attendee) -> wit::Attendee {
    let Attendee { address, name, role, rsvp, is_self } = attendee;
    let role = match role {
        Role::Chair => wit::Role::Chair,
        Role::Required => wit::Role::Required,
        Role::Optional => wit::Role::Optional,
        Role::NonParticipant => wit::Role::NonParticipant,
    };
    wit::Attendee { address, name, role, rsvp: rsvp_out(rsvp), is_self }
}

pub(in crate::plugins) const fn rsvp_out(rsvp: Rsvp) -> wit::Rsvp {
    match rsvp {
        Rsvp::NeedsAction => wit::Rsvp::NeedsAction,
        Rsvp::Accepted => wit::Rsvp::Accepted,
        Rsvp::Tentative => wit::Rsvp::Tentative,
        Rsvp::Declined => wit::Rsvp::Declined,
    }
}

const fn kind_out(kind: BusyKind) -> wit::BusyKind {
    match kind {
        BusyKind::Busy => wit::BusyKind::Busy,
        BusyKind::Tentative => wit::BusyKind::Tentative,
        BusyKind::OutOfOffice => wit::BusyKind::OutOfOffice,
        BusyKind::WorkingElsewhere => wit::BusyKind::WorkingElsewhere,
        BusyKind::Free => wit::BusyKind::Free,
    }
}

const fn status_out(status: Status) -> wit::EventStatus {
    match status {
        Status::Confirmed => wit::EventStatus::Confirmed,
        Status::Tentative => wit::EventStatus::Tentative,
        Status::Cancelled => wit::EventStatus::Cancelled,
    }
}

// ---- out of the provider ----------------------------------------------------------------------------------------

pub(in crate::plugins) fn reply<T>(value: T, new_memo: Option<wit::Memo>) -> Conversion<Reply<T>> {
    Ok(Reply { value, memo: new_memo.map(memo).transpose()? })
}

fn memo(memo: wit::Memo) -> Conversion<Memo> {
    Ok(Memo { format: memo.format, data: bounds::bounded(memo.data, "a memo", Memo::MAX)? })
}

pub(in crate::plugins) fn account(opened: wit::Opened) -> Conversion<Reply<Account>> {
    let flags = opened.abilities;
    let abilities = Abilities {
        read_busy: flags.contains(wit::Abilities::READ_BUSY),
        read_busy_of_others: flags.contains(wit::Abilities::READ_BUSY_OF_OTHERS),
        write: flags.contains(wit::Abilities::WRITE),
        report_changes: flags.contains(wit::Abilities::REPORT_CHANGES),
        push: flags.contains(wit::Abilities::PUSH),
        sends_invitations: flags.contains(wit::Abilities::SENDS_INVITATIONS),
        can_withhold_invitations: flags.contains(wit::Abilities::CAN_WITHHOLD_INVITATIONS),
        recurring_writes: flags.contains(wit::Abilities::RECURRING_WRITES),
    };
    let wit::Opened { address, other_addresses, zone, calendars, memo, .. } = opened;
    let address_of = |text| bounds::bounded(text, "an address", NAME);
    let account = Account {
        address: address.map(address_of).transpose()?,
        other_addresses: bounds::list(other_addresses, "other addresses", ADDRESSES)?
            .into_iter()
            .map(address_of)
            .collect::<Conversion<_>>()?,
        zone: zone_name(zone)?,
        calendars: bounds::list(calendars, "calendars", CALENDARS)?
            .into_iter()
            .map(calendar)
            .collect::<Conversion<_>>()?,
        abilities,
    };
    reply(account, memo)
}

fn zone_name(zone: Option<String>) -> Conversion<Option<String>> {
    bounds::optional(zone, "the name of a time zone", ZONE)
}

fn calendar(calendar: wit::Calendar) -> Conversion<Calendar> {
    let role = match calendar.role {
        wit::CalendarRole::Owner => CalendarRole::Owner,
        wit::CalendarRole::Writer => CalendarRole::Writer,
        wit::CalendarRole::Reader => CalendarRole::Reader,
        wit::CalendarRole::FreeBusyReader => CalendarRole::FreeBusyReader,
    };
    let wit::Calendar { id, name, is_default, zone, .. } = calendar;
    let name = bounds::bounded(name, "a calendar's name", NAME)?;
    Ok(Calendar { id: identifier(id)?, name, role, is_default, zone: zone_name(zone)? })
}

fn identifier(id: String) -> Conversion<String> {
    bounds::bounded(id, "an id", ID)
}

pub(in crate::plugins) fn busy(answers: wit::BusyAnswers) -> Conversion<Reply<Vec<BusyAnswer>>> {
    let one = |answer: wit::BusyAnswer| {
        let outcome = match answer.outcome {
            Ok(times) => Ok(BusyTimes {
                intervals: times.intervals.into_iter().map(interval).collect::<Conversion<_>>()?,
                problems: times.problems.into_iter().map(problem).collect(),
            }),
            Err(error) => Err(failure(error)?),
        };
        Ok(BusyAnswer { calendar: identifier(answer.calendar)?, outcome })
    };
    reply(answers.calendars.into_iter().map(one).collect::<Conversion<_>>()?, answers.memo)
}

fn interval(interval: wit::Interval) -> Conversion<Interval> {
    let (start, end) = (instant(interval.start)?, instant(interval.end)?);
    if end <= start {
        return bad(format!("an interval that ends at {end} and starts at {start}"));
    }
    let ours = bounds::optional(interval.ours, "a key of an event", ID)?;
    Ok(Interval { start, end, kind: kind(interval.kind), all_day: interval.all_day, ours })
}

fn problem(problem: wit::Problem) -> Problem {
    Problem { id: bounds::cut(problem.id, ID), what: bounds::cut(problem.what, DETAIL) }
}

pub(in crate::plugins) fn one_event(one: wit::OneEvent) -> Conversion<Reply<Event>> {
    reply(event(one.event)?, one.memo)
}

pub(in crate::plugins) fn fetched(fetched: wit::FetchedEvents) -> Conversion<Reply<Vec<FetchedEvent>>> {
    let one = |item: wit::Fetched| {
        let outcome = match item.outcome {
            Ok(found) => match event(found) {
                Ok(event) => Ok(event),
                Err(BadAnswer::TooLong(detail)) => {
                    Err(Failure { remedy: Remedy::Invalid("event".into()), service_code: String::new(), detail })
                }
                Err(invalid) => return Err(invalid),
            },
            Err(error) => Err(failure(error)?),
        };
        Ok(FetchedEvent { id: identifier(item.id)?, outcome })
    };
    reply(fetched.items.into_iter().map(one).collect::<Conversion<_>>()?, fetched.memo)
}

pub(in crate::plugins) fn batch(batch: wit::Batch) -> Conversion<Reply<Batch>> {
    let change = |change| {
        Ok(match change {
            wit::Change::Event(changed) => {
                let id = bounds::cut(changed.id.clone(), ID);
                match event(changed) {
                    Ok(event) => Change::Event(event),
                    Err(BadAnswer::TooLong(what)) => Change::Problem(Problem { id, what }),
                    Err(invalid) => return Err(invalid),
                }
            }
            wit::Change::Reference(wit::Reference { id, etag }) => {
                Change::Reference { id: identifier(id)?, etag: identifier(etag)? }
            }
            wit::Change::Gone(id) => Change::Gone(identifier(id)?),
            wit::Change::Problem(unread) => Change::Problem(problem(unread)),
        })
    };
    let items = batch.items.into_iter().map(change).collect::<Conversion<_>>()?;
    let wit::Batch { next, more, complete_listing, memo, .. } = batch;
    let next = bounds::bounded(next, "a cursor", Batch::MAX_CURSOR)?;
    reply(Batch { items, next, more, complete_listing }, memo)
}

pub(in crate::plugins) fn subscription_out(subscription: &Subscription) -> wit::Subscription {
    let Subscription { id, state, expires } = subscription;
    wit::Subscription { id: id.clone(), state: state.clone(), expires: expires.map(Timestamp::as_second) }
}

pub(in crate::plugins) fn subscribed(subscribed: wit::Subscribed) -> Conversion<Reply<Subscription>> {
    let wit::Subscription { id, state, expires } = subscribed.subscription;
    if id.is_empty() {
        return bad("a subscription without an id");
    }
    let id = identifier(id)?;
    let state = bounds::bounded(state, "a subscription's state", Subscription::MAX_STATE)?;
    reply(Subscription { id, state, expires: expires.map(instant).transpose()? }, subscribed.memo)
}

pub(in crate::plugins) fn notification(notification: wit::Notification) -> Conversion<Notification> {
    let wit::Reply { status, content_type, body } = notification.reply;
    if !(200..600).contains(&status) {
        return bad(format!("a reply with the status {status}"));
    }
    let hint = |hint: wit::Hint| {
        let kind = match hint.news {
            wit::News::Changed => HintKind::Changed,
            wit::News::Renew => HintKind::Renew,
            wit::News::Recreate => HintKind::Recreate,
            wit::News::Missed => HintKind::Missed,
            wit::News::Confirm(code) => HintKind::Confirm(bounds::bounded(code, "a code", ID)?),
            wit::News::Ended => HintKind::Ended,
        };
        Ok(Hint {
            subscription: identifier(hint.subscription)?,
            secret: bounds::optional(hint.secret, "a secret", ID)?,
            kind,
        })
    };
    let hints = notification.hints.into_iter().map(hint).collect::<Conversion<_>>()?;
    Ok(Notification { reply: HttpReply { status, content_type, body }, hints })
}

fn event(event: wit::Event) -> Conversion<Event> {
    if event.id.is_empty() || event.uid.is_empty() {
        return bad("an event without an id or without a UID");
    }
    let status = match event.status {
        wit::EventStatus::Confirmed => Status::Confirmed,
        wit::EventStatus::Tentative => Status::Tentative,
        wit::EventStatus::Cancelled => Status::Cancelled,
    };
    let organiser = |wit::Organiser { address, name, is_self }| -> Conversion<_> {
        Ok(Organiser {
            address: bounds::bounded(address, "an address", ID)?,
            name: name.map(|name| bounds::cut(name, NAME)),
            is_self,
        })
    };
    let rule = |line| bounds::bounded(line, "a line of a recurrence", RULE);
    Ok(Event {
        original_start: event.original_start.map(moment).transpose()?,
        when: span(event.when)?,
        busy: kind(event.busy),
        status,
        organiser: event.organiser.map(organiser).transpose()?,
        attendees: event.attendees.into_iter().map(attendee).collect::<Conversion<_>>()?,
        updated: event.updated.map(instant).transpose()?,
        id: identifier(event.id)?,
        uid: bounds::bounded(event.uid, "a UID", ID)?,
        etag: bounds::optional(event.etag, "an etag", ID)?,
        series_id: event.series_id.map(identifier).transpose()?,
        title: bounds::cut(event.title, TITLE),
        description: bounds::cut(event.description, DESCRIPTION),
        recurrence: event.recurrence.into_iter().map(rule).collect::<Conversion<_>>()?,
        ours: bounds::optional(event.ours, "a key of an event", ID)?,
    })
}

fn attendee(attendee: wit::Attendee) -> Conversion<Attendee> {
    let role = match attendee.role {
        wit::Role::Chair => Role::Chair,
        wit::Role::Required => Role::Required,
        wit::Role::Optional => Role::Optional,
        wit::Role::NonParticipant => Role::NonParticipant,
    };
    let rsvp = match attendee.rsvp {
        wit::Rsvp::NeedsAction => Rsvp::NeedsAction,
        wit::Rsvp::Accepted => Rsvp::Accepted,
        wit::Rsvp::Tentative => Rsvp::Tentative,
        wit::Rsvp::Declined => Rsvp::Declined,
    };
    let wit::Attendee { address, name, is_self, .. } = attendee;
    let (address, name) = (bounds::bounded(address, "an address", ID)?, name.map(|name| bounds::cut(name, NAME)));
    Ok(Attendee { address, name, role, rsvp, is_self })
}

fn span(span: wit::Span) -> Conversion<Span> {
    match span {
        wit::Span::Timed(span) => {
            let (start, end) = (timed(span.start)?, timed(span.end)?);
            if end.at < start.at {
                return bad(format!("an event that ends at {} and starts at {}", end.at, start.at));
            }
            Ok(Span::Timed { start, end })
        }
        wit::Span::AllDay(span) => {
            let (start, end) = (date(span.start)?, date(span.end)?);
            if end <= start {
                return bad(format!("an event of whole days that ends on {end} and starts on {start}"));
            }
            Ok(Span::AllDay { start, end })
        }
    }
}

fn moment(moment: wit::Moment) -> Conversion<Moment> {
    Ok(match moment {
        wit::Moment::Timed(at) => Moment::Timed(timed(at)?),
        wit::Moment::AllDay(day) => Moment::AllDay(date(day)?),
    })
}

fn timed(timed: wit::Timed) -> Conversion<ZonedTime> {
    let zone = bounds::bounded(timed.zone, "the name of a time zone", ZONE)?;
    Ok(ZonedTime { at: instant(timed.at)?, zone })
}

fn instant(seconds: i64) -> Conversion<Timestamp> {
    Timestamp::from_second(seconds).or_else(|_| bad(format!("an instant of {seconds} seconds")))
}

fn date(date: wit::Date) -> Conversion<civil::Date> {
    let wit::Date { year, month, day } = date;
    let fields = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
    if let (Ok(year), Ok(month), Ok(day)) = fields
        && let Ok(date) = civil::Date::new(year, month, day)
    {
        return Ok(date);
    }
    bad(format!("a date of year {year}, month {month}, day {day}"))
}

const fn kind(kind: wit::BusyKind) -> BusyKind {
    match kind {
        wit::BusyKind::Busy => BusyKind::Busy,
        wit::BusyKind::Tentative => BusyKind::Tentative,
        wit::BusyKind::OutOfOffice => BusyKind::OutOfOffice,
        wit::BusyKind::WorkingElsewhere => BusyKind::WorkingElsewhere,
        wit::BusyKind::Free => BusyKind::Free,
    }
}

pub(in crate::plugins) fn failure(failure: wit::Failure) -> Conversion<Failure> {
    let remedy = match failure.remedy {
        wit::Remedy::Reconnect => Remedy::Reconnect,
        wit::Remedy::NeedsAdminApproval(link) => Remedy::NeedsAdminApproval(bounds::optional(link, "a link", ID)?),
        wit::Remedy::AccessPending => Remedy::AccessPending,
        wit::Remedy::NeedsScope => Remedy::NeedsScope,
        wit::Remedy::NotPermitted => Remedy::NotPermitted,
        wit::Remedy::NotFound => Remedy::NotFound,
        wit::Remedy::Gone => Remedy::Gone,
        wit::Remedy::AlreadyExists(id) => Remedy::AlreadyExists(identifier(id)?),
        wit::Remedy::Conflict(present) => Remedy::Conflict(Box::new(event(present)?)),
        wit::Remedy::CursorExpired => Remedy::CursorExpired,
        wit::Remedy::WindowTooLarge(seconds) => Remedy::WindowTooLarge(seconds),
        wit::Remedy::SlowDown(milliseconds) => Remedy::SlowDown(milliseconds),
        wit::Remedy::Temporary => Remedy::Temporary,
        wit::Remedy::Invalid(what) => Remedy::Invalid(bounds::cut(what, DETAIL)),
        wit::Remedy::Unsupported => Remedy::Unsupported,
    };
    let (service_code, detail) = (bounds::cut(failure.service_code, NAME), bounds::cut(failure.detail, DETAIL));
    Ok(Failure { remedy, service_code, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_do_not_exist_break_the_contract() {
        for (year, month, day) in [(2026, 2, 30), (2026, 13, 1), (2026, 0, 1), (2026, 200, 1), (400_000, 1, 1)] {
            assert!(date(wit::Date { year, month, day }).is_err(), "{year}-{month}-{day}");
        }
        assert_eq!(date(wit::Date { year: 2024, month: 2, day: 29 }), Ok(civil::date(2024, 2, 29)));
        assert_eq!(date(date_out(civil::date(-44, 3, 15))), Ok(civil::date(-44, 3, 15)));
    }

    #[test]
    fn spans_run_forward() {
        let at = |at| wit::Timed { at, zone: "UTC".into() };
        assert!(span(wit::Span::Timed(wit::TimedSpan { start: at(5), end: at(5) })).is_ok());
        assert!(span(wit::Span::Timed(wit::TimedSpan { start: at(5), end: at(4) })).is_err());
        let day = wit::Date { year: 2026, month: 1, day: 1 };
        assert!(span(wit::Span::AllDay(wit::DaySpan { start: day, end: day })).is_err());
        assert!(instant(i64::MAX).is_err());
    }

    fn named(uid: &str, title: &str) -> wit::Event {
        let day = |day| wit::Date { year: 2026, month: 1, day };
        wit::Event {
            id: "id".into(),
            uid: uid.into(),
            etag: None,
            series_id: None,
            original_start: None,
            title: title.into(),
            description: String::new(),
            when: wit::Span::AllDay(wit::DaySpan { start: day(1), end: day(2) }),
            busy: wit::BusyKind::Busy,
            status: wit::EventStatus::Confirmed,
            organiser: None,
            attendees: vec![],
            recurrence: vec![],
            ours: None,
            updated: None,
        }
    }

    #[test]
    fn an_endless_event_hides_no_other() {
        let long = "x".repeat(2 * DESCRIPTION);
        let events = [named("uid", "title"), named(&long, "title"), named("uid", &long)];
        let items = events.iter().cloned().map(wit::Change::Event).collect();
        let page = wit::Batch { items, next: vec![], more: false, complete_listing: true, memo: None };
        let items = batch(page).unwrap().value.items;
        let [Change::Event(_), Change::Problem(problem), Change::Event(cut)] = &items[..] else { panic!("{items:?}") };
        assert_eq!(problem.what, "a UID of 2097152 bytes; at most 4096 are accepted");
        assert_eq!(cut.title.len(), TITLE + "…".len());
        let item = |event: &wit::Event| wit::Fetched { id: "id".into(), outcome: Ok(event.clone()) };
        let fetched = fetched(wit::FetchedEvents { items: events.iter().map(item).collect(), memo: None }).unwrap();
        let outcomes: Vec<_> = fetched.value.iter().map(|item| item.outcome.is_ok()).collect();
        assert_eq!(outcomes, [true, false, true]);
        assert!(one_event(wit::OneEvent { event: events[1].clone(), memo: None }).is_err());
    }

    #[test]
    fn memos_and_cursors_are_bounded() {
        let memo = |bytes| Some(wit::Memo { format: 1, data: vec![0; bytes] });
        assert!(reply((), memo(Memo::MAX)).is_ok());
        assert!(reply((), memo(Memo::MAX + 1)).is_err());
        let page =
            |bytes| wit::Batch { items: vec![], next: vec![0; bytes], more: false, complete_listing: true, memo: None };
        assert!(batch(page(Batch::MAX_CURSOR)).is_ok());
        assert!(batch(page(Batch::MAX_CURSOR + 1)).is_err());
    }
}
