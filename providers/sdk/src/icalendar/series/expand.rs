//! From a master and its overrides to occurrences within a window.
//!
//! What an occurrence is called and when it takes place are two things. Its name is the start that the series gives
//! it, as an instant (as a day in a whole-day series): RECURRENCE-ID, EXDATE and RDATE mean it, in whatever zone or
//! form they are written. SEQUENCE is no part of the name, since services raise it on overrides alone; it only decides
//! which of two overrides of one occurrence is the newer. Overrides are placed one by one, wherever they were moved,
//! so one that comes into the window from outside is seen. What the rules give is computed for the window alone,
//! widened by the longest length and the farthest shift.
//!
//! Decisions: DTSTART is an occurrence whether its rule gives it or not (RFC 5545 §3.8.5.3: it defines the first
//! instance), unless every rule ended before it, which is how services empty a series that they split. An EXDATE that
//! is only a date removes that day's occurrences from a timed series, as its writers mean it, and also the override of
//! an occurrence. RANGE=THISANDFUTURE shifts on the wall and gives its own length (§3.8.4.4). An override that cannot
//! be read does not hide the occurrence it changes. A time that the clocks skip is an occurrence (§3.3.5; §3.3.10
//! would drop it, but nobody who looks at their calendar expects that).
//! Rejected: building the whole set first and cutting the window out of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::timing::{Placed, Timing};
use super::{Budget, Moment, Occurrence, Series, Window};
use crate::icalendar::recur::{Frequency, Rule, Until};
use crate::icalendar::value::{self, DateOrTime, Duration, PeriodEnd};
use crate::icalendar::{Component, Problems, Zone, Zones};

/// The most recurrence rules that one event may have.
const MAX_RULES: usize = 16;

/// Farther than any zone is from another, and longer than any change of the clocks.
const MARGIN: i64 = 2 * 86_400;

pub(super) fn expand<'a>(
    series: &Series<'a>,
    zones: &mut Zones<'a>,
    window: Window,
    budget: &mut Budget,
    problems: &mut Problems,
) -> Vec<Occurrence<'a>> {
    let uid = series.uid.as_str();
    let master = series.master.and_then(|event| Some((event, Timing::read(event, zones, uid, problems)?)));
    let timing = master.as_ref().map(|(_, timing)| timing);
    let changes = Changes::read(series, timing, zones, problems);
    let mut found = Found { window, budget, dropped: false, occurrences: Vec::new() };
    if let Some((event, timing)) = &master {
        let rules = read_rules(event, uid, problems);
        let listed = Listed::read(event, "RDATE", timing, zones, uid, problems);
        let without = Listed::read(event, "EXDATE", timing, zones, uid, problems);
        if rules.is_empty() && listed.is_empty() && without.is_empty() && changes.is_empty() {
            found.place(timing, timing.start(), None, event, zones.owner());
        } else {
            let plan = Plan { timing, rules, listed, without: &without, changes: &changes, owner: zones.owner() };
            plan.expand(event, &mut found, uid, problems);
            let wanted = |change: &Change<'_>| {
                let names = [change.id, Id::On(change.original.date())];
                !names.iter().any(|&name| without.has(name)) && !plan.outdates(change, event)
            };
            changes.place(wanted, &mut found, zones.owner());
        }
    } else {
        changes.place(|_| true, &mut found, zones.owner());
    }
    if found.dropped {
        problems.add(uid, "there are more occurrences than are listed; some of this event were left out");
    }
    found.occurrences
}

/// What was found within the window.
struct Found<'a, 'b> {
    window: Window,
    budget: &'b mut Budget,
    /// Whether an occurrence was left out because there were too many.
    dropped: bool,
    occurrences: Vec<Occurrence<'a>>,
}

impl<'a> Found<'a, '_> {
    fn place(&mut self, timing: &Timing, wall: DateTime, original: Option<Moment>, event: &'a Component, owner: &Zone) {
        if let Some(placed) = timing.place(wall, owner) {
            self.add(placed, timing.zone(owner), original, event);
        }
    }

    fn add(&mut self, placed: Placed, zone: &Zone, original: Option<Moment>, event: &'a Component) {
        if !self.window.meets(placed.start, placed.end) {
            return;
        }
        if !self.budget.occurrence() {
            self.dropped = true;
            return;
        }
        let Placed { start, end, days } = placed;
        self.occurrences.push(Occurrence { start, end, days, zone: zone.clone(), original, event });
    }
}

/// How RECURRENCE-ID or EXDATE name occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Id {
    Exact(Moment),
    /// All occurrences of a timed series on this day.
    On(Date),
}

impl Id {
    /// What a value means in the series of this master. A time without a zone is in the master's.
    fn of(
        value: DateOrTime<'_>,
        master: Option<&Timing>,
        zones: &mut Zones<'_>,
        uid: &str,
        problems: &mut Problems,
    ) -> Option<Id> {
        match (master, value) {
            (Some(Timing::Days { .. }), value) => Some(Id::Exact(Moment::Date(value.wall().date()))),
            (Some(Timing::Timed { .. }), DateOrTime::Date(date)) => Some(Id::On(date)),
            (None, DateOrTime::Date(date)) => Some(Id::Exact(Moment::Date(date))),
            (Some(Timing::Timed { zone, .. }), DateOrTime::Floating(at)) => zone.instant(at).map(exact),
            (_, value) => zones.of(value, uid, problems).instant(value.wall()).map(exact),
        }
    }
}

fn exact(at: Timestamp) -> Id {
    Id::Exact(Moment::Timed(at))
}

/// The values of RDATE or EXDATE.
struct Listed {
    values: BTreeMap<Id, Value>,
}

/// The start of a listed value on the wall of the master's zone, and the length of a PERIOD.
struct Value {
    wall: DateTime,
    length: Option<super::timing::Length>,
}

impl Listed {
    fn read(
        event: &Component,
        name: &str,
        master: &Timing,
        zones: &mut Zones<'_>,
        uid: &str,
        problems: &mut Problems,
    ) -> Listed {
        let mut values = BTreeMap::new();
        for property in event.all(name) {
            for value in value::list(property) {
                let Some((id, value)) = value.ok().and_then(|value| {
                    let id = Id::of(value.start, Some(master), zones, uid, problems)?;
                    Some((id, Value::read(id, value, master, zones, uid, problems)?))
                }) else {
                    problems.add(uid, format!("a value of {name} cannot be read and was left out"));
                    continue;
                };
                values.insert(id, value);
            }
        }
        Listed { values }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn has(&self, id: Id) -> bool {
        !self.values.is_empty() && self.values.contains_key(&id)
    }
}

impl Value {
    fn read(
        id: Id,
        value: value::Listed<'_>,
        master: &Timing,
        zones: &mut Zones<'_>,
        uid: &str,
        problems: &mut Problems,
    ) -> Option<Value> {
        let start = match (id, master) {
            (Id::Exact(Moment::Timed(at)), Timing::Timed { zone, .. }) => zone.local(at),
            // A date added to a timed series has the time of day of the others.
            (Id::On(date), _) => date.to_datetime(master.start().time()),
            _ => value.start.wall(),
        };
        let length = match (value.end, id) {
            (None, _) => None,
            (Some(PeriodEnd::After(duration)), _) => Some(super::timing::Length::Nominal(duration)),
            (Some(PeriodEnd::At(end)), Id::Exact(Moment::Timed(at))) => {
                let end = zones.of(end, uid, problems).instant(end.wall())?;
                Some(super::timing::Length::Exact(end.as_second() - at.as_second()))
            }
            (Some(PeriodEnd::At(end)), _) => {
                let days = start.date().until(end.wall().date()).map_or(0, |span| span.get_days());
                Some(super::timing::Length::Nominal(Duration { days: i64::from(days), seconds: 0 }))
            }
        };
        Some(Value { wall: start, length })
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

/// Everything that a master says about its occurrences.
struct Plan<'p, 'a> {
    timing: &'p Timing,
    rules: Vec<Rule>,
    listed: Listed,
    without: &'p Listed,
    changes: &'p Changes<'a>,
    owner: &'p Zone,
}

impl<'a> Plan<'_, 'a> {
    fn expand(&self, event: &'a Component, found: &mut Found<'a, '_>, uid: &str, problems: &mut Problems) {
        // Only then can one occurrence be given twice.
        let several = self.rules.len() > 1 || !self.listed.is_empty() || self.rules.iter().any(several_a_day);
        let mut seen = several.then(BTreeSet::new);
        let start = self.timing.start();
        for value in self.listed.values.values() {
            self.occurrence(value.wall, value.length, seen.as_mut(), event, found);
        }
        if self.rules.is_empty() || !self.rules.iter().all(|rule| self.ended(rule, start)) {
            self.occurrence(start, None, seen.as_mut(), event, found);
        }
        let zone = self.timing.zone(self.owner);
        let longest = self.timing.about().abs().max(self.changes.longest);
        let from = wall(zone, found.window.start, -(longest + self.changes.latest_shift + MARGIN));
        let before = wall(zone, found.window.end, self.changes.earliest_shift + MARGIN);
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
                    self.occurrence(wall, None, seen.as_mut(), event, found);
                }
            }
            found.budget.take_steps(starts.steps());
            if starts.gave_up() {
                problems.add(uid, "the recurrence rule takes too many steps; some occurrences are missing");
            }
        }
    }

    /// Whether a time is after the rule's UNTIL. What the UNTIL says in UTC is an instant. A date includes its day: it
    /// is not what RFC 5545 allows beside a timed start, but "until the 23rd" is what it says.
    fn ended(&self, rule: &Rule, wall: DateTime) -> bool {
        match (rule.until, self.timing) {
            (None, _) => false,
            (Some(Until::Date(last)), _) => wall.date() > last,
            (Some(Until::Local(last) | Until::Utc(last)), Timing::Days { .. }) => wall.date() > last.date(),
            (Some(Until::Local(last)), Timing::Timed { .. }) => wall > last,
            (Some(Until::Utc(last)), Timing::Timed { zone, .. }) => {
                zone.instant(wall).is_none_or(|at| Zone::utc().instant(last).is_some_and(|last| at > last))
            }
        }
    }

    /// Whether a change is what an older version of the master has left behind. Some services give every version a
    /// RECURRENCE-ID; such a change repeats by rules of its own, which no change of one occurrence does.
    fn outdates(&self, change: &Change<'_>, master: &Component) -> bool {
        let own_rules = ["RRULE", "RDATE", "EXDATE"].iter().any(|name| change.event.property(name).is_some());
        own_rules && super::sequence(change.event) < super::sequence(master) && !self.gives(change)
    }

    /// Whether the master gives the occurrence that a change is of.
    fn gives(&self, change: &Change<'_>) -> bool {
        let wall = change.original;
        let after = wall.saturating_add(SignedDuration::from_secs(1));
        let by_rule = |rule: &Rule| {
            !self.ended(rule, wall) && rule.starts(self.timing.start(), wall, after, true).next() == Some(wall)
        };
        wall == self.timing.start() || self.listed.has(change.id) || self.rules.iter().any(by_rule)
    }

    /// Adds the occurrence that the series gives at this wall time, unless it was excluded, changed, or seen before.
    fn occurrence(
        &self,
        wall: DateTime,
        length: Option<super::timing::Length>,
        seen: Option<&mut BTreeSet<Moment>>,
        event: &'a Component,
        found: &mut Found<'a, '_>,
    ) {
        let moment = match self.timing {
            Timing::Days { .. } => Moment::Date(wall.date()),
            Timing::Timed { zone, .. } => match zone.instant(wall) {
                Some(at) => Moment::Timed(at),
                None => return,
            },
        };
        let names = [Id::Exact(moment), Id::On(wall.date())];
        if names.iter().any(|&name| self.without.has(name) || self.changes.single(name)) {
            return;
        }
        if seen.is_some_and(|seen| !seen.insert(moment)) {
            return;
        }
        if let Some(change) = self.changes.governing(moment) {
            let wall = change.shifted(wall, self.timing);
            if let Some(wall) = wall {
                found.place(&change.timing, wall, Some(moment), change.event, self.owner);
            }
            return;
        }
        match length {
            None => found.place(self.timing, wall, Some(moment), event, self.owner),
            Some(length) => {
                let timing = self.timing.with_length(length);
                found.place(&timing, wall, Some(moment), event, self.owner);
            }
        }
    }
}

/// Whether a rule gives several times on one day; two of them may be one instant where the clocks go forward.
fn several_a_day(rule: &Rule) -> bool {
    rule.frequency < Frequency::Daily || [&rule.by_hour, &rule.by_minute, &rule.by_second].iter().any(|by| by.len() > 1)
}

/// The wall time at an instant, some seconds later or earlier, within the range of time.
fn wall(zone: &Zone, at: Timestamp, seconds: i64) -> DateTime {
    zone.local(at).saturating_add(SignedDuration::from_secs(seconds))
}

/// The overrides of a series, the newest of each occurrence.
struct Changes<'a> {
    by_id: BTreeMap<Id, Change<'a>>,
    /// Those with RANGE=THISANDFUTURE, sorted by what they change.
    ranges: Vec<(Moment, Id)>,
    /// Over all ranges: the longest length and the farthest shifts, in seconds, none negative.
    longest: i64,
    latest_shift: i64,
    earliest_shift: i64,
}

struct Change<'a> {
    id: Id,
    /// The changed occurrence's own start on the wall of the master's zone.
    original: DateTime,
    range: bool,
    timing: Timing,
    event: &'a Component,
}

impl<'a> Changes<'a> {
    fn read(
        series: &Series<'a>,
        master: Option<&Timing>,
        zones: &mut Zones<'a>,
        problems: &mut Problems,
    ) -> Changes<'a> {
        let mut changes =
            Changes { by_id: BTreeMap::new(), ranges: Vec::new(), longest: 0, latest_shift: 0, earliest_shift: 0 };
        for &event in &series.overrides {
            let Some(change) = Change::read(event, master, zones, &series.uid, problems) else { continue };
            match changes.by_id.get(&change.id) {
                Some(present) if super::revision(present.event) > super::revision(event) => {}
                _ => {
                    changes.by_id.insert(change.id, change);
                }
            }
        }
        let Some(master) = master else { return changes };
        for (&id, change) in changes.by_id.iter().filter(|(_, change)| change.range) {
            let from = match (id, master) {
                (Id::Exact(moment), _) => Some(moment),
                (Id::On(_), Timing::Timed { zone, .. }) => zone.instant(change.original).map(Moment::Timed),
                (Id::On(day), Timing::Days { .. }) => Some(Moment::Date(day)),
            };
            changes.ranges.extend(from.map(|from| (from, id)));
            changes.longest = changes.longest.max(change.timing.about().abs());
            if let Some(first) = change.shifted(change.original, master) {
                let shift = seconds_between(change.original, first);
                // Another zone may be in play, hence the margin.
                changes.latest_shift = changes.latest_shift.max(shift + MARGIN);
                changes.earliest_shift = changes.earliest_shift.max(MARGIN - shift);
            }
        }
        changes.ranges.sort_unstable();
        changes
    }

    fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether this occurrence itself is overridden.
    fn single(&self, id: Id) -> bool {
        !self.by_id.is_empty() && self.by_id.contains_key(&id)
    }

    /// The change of an earlier occurrence that holds for this one too: the last one before it.
    fn governing(&self, moment: Moment) -> Option<&Change<'a>> {
        let after = self.ranges.partition_point(|&(from, _)| from < moment);
        let (_, id) = self.ranges.get(after.checked_sub(1)?)?;
        self.by_id.get(id)
    }

    fn place(&self, wanted: impl Fn(&Change<'a>) -> bool, found: &mut Found<'a, '_>, owner: &Zone) {
        for change in self.by_id.values() {
            if wanted(change) {
                let original = match change.id {
                    Id::Exact(moment) => moment,
                    Id::On(day) => Moment::Date(day),
                };
                found.place(&change.timing, change.timing.start(), Some(original), change.event, owner);
            }
        }
    }
}

impl<'a> Change<'a> {
    fn read(
        event: &'a Component,
        master: Option<&Timing>,
        zones: &mut Zones<'a>,
        uid: &str,
        problems: &mut Problems,
    ) -> Option<Change<'a>> {
        let property = event.property("RECURRENCE-ID")?;
        let id = value::date_or_time(property).ok().and_then(|value| {
            let id = Id::of(value, master, zones, uid, problems)?;
            Some((id, value.wall()))
        });
        let Some((id, written)) = id else {
            problems.add(uid, "RECURRENCE-ID cannot be read; the change of an occurrence was left out");
            return None;
        };
        let original = match (id, master) {
            (Id::Exact(Moment::Timed(at)), Some(Timing::Timed { zone, .. })) => zone.local(at),
            _ => written,
        };
        let range = property.parameter("RANGE").is_some_and(|range| range.eq_ignore_ascii_case("THISANDFUTURE"));
        let timing = Timing::read(event, zones, uid, problems)?;
        Some(Change { id, original, range, timing, event })
    }

    /// The start of a later occurrence, shifted as this one was, on the wall of this change's zone.
    fn shifted(&self, wall: DateTime, master: &Timing) -> Option<DateTime> {
        let own = self.timing.start();
        match (master, &self.timing) {
            (Timing::Timed { zone, .. }, Timing::Timed { zone: own_zone, .. }) if self.id_is_exact() => {
                let in_master = zone.local(own_zone.instant(own)?);
                let shifted = add_seconds(wall, seconds_between(self.original, in_master))?;
                Some(own_zone.local(zone.instant(shifted)?))
            }
            // One of the two speaks of days: days are shifted, and the time of day is the change's own.
            _ => {
                let midnight = |at: DateTime| at.date().to_datetime(own.time());
                add_seconds(midnight(wall), seconds_between(midnight(self.original), own))
            }
        }
    }

    fn id_is_exact(&self) -> bool {
        matches!(self.id, Id::Exact(_))
    }
}

fn seconds_between(from: DateTime, to: DateTime) -> i64 {
    from.duration_until(to).as_secs()
}

fn add_seconds(at: DateTime, seconds: i64) -> Option<DateTime> {
    at.checked_add(SignedDuration::from_secs(seconds)).ok()
}
