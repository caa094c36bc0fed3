//! Events: the parts that all operations share. Each operation is a file.
//!
//! A calendar holds single events, series, and exceptions of series, each under its id. An invited person's calendar
//! has a copy of its own under the same id, with what is theirs (`view::OWN`) and what is everybody's; `copies` carries
//! the latter from the organiser to the guests, and answers the other way.
//!
//! Choices where the documentation of the service is silent: an exception keeps its fields when its series changes, unless
//! the series no longer has its start or is cancelled; a cancelled event is restored by writing `status: confirmed`, and
//! all other writes to it are refused; a copy that its owner deleted stays deleted.

pub(crate) mod change;
pub(crate) mod check;
mod copies;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod insert;
pub(crate) mod list;
pub(crate) mod series;
pub(crate) mod times;
pub(crate) mod view;
mod write;

use super::errors::{ApiResult, Refusal};
use super::methods::Caller;
use super::state::{Body, Calendar, Role, State, StoredEvent, text};

/// A person's access to the events of a calendar, by their role and the scopes of their token.
pub(super) fn access(state: &State, caller: &Caller, id: &str) -> ApiResult<(String, Role)> {
    let (calendar, role) = state.calendar(&caller.user, id)?;
    let allowed = caller.scopes.iter().filter_map(|scope| match *scope {
        "calendar" | "calendar.events" => Some(role),
        "calendar.events.readonly" | "calendar.readonly" => Some(role.min(Role::Reader)),
        "calendar.events.owned" => Some(role).filter(|role| *role == Role::Owner),
        "calendar.events.owned.readonly" => (role == Role::Owner).then_some(Role::Reader),
        "calendar.events.freebusy" => Some(Role::FreeBusyReader),
        // Public calendars, and calendars that an application created, do not exist here.
        _ => None,
    });
    let allowed = allowed.max().ok_or_else(Refusal::not_found)?;
    Ok((calendar.id.clone(), allowed))
}

/// The calendar, if the caller may change its events.
pub(super) fn writable(state: &State, caller: &Caller, id: &str) -> ApiResult<String> {
    match access(state, caller, id)? {
        (calendar, Role::Writer | Role::Owner) => Ok(calendar),
        (_, Role::FreeBusyReader | Role::Reader) => Err(Refusal::required_access("writer")),
    }
}

/// An event by its id: one that is stored, or an occurrence of a series.
pub(super) fn find(calendar: &Calendar, id: &str) -> Option<StoredEvent> {
    if let Some(stored) = calendar.events.get(id) {
        return Some(stored.clone());
    }
    let (series, _) = id.rsplit_once('_')?;
    let stored = calendar.events.get(series).filter(|stored| series::is_series(&stored.body))?;
    let occurrence = series::of_id(&stored.body, &calendar.zone, id)?;
    Some(StoredEvent { body: occurrence.body, changed: stored.changed, ..StoredEvent::default() })
}

/// Whether an event was created in this calendar.
pub(super) fn is_organizer(calendar: &str, body: &Body) -> bool {
    organizer(body) == calendar
}

/// The address of the calendar in which an event was created.
pub(super) fn organizer(body: &Body) -> &str {
    body.get("organizer").and_then(|organizer| organizer.get("email")).and_then(serde_json::Value::as_str).unwrap_or("")
}

/// The present version.
pub(super) fn etag(body: &Body) -> Option<&str> {
    Some(text(body, "etag")).filter(|etag| !etag.is_empty())
}
