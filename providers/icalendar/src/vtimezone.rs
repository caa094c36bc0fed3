//! Writing a VTIMEZONE for an IANA zone (RFC 5545 §3.6.5).
//!
//! A calendar must define each TZID that it uses: servers refuse it otherwise, and Outlook reads times by the definition alone.
//! The definition must hold standard and daylight time, as simple yearly rules that Outlook understands. jiff knows a zone's
//! changes and not their rules, so this module reconstructs the rules: changes of consecutive years in the same month, on the
//! same weekday and at the same time are a run, and a run is written as a rule if the rule gives exactly these changes. Changes
//! without a rule (Morocco's) are listed one by one.
//!
//! Rejected: a table of definitions in the source. It would be older than the zone data.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};

use super::recur::{DayOf, Frequency, Rule, Until};
use super::value::{self, DateOrTime};
use super::zone::shown;
use super::{Component, Problem, Problems, Property, Zone, Zones, wall};

/// The years after the last one that are examined, to distinguish a rule from a coincidence.
const LOOK_AHEAD: i16 = 10;

/// The years for which definitions are written. Rules outside of them are unknown.
const EARLIEST: i16 = 1900;
const LATEST: i16 = 2200;

/// A VTIMEZONE that is correct from the first to the last year, with both observances if the zone has them. A rule that holds
/// in the last year has no end. `None` for UTC, which needs no definition, and for a zone without a name.
pub fn vtimezone(zone: &Zone, first: i16, last: i16) -> Option<Component> {
    let name = zone.name().filter(|name| !matches!(*name, "UTC" | "Etc/UTC"))?;
    let first = first.clamp(EARLIEST, LATEST);
    let end = last.clamp(first, LATEST) + LOOK_AHEAD;
    let mut component = Component::new("VTIMEZONE");
    component.properties.push(Property::new("TZID", name));
    component.properties.push(Property::new("X-LIC-LOCATION", name));
    component.components.extend(runs(changes(zone, first, end)?).iter().map(|run| run.write(end)));
    Some(component)
}

/// Adds the VTIMEZONE of each TZID that the calendar uses and does not define. Problems name unknown ones.
pub fn define_zones(calendar: &mut Component) -> Vec<Problem> {
    let mut problems = Problems::default();
    let mut used = BTreeMap::new();
    for component in calendar.components.iter().filter(|component| component.name != "VTIMEZONE") {
        collect(component, &mut used);
    }
    for defined in calendar.inner("VTIMEZONE").filter_map(|zone| zone.text("TZID")) {
        used.remove(&defined);
    }
    let mut zones = Zones::new(calendar, Zone::utc());
    let mut missing = Vec::new();
    for (tzid, (first, last)) in &used {
        let Some(zone) = zones.get(tzid) else {
            problems.add("", format!("the time zone {} is not known and was not defined", shown(tzid)));
            continue;
        };
        let mut definition = vtimezone(&zone, *first, *last).unwrap_or_else(|| fixed_utc(tzid));
        definition.set(Property::from_text("TZID", tzid));
        missing.push(definition);
    }
    calendar.components.splice(0..0, missing);
    problems.into_vec()
}

/// The TZIDs that a component uses, each with the years of its times.
fn collect(component: &Component, used: &mut BTreeMap<String, (i16, i16)>) {
    for property in &component.properties {
        let Some(tzid) = property.parameter("TZID") else { continue };
        for listed in value::list(property).flatten() {
            let DateOrTime::Local(at, _) = listed.start else { continue };
            let (first, last) = used.entry(tzid.to_owned()).or_insert((at.year(), at.year()));
            (*first, *last) = ((*first).min(at.year()), (*last).max(at.year()));
        }
    }
    for inner in &component.components {
        collect(inner, used);
    }
}

/// For a TZID that means UTC under another name.
fn fixed_utc(tzid: &str) -> Component {
    let mut component = Component::new("VTIMEZONE");
    component.properties.push(Property::from_text("TZID", tzid));
    let at = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let kind = Kind { daylight: false, before: 0, after: 0, name: "UTC".to_owned() };
    component.components.push(Run { kind, onsets: vec![at], rule: None }.write(1970));
    component
}

/// A change of the clocks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    daylight: bool,
    /// Offsets in seconds.
    before: i32,
    after: i32,
    name: String,
}

/// Changes from two before the first year on, so that both observances are there, up to the end of the last.
fn changes(zone: &Zone, first: i16, last: i16) -> Option<Vec<(Kind, DateTime)>> {
    let rules = zone.rules();
    let new_year = |year: i16| Zone::utc().instant(DateTime::new(year, 1, 1, 0, 0, 0, 0).ok()?);
    let (begin, end) = (new_year(first)?, new_year(last.saturating_add(1))?);
    let mut at: Vec<Timestamp> = rules.preceding(begin).take(2).map(|change| change.timestamp()).collect();
    at.reverse();
    let none_before = at.is_empty();
    at.extend(rules.following(begin).map(|change| change.timestamp()).take_while(|at| *at < end));
    let kind = |at: Timestamp, before: Timestamp| {
        let info = rules.to_offset_info(at);
        Kind {
            daylight: info.dst().is_dst(),
            before: rules.to_offset(before).seconds(),
            after: info.offset().seconds(),
            name: info.abbreviation().to_owned(),
        }
    };
    let mut changes = Vec::with_capacity(at.len() + 1);
    if none_before {
        let fixed = kind(begin, begin);
        changes.push((Kind { before: fixed.after, ..fixed }, DateTime::new(first, 1, 1, 0, 0, 0, 0).ok()?));
    }
    for at in at {
        let kind = kind(at, at.checked_sub(SignedDuration::from_secs(1)).ok()?);
        // The onset is in the local time that held until then.
        let onset = wall::later(Zone::utc().local(at), kind.before.into())?;
        changes.push((kind, onset));
    }
    Some(changes)
}

/// Changes of one kind that are written as one observance.
struct Run {
    kind: Kind,
    /// Sorted; at least one.
    onsets: Vec<DateTime>,
    rule: Option<Rule>,
}

/// Puts changes into runs, in the order in which they begin.
fn runs(changes: Vec<(Kind, DateTime)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (kind, onset) in changes {
        match runs.iter_mut().rfind(|run| run.kind == kind && run.goes_on_with(onset)) {
            Some(run) => run.onsets.push(onset),
            None => runs.push(Run { kind, onsets: vec![onset], rule: None }),
        }
    }
    // Changes without a rule are listed together.
    let mut merged: Vec<Run> = Vec::new();
    for mut run in runs {
        run.rule = rule_of(&run.onsets);
        let alike = |other: &&mut Run| other.rule.is_none() && run.rule.is_none() && other.kind == run.kind;
        match merged.iter_mut().find(alike) {
            Some(other) => other.onsets.extend(run.onsets),
            None => merged.push(run),
        }
    }
    merged
}

/// The yearly rule that gives exactly these times, of which the first is the start. `None` for a single time.
fn rule_of(onsets: &[DateTime]) -> Option<Rule> {
    let [first, .., last] = onsets else { return None };
    let after = wall::later(*last, 1)?;
    let earliest_day = onsets.iter().map(|at| at.day()).min()?;
    [rule(*first, -1, None), rule(*first, (first.day() - 1) / 7 + 1, None), rule(*first, 0, Some(earliest_day))]
        .into_iter()
        .find(|rule| rule.starts(*first, *first, after, true).eq(onsets.iter().copied()))
}

/// The n-th of a weekday in a month, or the first one on or after a day.
fn rule(first: DateTime, ordinal: i8, from_day: Option<i8>) -> Rule {
    let weekday: Weekday = first.weekday();
    Rule {
        by_month: u8::try_from(first.month()).into_iter().collect(),
        by_day: vec![DayOf { ordinal, weekday }],
        by_month_day: from_day.map(|day| (day..day + 7).filter(|day| *day <= 31).collect()).unwrap_or_default(),
        ..Rule::new(Frequency::Yearly)
    }
}

impl Run {
    /// Whether one rule may give the run's changes and this one: the next year's, on the same weekday of the same month
    /// at the same time, and either within the same seven days or the last.
    fn goes_on_with(&self, next: DateTime) -> bool {
        let Some(last) = self.onsets.last().filter(|last| last.year() + 1 == next.year()) else { return false };
        if (last.month(), last.weekday(), last.time()) != (next.month(), next.weekday(), next.time()) {
            return false;
        }
        let all = || self.onsets.iter().copied().chain([next]);
        let days = || all().map(DateTime::day);
        let spread = days().max().zip(days().min()).map_or(0, |(latest, earliest)| latest - earliest);
        spread < 7 || all().all(|at| at.day() + 7 > at.date().days_in_month())
    }

    /// The STANDARD or DAYLIGHT component. A rule that still holds in the last year looked at has no end.
    fn write(&self, last_year: i16) -> Component {
        let mut component = Component::new(if self.kind.daylight { "DAYLIGHT" } else { "STANDARD" });
        let mut onsets = self.onsets.iter().copied().map(DateOrTime::Floating);
        component.properties.extend(onsets.next().map(|first| first.property("DTSTART")));
        component.properties.push(Property::new("TZOFFSETFROM", value::write_utc_offset(self.kind.before)));
        component.properties.push(Property::new("TZOFFSETTO", value::write_utc_offset(self.kind.after)));
        component.properties.push(Property::from_text("TZNAME", &self.kind.name));
        let Some(rule) = &self.rule else {
            component.properties.extend(onsets.map(|onset| onset.property("RDATE")));
            return component;
        };
        let ended = self.onsets.last().copied().filter(|last| last.year() < last_year);
        let until = ended.and_then(|last| {
            // A day after the last change, for readers that take the UTC time for a local one.
            wall::later(last, 86_400 - i64::from(self.kind.before)).map(Until::Utc)
        });
        component.properties.push(Property::new("RRULE", Rule { until, ..rule.clone() }.write()));
        component
    }
}
