//! Conversion of a function's results into the host's own types.
//!
//! Problem: a provider's result may hold dates that do not exist, instants out of range, or spans that end before they
//! start. Decision: results are checked when they are converted, and an invalid one is an error ([`BadAnswer`]) that says
//! how it breaks the contract. [`bounds`] says how long texts may be. Rejected: conversion with default values, which would
//! show up later as a wrong meeting.

use super::{
    Abilities, Account, AdminApproval, Batch, BusyAnswer, BusyTimes, Calendar, CalendarEvent, CalendarRole,
    CallbackResponse, Change, Failure, FetchedEvent, Hint, Memo, Notice, Notification, Pause, PauseScope, Remedy,
    Reply, Subscription,
    bindings::chronus::calendar::values as wit,
    bounds::{self, ADDRESSES, BadAnswer, CALENDARS, DESCRIPTION, DETAIL, ID, NAME, RULE, TITLE, ZONE},
};
use crate::calendar::{
    Attendee, BusyKind, Event, Interval, Moment, Organiser, Problem, Role, Rsvp, Span, Status, Window, ZonedTime,
};
use jiff::{Timestamp, civil};

type Conversion<T> = Result<T, BadAnswer>;

fn bad<T>(what: impl Into<String>) -> Conversion<T> {
    Err(BadAnswer::Invalid(what.into()))
}

pub(in crate::plugins) fn reply<T>(value: T, new_memo: Option<wit::Memo>) -> Conversion<Reply<T>> {
    Ok(Reply { value, memo: new_memo.map(memo).transpose()? })
}

fn memo(memo: wit::Memo) -> Conversion<Memo> {
    Ok(Memo { format: memo.format, data: bounds::bounded(memo.data, "a memo", Memo::MAX)? })
}

pub(in crate::plugins) fn account(opened: wit::AccountReply) -> Conversion<Reply<Account>> {
    let wit::AccountReply { account, memo } = opened;
    let flags = account.abilities;
    let abilities = Abilities {
        read_busy: flags.contains(wit::Abilities::READ_BUSY),
        read_busy_of_others: flags.contains(wit::Abilities::READ_BUSY_OF_OTHERS),
        write: flags.contains(wit::Abilities::WRITE),
        report_changes: flags.contains(wit::Abilities::REPORT_CHANGES),
        push: flags.contains(wit::Abilities::PUSH),
        sends_invitations: flags.contains(wit::Abilities::SENDS_INVITATIONS),
        can_withhold_invitations: flags.contains(wit::Abilities::CAN_WITHHOLD_INVITATIONS),
        recurring_writes: flags.contains(wit::Abilities::RECURRING_WRITES),
        can_withhold_replies: flags.contains(wit::Abilities::CAN_WITHHOLD_REPLIES),
        sets_answers: flags.contains(wit::Abilities::SETS_ANSWERS),
    };
    let wit::Account { address, other_addresses, zone, calendars, .. } = account;
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
    let wit::Calendar { id, name, is_default, takes_meetings, zone, .. } = calendar;
    let name = bounds::bounded(name, "a calendar's name", NAME)?;
    Ok(Calendar { id: identifier(id)?, name, role, is_default, takes_meetings, zone: zone_name(zone)? })
}

fn identifier(id: String) -> Conversion<String> {
    bounds::bounded(id, "an id", ID)
}

pub(in crate::plugins) fn busy(answers: wit::BusyReply) -> Conversion<Reply<Vec<BusyAnswer>>> {
    let one = |answer: wit::BusyAnswer| {
        let outcome = match answer.outcome {
            Ok(times) => Ok(BusyTimes {
                intervals: times.intervals.into_iter().map(interval).collect::<Conversion<_>>()?,
                problems: times.problems.into_iter().map(problem).collect::<Conversion<_>>()?,
            }),
            Err(error) => Err(failure(error)?),
        };
        Ok(BusyAnswer { target: identifier(answer.target)?, outcome })
    };
    reply(answers.answers.into_iter().map(one).collect::<Conversion<_>>()?, answers.memo)
}

fn interval(interval: wit::Interval) -> Conversion<Interval> {
    let (start, end) = (instant(interval.start)?, instant(interval.end)?);
    if end <= start {
        return bad(format!("an interval that ends at {end} and starts at {start}"));
    }
    let client_key = bounds::optional(interval.client_key, "a key of an event", ID)?;
    let uid = bounds::optional(interval.uid, "a UID", ID)?;
    Ok(Interval { start, end, kind: kind(interval.kind), all_day: interval.all_day, client_key, uid })
}

fn problem(problem: wit::Problem) -> Conversion<Problem> {
    let span = problem.span.map(window).transpose()?;
    Ok(Problem { id: bounds::cut(problem.id, ID), what: bounds::cut(problem.what, DETAIL), span })
}

fn window(window: wit::Window) -> Conversion<Window> {
    let (start, end) = (instant(window.start)?, instant(window.end)?);
    if end <= start {
        return bad(format!("a time that ends at {end} and starts at {start}"));
    }
    Ok(Window { start, end })
}

pub(in crate::plugins) fn one_event(one: wit::EventReply) -> Conversion<Reply<Event>> {
    reply(event(one.event)?, one.memo)
}

pub(in crate::plugins) fn fetched(fetched: wit::EventsReply) -> Conversion<Reply<Vec<FetchedEvent>>> {
    let one = |item: wit::EventOutcome| {
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
    reply(fetched.events.into_iter().map(one).collect::<Conversion<_>>()?, fetched.memo)
}

pub(in crate::plugins) fn found(found: wit::FindReply) -> Conversion<Reply<Vec<CalendarEvent>>> {
    let one =
        |one: wit::CalendarEvent| Ok(CalendarEvent { calendar: identifier(one.calendar)?, event: event(one.event)? });
    reply(found.events.into_iter().map(one).collect::<Conversion<_>>()?, found.memo)
}

pub(in crate::plugins) fn batch(batch: wit::ChangesReply) -> Conversion<Reply<Batch>> {
    let change = |change| {
        Ok(match change {
            wit::Change::Event(changed) => {
                let id = bounds::cut(changed.id.clone(), ID);
                match event(changed) {
                    Ok(event) => Change::Event(event),
                    Err(BadAnswer::TooLong(what)) => Change::Problem(Problem { id, what, span: None }),
                    Err(invalid) => return Err(invalid),
                }
            }
            wit::Change::Reference(wit::Reference { id, etag }) => {
                Change::Reference { id: identifier(id)?, etag: etag.map(identifier).transpose()? }
            }
            wit::Change::Gone(id) => Change::Gone(identifier(id)?),
            wit::Change::Left(id) => Change::Left(identifier(id)?),
            wit::Change::Problem(unread) => Change::Problem(problem(unread)?),
        })
    };
    let items = batch.items.into_iter().map(change).collect::<Conversion<_>>()?;
    let wit::ChangesReply { next, more, complete_listing, covers, memo, .. } = batch;
    let covers = covers.map(window).transpose()?;
    let next = bounds::bounded(next, "a cursor", Batch::MAX_CURSOR)?;
    reply(Batch { items, next, more, complete_listing, covers }, memo)
}

pub(in crate::plugins) fn subscribed(subscribed: wit::SubscriptionReply) -> Conversion<Reply<Subscription>> {
    let wit::Subscription { id, state, expires } = subscribed.subscription;
    if id.is_empty() {
        return bad("a subscription without an id");
    }
    let id = identifier(id)?;
    let state = bounds::bounded(state, "a subscription's state", Subscription::MAX_STATE)?;
    reply(Subscription { id, state, expires: expires.map(instant).transpose()? }, subscribed.memo)
}

pub(in crate::plugins) fn notification(notification: wit::Notification) -> Conversion<Notification> {
    let wit::CallbackResponse { status, content_type, body } = notification.response;
    if !(200..600).contains(&status) {
        return bad(format!("a reply with the status {status}"));
    }
    let hint = |hint: wit::Hint| {
        let notice = match hint.notice {
            wit::Notice::Changed => Notice::Changed,
            wit::Notice::Renew => Notice::Renew,
            wit::Notice::Recreate => Notice::Recreate,
            wit::Notice::Missed => Notice::Missed,
            wit::Notice::Confirm(code) => Notice::Confirm(bounds::bounded(code, "a code", ID)?),
            wit::Notice::Ended => Notice::Ended,
        };
        Ok(Hint {
            subscription: identifier(hint.subscription)?,
            secret: bounds::optional(hint.secret, "a secret", ID)?,
            notice,
        })
    };
    let hints = notification.hints.into_iter().map(hint).collect::<Conversion<_>>()?;
    Ok(Notification { response: CallbackResponse { status, content_type, body }, hints })
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
        location: bounds::cut(event.location, TITLE),
        url: bounds::cut(event.url, ID),
        private: event.private,
        sequence: event.sequence,
        unsent: event.unsent,
        recurrence: event.recurrence.into_iter().map(rule).collect::<Conversion<_>>()?,
        client_key: bounds::optional(event.client_key, "a key of an event", ID)?,
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
    let wit::Attendee { address, name, is_self, responded, comment, proposed, .. } = attendee;
    let (address, name) = (bounds::bounded(address, "an address", ID)?, name.map(|name| bounds::cut(name, NAME)));
    let responded = responded.map(instant).transpose()?;
    let comment = comment.map(|comment| bounds::cut(comment, DETAIL));
    let proposed = proposed.map(span).transpose()?;
    Ok(Attendee { address, name, role, rsvp, is_self, responded, comment, proposed })
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

fn timed(timed: wit::ZonedTime) -> Conversion<ZonedTime> {
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
        wit::BusyKind::Unanswered => BusyKind::Unanswered,
        wit::BusyKind::OutOfOffice => BusyKind::OutOfOffice,
        wit::BusyKind::WorkingElsewhere => BusyKind::WorkingElsewhere,
        wit::BusyKind::Free => BusyKind::Free,
    }
}

pub(in crate::plugins) fn failure(failure: wit::Failure) -> Conversion<Failure> {
    let remedy = match failure.remedy {
        wit::Remedy::Reconnect => Remedy::Reconnect,
        wit::Remedy::NeedsAdminApproval(approval) => Remedy::NeedsAdminApproval(AdminApproval {
            tenant: bounds::optional(approval.tenant, "a tenant", ID)?,
            page: bounds::optional(approval.page, "a link", ID)?,
        }),
        wit::Remedy::AccessPending => Remedy::AccessPending,
        wit::Remedy::NeedsScope => Remedy::NeedsScope,
        wit::Remedy::NotPermitted => Remedy::NotPermitted,
        wit::Remedy::NotFound => Remedy::NotFound,
        wit::Remedy::Gone => Remedy::Gone,
        wit::Remedy::AlreadyExists(id) => Remedy::AlreadyExists(identifier(id)?),
        wit::Remedy::Conflict(present) => Remedy::Conflict(Box::new(event(present)?)),
        wit::Remedy::CursorExpired => Remedy::CursorExpired,
        wit::Remedy::WindowTooLarge(seconds) => Remedy::WindowTooLarge(seconds),
        wit::Remedy::SlowDown(wit::Pause { milliseconds, scope }) => {
            let scope = match scope {
                wit::PauseScope::Connection => PauseScope::Connection,
                wit::PauseScope::Organisation => PauseScope::Organisation,
                wit::PauseScope::Provider => PauseScope::Provider,
            };
            Remedy::SlowDown(Pause { milliseconds, scope })
        }
        wit::Remedy::Temporary => Remedy::Temporary,
        wit::Remedy::Invalid(what) => Remedy::Invalid(bounds::cut(what, DETAIL)),
        wit::Remedy::Unsupported => Remedy::Unsupported,
    };
    let (service_code, detail) = (bounds::cut(failure.service_code, NAME), bounds::cut(failure.detail, DETAIL));
    Ok(Failure { remedy, service_code, detail })
}

#[cfg(test)]
mod tests {
    use super::{super::arguments, *};

    #[test]
    fn dates_that_do_not_exist_break_the_contract() {
        for (year, month, day) in [(2026, 2, 30), (2026, 13, 1), (2026, 0, 1), (2026, 200, 1), (400_000, 1, 1)] {
            assert!(date(wit::Date { year, month, day }).is_err(), "{year}-{month}-{day}");
        }
        assert_eq!(date(wit::Date { year: 2024, month: 2, day: 29 }), Ok(civil::date(2024, 2, 29)));
        assert_eq!(date(arguments::date(civil::date(-44, 3, 15))), Ok(civil::date(-44, 3, 15)));
    }

    #[test]
    fn spans_run_forward() {
        let at = |at| wit::ZonedTime { at, zone: "UTC".into() };
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
            location: String::new(),
            url: String::new(),
            private: false,
            sequence: None,
            unsent: false,
            when: wit::Span::AllDay(wit::DaySpan { start: day(1), end: day(2) }),
            busy: wit::BusyKind::Busy,
            status: wit::EventStatus::Confirmed,
            organiser: None,
            attendees: vec![],
            recurrence: vec![],
            client_key: None,
            updated: None,
        }
    }

    #[test]
    fn an_endless_event_hides_no_other() {
        let long = "x".repeat(2 * DESCRIPTION);
        let events = [named("uid", "title"), named(&long, "title"), named("uid", &long)];
        let items = events.iter().cloned().map(wit::Change::Event).collect();
        let page =
            wit::ChangesReply { items, next: vec![], more: false, complete_listing: true, covers: None, memo: None };
        let items = batch(page).unwrap().value.items;
        let [Change::Event(_), Change::Problem(problem), Change::Event(cut)] = &items[..] else { panic!("{items:?}") };
        assert_eq!(problem.what, "a UID of 2097152 bytes; at most 4096 are accepted");
        assert_eq!(cut.title.len(), TITLE + "…".len());
        let item = |event: &wit::Event| wit::EventOutcome { id: "id".into(), outcome: Ok(event.clone()) };
        let fetched = fetched(wit::EventsReply { events: events.iter().map(item).collect(), memo: None }).unwrap();
        let outcomes: Vec<_> = fetched.value.iter().map(|item| item.outcome.is_ok()).collect();
        assert_eq!(outcomes, [true, false, true]);
        assert!(one_event(wit::EventReply { event: events[1].clone(), memo: None }).is_err());
    }

    #[test]
    fn memos_and_cursors_are_bounded() {
        let memo = |bytes| Some(wit::Memo { format: 1, data: vec![0; bytes] });
        assert!(reply((), memo(Memo::MAX)).is_ok());
        assert!(reply((), memo(Memo::MAX + 1)).is_err());
        let page = |bytes| wit::ChangesReply {
            items: vec![],
            next: vec![0; bytes],
            more: false,
            complete_listing: true,
            covers: None,
            memo: None,
        };
        assert!(batch(page(Batch::MAX_CURSOR)).is_ok());
        assert!(batch(page(Batch::MAX_CURSOR + 1)).is_err());
    }
}
