//! The occurrences of a series, as events of their own.
//!
//! A resource of a CalDAV server holds a series and its changed occurrences. The contract wants each changed occurrence as an
//! event with an id, and any other one on request. The id of an occurrence is the id of the resource, `#`, and the start that
//! the series gives it: `weekly.ics#20270503T070000Z`, or `weekly.ics#20270503` in a series of whole days. The id of a resource
//! is a segment of an address, in which a `#` is encoded. The etag is the resource's.
//!
//! An occurrence without a change of its own is computed from the series. Writing to it stores it: a VEVENT with a
//! RECURRENCE-ID, and otherwise a copy of what the series says.
//!
//! Rejected: ids by the position in the series, which change when a rule does.

use chronus_sdk::failure::{failure, not_found};
use chronus_sdk::icalendar::event::{self, When};
use chronus_sdk::icalendar::value::{self, DateOrTime};
use chronus_sdk::icalendar::{self, Component, Moment, Occurrence, Property, Zone, Zones};
use chronus_sdk::values::{Event, Failure, Moment as ContractMoment, Remedy, ZonedTime};
use jiff::{SignedDuration, Timestamp};

use crate::record::{self, StoredEvent, unreadable};
use crate::session::Session;

/// The properties by which an event repeats.
pub(crate) const REPETITION: [&str; 4] = ["RRULE", "RDATE", "EXDATE", "EXRULE"];

/// An id in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId<'a> {
    /// The id of the resource.
    pub(crate) resource: &'a str,
    /// The start of an occurrence. `None` for the resource's event.
    pub(crate) start: Option<Moment>,
}

impl<'a> EventId<'a> {
    /// Reads an id; `None` if no event can have it.
    pub(crate) fn read(id: &'a str) -> Option<EventId<'a>> {
        let Some((resource, start)) = id.split_once('#') else { return Some(EventId { resource: id, start: None }) };
        let start = Property::new("RECURRENCE-ID", start);
        let start = match value::date_or_time(&start).ok()? {
            DateOrTime::Date(date) => Moment::Date(date),
            DateOrTime::Utc(at) => Moment::Timed(Zone::utc().instant(at)?),
            DateOrTime::Floating(_) | DateOrTime::Local(..) => return None,
        };
        Some(EventId { resource, start: Some(start) })
    }

    /// The text of the id.
    pub(crate) fn text(&self) -> String {
        let written = |value: DateOrTime<'_>| value.property("RECURRENCE-ID").value;
        match self.start {
            None => self.resource.to_owned(),
            Some(Moment::Date(date)) => format!("{}#{}", self.resource, written(DateOrTime::Date(date))),
            Some(Moment::Timed(at)) => {
                format!("{}#{}", self.resource, written(DateOrTime::Utc(Zone::utc().local(at))))
            }
        }
    }
}

/// The start for the engine; `None` if it is no instant or day.
pub(crate) fn start(moment: &ContractMoment) -> Option<Moment> {
    match moment {
        ContractMoment::Timed(timed) => Timestamp::from_second(timed.at).ok().map(Moment::Timed),
        ContractMoment::AllDay(date) => record::civil(*date).ok().map(Moment::Date),
    }
}

/// An event of the contract within a resource, or why it cannot be read.
pub(crate) struct PartResult {
    /// The id of the event; that of the resource if the start of an occurrence cannot be read.
    pub(crate) id: String,
    /// The text of an error holds no text of the event.
    pub(crate) event: Result<Event, String>,
}

impl StoredEvent {
    /// The series, if it is stored, and each changed occurrence.
    pub(crate) fn parts(&self, session: &Session<'_>) -> Vec<PartResult> {
        let series = self.series_time(session);
        let mut parts = Vec::new();
        if self.master().is_some() {
            parts.push(PartResult { id: self.id.clone(), event: self.event(session) });
        }
        for changed in self.calendar.inner("VEVENT").filter(|event| event.property("RECURRENCE-ID").is_some()) {
            parts.push(match self.start_of(session, series.as_ref(), changed) {
                Some(start) => PartResult {
                    id: self.id_at(start),
                    event: self.changed_occurrence(session, series.as_ref(), changed, start),
                },
                None => PartResult { id: self.id.clone(), event: Err("RECURRENCE-ID cannot be read".to_owned()) },
            });
        }
        parts
    }

    /// The resource's event, or the occurrence with this start.
    pub(crate) fn event_at(&self, session: &Session<'_>, start: Option<Moment>) -> Result<Event, Failure> {
        let Some(start) = start else { return self.event_or_failure(session) };
        let series = self.series_time(session);
        if let Some(index) = self.changed_index(session, start)
            && let Some(changed) = self.calendar.components.get(index)
        {
            return self.changed_occurrence(session, series.as_ref(), changed, start).map_err(unreadable);
        }
        let occurrence = self.unchanged(session, start)?;
        let mut event = self.read(session, occurrence.event).map_err(unreadable)?;
        event.when = record::span(&when(session, self, &occurrence));
        Ok(self.within_series(series.as_ref(), event, start))
    }

    /// The position of the changed occurrence with this start among the components.
    pub(crate) fn changed_index(&self, session: &Session<'_>, start: Moment) -> Option<usize> {
        let series = self.series_time(session);
        let is_it = |component: &Component| {
            component.name == "VEVENT" && self.start_of(session, series.as_ref(), component) == Some(start)
        };
        self.calendar.components.iter().position(is_it)
    }

    /// A VEVENT that changes the occurrence with this start, and says what the series says.
    pub(crate) fn new_change(&self, session: &Session<'_>, start: Moment) -> Result<Component, Failure> {
        let occurrence = self.unchanged(session, start)?;
        let original = self.property("RECURRENCE-ID", session, start).ok_or_else(absent)?;
        let when = when(session, self, &occurrence);
        let mut changed = occurrence.event.clone();
        for name in REPETITION {
            changed.remove(name);
        }
        event::set_when(&mut changed, &when);
        changed.set(original);
        Ok(changed)
    }

    /// A property with the start of an occurrence, in the form of the series' own start.
    pub(crate) fn property(&self, name: &str, session: &Session<'_>, start: Moment) -> Option<Property> {
        let first = self.master()?.property("DTSTART")?;
        let mut zones = Zones::new(&self.calendar, session.zone.clone());
        let value = match (value::date_or_time(first).ok()?, start) {
            (_, Moment::Date(date)) => DateOrTime::Date(date),
            (DateOrTime::Local(_, tzid), Moment::Timed(at)) => DateOrTime::Local(zones.get(tzid)?.local(at), tzid),
            (DateOrTime::Floating(_), Moment::Timed(at)) => DateOrTime::Floating(zones.floating().local(at)),
            (_, Moment::Timed(at)) => DateOrTime::Utc(Zone::utc().local(at)),
        };
        Some(value.property(name))
    }

    /// The VEVENT of the series.
    pub(crate) fn master(&self) -> Option<&Component> {
        record::main_event(&self.calendar).filter(|main| main.property("RECURRENCE-ID").is_none())
    }

    /// The time of the series. `None` if there is no series, or its time cannot be read.
    fn series_time(&self, session: &Session<'_>) -> Option<When> {
        event::read(self.master()?, &mut Zones::new(&self.calendar, session.zone.clone())).0.when
    }

    /// The start that the series gives a changed occurrence.
    fn start_of(&self, session: &Session<'_>, series: Option<&When>, changed: &Component) -> Option<Moment> {
        changed.property("RECURRENCE-ID")?;
        let original = event::read(changed, &mut Zones::new(&self.calendar, session.zone.clone())).0.original?;
        Some(match (original, series) {
            // Some programs name the day only.
            (Moment::Date(date), Some(When::Timed { start, start_zone, .. })) => {
                let time = start_zone.local(*start).time();
                Moment::Timed(start_zone.instant(date.to_datetime(time))?)
            }
            (original, _) => original,
        })
    }

    fn id_at(&self, start: Moment) -> String {
        EventId { resource: &self.id, start: Some(start) }.text()
    }

    fn changed_occurrence(
        &self,
        session: &Session<'_>,
        series: Option<&When>,
        changed: &Component,
        start: Moment,
    ) -> Result<Event, String> {
        let mut event = self.read(session, changed)?;
        // One that another program has changed may lack the key of its series.
        event.client_key = event.client_key.or_else(|| record::client_key(self.master()?));
        Ok(self.within_series(series, event, start))
    }

    fn within_series(&self, series: Option<&When>, event: Event, start: Moment) -> Event {
        let zone = match series {
            Some(When::Timed { start_zone, .. }) => start_zone.name(),
            Some(When::Days { .. }) | None => None,
        };
        let original = match start {
            Moment::Date(date) => ContractMoment::AllDay(record::date(date)),
            Moment::Timed(at) => {
                let zone = zone.unwrap_or("UTC").to_owned();
                ContractMoment::Timed(ZonedTime { at: at.as_second(), zone })
            }
        };
        Event {
            id: self.id_at(start),
            series_id: Some(self.id.clone()),
            original_start: Some(original),
            recurrence: Vec::new(),
            ..event
        }
    }

    /// The occurrence with this start, which no VEVENT of its own changes.
    fn unchanged(&self, session: &Session<'_>, start: Moment) -> Result<Occurrence<'_>, Failure> {
        if let Some(occurrence) = find(&self.calendar, session, start) {
            return Ok(occurrence);
        }
        let mut without_exclusions = self.calendar.clone();
        without_exclusions.inner_mut("VEVENT").for_each(|event| event.remove("EXDATE"));
        if find(&without_exclusions, session, start).is_some() {
            return Err(failure(Remedy::Gone, "", "the occurrence was taken out of its series"));
        }
        Err(absent())
    }
}

fn absent() -> Failure {
    not_found("the series has no such occurrence")
}

/// Whether a series has the occurrence with this start.
pub(crate) fn has_occurrence(calendar: &Component, session: &Session<'_>, start: Moment) -> bool {
    find(calendar, session, start).is_some()
}

fn find<'a>(calendar: &'a Component, session: &Session<'_>, start: Moment) -> Option<Occurrence<'a>> {
    let at = match start {
        Moment::Timed(at) => at,
        Moment::Date(date) => session.zone.instant(date.to_datetime(jiff::civil::Time::midnight()))?,
    };
    let second = SignedDuration::from_secs(1);
    let window = icalendar::Window { start: at.checked_sub(second).ok()?, end: at.checked_add(second).ok()? };
    let (found, _) = icalendar::occurrences(calendar, session.zone.clone(), window);
    found.into_iter().find(|occurrence| occurrence.original == Some(start))
}

/// The time of an occurrence. It ends in the zone in which its event ends.
fn when(session: &Session<'_>, stored: &StoredEvent, occurrence: &Occurrence<'_>) -> When {
    if let Some((start, end)) = occurrence.days {
        return When::Days { start, end };
    }
    let mut zones = Zones::new(&stored.calendar, session.zone.clone());
    let end_zone = match event::read(occurrence.event, &mut zones).0.when {
        Some(When::Timed { end_zone, .. }) => end_zone,
        _ => occurrence.zone.clone(),
    };
    When::Timed { start: occurrence.start, start_zone: occurrence.zone.clone(), end: occurrence.end, end_zone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_a_resource_or_an_occurrence() {
        let start = "2027-05-03T07:00:00Z".parse().map(Moment::Timed).ok();
        for (text, resource, start) in [
            ("weekly.ics", "weekly.ics", None),
            ("weekly.ics#20270503T070000Z", "weekly.ics", start),
            ("a%23b.ics#20270503", "a%23b.ics", Some(Moment::Date(jiff::civil::date(2027, 5, 3)))),
        ] {
            let id = EventId { resource, start };
            assert_eq!((EventId::read(text), id.text()), (Some(id), text.to_owned()));
        }
        for text in ["weekly.ics#", "weekly.ics#20270503T070000", "weekly.ics#x", "a#b#20270503"] {
            assert_eq!(EventId::read(text), None, "{text}");
        }
    }
}
