//! Cases of `changes.page`: listings, changes, deletions and cursors.

use super::{
    bench::{Bench, CreatedEvent, timed},
    content::{Content, Field, holds},
    expect::{CaseResult, ensure, equal, failed, fails, ok, short},
};
use crate::{
    calendar::{Draft, Patch, Span, Window},
    plugins::contract::{Batch, Change},
};
use std::collections::BTreeSet;

super::list! {
    "changes/listing" [ReportChanges, Write] listing;
    "changes/listing:series-and-whole-days" [ReportChanges, RecurringWrites] listing_of_all_forms;
    "changes/new" [ReportChanges, Write] new;
    "changes/new:title" [ReportChanges, Write] changed;
    "changes/new:moved" [ReportChanges, Write] moved(24);
    "changes/new:moved-out-of-the-window" [ReportChanges, Write] moved(24 * 300);
    "changes/new:same-cursor-again" [ReportChanges, Write] same_cursor_again;
    "changes/tombstone" [ReportChanges, Write] tombstone;
    "changes/tombstone:made-and-deleted" [ReportChanges, Write] made_and_deleted;
    "changes/tombstone:series" [ReportChanges, RecurringWrites] tombstone_of_a_series;
    "changes/fix-point" [ReportChanges] fix_point;
    "changes/fix-point:after-changes" [ReportChanges, Write] fix_point_after_changes;
    "changes/max:listing" [ReportChanges, Write] max_of_a_listing;
    "changes/max:changes" [ReportChanges, Write] max_of_changes;
    "changes/left" [ReportChanges, Write] left;
    "changes/covers" [ReportChanges, Write] covers;
    "changes/expired" [ReportChanges] expired;
}

/// More pages than any test account has.
const MOST_PAGES: usize = 5000;

/// The pages from a cursor up to `more` = false.
pub(super) struct Pages {
    items: Vec<Change>,
    sizes: Vec<usize>,
    cursor: Vec<u8>,
    complete: bool,
    /// The time that the first page says the cursor covers.
    covers: Option<Window>,
}

impl Pages {
    /// The last change of the event.
    pub(super) fn last(&self, id: &str) -> Option<&Change> {
        self.items.iter().rev().find(|change| change.id() == id)
    }

    pub(super) fn ids(&self) -> BTreeSet<&str> {
        self.items.iter().map(Change::id).collect()
    }

    /// Checks that the event is named as present.
    fn names(&self, what: &str, made: &CreatedEvent) -> CaseResult {
        match self.last(&made.event.id) {
            Some(Change::Event(_) | Change::Reference { .. }) => Ok(()),
            other => failed(
                format!("the pages name {what} `{}`", made.event.id),
                match other {
                    Some(change) => short(change),
                    None => format!("it is not among the {} items of the pages", self.items.len()),
                },
            ),
        }
    }

    /// Checks that the event is named as deleted, or is missing from a complete listing.
    fn buries(&self, made: &CreatedEvent) -> CaseResult {
        let id = &made.event.id;
        match self.last(id) {
            Some(Change::Gone(_)) => Ok(()),
            None if self.complete => Ok(()),
            other => failed(
                format!("the pages name `{id}`, which was deleted, as `gone`"),
                match other {
                    Some(change) => short(change),
                    None => "they do not name it, and are not a complete listing".into(),
                },
            ),
        }
    }
}

/// The window of the cases: two weeks around the bench's day.
fn around(bench: &Bench) -> Window {
    bench.hours(-24 * 7, 24 * 7)
}

async fn page(bench: &Bench, cursor: Option<&[u8]>, max: u32) -> CaseResult<Batch> {
    let calendar = bench.calendar()?;
    let page = bench.caller.changes(calendar, cursor, around(bench), max).await;
    let what = if cursor.is_some() { "`page` accepts the cursor that it returned" } else { "`page` begins a listing" };
    ok(what, page)
}

/// Follows the pages from a cursor, or those of a listing, with this many items at most on each.
pub(super) async fn follow_by(bench: &Bench, cursor: Option<&[u8]>, max: u32) -> CaseResult<Pages> {
    let mut pages = Pages { items: Vec::new(), sizes: Vec::new(), cursor: Vec::new(), complete: false, covers: None };
    let mut cursor = cursor.map(<[u8]>::to_vec);
    while pages.sizes.len() < MOST_PAGES {
        let batch = page(bench, cursor.as_deref(), max).await?;
        if pages.sizes.is_empty() {
            pages.covers = batch.covers;
        }
        pages.sizes.push(batch.items.len());
        pages.items.extend(batch.items);
        pages.complete = batch.complete_listing;
        if !batch.more {
            pages.cursor = batch.next;
            return Ok(pages);
        }
        cursor = Some(batch.next);
    }
    failed("the pages come to an end, where `more` is false", format!("after {MOST_PAGES} pages there is still more"))
}

async fn follow(bench: &Bench, cursor: Option<&[u8]>) -> CaseResult<Pages> {
    follow_by(bench, cursor, bench.limits().page_size).await
}

/// The cursor after a complete listing.
pub(super) async fn now(bench: &Bench) -> CaseResult<Vec<u8>> {
    Ok(follow(bench, None).await?.cursor)
}

async fn listing(bench: &Bench) -> CaseResult {
    let mut made = Vec::new();
    for (start, end) in [(9, 10), (24, 26), (100, 101)] {
        made.push(bench.make(&bench.draft(start, end)).await?);
    }
    expect_listing(bench, &made).await
}

async fn listing_of_all_forms(bench: &Bench) -> CaseResult {
    let days = Span::AllDay { start: bench.day, end: bench.day.tomorrow().unwrap_or(bench.day) };
    // The series begins long before the window; only an occurrence is within it.
    let weekly =
        Draft { recurrence: vec!["RRULE:FREQ=WEEKLY;COUNT=20".into()], ..bench.draft(10 - 24 * 70, 11 - 24 * 70) };
    // From before the window to after it.
    let long = Draft { when: timed(bench.hour(-24 * 9), bench.hour(24 * 9), "UTC"), ..bench.draft(10, 11) };
    let mut made = Vec::new();
    for draft in [Draft { when: days, ..bench.draft(0, 24) }, weekly, long] {
        made.push(bench.make(&draft).await?);
    }
    expect_listing(bench, &made).await
}

async fn expect_listing(bench: &Bench, made: &[CreatedEvent]) -> CaseResult {
    let pages = follow(bench, None).await?;
    for one in made {
        pages.names("the event of the window", one)?;
        if let Some(Change::Event(event)) = pages.last(&one.event.id) {
            holds("the listing", &Field::ALL, &Content::from(&one.event), event)?;
        }
    }
    ensure(pages.complete, "the last page of a listing has `complete-listing`", || "it does not".into())
}

async fn new(bench: &Bench) -> CaseResult {
    let cursor = now(bench).await?;
    let made = bench.make(&bench.draft(10, 11)).await?;
    let pages = follow(bench, Some(&cursor)).await?;
    pages.names("the new event", &made)?;
    match pages.last(&made.event.id) {
        Some(Change::Event(event)) => holds("the change", &Field::ALL, &Content::from(&made.event), event),
        _ => Ok(()),
    }
}

async fn changed(bench: &Bench) -> CaseResult {
    let patch = Patch { title: Some("Changed".into()), ..Patch::default() };
    named_after(bench, patch).await
}

async fn moved(bench: &Bench, hours: i64) -> CaseResult {
    let when = timed(bench.hour(10 + hours), bench.hour(11 + hours), "UTC");
    named_after(bench, Patch { when: Some(when), ..Patch::default() }).await
}

async fn named_after(bench: &Bench, patch: Patch) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let cursor = now(bench).await?;
    let outside = patch.when.as_ref().is_some_and(|when| match when {
        Span::Timed { start, .. } => start.at >= around(bench).end,
        Span::AllDay { .. } => false,
    });
    let updated = ok("`update` changes the event", bench.update(&made, patch).await)?;
    let pages = follow(bench, Some(&cursor)).await?;
    match pages.last(&made.event.id) {
        // An event that left the window may also be named as gone or left.
        Some(Change::Gone(_) | Change::Left(_)) if outside => Ok(()),
        Some(Change::Event(event)) => holds("the change", &Field::ALL, &Content::from(&updated), event),
        _ => pages.names("the changed event", &made),
    }
}

/// The host may stop after it stored the items of a page and before it stored the cursor.
async fn same_cursor_again(bench: &Bench) -> CaseResult {
    let cursor = now(bench).await?;
    let made = bench.make(&bench.draft(10, 11)).await?;
    follow(bench, Some(&cursor)).await?.names("the new event", &made)?;
    follow(bench, Some(&cursor)).await?.names("again, with the same cursor, the new event", &made)
}

async fn tombstone(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    buried(bench, &made).await
}

async fn tombstone_of_a_series(bench: &Bench) -> CaseResult {
    let draft = Draft { recurrence: vec!["RRULE:FREQ=DAILY;COUNT=3".into()], ..bench.draft(10, 11) };
    let made = bench.make(&draft).await?;
    buried(bench, &made).await
}

async fn buried(bench: &Bench, made: &CreatedEvent) -> CaseResult {
    let cursor = now(bench).await?;
    ok("`cancel` succeeds", bench.cancel(made).await)?;
    follow(bench, Some(&cursor)).await?.buries(made)
}

/// An event that was never listed need not be named, but must not be named as present.
async fn made_and_deleted(bench: &Bench) -> CaseResult {
    let cursor = now(bench).await?;
    let made = bench.make(&bench.draft(10, 11)).await?;
    ok("`cancel` succeeds", bench.cancel(&made).await)?;
    let pages = follow(bench, Some(&cursor)).await?;
    match pages.last(&made.event.id) {
        None | Some(Change::Gone(_)) => Ok(()),
        Some(other) => failed("an event that was created and deleted is `gone` or not named", short(other)),
    }
}

async fn fix_point(bench: &Bench) -> CaseResult {
    let cursor = now(bench).await?;
    rests(bench, cursor).await
}

async fn fix_point_after_changes(bench: &Bench) -> CaseResult {
    let kept = bench.make(&bench.draft(10, 11)).await?;
    let deleted = bench.make(&bench.draft(12, 13)).await?;
    let cursor = now(bench).await?;
    bench.make(&bench.draft(14, 15)).await?;
    ok(
        "`update` changes an event",
        bench.update(&kept, Patch { title: Some("After".into()), ..Patch::default() }).await,
    )?;
    ok("`cancel` succeeds", bench.cancel(&deleted).await)?;
    let cursor = follow(bench, Some(&cursor)).await?.cursor;
    rests(bench, cursor).await
}

/// Without changes, every page is empty.
async fn rests(bench: &Bench, mut cursor: Vec<u8>) -> CaseResult {
    for _ in 0..2 {
        let batch = page(bench, Some(&cursor), bench.limits().page_size).await?;
        ensure(batch.items.is_empty(), "an empty page after the last cursor, because nothing changed", || {
            short(&batch.items)
        })?;
        ensure(!batch.more, "`more` is false on that page", || "`more` is true".into())?;
        cursor = batch.next;
    }
    Ok(())
}

async fn max_of_a_listing(bench: &Bench) -> CaseResult {
    let made = several(bench).await?;
    let pages = follow_by(bench, None, 2).await?;
    no_page_over(2, &pages)?;
    for one in &made {
        pages.names("the event of the window, two on a page,", one)?;
    }
    let all = follow(bench, None).await?;
    equal("the same events with small pages as with large ones", &all.ids(), &pages.ids())
}

async fn max_of_changes(bench: &Bench) -> CaseResult {
    let cursor = now(bench).await?;
    let made = several(bench).await?;
    let pages = follow_by(bench, Some(&cursor), 1).await?;
    no_page_over(1, &pages)?;
    for one in &made {
        pages.names("the new event, one on a page,", one)?;
    }
    Ok(())
}

async fn several(bench: &Bench) -> CaseResult<Vec<CreatedEvent>> {
    let mut made = Vec::new();
    for hour in 0..5 {
        made.push(bench.make(&bench.draft(hour, hour + 1)).await?);
    }
    Ok(made)
}

fn no_page_over(max: usize, pages: &Pages) -> CaseResult {
    let largest = pages.sizes.iter().max().copied().unwrap_or(0);
    ensure(largest <= max, &format!("no page with more than {max} items"), || format!("one with {largest}"))
}

async fn left(bench: &Bench) -> CaseResult {
    let made = bench.make(&bench.draft(10, 11)).await?;
    let cursor = now(bench).await?;
    let patch = Patch { title: Some("Still here".into()), ..Patch::default() };
    ok("`update` changes the event", bench.update(&made, patch).await)?;
    let pages = follow(bench, Some(&cursor)).await?;
    match pages.last(&made.event.id) {
        Some(change @ Change::Left(_)) => failed("an event that is in the window is not `left`", short(change)),
        _ => Ok(()),
    }
}

/// Events before and after the window are listed if they are within the time that the provider says it covers.
async fn covers(bench: &Bench) -> CaseResult {
    let mut made = vec![bench.make(&bench.draft(10, 11)).await?];
    for hour in [-24 * 20, 24 * 20] {
        made.push(bench.make(&bench.draft(hour, hour + 1)).await?);
    }
    let pages = follow(bench, None).await?;
    let window = pages.covers.unwrap_or_else(|| around(bench));
    ensure(window.start < window.end, "`covers` ends after it starts", || short(&window))?;
    let is_covered = |made: &&CreatedEvent| match &made.event.when {
        Span::Timed { start, end } => start.at < window.end && end.at > window.start,
        Span::AllDay { .. } => false,
    };
    made.iter().filter(is_covered).try_for_each(|made| pages.names("the event within the covered time", made))
}

async fn expired(bench: &Bench) -> CaseResult {
    let calendar = bench.calendar()?;
    for cursor in [&b"conformance"[..], &[0xff; 16], &[]] {
        let page = bench.caller.changes(calendar, Some(cursor), around(bench), bench.limits().page_size).await;
        fails(&format!("`page` with the invented cursor {cursor:?}"), page, &["cursor-expired"])?;
    }
    Ok(())
}
