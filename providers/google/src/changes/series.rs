//! Giving a series whole.
//!
//! Google names the events that changed: of a series, perhaps one occurrence, and of a listing, only those within the window. The
//! contract wants the series and all of its changed and cancelled occurrences whenever one of them is named. So the series of
//! each named event is noted in the cursor, and its events are listed by their UID. Each call sends a limited number of requests;
//! the remaining series wait in the cursor for the next call.
//!
//! A cancelled occurrence is an event of the status `cancelled` only while its series exists. Somebody who is invited to a
//! single occurrence has an event without its series; if it is cancelled, it is gone.

use std::collections::BTreeSet;

use chronus_sdk::EventRef;
use chronus_sdk::json::Value;
use chronus_sdk::values::{Change, Connection, Failure, Problem, Remedy};

use super::cursor::{Cursor, Series};
use super::of_cursor;
use crate::{api, record};

/// The most requests about series in one call.
const MOST_REQUESTS: usize = 40;

/// The items of a reply, as they are gathered.
pub(super) struct Items<'a> {
    pub(super) changes: Vec<Change>,
    connection: &'a Connection,
    max: usize,
}

impl<'a> Items<'a> {
    pub(super) fn new(connection: &'a Connection, max: u32) -> Items<'a> {
        Items { changes: Vec::new(), connection, max: max as usize }
    }

    /// How many more items the reply may hold.
    pub(super) fn room(&self) -> usize {
        self.max.saturating_sub(self.changes.len())
    }

    /// Adds an event. If an event has no id, its page cannot be trusted.
    fn add(&mut self, item: &Value) -> Result<(), Failure> {
        let id = id(item)?.to_owned();
        let change = if record::is_cancelled(item) && series_id(item).is_none() {
            Change::Gone(id)
        } else {
            match record::event(item, self.connection) {
                Ok(event) => Change::Event(event),
                Err(what) => Change::Problem(Problem { id, what, span: None }),
            }
        };
        self.changes.push(change);
        Ok(())
    }

    /// Says that an event is gone, in place of what was said of it.
    fn set_gone(&mut self, id: String) {
        self.changes.retain(|change| !names(change, &id));
        self.changes.push(Change::Gone(id));
    }

    fn has(&self, id: &str) -> bool {
        self.changes.iter().any(|change| names(change, id))
    }
}

fn names(change: &Change, id: &str) -> bool {
    match change {
        Change::Event(event) => event.id == id,
        Change::Problem(problem) => problem.id == id,
        Change::Gone(gone) | Change::Left(gone) => gone == id,
        Change::Reference(reference) => reference.id == id,
    }
}

/// Adds the events of a page, and notes their series in the cursor.
pub(super) fn add_page(page: &[Value], items: &mut Items<'_>, cursor: &mut Cursor) -> Result<(), Failure> {
    let deleted = |item: &&Value| record::is_cancelled(item) && series_id(item).is_none();
    let deleted: BTreeSet<&str> = page.iter().filter(deleted).filter_map(record::id).collect();
    for item in page {
        match series_id(item) {
            Some(series) if deleted.contains(series) && record::is_cancelled(item) => {
                items.changes.push(Change::Gone(id(item)?.to_owned()));
            }
            _ => {
                items.add(item)?;
                note(item, cursor)?;
            }
        }
    }
    Ok(())
}

/// Notes the series of an event, unless it was given already.
fn note(item: &Value, cursor: &mut Cursor) -> Result<(), Failure> {
    let is_series = !record::is_cancelled(item) && item["recurrence"].as_array().is_some_and(|lines| !lines.is_empty());
    let Some(series) = series_id(item).or(is_series.then_some(id(item)?)) else { return Ok(()) };
    if !cursor.given.iter().any(|given| given == series) {
        cursor.given.push(series.to_owned());
        cursor.pending.push(Series { id: series.to_owned(), ..Series::default() });
    }
    let Some(noted) = cursor.pending.iter_mut().find(|noted| noted.id == series) else { return Ok(()) };
    if is_series {
        noted.uid = item["iCalUID"].as_str().map(str::to_owned);
    }
    if record::is_cancelled(item) {
        noted.cancelled.push(id(item)?.to_owned());
    }
    Ok(())
}

/// Adds the events of the noted series, as many as the reply may hold.
pub(super) fn complete(items: &mut Items<'_>, cursor: &mut Cursor) -> Result<(), Failure> {
    let calendar = cursor.calendar.clone();
    for _ in 0..MOST_REQUESTS {
        let Some(series) = cursor.pending.first_mut() else { return Ok(()) };
        if items.room() == 0 {
            return Ok(());
        }
        let Some(uid) = series.uid.clone() else {
            series.uid = uid(EventRef { calendar: &calendar, id: &series.id })?;
            if series.uid.is_none() {
                while let Some(id) = series.cancelled.pop_if(|_| items.room() > 0) {
                    items.set_gone(id);
                }
                if series.cancelled.is_empty() {
                    let series = cursor.pending.remove(0);
                    // A later page may name more of its occurrences.
                    cursor.given.retain(|given| *given != series.id);
                }
            }
            continue;
        };
        let events = api::events(&calendar)?
            .with("maxResults", &items.room().to_string())
            .with("iCalUID", &uid)
            .with("showDeleted", "true")
            .with_some("pageToken", series.page.as_deref());
        let answer = api::get(&events);
        let answer = if series.page.is_some() { answer.map_err(of_cursor) } else { answer }?;
        for item in api::list(&answer, "items")? {
            let is_part = id(item)? == series.id || series_id(item) == Some(&series.id);
            if is_part && !items.has(id(item)?) {
                items.add(item)?;
            }
        }
        match answer["nextPageToken"].as_str() {
            Some(page) if series.page.as_deref() == Some(page) => return Err(api::nonsense("its pages have no end")),
            Some(page) => series.page = Some(page.to_owned()),
            None => drop(cursor.pending.remove(0)),
        }
    }
    Ok(())
}

/// The UID of a series; `None` if it does not exist, or not any more.
fn uid(series: EventRef<'_>) -> Result<Option<String>, Failure> {
    match api::get(&api::event(series)?) {
        Ok(item) if record::is_cancelled(&item) => Ok(None),
        Ok(item) => match item["iCalUID"].as_str() {
            Some(uid) => Ok(Some(uid.to_owned())),
            None => Err(api::nonsense("a series in it has no UID")),
        },
        Err(Failure { remedy: Remedy::NotFound | Remedy::Gone, .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn id(item: &Value) -> Result<&str, Failure> {
    record::id(item).ok_or_else(|| api::nonsense("an event in it has no id"))
}

/// The id of the series that an event is an occurrence of.
fn series_id(item: &Value) -> Option<&str> {
    item["recurringEventId"].as_str()
}
