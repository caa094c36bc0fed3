//! Changes of a calendar since the last look.
//!
//! A listing returns the events of the window; later looks return what changed anywhere in the calendar. There must be no gap
//! between the two. So the starting position of later looks (a sync token, or a collection tag with all entity tags) is taken
//! before the listing: a change during the listing is returned twice rather than never. Names are fetched first, because they
//! are cheap, and bodies page by page; the remaining names are in the cursor. For servers without sync-collection the
//! provider compares: the collection tag says whether anything changed, and the entity tags say what. It also compares for
//! servers whose tokens are unreliable, which [`tokens`] tests.
//!
//! Rejected: a listing by sync-collection with an empty token. It names every event ever created, and the host would fetch
//! them all.

mod cursor;
mod tokens;

use std::collections::{BTreeMap, BinaryHeap};

use chronus_sdk::ChangesPage;
use chronus_sdk::failure::{failure, invalid, temporary};
use chronus_sdk::http::{HttpError, Url};
use chronus_sdk::log;
use chronus_sdk::values::{Change, ChangesReply, Connection, Failure, Problem, Remedy, Window};

use crate::dav::{self, Answer, Ns, QueryData, Trouble, href, requests};
use crate::describe::PAGE;
use crate::fetch::{FetchResult, fetch_many};
use crate::occurrence::PartResult;
use crate::record;
use crate::session::{self, Session};
use cursor::{Cursor, Listing, Pending, Snapshot, Source, TaggedName, hash};

/// `changes.page`
pub(crate) fn page(
    connection: &Connection,
    calendar: &str,
    ChangesPage { cursor, window, max }: ChangesPage<'_>,
) -> Result<ChangesReply, Failure> {
    if window.end <= window.start {
        return Err(invalid("window", "the window's end is not after its start"));
    }
    if max == 0 {
        return Err(invalid("max", "a page must hold at least one item"));
    }
    let known = match cursor {
        None => None,
        Some(bytes) => Some(Cursor::read(bytes, calendar).ok_or_else(|| expired(""))?),
    };
    let (batch, memo) = session::run(connection, |session| {
        let url = session.calendar(calendar)?;
        let cursor = match &known {
            None => begin(session, &url, calendar, window)?,
            Some(cursor) => go_on(session, &url, cursor.clone())?,
        };
        give(session, &url, cursor, max.min(PAGE))
    })?;
    Ok(ChangesReply { memo, ..batch })
}

fn expired(code: &str) -> Failure {
    failure(Remedy::CursorExpired, code, "the cursor is no longer valid; list the calendar again")
}

/// Takes the starting position and lists the window.
fn begin(session: &Session<'_>, url: &Url, calendar: &str, window: Window) -> Result<Cursor, Trouble> {
    let answers = dav::ask(&requests::propfind(url, "0", &["d:sync-token", "s:getctag"]))?.answers;
    let collection = answers.first();
    let token = collection.and_then(|answer| answer.text(Ns::Dav, "sync-token"));
    let token = token.map(|token| tokens::tried(session, url, token)).transpose()?.flatten();
    let (ctag, usual) = (collection.and_then(ctag), token.is_some());
    let source = match token {
        Some(token) => Source::Sync(token),
        None => Source::Compare(Snapshot { ctag, names: Some(names(session, url, None)?) }),
    };
    log::debug("a listing begins", &[("by-token", &usual)]);
    let listing = Listing { start: window.start, end: window.end, after: None };
    let mut cursor = Cursor::new(calendar, source, Some(listing));
    cursor.pending = list(session, url, window, None)?;
    Ok(cursor)
}

/// Looks for further changes if the cursor holds none.
fn go_on(session: &Session<'_>, url: &Url, mut cursor: Cursor) -> Result<Cursor, Trouble> {
    if !cursor.pending.is_empty() {
        return Ok(cursor);
    }
    if let Some(listing) = &mut cursor.listing
        && let Some(after) = listing.after.take()
    {
        cursor.pending = list(session, url, Window { start: listing.start, end: listing.end }, Some(&after))?;
        return Ok(cursor);
    }
    cursor.listing = None;
    match &mut cursor.source {
        Source::Sync(token) => (cursor.pending, cursor.cut_short) = look(url, token)?,
        Source::Compare(seen) => cursor.pending = compare(session, url, seen)?,
    }
    Ok(cursor)
}

/// Returns the next page of the cursor's changes.
fn give(session: &Session<'_>, url: &Url, mut cursor: Cursor, max: u32) -> Result<ChangesReply, Trouble> {
    let max = max as usize;
    let now: Vec<Pending> = cursor.pending.iter().take(max).cloned().collect();
    let changed: Vec<String> = now.iter().filter_map(changed).collect();
    let mut bodies = fetch_many(session, url, &changed)?.into_iter();
    let mut items = Vec::with_capacity(now.len());
    let mut done = 0;
    for one in now {
        let all = match one {
            Pending::Gone(id) => vec![Change::Gone(id)],
            Pending::Changed(id) => match bodies.next() {
                Some(found) => events(session, id, found)?,
                None => break,
            },
        };
        let (before, room) = (std::mem::take(&mut cursor.returned), max - items.len());
        let rest = all.len().saturating_sub(before);
        items.extend(all.into_iter().skip(before).take(room));
        if rest > room {
            // A series with more changed occurrences than the page has room for.
            cursor.returned = before + room;
            break;
        }
        done += 1;
    }
    cursor.pending.drain(..done);
    let more = cursor.has_more();
    let complete_listing = cursor.listing.is_some() && !more;
    if complete_listing {
        cursor.listing = None;
    }
    let next = cursor.write().ok_or_else(|| expired("too many changes for one cursor"))?;
    Ok(ChangesReply { items, next, more, complete_listing, covers: None, memo: None })
}

fn changed(pending: &Pending) -> Option<String> {
    match pending {
        Pending::Changed(id) => Some(id.clone()),
        Pending::Gone(_) => None,
    }
}

/// The event of a resource, or the series and its changed occurrences. None for a resource that is not an event: calendars may
/// hold tasks.
fn events(session: &Session<'_>, id: String, found: FetchResult) -> Result<Vec<Change>, Failure> {
    Ok(vec![match found {
        FetchResult::Stored(stored) => {
            let change = |PartResult { id, event }| match event {
                Ok(event) => Change::Event(event),
                Err(what) => {
                    let span = stored.unread.is_none().then(|| record::bounds(&stored.calendar, session)).flatten();
                    Change::Problem(Problem { id, what, span })
                }
            };
            return Ok(stored.parts(session).into_iter().map(change).collect());
        }
        FetchResult::Unreadable(what) => Change::Problem(Problem { id, what, span: None }),
        // Deleted since it was named.
        FetchResult::Missing => Change::Gone(id),
        // The server omitted it, which proves nothing.
        FetchResult::Failed(failure) if failure.service_code.is_empty() => return Err(*failure),
        FetchResult::Failed(failure) => Change::Problem(Problem { id, what: failure.detail, span: None }),
    }])
}

/// The names of the events that touch a window, sorted, after a name.
fn list(session: &Session<'_>, url: &Url, window: Window, after: Option<&str>) -> Result<Vec<Pending>, Trouble> {
    let listed = names(session, url, Some(window))?.into_iter().map(|event| event.name);
    Ok(listed.filter(|name| after.is_none_or(|after| name.as_str() > after)).map(Pending::Changed).collect())
}

/// The names of all events of the calendar, or of those that touch a window, sorted.
fn names(session: &Session<'_>, url: &Url, window: Option<Window>) -> Result<Vec<TaggedName>, Trouble> {
    let response = match dav::search(url, QueryData::Etags, window, session.account.finds_series) {
        Ok(response) => response,
        Err(HttpError::TooBig(_)) => return Err(too_many(window).into()),
        Err(error) => return Err(error.into()),
    };
    let answers = dav::read(&response)?.answers;
    if answers.iter().any(|answer| answer.status == Some(507)) {
        return Err(too_many(window).into());
    }
    let named = |answer: &Answer| {
        let tag = hash(&answer.etag().map(|etag| etag.shown()).unwrap_or_default());
        Some(TaggedName { name: name(answer)?, tag })
    };
    let there = answers.iter().filter(|answer| answer.status.is_none()).filter_map(named);
    // A heap, because a sort of a type of its own would be half a per cent of the component.
    let mut names = there.collect::<BinaryHeap<TaggedName>>().into_sorted_vec();
    names.dedup_by(|one, other| one.name == other.name);
    Ok(names)
}

fn too_many(window: Option<Window>) -> Failure {
    let detail = "the names of the events do not fit into one answer of the server";
    let remedy = match window {
        Some(window) => {
            Remedy::WindowTooLarge(u64::try_from(window.end.saturating_sub(window.start) / 2).unwrap_or(0).max(1))
        }
        None => Remedy::Temporary,
    };
    failure(remedy, "507", detail)
}

fn name(answer: &Answer) -> Option<String> {
    href::event_id(&answer.url)
}

fn ctag(answer: &Answer) -> Option<String> {
    answer.text(Ns::CalendarServer, "getctag").map(str::to_owned)
}

/// The changes since the last look, by comparison; updates `seen`.
fn compare(session: &Session<'_>, url: &Url, seen: &mut Snapshot) -> Result<Vec<Pending>, Trouble> {
    let answers = dav::ask(&requests::propfind(url, "0", &["s:getctag"]))?.answers;
    let now = answers.first().and_then(ctag);
    if now.is_some() && now == seen.ctag {
        return Ok(Vec::new());
    }
    let Some(before) = &seen.names else { return Err(expired("").into()) };
    let there = names(session, url, None)?;
    let pending = difference(before, &there);
    *seen = Snapshot { ctag: now, names: Some(there) };
    Ok(pending)
}

/// The difference of two sorted lists: removed names first, then new and changed ones, so that a renamed event is removed
/// before it is added.
fn difference(before: &[TaggedName], there: &[TaggedName]) -> Vec<Pending> {
    let find = |list: &[TaggedName], name: &str| {
        let at = list.binary_search_by(|known| known.name.as_str().cmp(name)).ok()?;
        list.get(at).map(|known| known.tag)
    };
    let changed = there.iter().filter(|event| find(before, &event.name) != Some(event.tag));
    let gone = before.iter().filter(|event| find(there, &event.name).is_none());
    let changed = changed.map(|event| Pending::Changed(event.name.clone()));
    gone.map(|event| Pending::Gone(event.name.clone())).chain(changed).collect()
}

/// The changes since a token, and whether there are more; updates the token. As in [`difference`], removed names come first. A
/// server may name an event twice; the last mention counts.
fn look(url: &Url, token: &mut String) -> Result<(Vec<Pending>, bool), Trouble> {
    let tokens::TokenChanges { events, token: new, cut_short } = match tokens::ask(url, token)? {
        tokens::TokenAnswer::Unknown(code) => return Err(expired(&code).into()),
        tokens::TokenAnswer::Answered(answered) => answered,
    };
    let mut last: BTreeMap<String, bool> = BTreeMap::new();
    for event in events {
        last.insert(event.name, event.gone);
    }
    let stuck = cut_short && new == *token && last.is_empty();
    if stuck {
        return Err(temporary("the server announces more changes and returns none").into());
    }
    log::debug("looked for changes", &[("changes", &last.len()), ("more", &cut_short)]);
    *token = new;
    let (gone, changed): (Vec<_>, Vec<_>) = last.into_iter().partition(|(_, gone)| *gone);
    let gone = gone.into_iter().map(|(name, _)| Pending::Gone(name));
    Ok((gone.chain(changed.into_iter().map(|(name, _)| Pending::Changed(name))).collect(), cut_short))
}
