//! The occurrences of a master and its overrides within a window.
//!
//! The occurrences of the rules are computed for the window alone, extended by the longest length and the largest
//! shift; a series of ten years costs as much as its one week in the window.
//!
//! Decisions: DTSTART is an occurrence whether its rule gives it or not (RFC 5545 §3.8.5.3: it defines the first
//! instance), unless every rule ended before it, which is how services empty a series that they split. An EXDATE that
//! is only a date removes that day's occurrences from a timed series, as programs that write it intend, and an EXDATE
//! also removes the override of an occurrence. A time that the clocks skip is an occurrence, read by §3.3.5; §3.3.10
//! would drop it, but people expect to see it in their calendar, and the contract requires it.
//! Rejected: computing the whole set first and then selecting the window.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::changes::{Change, Changes, MARGIN, OccurrenceId};
use super::timing::{Length, Timing};
use super::{Budget, Moment, Occurrence, Series, Window, WindowOccurrences};
use crate::recur::{Frequency, MAX_STEPS, Rule, Until};
use crate::value::{self, DateOrTime, Duration, PeriodEnd};
use crate::zone::Clock;
use crate::{Component, Problems, Zone, Zones, wall};

/// The most recurrence rules that one event may have.
const MAX_RULES: usize = 16;

pub(super) fn expand<'a>(
    series: &Series<'a>,
    zones: &mut Zones<'a>,
    window: Window,
    budget: &mut Budget,
    problems: &mut Problems,
) -> Vec<Occurrence<'a>> {
    let uid = series.uid.as_str();
    let master = series.master.and_then(|event| Some((event, Timing::read(event, zones, uid, problems)?)));
    let changes = Changes::read(series, master.as_ref().map(|(_, timing)| timing), zones, problems);
    let mut found = WindowOccurrences { window, budget, dropped: false, occurrences: Vec::new() };
    if let Some((event, timing)) = &master {
        let rules = read_rules(event, uid, problems);
        let listed = DateList::read(event, "RDATE", timing, zones, uid, problems);
        let without = DateList::read(event, "EXDATE", timing, zones, uid, problems);
        let clock = Clock::new(timing.zone(zones.owner()));
        if rules.is_empty() && listed.is_empty() && without.is_empty() && changes.is_empty() {
            found.place(timing, timing.start(), None, event, &clock);
        } else {
            let owner = zones.owner();
            let steps_to_find = Cell::new(MAX_STEPS);
            let plan = Plan { event, timing, rules, listed, without, changes, clock, owner, steps_to_find };
            plan.expand(&mut found, uid, problems);
            plan.changes.place(|change| plan.wants(change), &mut found, zones.owner());
        }
    } else {
        changes.place(|_| true, &mut found, zones.owner());
    }
    if found.dropped {
        problems.add(uid, "there are more occurrences than are listed; some of this event were left out");
    }
    found.occurrences
}

/// The values of RDATE or EXDATE.
struct DateList {
    values: BTreeMap<OccurrenceId, Value>,
}

/// A listed start, as local time in the master's zone, and the length of a PERIOD.
struct Value {
    wall: DateTime,
    length: Option<Length>,
}

impl DateList {
    fn read(
        event: &Component,
        name: &str,
        master: &Timing,
        zones: &mut Zones<'_>,
        uid: &str,
        problems: &mut Problems,
    ) -> DateList {
        let mut values = BTreeMap::new();
        for property in event.all(name) {
            for value in value::list(property) {
                let Some((id, value)) = value.ok().and_then(|value| {
                    let id = OccurrenceId::of(value.start, Some(master), zones, uid, problems)?;
                    Some((id, Value::read(id, value, master, zones, uid, problems)?))
                }) else {
                    problems.add(uid, format!("a value of {name} cannot be read and was left out"));
                    continue;
                };
                values.insert(id, value);
            }
        }
        DateList { values }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn has(&self, id: OccurrenceId) -> bool {
        !self.values.is_empty() && self.values.contains_key(&id)
    }
}

impl Value {
    fn read(
        id: OccurrenceId,
        value: value::ListedDate<'_>,
        master: &Timing,
        zones: &mut Zones<'_>,
        uid: &str,
        problems: &mut Problems,
    ) -> Option<Value> {
        let wall = match (id, master) {
            (OccurrenceId::Exact(Moment::Timed(at)), Timing::Timed { zone, .. }) => zone.local(at),
            // A date added to a timed series has the time of day of the others.
            (OccurrenceId::On(date), _) => date.to_datetime(master.start().time()),
            _ => value.start.wall(),
        };
        let length = match (value.end, id) {
            (None, _) => None,
            (Some(PeriodEnd::After(duration)), _) => Some(Length::Nominal(duration)),
            (Some(PeriodEnd::At(end)), OccurrenceId::Exact(Moment::Timed(at))) => {
                let end = match (end, master) {
                    // An end without a zone is in the zone of its start.
                    (DateOrTime::Floating(end), Timing::Timed { zone, .. }) => zone.instant(end)?,
                    (end, _) => zones.of(end, uid, problems).instant(end.wall())?,
                };
                Some(Length::Exact(end.as_second() - at.as_second()))
            }
            (Some(PeriodEnd::At(end)), _) => {
                let days = wall::days_between(wall.date(), end.wall().date());
                Some(Length::Nominal(Duration { days, seconds: 0 }))
            }
        };
        Some(Value { wall, length })
    }
}

fn read_rules(event: &Component, uid: &str, problems: &mut Problems) -> Vec<Rule> {
    let mut rules = Vec::new();
    for property in event.all("RRULE").filter(|property| !property.value.trim().is_empty()) {
        match Rule::parse(&property.value) {
            Ok(_) if rules.len() == MAX_RULES => {
                problems.add(uid, format!("an event has more than {MAX_RULES} recurrence rules"));
                break;
            }
            Ok(rule) => rules.push(rule),
            Err(bad) => problems.add(uid, format!("{bad}; the occurrences it gives are missing")),
        }
    }
    if event.property("EXRULE").is_some() {
        problems.add(uid, "EXRULE, which RFC 5545 removed, was not applied");
    }
    rules
}

/// The master's start, rules, lists and overrides, which together determine its occurrences.
struct Plan<'p, 'a> {
    event: &'a Component,
    timing: &'p Timing,
    rules: Vec<Rule>,
    listed: DateList,
    without: DateList,
    changes: Changes<'a>,
    /// The clock of the zone of `timing`.
    clock: Clock<'p>,
    owner: &'p Zone,
    /// The steps that are left to check that the occurrences of changes exist.
    steps_to_find: Cell<u32>,
}

impl<'a> Plan<'_, 'a> {
    fn expand(&self, found: &mut WindowOccurrences<'a, '_>, uid: &str, problems: &mut Problems) {
        // Only then can the same occurrence come twice.
        let several = self.rules.len() > 1 || !self.listed.is_empty() || self.rules.iter().any(several_a_day);
        let mut seen = several.then(BTreeSet::new);
        let start = self.timing.start();
        for value in self.listed.values.values() {
            self.occurrence(value.wall, value.length, seen.as_mut(), found);
        }
        if self.rules.is_empty() || !self.rules.iter().all(|rule| self.ended(rule, start)) {
            self.occurrence(start, None, seen.as_mut(), found);
        }
        let longest = self.timing.about().abs().max(self.changes.longest);
        let from = self.wall(found.window.start, -(longest + self.changes.latest_shift + MARGIN));
        let before = self.wall(found.window.end, self.changes.earliest_shift + MARGIN);
        for rule in &self.rules {
            if !found.budget.has_steps() {
                problems.add(uid, "the calendar's rules take too much time; this event's was not run");
                return;
            }
            let mut starts = rule.starts(start, from, before, self.rules.len() == 1);
            for wall in starts.by_ref() {
                if self.ended(rule, wall) || found.dropped {
                    break;
                }
                if wall != start {
                    self.occurrence(wall, None, seen.as_mut(), found);
                }
            }
            found.budget.take_steps(starts.steps());
            if starts.gave_up() {
                problems.add(uid, "the recurrence rule takes too many steps; some occurrences are missing");
            }
        }
    }

    /// The wall time at an instant, some seconds later or earlier, within the range of time.
    fn wall(&self, at: Timestamp, seconds: i64) -> DateTime {
        let end = if seconds < 0 { DateTime::MIN } else { DateTime::MAX };
        wall::later(self.clock.zone().local(at), seconds).unwrap_or(end)
    }

    /// Whether a time is after the rule's UNTIL. An UNTIL in UTC is an instant. A date includes its day: RFC 5545 does not
    /// allow a date with a timed start, but programs write it to mean "until the 23rd".
    fn ended(&self, rule: &Rule, wall: DateTime) -> bool {
        match (rule.until, self.timing) {
            (None, _) => false,
            (Some(Until::Date(last)), _) => wall.date() > last,
            (Some(Until::Local(last) | Until::Utc(last)), Timing::Days { .. }) => wall.date() > last.date(),
            (Some(Until::Local(last)), Timing::Timed { .. }) => wall > last,
            (Some(Until::Utc(last)), Timing::Timed { .. }) => {
                self.clock.instant(wall).is_none_or(|at| Zone::utc().instant(last).is_some_and(|last| at > last))
            }
        }
    }

    /// Whether the series still has the changed occurrence, as far as that can be determined.
    fn wants(&self, change: &Change<'_>) -> bool {
        let excluded = self.without.has(change.id) || self.without.has(OccurrenceId::On(change.original.date()));
        !excluded && !self.outdates(change)
    }

    /// Whether a change is an older version of the master. Some services give each version a RECURRENCE-ID; such a change
    /// has recurrence rules, which a change of one occurrence never has.
    fn outdates(&self, change: &Change<'_>) -> bool {
        let own_rules = ["RRULE", "RDATE", "EXDATE"].iter().any(|name| change.event.property(name).is_some());
        own_rules && super::sequence(change.event) < super::sequence(self.event) && !self.gives(change)
    }

    /// Whether the master has the occurrence that a change changes. True if finding out takes too many steps.
    fn gives(&self, change: &Change<'_>) -> bool {
        let wall = change.original;
        let after = wall::later(wall, 1).unwrap_or(DateTime::MAX);
        let by_rule = |rule: &Rule| {
            if self.ended(rule, wall) {
                return false;
            }
            let mut starts = rule.starts(self.timing.start(), wall, after, true);
            let given = self.steps_to_find.get() == 0 || starts.next() == Some(wall);
            self.steps_to_find.update(|left| left.saturating_sub(starts.steps()));
            given
        };
        wall == self.timing.start() || self.listed.has(change.id) || self.rules.iter().any(by_rule)
    }

    /// Adds the occurrence of the series at this local time, unless it was excluded, changed, or added before.
    fn occurrence(
        &self,
        wall: DateTime,
        length: Option<Length>,
        seen: Option<&mut BTreeSet<Moment>>,
        found: &mut WindowOccurrences<'a, '_>,
    ) {
        let moment = match self.timing {
            Timing::Days { .. } => Moment::Date(wall.date()),
            Timing::Timed { .. } => match self.clock.instant(wall) {
                Some(at) => Moment::Timed(at),
                None => return,
            },
        };
        let names = [OccurrenceId::Exact(moment), OccurrenceId::On(wall.date())];
        if names.iter().any(|&name| self.without.has(name) || self.changes.single(name)) {
            return;
        }
        if seen.is_some_and(|seen| !seen.insert(moment)) {
            return;
        }
        if let Some(change) = self.changes.governing(moment) {
            if let Some(wall) = change.shifted(wall, self.timing) {
                let clock = Clock::new(change.timing.zone(self.owner));
                found.place(&change.timing, wall, Some(moment), change.event, &clock);
            }
            return;
        }
        match length {
            None => found.place(self.timing, wall, Some(moment), self.event, &self.clock),
            Some(length) => {
                found.place(&self.timing.with_length(length), wall, Some(moment), self.event, &self.clock);
            }
        }
    }
}

/// Whether a rule gives several times on one day. Where the clocks go forward, two of them may be the same instant.
fn several_a_day(rule: &Rule) -> bool {
    rule.frequency < Frequency::Daily || [&rule.by_hour, &rule.by_minute, &rule.by_second].iter().any(|by| by.len() > 1)
}
