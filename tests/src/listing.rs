//! A whole calendar, read for the first time and then again without changes: the gate does this with some events, and a
//! benchmark with ten thousand.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::ensure;
use chronus_host::calendar::Window;
use chronus_host::conformance::faults::{Faults, RecordedExchange};
use chronus_host::plugins::contract::{Change, Memo};
use chronus_host::plugins::{Access, CallTarget, Plugin};

use crate::harness;
use crate::peers::Account;

/// A provider and an account that it is connected to. Each call has the default budget.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub plugin: &'a Plugin,
    pub account: &'a Account,
    /// The path of the calendar, which is its id.
    pub calendar: &'a str,
    pub window: Window,
}

/// The state after the first reading.
#[derive(Debug, Clone)]
pub struct FirstListing {
    pub cursor: Vec<u8>,
    pub memo: Option<Memo>,
    /// The ids of all single events and series.
    pub ids: BTreeSet<String>,
}

impl Reader<'_> {
    /// Opens the account and reads all changes of the calendar. `faults` sees the requests.
    pub async fn first(&self, connection: &CallTarget, faults: Option<&Arc<Faults>>) -> anyhow::Result<FirstListing> {
        let mut connection = connection.clone();
        let opened = self.plugin.open(&self.access(&connection, faults)?).await?;
        connection.memo = opened.memo.or(connection.memo);
        ensure!(opened.value.calendars.iter().any(|calendar| calendar.id == self.calendar), "it is not listed");
        let most = self.plugin.description().limits.page_size;
        let (mut cursor, mut ids, mut occurrences) = (None, BTreeSet::new(), BTreeSet::new());
        loop {
            let access = self.access(&connection, faults)?;
            let page = self.plugin.changes(&access, self.calendar, cursor.as_deref(), self.window, most).await?;
            connection.memo = page.memo.or(connection.memo);
            let page = page.value;
            for item in page.items {
                let Change::Event(event) = item else { continue };
                let is_new = match event.series_id {
                    None => ids.insert(event.id.clone()),
                    Some(series) => occurrences.insert((series, event.id.clone())),
                };
                ensure!(is_new, "{} is listed twice", event.id);
            }
            if !page.more {
                ensure!(page.complete_listing, "the listing is not complete");
                for (series, id) in &occurrences {
                    ensure!(ids.contains(series), "{id} is listed without its series");
                }
                return Ok(FirstListing { cursor: page.next, memo: connection.memo, ids });
            }
            cursor = Some(page.next);
        }
    }

    /// Reads again. There must be no changes and no writes. Returns the requests.
    pub async fn again(&self, connection: &CallTarget, listed: &FirstListing) -> anyhow::Result<Vec<RecordedExchange>> {
        let recorder = Faults::none();
        let connection = CallTarget { memo: listed.memo.clone(), ..connection.clone() };
        let access = self.access(&connection, Some(&recorder))?;
        let most = self.plugin.description().limits.page_size;
        let page = self.plugin.changes(&access, self.calendar, Some(&listed.cursor), self.window, most).await?;
        ensure!(page.memo.is_none(), "the second look has something to remember, which is written");
        let page = page.value;
        ensure!(page.items.is_empty() && !page.more, "the second look finds {} changes", page.items.len());
        Ok(recorder.exchanges())
    }

    fn access(&self, connection: &CallTarget, faults: Option<&Arc<Faults>>) -> anyhow::Result<Arc<Access>> {
        let access = harness::access(self.account, connection.clone())?;
        Ok(match faults {
            Some(faults) => access.with_interceptor(faults.interceptor()),
            None => access,
        })
    }
}
