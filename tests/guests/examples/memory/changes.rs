//! Changes of a calendar. A cursor is `C` and the number of the last change that was returned: `C12`. During a listing, which
//! returns the events that remain of all changes, it is `L`, the number of the last change that was returned, and the number
//! of the last change at the start of the listing: `L3/12`. Deletions during the listing are returned after it.
//!
//! A change of a series returns the series and its changed occurrences. If a page has no room for all of them, the cursor
//! adds the number of the change and how many of its events were returned: `C12+13:2`.

use chronus_sdk::ChangesPage;
use chronus_sdk::failure::failure;
use chronus_sdk::values::*;

use crate::service::{self, EventChange};
use crate::{occurrence, record, wrong};

pub(crate) fn page(c: &Connection, calendar: &str, asked: &ChangesPage<'_>) -> Result<ChangesReply, Failure> {
    let expired = || failure(Remedy::CursorExpired, "", "this provider did not make the cursor");
    let cursor = match asked.cursor.map(Cursor::read) {
        None => Cursor::BEGINNING,
        Some(Some(cursor)) => cursor,
        Some(None) if wrong("any-cursor-is-good") => Cursor::BEGINNING,
        Some(None) => return Err(expired()),
    };
    let (listing, place) = (cursor.listing.is_some(), cursor.place);
    let since = service::since(calendar, place.after, listing)?.ok_or_else(expired)?;
    let all = items(c, &since.items, place, asked, listing);
    let most = if wrong("max-ignored") { usize::MAX } else { usize::try_from(asked.max).unwrap_or(usize::MAX) };
    let more = all.len() > most;
    let mut next = all.get(..most.min(all.len())).and_then(<[_]>::last).map_or(place, |item| item.next);
    let mut items: Vec<Change> = all.into_iter().take(most).map(|item| item.change).collect();
    if items.is_empty() && !listing && wrong("repeats-changes") {
        let before = Place { after: place.after.saturating_sub(1), ..place };
        let since = service::since(calendar, before.after, false)?.ok_or_else(expired)?;
        items.extend(self::items(c, &since.items, before, asked, false).into_iter().map(|item| item.change));
    }
    if wrong("never-goes-back") && more {
        next.after = next.after.max(place.after + 1);
    }
    if more && wrong("skips-between-pages") {
        next.after += 1;
    }
    let begun = cursor.listing.map(|begun| begun.unwrap_or(since.last));
    let next = match begun {
        Some(_) if more => Cursor { listing: Some(begun), place: next },
        Some(begun) => Cursor { listing: None, place: Place::after(begun) },
        None if more => Cursor { listing: None, place: next },
        None => Cursor { listing: None, place: Place::after(since.last) },
    };
    let complete_listing = listing && !more && !wrong("never-complete");
    Ok(ChangesReply { items, next: next.write(), more, complete_listing, covers: covers(asked.window), memo: None })
}

/// A planted error: the listing is said to cover more time than it does.
fn covers(window: Window) -> Option<Window> {
    const DAYS: i64 = 30 * 86_400;
    wrong("covers-too-much").then(|| Window { start: window.start - DAYS, end: window.end + DAYS })
}

/// A change, and the place after it.
struct Item {
    change: Change,
    next: Place,
}

fn items(c: &Connection, happened: &[EventChange], from: Place, asked: &ChangesPage<'_>, listing: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let mut before = from.after;
    for one in happened {
        let changes = changes(c, one, asked.window, listing);
        let skipped = if from.within == one.number { from.returned } else { 0 };
        let last = changes.len();
        for (change, returned) in changes.into_iter().zip(1..).skip(skipped) {
            let next = match returned == last {
                true => Place::after(one.number),
                false => Place { after: before, within: one.number, returned },
            };
            items.push(Item { change, next });
        }
        before = one.number;
    }
    items
}

/// How far changes were returned.
#[derive(Clone, Copy)]
struct Place {
    /// The number of the last change that was returned whole.
    after: u64,
    /// The number of a change that was returned in part; 0 for none.
    within: u64,
    /// How many events of that change were returned.
    returned: usize,
}

impl Place {
    const fn after(after: u64) -> Self {
        Self { after, within: 0, returned: 0 }
    }

    fn read(text: &str) -> Option<Self> {
        let Some((after, part)) = text.split_once('+') else { return Some(Self::after(text.parse().ok()?)) };
        let (within, returned) = part.split_once(':')?;
        Some(Self { after: after.parse().ok()?, within: within.parse().ok()?, returned: returned.parse().ok()? })
    }

    fn write(self) -> String {
        match self {
            Self { after, within: 0, .. } => after.to_string(),
            Self { after, within, returned } => format!("{after}+{within}:{returned}"),
        }
    }
}

/// The content of a cursor.
struct Cursor {
    /// During a listing: the number of the last change at its start, which the first page learns.
    listing: Option<Option<u64>>,
    place: Place,
}

impl Cursor {
    const BEGINNING: Self = Self { listing: Some(None), place: Place::after(0) };

    fn read(cursor: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(cursor).ok()?;
        match text.split_at_checked(1)? {
            ("L", text) => {
                let (place, begun) = text.split_once('/')?;
                Some(Self { listing: Some(Some(begun.parse().ok()?)), place: Place::read(place)? })
            }
            ("C", text) => Some(Self { listing: None, place: Place::read(text)? }),
            _ => None,
        }
    }

    fn write(&self) -> Vec<u8> {
        let place = self.place.write();
        match self.listing {
            Some(begun) => format!("L{place}/{}", begun.unwrap_or_default()),
            None => format!("C{place}"),
        }
        .into_bytes()
    }
}

fn changes(c: &Connection, happened: &EventChange, window: Window, listing: bool) -> Vec<Change> {
    let Some(stored) = &happened.stored else {
        let silent = listing || wrong("never-tombstones");
        return if silent { vec![] } else { vec![Change::Gone(happened.id.clone())] };
    };
    let problem = |what| Change::Problem(Problem { id: happened.id.clone(), what, span: None });
    let event = match record::event(c, stored) {
        Ok(event) => event,
        Err(failure) => return vec![problem(failure.detail)],
    };
    let is_outside = event.recurrence.is_empty() && !touches(&event.when, window);
    let silent = listing && is_outside && wrong("covers-too-much")
        || !listing && wrong("misses-updates") && stored.data.contains("\nSEQUENCE:1")
        || !listing && wrong("misses-new-ones") && stored.data.contains("\nSEQUENCE:0")
        || listing && wrong("lists-no-series") && stored.data.contains("\nRRULE:")
        || wrong("knows-no-future") && record::is_ahead(&event.when);
    if silent {
        return vec![];
    }
    if !listing && wrong("leaves-what-moves") && stored.data.contains("\nSEQUENCE:1") {
        return vec![Change::Left(event.id)];
    }
    match occurrence::parts(c, stored) {
        Ok(events) => events.into_iter().map(Change::Event).collect(),
        Err(failure) => vec![problem(failure.detail)],
    }
}

fn touches(when: &Span, window: Window) -> bool {
    match when {
        Span::Timed(span) => span.start.at < window.end && span.end.at > window.start,
        Span::AllDay(_) => true,
    }
}
