//! What a host stores of a calendar, brought up to date by `changes`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use chronus_host::calendar::{Event, Moment, Span, Status, Window};
use chronus_host::plugins::contract::Change;
use chronus_host::plugins::{Access, Plugin};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::model::{Occurrence, ZONE};

/// The events of a calendar by their ids.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    pub(super) events: BTreeMap<String, Event>,
    cursor: Option<Vec<u8>>,
}

/// Where changes come from, and how many at once.
pub(super) struct Feed<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) access: &'a Arc<Access>,
    pub(super) calendar: &'a str,
    pub(super) window: Window,
    pub(super) max: u32,
}

impl Mirror {
    /// Follows the pages to the last and says how many items they had.
    pub(super) async fn catch_up(&mut self, feed: &Feed<'_>) -> anyhow::Result<usize> {
        let (mut items, mut pages) = (Vec::new(), 0);
        loop {
            let page = feed.plugin.changes(feed.access, feed.calendar, self.cursor.as_deref(), feed.window, feed.max);
            let page = page.await?.value;
            ensure!(page.items.len() <= feed.max as usize, "a page of {} items of {}", page.items.len(), feed.max);
            items.extend(page.items);
            self.cursor = Some(page.next);
            pages += 1;
            ensure!(pages < 1000, "the pages have no end");
            if !page.more {
                break;
            }
        }
        let count = items.len();
        self.take(items)?;
        Ok(count)
    }

    /// Whatever names a series gives all of it: what the host has of it beside that is out of date.
    fn take(&mut self, items: Vec<Change>) -> anyhow::Result<()> {
        let mut series = BTreeSet::new();
        for item in &items {
            if let Change::Event(event) = item {
                series.extend(event.series_id.clone());
                series.extend((!event.recurrence.is_empty()).then(|| event.id.clone()));
            }
        }
        self.events.retain(|id, event| {
            !series.contains(id) && !event.series_id.as_ref().is_some_and(|id| series.contains(id))
        });
        for item in items {
            match item {
                Change::Event(event) => drop(self.events.insert(event.id.clone(), event)),
                Change::Gone(gone) => {
                    self.events.retain(|id, event| *id != gone && event.series_id.as_ref() != Some(&gone));
                }
                other => bail!("{other:?}"),
            }
        }
        Ok(())
    }

    /// The series.
    pub(super) fn series(&self) -> anyhow::Result<&Event> {
        let mut series = self.events.values().filter(|event| event.series_id.is_none());
        let (first, second) = (series.next(), series.next());
        ensure!(second.is_none(), "a second event: {second:?}");
        first.context("there is no series")
    }

    /// What takes place, by the stored events alone.
    pub(super) fn occurrences(&self) -> anyhow::Result<Vec<Occurrence>> {
        if self.events.is_empty() {
            return Ok(Vec::new());
        }
        let series = self.series()?;
        let mut own: BTreeMap<Timestamp, &Event> = BTreeMap::new();
        for event in self.events.values().filter(|event| event.series_id.is_some()) {
            let Some(Moment::Timed(original)) = &event.original_start else { bail!("{event:?}") };
            ensure!(event.series_id.as_ref() == Some(&series.id), "{event:?} is of another series");
            ensure!(own.insert(original.at, event).is_none(), "{event:?} is not the only one of its start");
        }
        let zone = TimeZone::get(ZONE)?;
        let (first, mut count, mut excluded) = (zone.to_datetime(start(series)?), None, BTreeSet::new());
        for line in &series.recurrence {
            let (name, value) = line.split_once(':').with_context(|| line.clone())?;
            match name.split(';').next() {
                Some("RRULE") => {
                    let part = value.split(';').find_map(|part| part.strip_prefix("COUNT="));
                    count = Some(part.with_context(|| line.clone())?.parse::<i64>()?);
                }
                Some("EXDATE") => {
                    for time in value.split(',') {
                        let utc = time.strip_suffix('Z');
                        let at = DateTime::strptime("%Y%m%dT%H%M%S", utc.unwrap_or(time))?;
                        let zone = if utc.is_some() { TimeZone::UTC } else { zone.clone() };
                        excluded.insert(zone.to_timestamp(at)?);
                    }
                }
                _ => bail!("{line}"),
            }
        }
        let mut all = Vec::new();
        for index in 0..count.context("no rule")? {
            let original = zone.to_timestamp(first.checked_add(index.days())?)?;
            match own.remove(&original) {
                Some(event) if event.status == Status::Cancelled => {}
                Some(event) => all.push(Occurrence { original, start: start(event)?, title: event.title.clone() }),
                None if excluded.contains(&original) => {}
                None => all.push(Occurrence { original, start: original, title: series.title.clone() }),
            }
        }
        let stray: Vec<_> = own.values().filter(|event| event.status != Status::Cancelled).collect();
        ensure!(stray.is_empty(), "at starts that the series does not have: {stray:?}");
        all.sort();
        Ok(all)
    }
}

fn start(event: &Event) -> anyhow::Result<Timestamp> {
    match &event.when {
        Span::Timed { start, .. } => Ok(start.at),
        Span::AllDay { .. } => bail!("{event:?}"),
    }
}
