//! Changes of a calendar. A cursor is `C` and the number of the last change that was returned: `C12`. During a listing, which
//! returns the events that remain of all changes, it is `L`, the number of the last change that was returned, and the number
//! of the last change at the start of the listing: `L3/12`. Deletions during the listing are returned after it.

use chronus_sdk::failure::failure;
use chronus_sdk::values::*;

use crate::service::{self, EventChange};
use crate::{record, wrong};

pub(crate) fn page(c: &Connection, calendar: &str, cursor: Option<&[u8]>, max: u32) -> Result<ChangesReply, Failure> {
    let expired = || failure(Remedy::CursorExpired, "", "this provider did not make the cursor");
    let place = match cursor.map(CursorPosition::read) {
        None => CursorPosition::BEGINNING,
        Some(Some(place)) => place,
        Some(None) if wrong("any-cursor-is-good") => CursorPosition::BEGINNING,
        Some(None) => return Err(expired()),
    };
    let (listing, after) = (matches!(place, CursorPosition::Listing { .. }), place.after());
    let since = service::since(calendar, after, listing)?.ok_or_else(expired)?;
    let happened = since.items;
    let most = if wrong("max-ignored") { usize::MAX } else { usize::try_from(max).unwrap_or(usize::MAX) };
    let more = happened.len() > most;
    let told = happened.get(..most.min(happened.len())).unwrap_or_default();
    let mut last = told.last().map_or(after, |last| last.number);
    let mut items: Vec<Change> = told.iter().filter_map(|one| change(c, one, listing)).collect();
    if items.is_empty() && !listing && wrong("repeats-changes") {
        let before = service::since(calendar, after.saturating_sub(1), false)?.ok_or_else(expired)?;
        items.extend(before.items.iter().filter_map(|one| change(c, one, false)));
    }
    if wrong("never-goes-back") && more {
        last = last.max(after + 1);
    }
    if more && wrong("skips-between-pages") {
        last += 1;
    }
    let next = match place {
        CursorPosition::Listing { begun, .. } if more => {
            CursorPosition::Listing { after: last, begun: begun.or(Some(since.last)) }
        }
        CursorPosition::Listing { begun, .. } => CursorPosition::Changes { after: begun.unwrap_or(since.last) },
        CursorPosition::Changes { .. } => CursorPosition::Changes { after: last },
    };
    let next = next.write();
    let complete_listing = listing && !more && !wrong("never-complete");
    Ok(ChangesReply { items, next, more, complete_listing, covers: None, memo: None })
}

/// The content of a cursor.
enum CursorPosition {
    Listing { after: u64, begun: Option<u64> },
    Changes { after: u64 },
}

impl CursorPosition {
    const BEGINNING: Self = Self::Listing { after: 0, begun: None };

    const fn after(&self) -> u64 {
        match self {
            Self::Listing { after, .. } | Self::Changes { after } => *after,
        }
    }

    fn read(cursor: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(cursor).ok()?;
        match text.split_at_checked(1)? {
            ("L", numbers) => {
                let (after, begun) = numbers.split_once('/')?;
                Some(Self::Listing { after: after.parse().ok()?, begun: Some(begun.parse().ok()?) })
            }
            ("C", number) => Some(Self::Changes { after: number.parse().ok()? }),
            _ => None,
        }
    }

    fn write(&self) -> Vec<u8> {
        match self {
            Self::Listing { after, begun } => format!("L{after}/{}", begun.unwrap_or_default()),
            Self::Changes { after } => format!("C{after}"),
        }
        .into_bytes()
    }
}

fn change(c: &Connection, happened: &EventChange, listing: bool) -> Option<Change> {
    let Some(stored) = &happened.stored else {
        let silent = listing || wrong("never-tombstones");
        return (!silent).then(|| Change::Gone(happened.id.clone()));
    };
    match record::event(c, stored) {
        Ok(_) if !listing && wrong("misses-updates") && stored.data.contains("\nSEQUENCE:1") => None,
        Ok(_) if !listing && wrong("misses-new-ones") && stored.data.contains("\nSEQUENCE:0") => None,
        Ok(_) if listing && wrong("lists-no-series") && stored.data.contains("\nRRULE:") => None,
        Ok(event) if wrong("knows-no-future") && record::is_ahead(&event.when) => None,
        Ok(event) => Some(Change::Event(event)),
        Err(failure) => Some(Change::Problem(Problem { id: happened.id.clone(), what: failure.detail, span: None })),
    }
}
