//! Occurrences of a series, each with an id of its own: that of the series, `@`, and the start that the series gives it, as
//! seconds or as a day. Their changes are stored with the series, as VEVENTs with a RECURRENCE-ID in UTC or in days.

use chronus_sdk::failure::{failure, not_found, unsupported};
use chronus_sdk::icalendar::event::{self, When};
use chronus_sdk::icalendar::value::{self, DateOrTime};
use chronus_sdk::icalendar::{self, Component, Moment, Property, Zone, Zones};
use chronus_sdk::values::{Connection, Event, Failure, Moment as ContractMoment, Remedy, ZonedTime};
use chronus_test_guests::store::owner_zone;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use crate::record::{self, parse};
use crate::service::StoredEvent;
use crate::{now, wrong};

/// An id in its parts.
#[derive(Clone, Copy)]
pub(crate) struct EventId<'a> {
    /// The id of the stored text.
    pub(crate) text: &'a str,
    /// The start of an occurrence.
    pub(crate) start: Option<Moment>,
}

impl<'a> EventId<'a> {
    /// Reads an id. One that is not of the form of an occurrence's is that of a text.
    pub(crate) fn read(id: &'a str) -> Self {
        let occurrence = id.split_once('@').and_then(|(text, start)| {
            let start = match start.parse::<Date>() {
                Ok(day) => Moment::Date(day),
                Err(_) => Moment::Timed(Timestamp::from_second(start.parse().ok()?).ok()?),
            };
            Some(EventId { text, start: Some(start) })
        });
        occurrence.unwrap_or(EventId { text: id, start: None })
    }

    fn of(text: &str, start: Moment) -> String {
        match start {
            Moment::Date(day) => format!("{text}@{day}"),
            Moment::Timed(at) => format!("{text}@{}", at.as_second()),
        }
    }
}

/// The start for the engine; `None` if it is no instant or day.
pub(crate) fn start(moment: &ContractMoment) -> Option<Moment> {
    Some(match moment {
        ContractMoment::Timed(timed) => Moment::Timed(Timestamp::from_second(timed.at).ok()?),
        ContractMoment::AllDay(date) => Moment::Date(record::day(date).ok()?),
    })
}

/// The event of a text, and the changed occurrences if it is a series.
pub(crate) fn parts(c: &Connection, stored: &StoredEvent) -> Result<Vec<Event>, Failure> {
    let mut all = vec![record::event(c, stored)?];
    let calendar = parse(stored)?;
    for changed in calendar.inner("VEVENT").filter(|_| !wrong("series-in-parts")) {
        if let Some(start) = original(c, &calendar, changed) {
            all.push(within(c, stored, &calendar, start, record::read(c, stored, &calendar, changed)?));
        }
    }
    Ok(all)
}

/// The event of a text, or the occurrence with this start.
pub(crate) fn event_at(c: &Connection, stored: &StoredEvent, start: Option<Moment>) -> Result<Event, Failure> {
    let Some(start) = start else { return record::event(c, stored) };
    let mut calendar = parse(stored)?;
    let index = changed(c, &mut calendar, start)?;
    let event = record::read(c, stored, &calendar, component(&mut calendar.clone(), index)?)?;
    Ok(within(c, stored, &calendar, start, event))
}

/// The position of the VEVENT that changes the occurrence with this start. It is added if there is none.
pub(crate) fn changed(c: &Connection, calendar: &mut Component, start: Moment) -> Result<usize, Failure> {
    let is_it = |component: &Component| original(c, calendar, component) == Some(start);
    if let Some(index) = calendar.components.iter().position(is_it) {
        return Ok(index);
    }
    let mut new = unchanged(c, calendar, start)?;
    new.set(at("RECURRENCE-ID", start));
    calendar.components.push(new);
    Ok(calendar.components.len() - 1)
}

pub(crate) fn component(calendar: &mut Component, index: usize) -> Result<&mut Component, Failure> {
    calendar.components.get_mut(index).ok_or_else(absent)
}

/// Takes the occurrence with this start out of the series.
pub(crate) fn take_out(c: &Connection, calendar: &mut Component, start: Moment) -> Result<(), Failure> {
    let index = changed(c, calendar, start)?;
    calendar.components.remove(index);
    let master = record::only(calendar)?;
    let taken = master.all("EXDATE").cloned().chain([at("EXDATE", start)]).collect();
    master.set_all("EXDATE", taken);
    event::revise(master, now());
    Ok(())
}

/// After a move of the series: every changed occurrence is where the series puts it, and those that were taken out stay out.
///
/// Its exceptions move along, unless the caller has named them.
pub(crate) fn follow(
    c: &Connection,
    calendar: &mut Component,
    before: &Component,
    move_exceptions: bool,
) -> Result<(), Failure> {
    let zone = zone_of(c, before);
    let (old, new) = (first(c, before), first(c, calendar));
    let names_days = record::only(calendar)?.text("RRULE").is_some_and(|rule| rule.contains(";BY"));
    if old.date() != new.date() && names_days && move_exceptions && !wrong("moves-past-its-rule") {
        return Err(unsupported("the rule names days, which do not move along"));
    }
    let moved_wall = |at: DateTime| at.saturating_add(old.duration_until(new));
    let moved = |start: Moment| match start {
        Moment::Date(day) => Moment::Date(moved_wall(day.to_datetime(Time::midnight())).date()),
        Moment::Timed(at) => Moment::Timed(zone.instant(moved_wall(zone.local(at))).unwrap_or(at)),
    };
    if move_exceptions {
        let starts = |property: &Property| -> Vec<Moment> {
            let mut zones = Zones::new(before, owner_zone(c));
            value::list(property).flatten().filter_map(|one| moment(&mut zones, &zone, one.start)).collect()
        };
        let master = record::only(calendar)?;
        let taken: Vec<Moment> = master.all("EXDATE").flat_map(starts).collect();
        master.set_all("EXDATE", taken.into_iter().map(|start| at("EXDATE", moved(start))).collect());
    }
    let series = calendar.clone();
    calendar.components.retain(|component| original(c, before, component).is_none());
    for changed in series.inner("VEVENT") {
        let Some(start) = original(c, before, changed) else { continue };
        let kept =
            wrong("moved-stay-moved").then(|| event::read(changed, &mut Zones::new(before, owner_zone(c))).0.when);
        // One whose date the series no longer has is forgotten.
        let Ok(place) = unchanged(c, calendar, moved(start)) else { continue };
        let mut changed = changed.clone();
        let (fields, _) = event::read(&place, &mut Zones::new(before, owner_zone(c)));
        if let Some(when) = kept.flatten().or(fields.when) {
            event::set_when(&mut changed, &when);
        }
        changed.set(at("RECURRENCE-ID", moved(start)));
        calendar.components.push(changed);
    }
    Ok(())
}

/// The start of a series in its own zone, as local time.
fn first(c: &Connection, calendar: &Component) -> DateTime {
    match series_time(c, calendar) {
        Some(When::Timed { start, start_zone, .. }) => start_zone.local(start),
        Some(When::Days { start, .. }) => start.to_datetime(Time::midnight()),
        None => DateTime::MIN,
    }
}

fn zone_of(c: &Connection, calendar: &Component) -> Zone {
    match series_time(c, calendar) {
        Some(When::Timed { start_zone, .. }) => start_zone,
        _ => owner_zone(c),
    }
}

fn series_time(c: &Connection, calendar: &Component) -> Option<When> {
    let master = calendar.inner("VEVENT").next()?;
    event::read(master, &mut Zones::new(calendar, owner_zone(c))).0.when
}

/// The start that the series gives a changed occurrence. `None` for every other component.
fn original(c: &Connection, calendar: &Component, changed: &Component) -> Option<Moment> {
    let id = changed.property("RECURRENCE-ID")?;
    moment(&mut Zones::new(calendar, owner_zone(c)), &Zone::utc(), value::date_or_time(id).ok()?)
}

fn moment(zones: &mut Zones<'_>, floating: &Zone, value: DateOrTime<'_>) -> Option<Moment> {
    let zone = match value {
        DateOrTime::Date(day) => return Some(Moment::Date(day)),
        DateOrTime::Utc(_) => Zone::utc(),
        DateOrTime::Floating(_) => floating.clone(),
        DateOrTime::Local(_, tzid) => zones.get(tzid)?,
    };
    zone.instant(value.wall()).map(Moment::Timed)
}

/// A property with the start of an occurrence.
fn at(name: &str, start: Moment) -> Property {
    match start {
        Moment::Date(day) => DateOrTime::Date(day).property(name),
        Moment::Timed(at) => DateOrTime::Utc(Zone::utc().local(at)).property(name),
    }
}

/// A VEVENT as the series says it for the occurrence with this start.
fn unchanged(c: &Connection, calendar: &Component, start: Moment) -> Result<Component, Failure> {
    let gone = || failure(Remedy::Gone, "", "the occurrence was taken out of its series");
    if let Some(found) = find(c, calendar, start) {
        return Ok(found);
    }
    if wrong("every-start-exists") {
        return calendar.inner("VEVENT").next().cloned().ok_or_else(absent);
    }
    let mut with_all = calendar.clone();
    with_all.inner_mut("VEVENT").for_each(|event| event.remove("EXDATE"));
    Err(if find(c, &with_all, start).is_some() { gone() } else { absent() })
}

fn find(c: &Connection, calendar: &Component, start: Moment) -> Option<Component> {
    let at = match start {
        Moment::Timed(at) => at,
        Moment::Date(day) => owner_zone(c).instant(day.to_datetime(Time::midnight()))?,
    };
    let second = SignedDuration::from_secs(1);
    let window = icalendar::Window { start: at.checked_sub(second).ok()?, end: at.checked_add(second).ok()? };
    let (found, _) = icalendar::occurrences(calendar, owner_zone(c), window);
    let occurrence = found.into_iter().find(|occurrence| occurrence.original == Some(start))?;
    let mut event = occurrence.event.clone();
    ["RRULE", "RDATE", "EXDATE"].into_iter().for_each(|name| event.remove(name));
    let when = match occurrence.days {
        Some((start, end)) => When::Days { start, end },
        None => {
            let zone = occurrence.zone.clone();
            When::Timed { start: occurrence.start, start_zone: zone.clone(), end: occurrence.end, end_zone: zone }
        }
    };
    event::set_when(&mut event, &when);
    Some(event)
}

fn absent() -> Failure {
    not_found("the series has no such occurrence")
}

/// The event as one of a series.
fn within(c: &Connection, stored: &StoredEvent, calendar: &Component, start: Moment, event: Event) -> Event {
    let original_start = match start {
        Moment::Date(day) => ContractMoment::AllDay(record::date(&day)),
        Moment::Timed(at) => {
            let zone = zone_of(c, calendar).name().unwrap_or("UTC").to_owned();
            ContractMoment::Timed(ZonedTime { at: at.as_second(), zone })
        }
    };
    Event {
        id: EventId::of(&stored.id, start),
        series_id: Some(stored.id.clone()),
        original_start: Some(original_start),
        recurrence: vec![],
        ..event
    }
}
