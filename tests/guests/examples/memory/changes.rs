//! What has changed. A cursor is the number of the last change that was told, and whether a listing is under way:
//! `L12` or `C12`. A listing is all changes since the beginning but for what is gone.

use chronus_sdk::failure::failure;
use chronus_sdk::types::*;

use crate::service::{self, Happened};
use crate::{record, wrong};

pub(crate) fn page(c: &Connection, calendar: &str, cursor: Option<&[u8]>, max: u32) -> Result<Batch, Failure> {
    let expired = || failure(Remedy::CursorExpired, "", "the cursor is none of this provider's");
    let (listing, after) = match cursor.map(read) {
        None => (true, 0),
        Some(Some(place)) => place,
        Some(None) if wrong(c, "any-cursor-is-good") => (true, 0),
        Some(None) => return Err(expired()),
    };
    let happened = service::changes(calendar, after)?.ok_or_else(expired)?;
    let most = if wrong(c, "max-ignored") { usize::MAX } else { usize::try_from(max).unwrap_or(usize::MAX) };
    let more = happened.len() > most;
    let told = happened.get(..most.min(happened.len())).unwrap_or_default();
    let mut last = told.last().map_or(after, |last| last.number);
    let mut items: Vec<Change> = told.iter().filter_map(|one| change(c, one, listing)).collect();
    if items.is_empty() && !listing && wrong(c, "repeats-changes") {
        let before = service::changes(calendar, after.saturating_sub(1))?.unwrap_or_default();
        items.extend(before.iter().filter_map(|one| change(c, one, false)));
    }
    if more && wrong(c, "skips-between-pages") {
        last += 1;
    }
    let next = format!("{}{last}", if listing && more { 'L' } else { 'C' }).into_bytes();
    let complete_listing = listing && !more && !wrong(c, "never-complete");
    Ok(Batch { items, next, more, complete_listing, memo: None })
}

fn read(cursor: &[u8]) -> Option<(bool, u64)> {
    let text = std::str::from_utf8(cursor).ok()?;
    match text.split_at_checked(1)? {
        ("L", number) => Some((true, number.parse().ok()?)),
        ("C", number) => Some((false, number.parse().ok()?)),
        _ => None,
    }
}

fn change(c: &Connection, happened: &Happened, listing: bool) -> Option<Change> {
    let Some(stored) = &happened.stored else {
        let silent = listing || wrong(c, "never-tombstones");
        return (!silent).then(|| Change::Gone(happened.id.clone()));
    };
    match record::event(c, stored) {
        Ok(_) if !listing && wrong(c, "misses-updates") && stored.data.contains("\nSEQUENCE:1") => None,
        Ok(_) if !listing && wrong(c, "misses-new-ones") && stored.data.contains("\nSEQUENCE:0") => None,
        Ok(_) if listing && wrong(c, "lists-no-series") && stored.data.contains("\nRRULE:") => None,
        Ok(event) => Some(Change::Event(event)),
        Err(failure) => Some(Change::Problem(Problem { id: happened.id.clone(), what: failure.detail })),
    }
}
