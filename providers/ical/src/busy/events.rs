//! Busy times from the events of a window.
//!
//! An answer that was cut short is a failure that demands a shorter window, never a list with gaps.

use chronus_sdk::failure::failure;
use chronus_sdk::http::{HttpError, Url};
use chronus_sdk::icalendar::event::{self, Answer as Reply, Status};
use chronus_sdk::icalendar::{self, Component, Occurrence};
use chronus_sdk::values::{BusyKind, BusyTimes, Failure, Interval, Problem, Remedy, Window};
use jiff::Timestamp;

use crate::dav::{self, Answer, Multistatus, Ns, QueryData, Trouble, href};
use crate::record;
use crate::session::Session;

/// The busy times of one calendar, unsorted.
pub(super) fn ask(session: &Session<'_>, calendar: &Url, window: Window) -> Result<BusyTimes, Trouble> {
    let response = match dav::search(calendar, QueryData::Data, Some(window), session.account.finds_series) {
        Ok(response) => response,
        Err(HttpError::TooBig(_)) => return Err(too_large(window).into()),
        Err(error) => return Err(error.into()),
    };
    let found = dav::read(&response)?;
    if is_cut_short(&found) {
        return Err(too_large(window).into());
    }
    let mut times = BusyTimes { intervals: Vec::new(), problems: Vec::new() };
    for answer in found.answers {
        of_resource(answer, session, window, &mut times);
    }
    Ok(times)
}

/// RFC 4791 §7.8: an answer that would be too large ends with 507 for the collection.
fn is_cut_short(found: &Multistatus) -> bool {
    found.answers.iter().any(|answer| answer.status == Some(507))
}

fn too_large(window: Window) -> Failure {
    // Half of the window, and at least a second: if that is still too large, the reason is another.
    let half = u64::try_from(window.end.saturating_sub(window.start) / 2).unwrap_or(0).max(1);
    failure(Remedy::WindowTooLarge(half), "507", "the events of this window do not fit into one answer")
}

fn of_resource(mut answer: Answer, session: &Session<'_>, window: Window, times: &mut BusyTimes) {
    let Some(id) = href::event_id(&answer.url) else { return };
    let mut problem = |what: String, span| times.problems.push(Problem { id: id.clone(), what, span });
    let Some(data) = answer.take_text(Ns::CalDav, "calendar-data") else {
        // Deleted between the search and the answer: it no longer takes time.
        if !matches!(answer.status, Some(404 | 410)) {
            problem("the server gave no calendar data for it".to_owned(), None);
        }
        return;
    };
    let (calendar, problems) = match icalendar::parse(data.as_bytes()) {
        Ok(parsed) => parsed,
        Err(error) => return problem(error.to_string(), None),
    };
    let (occurrences, more) = icalendar::occurrences(&calendar, session.zone.clone(), engine_window(window));
    // What a line says that cannot be read is unknown.
    let is_whole = problems.is_empty();
    let span = if is_whole && !more.is_empty() { record::bounds(&calendar, session) } else { None };
    problems.into_iter().chain(more).for_each(|each| problem(each.what, span));
    let mut meanings = EventKinds { calendar: &calendar, session, known: Vec::new() };
    times.intervals.extend(occurrences.iter().filter_map(|occurrence| meanings.interval(occurrence, window)));
}

fn engine_window(window: Window) -> icalendar::Window {
    let at = |second: i64, or| Timestamp::from_second(second).unwrap_or(or);
    icalendar::Window { start: at(window.start, Timestamp::MIN), end: at(window.end, Timestamp::MAX) }
}

/// The kinds of one resource's events. A series has many occurrences and few different events, so they are computed once.
struct EventKinds<'a> {
    calendar: &'a Component,
    session: &'a Session<'a>,
    known: Vec<EventKind<'a>>,
}

/// What all occurrences of an event have in common.
struct EventKind<'a> {
    event: &'a Component,
    /// `None` if the event takes no time of the owner's.
    kind: Option<BusyKind>,
    client_key: Option<String>,
    uid: Option<String>,
}

impl<'a> EventKinds<'a> {
    fn interval(&mut self, occurrence: &Occurrence<'a>, window: Window) -> Option<Interval> {
        let start = occurrence.start.as_second().max(window.start);
        let end = occurrence.end.as_second().min(window.end);
        // An event without a duration takes no time.
        if end <= start {
            return None;
        }
        let event = self.of(occurrence.event)?;
        let (kind, client_key, uid) = (event.kind?, event.client_key.clone(), event.uid.clone());
        Some(Interval { start, end, kind, all_day: occurrence.all_day(), client_key, uid })
    }

    fn of(&mut self, event: &'a Component) -> Option<&EventKind<'a>> {
        let known = self.known.iter().position(|known| std::ptr::eq(known.event, event));
        let place = known.unwrap_or_else(|| {
            let kind = meaning(event, self.session);
            // A changed occurrence by another program may lack the key of its series.
            let client_key =
                record::client_key(event).or_else(|| record::client_key(record::main_event(self.calendar)?));
            self.known.push(EventKind { event, kind, client_key, uid: event.text("UID") });
            self.known.len() - 1
        });
        self.known.get(place)
    }
}

/// `None` if the event is cancelled, or the owner declined it.
fn meaning(event: &Component, session: &Session<'_>) -> Option<BusyKind> {
    let reply = event::answer(event, &session.own_addresses());
    if event::status(event) == Status::Cancelled || reply == Some(Reply::Declined) {
        return None;
    }
    let organises = || event::organiser(event).is_some_and(|organiser| session.is_own(&organiser.address));
    match record::kind(event::busy(event)) {
        BusyKind::Busy | BusyKind::Tentative if reply == Some(Reply::NeedsAction) && !organises() => {
            Some(BusyKind::Unanswered)
        }
        BusyKind::Busy if reply == Some(Reply::Tentative) => Some(BusyKind::Tentative),
        kind => Some(kind),
    }
}
