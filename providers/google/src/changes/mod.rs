//! Changes of a calendar since the last page.
//!
//! A listing requests the window, page by page, and its last page has a sync token. From then on the token returns what changed
//! or was deleted, whatever the window. A token must be used with the parameters of its listing, so the cursor holds both. A
//! page may be empty without being the last.
//!
//! Google forgets tokens (410), and page tokens earlier; for an old one it sometimes answers 400. With a cursor, each of these
//! means that the calendar must be listed again.
//!
//! Series are not expanded: a series is one event with its rule, and its changed occurrences are events of their own. Google
//! names only the events that changed, and the contract wants the whole series. [`series`] adds the rest.

mod cursor;
mod series;

use chronus_sdk::ChangesPage;
use chronus_sdk::failure::{failure, invalid};
use chronus_sdk::json::Value;
use chronus_sdk::log;
use chronus_sdk::values::{ChangesReply, Connection, Failure, Remedy};

use self::cursor::{Cursor, Source};
use self::series::Items;
use crate::api::{self, Address};
use crate::describe::PAGE;
use crate::scopes::Rights;
use crate::times;

/// `changes.page`
pub(crate) fn page(
    connection: &Connection,
    calendar: &str,
    ChangesPage { cursor, window, max }: ChangesPage<'_>,
) -> Result<ChangesReply, Failure> {
    Rights::of(connection).to_read()?;
    let begins = cursor.is_none();
    let mut cursor = match cursor {
        Some(bytes) => Cursor::read(bytes, calendar).ok_or_else(|| expired(""))?,
        None if window.end <= window.start => {
            return Err(invalid("window", "the window's end is not after its start"));
        }
        None => {
            let (from, to) = times::around(window)?;
            Cursor::new(calendar, Source::Listing { from, to })
        }
    };
    let mut items = Items::new(connection, max.clamp(1, PAGE));
    if cursor.pending.is_empty() {
        let answer = api::get(&address(&cursor, &items)?);
        let answer = answer.map_err(|failure| if begins { failure } else { of_cursor(failure) })?;
        series::add_page(api::list(&answer, "items")?, &mut items, &mut cursor)?;
        follow(&mut cursor, &answer)?;
    }
    series::complete(&mut items, &mut cursor)?;
    let (changes, listing, more) = (items.changes, cursor.listing, cursor.has_more());
    if !more {
        cursor.listing = false;
        cursor.given.clear();
    }
    log::debug("a page of changes", &[("items", &changes.len()), ("listing", &listing), ("more", &more)]);
    let next = cursor.write().ok_or_else(|| api::nonsense("its tokens are longer than a cursor may be"))?;
    Ok(ChangesReply { items: changes, next, more, complete_listing: listing && !more, covers: None, memo: None })
}

fn address(cursor: &Cursor, items: &Items<'_>) -> Result<Address, Failure> {
    let events = api::events(&cursor.calendar)?.with("maxResults", &items.room().to_string());
    let events = match &cursor.source {
        Source::Listing { from, to } => events.with("timeMin", from).with("timeMax", to),
        Source::Sync(token) => events.with("syncToken", token),
    };
    Ok(events.with_some("pageToken", cursor.page.as_deref()))
}

/// Moves the cursor behind a page.
fn follow(cursor: &mut Cursor, answer: &Value) -> Result<(), Failure> {
    let token = |name: &str| answer[name].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
    match (token("nextPageToken"), token("nextSyncToken")) {
        (Some(page), _) if cursor.page.as_ref() == Some(&page) => return Err(api::nonsense("its pages have no end")),
        (Some(page), _) => cursor.page = Some(page),
        (None, Some(token)) => (cursor.source, cursor.page) = (Source::Sync(token), None),
        (None, None) => return Err(api::nonsense("it has neither a next page nor a sync token")),
    }
    Ok(())
}

/// The failure of a request with a cursor.
fn of_cursor(failure: Failure) -> Failure {
    match failure.remedy {
        Remedy::Gone | Remedy::CursorExpired => expired(&failure.service_code),
        Remedy::Invalid(_) if failure.service_code.starts_with("400") => expired(&failure.service_code),
        _ => failure,
    }
}

fn expired(code: &str) -> Failure {
    failure(Remedy::CursorExpired, code, "the cursor is no longer valid; list the calendar again")
}
