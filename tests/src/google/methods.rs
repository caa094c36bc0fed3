//! The methods of the calendar's API that are served: where each is, which scopes open it, and what does it.
//!
//! The table repeats what Google's discovery document says of them, so that the service runs without that document (the
//! demo has none); a test compares the two. Rejected: reading the document always. People who try the demo would have
//! to install Google's client for it.

use http::Method as Verb;

use super::call::{Answer, Call, decoded};
use super::errors::{ApiResult, Refusal};
use super::state::State;
use super::{calendars, events, freebusy, watch};

/// What scopes begin with.
pub(super) const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

/// Where the API begins.
pub(super) const BASE: &str = "/calendar/v3/";

/// Who calls, and by which scopes.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The address.
    pub(super) user: String,
    pub(super) client: String,
    /// Those of the token that open the method, without the prefix.
    pub(super) scopes: Vec<&'static str>,
}

/// A method of the API.
pub(super) struct Method {
    /// As in the discovery document.
    pub(super) id: &'static str,
    pub(super) verb: &'static str,
    /// Below [`BASE`], with parameters in braces.
    pub(super) path: &'static str,
    /// Without the prefix, in the document's order. Any one of them opens it.
    pub(super) scopes: &'static [&'static str],
    serve: fn(&mut State, &Caller, &Call) -> ApiResult,
}

const READ: &[&str] = &[
    "calendar",
    "calendar.app.created",
    "calendar.events",
    "calendar.events.freebusy",
    "calendar.events.owned",
    "calendar.events.owned.readonly",
    "calendar.events.public.readonly",
    "calendar.events.readonly",
    "calendar.readonly",
];
const WRITE: &[&str] = &["calendar", "calendar.app.created", "calendar.events", "calendar.events.owned"];
const STOP: &[&str] = &[
    "calendar",
    "calendar.acls",
    "calendar.acls.readonly",
    "calendar.app.created",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
    "calendar.events",
    "calendar.events.freebusy",
    "calendar.events.owned",
    "calendar.events.owned.readonly",
    "calendar.events.public.readonly",
    "calendar.events.readonly",
    "calendar.readonly",
    "calendar.settings",
    "calendar.settings.readonly",
];

/// All that are served.
pub(super) const METHODS: [Method; 14] = [
    Method {
        id: "calendar.calendarList.get",
        verb: "GET",
        path: "users/me/calendarList/{calendarId}",
        scopes: &[
            "calendar",
            "calendar.app.created",
            "calendar.calendarlist",
            "calendar.calendarlist.readonly",
            "calendar.readonly",
        ],
        serve: calendars::list_entry,
    },
    Method {
        id: "calendar.calendarList.list",
        verb: "GET",
        path: "users/me/calendarList",
        scopes: &["calendar", "calendar.calendarlist", "calendar.calendarlist.readonly", "calendar.readonly"],
        serve: calendars::list,
    },
    Method {
        id: "calendar.calendars.get",
        verb: "GET",
        path: "calendars/{calendarId}",
        scopes: &[
            "calendar",
            "calendar.app.created",
            "calendar.calendars",
            "calendar.calendars.readonly",
            "calendar.readonly",
        ],
        serve: calendars::get,
    },
    Method {
        id: "calendar.settings.get",
        verb: "GET",
        path: "users/me/settings/{setting}",
        scopes: &["calendar", "calendar.readonly", "calendar.settings", "calendar.settings.readonly"],
        serve: calendars::setting,
    },
    Method {
        id: "calendar.freebusy.query",
        verb: "POST",
        path: "freeBusy",
        scopes: &["calendar", "calendar.events.freebusy", "calendar.freebusy", "calendar.readonly"],
        serve: freebusy::query,
    },
    Method { id: "calendar.channels.stop", verb: "POST", path: "channels/stop", scopes: STOP, serve: watch::stop },
    Method {
        id: "calendar.events.list",
        verb: "GET",
        path: "calendars/{calendarId}/events",
        scopes: READ,
        serve: events::list::list,
    },
    Method {
        id: "calendar.events.insert",
        verb: "POST",
        path: "calendars/{calendarId}/events",
        scopes: WRITE,
        serve: events::insert::insert,
    },
    Method {
        id: "calendar.events.watch",
        verb: "POST",
        path: "calendars/{calendarId}/events/watch",
        scopes: READ,
        serve: watch::events,
    },
    Method {
        id: "calendar.events.get",
        verb: "GET",
        path: "calendars/{calendarId}/events/{eventId}",
        scopes: READ,
        serve: events::get::get,
    },
    Method {
        id: "calendar.events.instances",
        verb: "GET",
        path: "calendars/{calendarId}/events/{eventId}/instances",
        scopes: READ,
        serve: events::list::instances,
    },
    Method {
        id: "calendar.events.patch",
        verb: "PATCH",
        path: "calendars/{calendarId}/events/{eventId}",
        scopes: WRITE,
        serve: events::change::patch,
    },
    Method {
        id: "calendar.events.update",
        verb: "PUT",
        path: "calendars/{calendarId}/events/{eventId}",
        scopes: WRITE,
        serve: events::change::update,
    },
    Method {
        id: "calendar.events.delete",
        verb: "DELETE",
        path: "calendars/{calendarId}/events/{eventId}",
        scopes: WRITE,
        serve: events::delete::delete,
    },
];

/// The method of a request, with the decoded values of the parameters in its path.
pub(super) fn find(verb: &Verb, path: &str) -> Option<(&'static Method, Vec<String>)> {
    let path = path.strip_prefix(BASE)?;
    METHODS
        .iter()
        .find_map(|method| Some((method, matched(method.path, path)?)).filter(|_| method.verb == verb.as_str()))
}

/// The decoded values of a template's parameters, if the path is of its form.
pub(super) fn matched(template: &str, path: &str) -> Option<Vec<String>> {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    if template.len() != path.len() {
        return None;
    }
    let mut places = Vec::new();
    for (wanted, given) in template.into_iter().zip(path) {
        match wanted.starts_with('{') {
            true if given.is_empty() => return None,
            true => places.push(decoded(given)),
            false if wanted != given => return None,
            false => {}
        }
    }
    Some(places)
}

/// Serves a request of the API: who calls, whether the scopes of the token open the method, and then the method.
pub(super) fn serve(state: &mut State, call: &mut Call) -> Answer {
    served(state, call).unwrap_or_else(Refusal::answer)
}

fn served(state: &mut State, call: &mut Call) -> ApiResult {
    let token = call.bearer().ok_or_else(Refusal::unauthenticated)?;
    let access = state.oauth.access(token, state.clock.now()).ok_or_else(Refusal::unauthenticated)?.clone();
    let (method, places) = find(&call.verb, &call.path).ok_or_else(Refusal::not_found)?;
    call.places = places;
    let opens = |scope: &&'static str| access.scopes.contains(&format!("{SCOPE_PREFIX}{scope}"));
    let scopes: Vec<_> = method.scopes.iter().copied().filter(opens).collect();
    if scopes.is_empty() {
        let wanted: Vec<_> = method.scopes.iter().map(|scope| format!("{SCOPE_PREFIX}{scope}")).collect();
        return Err(Refusal::insufficient_scope(&wanted.join(" ")));
    }
    (method.serve)(state, &Caller { user: access.user, client: access.client, scopes }, call)
}

#[cfg(test)]
mod tests {
    use super::{find, matched};
    use http::Method as Verb;

    #[test]
    fn paths_lead_to_methods() {
        let id = |verb: Verb, path: &str| find(&verb, path).map(|(method, _)| method.id);
        assert_eq!(id(Verb::GET, "/calendar/v3/calendars/primary/events"), Some("calendar.events.list"));
        assert_eq!(id(Verb::POST, "/calendar/v3/calendars/primary/events/watch"), Some("calendar.events.watch"));
        assert_eq!(id(Verb::POST, "/calendar/v3/calendars/primary/events/import"), None);
        assert_eq!(id(Verb::GET, "/calendar/v3/calendars//events"), None);
        let places = matched("calendars/{calendarId}/events/{eventId}", "calendars/a%40b%2Fc+d/events/%65").unwrap();
        assert_eq!(places, ["a@b/c+d", "e"]);
    }
}
