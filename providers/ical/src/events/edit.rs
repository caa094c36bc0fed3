//! Changing the fields that a patch names, and no others.
//!
//! The stored calendar is changed in place, so everything that the contract does not know stays: alarms, categories, vendor
//! properties, other people's answers. Fields that already have the wanted value are not changed, and without a difference
//! nothing is written: a second pass of a sync must find nothing to do.
//!
//! The changed occurrences of a series are components of their own with copies of every field. A copy that equals the series'
//! old value follows the series; a different one was changed on purpose and stays, except for the time: [`shift`](super::shift)
//! handles a series that moves. An occurrence that is changed alone gets such a component, and the series stays as it is.

use chronus_sdk::failure::{invalid, unsupported};
use chronus_sdk::icalendar::event::{self, Fields, When};
use chronus_sdk::icalendar::vtimezone::define_zones;
use chronus_sdk::icalendar::{Component, Moment, Zones};
use chronus_sdk::same::is_same_recurrence;
use chronus_sdk::values::{Attendee, Failure, Notify, Patch};
use jiff::Timestamp;

use super::attendees::invite;
use super::shift::{Move, Outcome, ReplacedRule};
use crate::record::{self, StoredEvent};
use crate::session::Session;

/// The fields that a patch changes; `None` for those that already have the wanted value.
#[derive(Default)]
struct Changes {
    title: Option<String>,
    description: Option<String>,
    location: Option<String>,
    url: Option<String>,
    when: Option<When>,
    busy: Option<event::Busy>,
    status: Option<event::Status>,
    attendees: Option<Vec<Attendee>>,
    recurrence: Option<Vec<String>>,
}

/// The calendar with the patch applied to the event, or to the occurrence with this start; `None` if nothing differs.
///
/// # Errors
/// `invalid` if the patch cannot be applied; `unsupported` if the server would notify people against `notify`.
pub(super) fn apply(
    session: &Session<'_>,
    stored: &StoredEvent,
    start: Option<Moment>,
    patch: &Patch,
    notify: Notify,
    now: Timestamp,
) -> Result<Option<Component>, Failure> {
    if let Some(start) = start {
        return apply_to_occurrence(session, stored, start, patch, notify, now);
    }
    let before = stored.fields(session).ok_or_else(|| record::unreadable("it holds no event".to_owned()))?;
    let changes = Changes::of(patch, &before)?;
    if changes.are_none() {
        return Ok(None);
    }
    let mut calendar = stored.calendar.clone();
    // A single occurrence of another person's series moves alone.
    let in_series = before.original.is_none() && repeats(&stored.calendar, &before);
    let moved = before.when.as_ref().filter(|_| in_series && changes.moves()).map(|old| Move {
        session,
        old,
        new: changes.when.as_ref().unwrap_or(old),
        calendar: &stored.calendar,
        has_other_rule: changes.has_other_rule(&before),
        now,
    });
    moved.as_ref().map_or(Ok(()), Move::check)?;
    let Some(main) = record::main_index(&calendar) else { return Ok(None) };
    if let Some(master) = calendar.components.get_mut(main) {
        changes.apply(session, master, moved.as_ref())?;
        changes.stamp(master, now);
    }
    let replaced = changes.recurrence.as_ref().filter(|lines| moved.is_some() && !lines.is_empty());
    let replaced =
        replaced.map(|_| ReplacedRule { before: series_alone(&stored.calendar), after: series_alone(&calendar) });
    let mut components = Vec::with_capacity(calendar.components.len());
    for (index, mut component) in std::mem::take(&mut calendar.components).into_iter().enumerate() {
        if component.name == "VEVENT" && index != main {
            let own = event::read(&component, &mut Zones::new(&stored.calendar, session.zone.clone())).0;
            let following = changes.followed_by(&own, &before);
            let outcome = match &moved {
                Some(moved) => moved.occurrence(&mut component, &own, replaced.as_ref()),
                None => Outcome::Unchanged,
            };
            if outcome == Outcome::Removed {
                continue;
            }
            if !following.are_none() || outcome == Outcome::Moved {
                following.apply(session, &mut component, None)?;
                changes.stamp(&mut component, now);
            }
        }
        components.push(component);
    }
    calendar.components = components;
    if changes.recurrence.as_ref().is_some_and(Vec::is_empty) {
        // An event without recurrence has no changed occurrences.
        calendar.components.retain(|component| component.property("RECURRENCE-ID").is_none());
    }
    schedule(session, &mut calendar, &before, notify)?;
    if let Some(problem) = define_zones(&mut calendar).into_iter().next() {
        return Err(invalid("patch.when", problem.what));
    }
    Ok(Some(calendar))
}

fn apply_to_occurrence(
    session: &Session<'_>,
    stored: &StoredEvent,
    start: Moment,
    patch: &Patch,
    notify: Notify,
    now: Timestamp,
) -> Result<Option<Component>, Failure> {
    if patch.recurrence.as_ref().is_some_and(|lines| !lines.is_empty()) {
        return Err(invalid("patch.recurrence", "an occurrence does not repeat"));
    }
    let mut calendar = stored.calendar.clone();
    let index = stored_occurrence(session, stored, &mut calendar, start)?;
    let Some(component) = calendar.components.get_mut(index) else { return Ok(None) };
    let before = event::read(component, &mut Zones::new(&stored.calendar, session.zone.clone())).0;
    let changes = Changes::of(patch, &before)?;
    if changes.are_none() {
        return Ok(None);
    }
    changes.apply(session, component, None)?;
    changes.stamp(component, now);
    schedule(session, &mut calendar, &before, notify)?;
    if let Some(problem) = define_zones(&mut calendar).into_iter().next() {
        return Err(invalid("patch.when", problem.what));
    }
    Ok(Some(calendar))
}

/// The position of the VEVENT of an occurrence, which is added if the series has none for it.
pub(super) fn stored_occurrence(
    session: &Session<'_>,
    stored: &StoredEvent,
    calendar: &mut Component,
    start: Moment,
) -> Result<usize, Failure> {
    if let Some(index) = stored.changed_index(session, start) {
        return Ok(index);
    }
    calendar.components.push(stored.new_change(session, start)?);
    Ok(calendar.components.len() - 1)
}

fn repeats(calendar: &Component, main: &Fields) -> bool {
    !main.recurrence.is_empty() || calendar.inner("VEVENT").nth(1).is_some()
}

/// The calendar without changed and excluded occurrences.
fn series_alone(calendar: &Component) -> Component {
    let mut series = calendar.clone();
    series.components.retain(|component| component.property("RECURRENCE-ID").is_none());
    series.inner_mut("VEVENT").for_each(|event| event.remove("EXDATE"));
    series
}

/// The rules of a series without their ends.
fn endless(lines: &[String]) -> Vec<String> {
    let rules = lines.iter().filter_map(|line| line.split_once(':')).filter(|(name, _)| name.starts_with("RRULE"));
    let is_end = |part: &&str| ["UNTIL=", "COUNT="].iter().any(|end| part.to_ascii_uppercase().starts_with(end));
    let shapes = rules.map(|(_, parts)| parts.split(';').filter(|part| !is_end(part)).collect::<Vec<_>>().join(";"));
    shapes.map(|shape| format!("RRULE:{shape}")).collect()
}

/// Marks the attendees that the server may act for, if the owner organises the event.
fn schedule(session: &Session<'_>, calendar: &mut Component, before: &Fields, notify: Notify) -> Result<(), Failure> {
    let known: Vec<String> = before.attendees.iter().map(|attendee| attendee.address.clone()).collect();
    for component in calendar.inner_mut("VEVENT") {
        if event::organiser(component).is_some_and(|organiser| session.is_own(&organiser.address)) {
            session.account.scheduling.prepare(component, &known, &session.own, notify)?;
        }
    }
    Ok(())
}

impl Changes {
    fn of(patch: &Patch, before: &Fields) -> Result<Changes, Failure> {
        if !patch.answers.is_empty() {
            return Err(unsupported("a CalDAV server collects the answers of attendees itself"));
        }
        let description = patch.description.as_deref().map(lines);
        let location = patch.location.as_deref().map(lines);
        let when = patch.when.as_ref().map(record::when).transpose()?;
        let people = |wanted: &&Vec<Attendee>| !is_same_people(&record::attendees(wanted), &before.attendees);
        let when = when.filter(|when| !before.when.as_ref().is_some_and(|before| is_same_when(before, when)));
        // A rule that the patch names is not moved, even if it is the present one.
        let is_other =
            |lines: &Vec<String>| when.is_some() && !lines.is_empty() || !is_same_recurrence(lines, &before.recurrence);
        Ok(Changes {
            recurrence: patch.recurrence.clone().filter(is_other),
            title: patch.title.clone().filter(|title| *title != before.title),
            description: description.filter(|description| *description != before.description),
            location: location.filter(|location| *location != before.location),
            url: patch.url.clone().filter(|url| *url != before.url),
            when,
            busy: patch.busy.map(record::busy).transpose()?.filter(|busy| *busy != before.busy),
            status: patch.status.map(record::status).filter(|status| *status != before.status),
            attendees: patch.attendees.as_ref().filter(people).cloned(),
        })
    }

    fn are_none(&self) -> bool {
        self.title.is_none()
            && self.description.is_none()
            && self.location.is_none()
            && self.url.is_none()
            && self.when.is_none()
            && self.busy.is_none()
            && self.status.is_none()
            && self.attendees.is_none()
            && self.recurrence.is_none()
    }

    /// Whether occurrences of a series may move or end.
    fn moves(&self) -> bool {
        self.when.is_some() || self.recurrence.is_some()
    }

    fn has_other_rule(&self, before: &Fields) -> bool {
        self.recurrence.as_ref().is_some_and(|lines| !is_same_recurrence(&endless(lines), &endless(&before.recurrence)))
    }

    /// The changes that a changed occurrence follows: those of fields that equal the series' old value.
    fn followed_by(&self, own: &Fields, before: &Fields) -> Changes {
        Changes {
            title: self.title.clone().filter(|_| own.title == before.title),
            description: self.description.clone().filter(|_| own.description == before.description),
            location: self.location.clone().filter(|_| own.location == before.location),
            url: self.url.clone().filter(|_| own.url == before.url),
            busy: self.busy.filter(|_| own.busy == before.busy),
            status: self.status.filter(|_| own.status == before.status),
            attendees: self.attendees.clone().filter(|_| is_same_people(&own.attendees, &before.attendees)),
            when: None,
            recurrence: None,
        }
    }

    fn apply(&self, session: &Session<'_>, event: &mut Component, moved: Option<&Move<'_>>) -> Result<(), Failure> {
        if let Some(title) = &self.title {
            event::set_title(event, title);
        }
        if let Some(description) = &self.description {
            event::set_description(event, description);
        }
        if let Some(location) = &self.location {
            event::set_location(event, location);
        }
        if let Some(url) = &self.url {
            event::set_url(event, url).map_err(|bad| invalid("patch.url", bad.0))?;
        }
        if let Some(busy) = self.busy {
            event::set_busy(event, busy);
        }
        if let Some(status) = self.status {
            event::set_status(event, status);
        }
        if let Some(when) = &self.when {
            event::set_when(event, when);
        }
        match (&self.recurrence, moved) {
            (Some(lines), _) => {
                event::set_recurrence(event, lines).map_err(|bad| invalid("patch.recurrence", bad.0))?;
            }
            (None, Some(moved)) => moved.recurrence(event)?,
            (None, None) => {}
        }
        if let Some(attendees) = &self.attendees {
            invite(session, event, attendees);
        }
        Ok(())
    }

    /// Significant changes (RFC 5546 §2.1.4) raise SEQUENCE, and attendees are asked again; others do not.
    fn stamp(&self, event: &mut Component, now: Timestamp) {
        if self.when.is_some() || self.recurrence.is_some() || self.status.is_some() {
            event::revise(event, now);
        } else {
            event::stamp(event, now);
        }
    }
}

fn is_same_when(one: &When, other: &When) -> bool {
    match (one, other) {
        (
            When::Timed { start: s1, start_zone: z1, end: e1, end_zone: f1 },
            When::Timed { start: s2, start_zone: z2, end: e2, end_zone: f2 },
        ) => s1 == s2 && e1 == e2 && z1.name() == z2.name() && f1.name() == f2.name(),
        (When::Days { start: s1, end: e1 }, When::Days { start: s2, end: e2 }) => s1 == s2 && e1 == e2,
        _ => false,
    }
}

/// Whether two lists hold the same people with the same roles and names. Answers do not count.
fn is_same_people(one: &[event::Attendee], other: &[event::Attendee]) -> bool {
    let has = |list: &[event::Attendee], one: &event::Attendee| {
        list.iter().any(|other| {
            one.role == other.role
                && one.address.eq_ignore_ascii_case(&other.address)
                && (one.name.is_none() || one.name == other.name)
        })
    };
    one.len() == other.len() && one.iter().all(|each| has(other, each))
}

/// Text with `\n` at the end of each line.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
