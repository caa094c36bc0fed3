//! Changes of a calendar since the last page.
//!
//! A listing requests the window, page by page, and its last page has a sync token. From then on the token returns what changed
//! or was deleted, whatever the window. A token must be used with the parameters of its listing, so the cursor holds both. A
//! page may be empty without being the last.
//!
//! Google forgets tokens (410), and page tokens earlier; for an old one it sometimes answers 400. With a cursor, each of these
//! means that the calendar must be listed again.
//!
//! Series are not expanded: a series is one event with its rule, and its changed occurrences are events of their own.

mod cursor;

use chronus_sdk::ChangesPage;
use chronus_sdk::failure::{failure, invalid};
use chronus_sdk::json::Value;
use chronus_sdk::log;
use chronus_sdk::values::{Change, ChangesReply, Connection, Failure, Problem, Remedy};

use self::cursor::{Cursor, Source};
use crate::api::{self, Address};
use crate::describe::PAGE;
use crate::scopes::Rights;
use crate::{record, times};

/// `changes.page`
pub(crate) fn page(
    connection: &Connection,
    calendar: &str,
    ChangesPage { cursor, window, max }: ChangesPage<'_>,
) -> Result<ChangesReply, Failure> {
    Rights::of(connection).to_read()?;
    let begins = cursor.is_none();
    let cursor = match cursor {
        Some(bytes) => Cursor::read(bytes, calendar).ok_or_else(|| expired(""))?,
        None if window.end <= window.start => {
            return Err(invalid("window", "the window's end is not after its start"));
        }
        None => {
            let (from, to) = times::around(window)?;
            Cursor { calendar: calendar.to_owned(), source: Source::Listing { from, to }, page: None }
        }
    };
    let answer =
        api::get(&address(&cursor, max)?).map_err(|failure| if begins { failure } else { of_cursor(failure) })?;
    let items = api::list(&answer, "items")?;
    let items = items.iter().map(|item| change(item, connection)).collect::<Result<Vec<Change>, Failure>>()?;
    let listing = matches!(cursor.source, Source::Listing { .. });
    let (next, more) = follow(cursor, &answer)?;
    log::debug("a page of changes", &[("items", &items.len()), ("listing", &listing), ("more", &more)]);
    let next = next.write().ok_or_else(|| api::nonsense("its token is longer than a cursor may be"))?;
    Ok(ChangesReply { items, next, more, complete_listing: listing && !more, covers: None, memo: None })
}

fn address(cursor: &Cursor, max: u32) -> Result<Address, Failure> {
    let events = api::events(&cursor.calendar)?.with("maxResults", &max.clamp(1, PAGE).to_string());
    let events = match &cursor.source {
        Source::Listing { from, to } => events.with("timeMin", from).with("timeMax", to),
        Source::Sync(token) => events.with("syncToken", token),
    };
    Ok(events.with_some("pageToken", cursor.page.as_deref()))
}

/// The cursor after a page, and whether there are more pages.
fn follow(cursor: Cursor, answer: &Value) -> Result<(Cursor, bool), Failure> {
    let token = |name: &str| answer[name].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
    match (token("nextPageToken"), token("nextSyncToken")) {
        (Some(page), _) if cursor.page.as_ref() == Some(&page) => Err(api::nonsense("its pages have no end")),
        (Some(page), _) => Ok((Cursor { page: Some(page), ..cursor }, true)),
        (None, Some(token)) => Ok((Cursor { source: Source::Sync(token), page: None, ..cursor }, false)),
        (None, None) => Err(api::nonsense("it has neither a next page nor a sync token")),
    }
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

/// One item of a page. If an item has no id, the page cannot be trusted.
fn change(item: &Value, connection: &Connection) -> Result<Change, Failure> {
    let id = record::id(item).ok_or_else(|| api::nonsense("an event in it has no id"))?.to_owned();
    // A cancelled occurrence belongs to a series that exists; any other cancelled event is gone.
    if record::is_cancelled(item) && !item["recurringEventId"].is_string() {
        return Ok(Change::Gone(id));
    }
    Ok(match record::event(item, connection) {
        Ok(event) => Change::Event(event),
        Err(what) => Change::Problem(Problem { id, what, span: None }),
    })
}
