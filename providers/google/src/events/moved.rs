//! The changed occurrences of a series that moves.
//!
//! Google names an occurrence by the start that the series gives it. When that start changes, Google has an unchanged occurrence
//! at the new start, and a cancelled one takes place again. So the changed occurrences are read before the series is written, and
//! are written again at their new starts: a cancelled one is cancelled, and another one has the fields in which it differed from
//! the series. Its own time stays only if it is past. An occurrence that the series no longer has is forgotten.
//!
//! A series that moves by a day has an occurrence of one day where another day's was changed. That one becomes as the series
//! says. Where the moved series has no occurrence, Google may keep what was changed there; it is deleted. The moved series has one
//! at a start if it had one at the same distance before.
//!
//! These are several requests. If one of them fails, the call fails although the series has moved, and a repetition finds nothing
//! to do. Rejected: writing the occurrences first, because their ids do not exist before the series has moved.

use std::collections::BTreeMap;

use chronus_sdk::EventRef;
use chronus_sdk::clock;
use chronus_sdk::failure::{failure, unsupported};
use chronus_sdk::json::{Map, Value, json};
use chronus_sdk::values::{Failure, Moment, Notify, Remedy, Span};

use super::{Place, TRIES, changed_each_time};
use crate::shift::Shift;
use crate::{api, record, times};

/// The most changed occurrences of a series that moves. Each takes up to four requests.
const MOST: usize = 90;

/// The most pages in which they are listed.
const MOST_PAGES: usize = 20;

/// What an occurrence can have for itself, but for its times.
const FIELDS: [&str; 15] = [
    "summary",
    "description",
    "location",
    "source",
    "status",
    "attendees",
    "colorId",
    "transparency",
    "visibility",
    "reminders",
    "extendedProperties",
    "conferenceData",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
];

/// A series before it moves, and its changed occurrences.
pub(super) struct Before {
    series: Value,
    shift: Shift,
    changed: Vec<Changed>,
}

/// A changed occurrence.
struct Changed {
    item: Value,
    start: Moment,
    /// Whether the moved series has an occurrence there.
    stays: bool,
}

/// How an occurrence is to be.
enum Wanted<'a> {
    /// As the series says.
    Plain,
    Cancelled,
    /// With the fields in which this one differs from the series.
    Like(&'a Value),
    /// It is not of the series any more.
    Deleted,
}

impl Before {
    /// Reads the changed occurrences of a series that is to move.
    pub(super) fn read(place: Place<'_>, series: &Value, shift: Shift, back: &Shift) -> Result<Before, Failure> {
        let items = list(place, series)?;
        let start = |item: &Value| times::moment(&item["originalStartTime"]).map_err(|what| api::nonsense(&what));
        let starts = items.iter().map(start).collect::<Result<Vec<Moment>, Failure>>()?;
        let mut changed = Vec::with_capacity(items.len());
        for (item, start) in items.into_iter().zip(&starts) {
            let stays = match back.start(start) {
                Some(before) if starts.contains(&before) => true,
                Some(before) => exists(place, &before)?,
                None => false,
            };
            changed.push(Changed { item, start: start.clone(), stays });
        }
        Ok(Before { series: series.clone(), shift, changed })
    }

    /// Brings the occurrences of the moved series to what they were before, at their new starts.
    pub(super) fn carry_over(&self, place: Place<'_>, notify: Notify) -> Result<(), Failure> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let after = place.fetch()?;
        let span = times::span(&after).map_err(|what| api::nonsense(&what))?;
        let mut wanted: BTreeMap<String, (&Moment, Wanted<'_>)> = BTreeMap::new();
        for Changed { start, stays, .. } in &self.changed {
            let how = if *stays { Wanted::Plain } else { Wanted::Deleted };
            wanted.extend(id(place, start).map(|id| (id, (start, how))));
        }
        let moved: Vec<_> = self.changed.iter().map(|changed| self.shift.start(&changed.start)).collect();
        for (Changed { item, .. }, start) in self.changed.iter().zip(&moved) {
            let how = if record::is_cancelled(item) { Wanted::Cancelled } else { Wanted::Like(item) };
            if let Some(start) = start {
                wanted.extend(id(place, start).map(|id| (id, (start, how))));
            }
        }
        for (id, (start, how)) in &wanted {
            let place = Place { event: EventRef { id, ..place.event }, ..place };
            self.bring(place, &after, self.shift.span_at(&span, start).as_ref(), how, notify)?;
        }
        Ok(())
    }

    fn bring(
        &self,
        place: Place<'_>,
        after: &Value,
        when: Option<&Span>,
        wanted: &Wanted<'_>,
        notify: Notify,
    ) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let present = match place.peek() {
                Ok(present) => present,
                // The series has no such occurrence.
                Err(Failure { remedy: Remedy::NotFound | Remedy::Gone, .. }) => return Ok(()),
                Err(failure) => return Err(failure),
            };
            let body = match wanted {
                Wanted::Cancelled | Wanted::Deleted if record::is_cancelled(&present) => return Ok(()),
                Wanted::Cancelled | Wanted::Deleted => json!({ "status": "cancelled" }),
                Wanted::Plain => self.differences(&present, after, None, when)?,
                Wanted::Like(item) => self.differences(&present, after, Some(item), when)?,
            };
            let is_right = body.as_object().is_none_or(Map::is_empty);
            if is_right || place.patch(&present, &body, notify)?.is_some() {
                return Ok(());
            }
        }
        Err(changed_each_time())
    }

    /// What to write so that an occurrence is as the series says, but for the fields in which `like` differed from the series.
    fn differences(
        &self,
        present: &Value,
        after: &Value,
        like: Option<&Value>,
        when: Option<&Span>,
    ) -> Result<Value, Failure> {
        let mut body = Map::new();
        for name in FIELDS {
            let own = like.filter(|like| like[name] != self.series[name]);
            let value = own.map_or(&after[name], |like| &like[name]);
            if present[name] != *value {
                body.insert(name.to_owned(), value.clone());
            }
        }
        let past = like.and_then(|like| times::span(like).ok()).filter(|span| self.is_past_and_moved(like, span));
        let Some(when) = past.as_ref().or(when) else { return Ok(Value::Object(body)) };
        if times::span(present).as_ref() != Ok(when) {
            let (start, end) = times::write(when, Some(present))?;
            body.insert("start".to_owned(), start);
            body.insert("end".to_owned(), end);
        }
        Ok(Value::Object(body))
    }

    /// Whether an occurrence had a time of its own and is over.
    fn is_past_and_moved(&self, item: Option<&Value>, span: &Span) -> bool {
        let original = item.and_then(|item| times::moment(&item["originalStartTime"]).ok());
        let starts_there = match (&original, span) {
            (Some(Moment::Timed(original)), Span::Timed(span)) => original.at == span.start.at,
            (Some(Moment::AllDay(original)), Span::AllDay(span)) => *original == span.start,
            _ => false,
        };
        !starts_there && times::end_in_utc(span).is_some_and(|end| end <= clock::now())
    }
}

/// The changed occurrences of a series, the cancelled ones too.
fn list(place: Place<'_>, series: &Value) -> Result<Vec<Value>, Failure> {
    let uid = series["iCalUID"].as_str().ok_or_else(|| api::nonsense("the series has no UID"))?;
    let address = api::events(place.event.calendar)?.with("iCalUID", uid).with("showDeleted", "true");
    let mut changed: Vec<Value> = Vec::new();
    let mut page: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let answer = api::get(&address.clone().with_some("pageToken", page.as_deref()))?;
        let items = api::list(&answer, "items")?.iter().filter(|item| item["recurringEventId"] == place.event.id);
        changed.extend(items.cloned());
        match answer["nextPageToken"].as_str() {
            None if changed.len() <= MOST => return Ok(changed),
            Some(next) if page.as_deref() != Some(next) => page = Some(next.to_owned()),
            _ => break,
        }
    }
    Err(unsupported("so many of the series' occurrences were changed that it cannot be moved in one call"))
}

/// Google's id of an occurrence.
fn id(series: Place<'_>, start: &Moment) -> Option<String> {
    times::compact(start).map(|start| format!("{}_{start}", series.event.id))
}

/// Whether a series has an occurrence at a start, cancelled or not.
fn exists(series: Place<'_>, start: &Moment) -> Result<bool, Failure> {
    let Some(id) = id(series, start) else { return Ok(false) };
    match (Place { event: EventRef { id: &id, ..series.event }, ..series }).peek() {
        Ok(_) => Ok(true),
        Err(Failure { remedy: Remedy::NotFound | Remedy::Gone, .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// The failure of a series whose occurrences could not follow it.
pub(super) fn half_done(cause: Failure) -> Failure {
    let detail = format!("the series has moved, and not all of its changed occurrences: {}", cause.detail);
    failure(cause.remedy, &cause.service_code, detail)
}
