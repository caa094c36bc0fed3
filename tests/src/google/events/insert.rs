//! `events.insert`.

use http::StatusCode;
use http::header::ETAG;
use serde_json::{Value, json};

use super::view::View;
use super::write::put;
use super::{check, copies, etag, times, writable};
use crate::google::call::{Answer, Call};
use crate::google::errors::{ApiResult, Refusal};
use crate::google::mails::{MailKind, SendUpdates};
use crate::google::methods::Caller;
use crate::google::state::{Body, Role, State, text};

/// Makes an event.
pub(crate) fn insert(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let id = writable(state, caller, call.place(0))?;
    let request = call.object()?;
    let mut event = check::writable(&request);
    for name in ["eventType", "id", "iCalUID"] {
        event.extend(request.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    check::defaults(&mut event);
    if text(&event, "status") == "cancelled" {
        return Err(Refusal::invalid("A new event cannot be cancelled."));
    }
    name(state, &id, &mut event)?;
    let calendar = state.calendars.get(&id).ok_or_else(Refusal::not_found)?;
    let mut event = check::whole(calendar, event)?;
    if event.contains_key("attendees") && state.oauth.service_accounts.contains_key(&caller.user) {
        let message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority.";
        return Err(Refusal::of_calendars(StatusCode::FORBIDDEN, "forbiddenForServiceAccounts", message));
    }
    let now = times::stamp(state.now());
    event.insert("created".into(), now.into());
    event.insert("creator".into(), json!({ "email": caller.user }));
    let organizer = match calendar.is_primary() {
        true => json!({ "email": id }),
        false => json!({ "email": id, "displayName": calendar.name }),
    };
    event.insert("organizer".into(), organizer);
    conference(state, call, None, &mut event);
    let kept = put(state, &id, event);
    copies::spread(state, None, &kept);
    let updates = SendUpdates::of(call);
    for guest in copies::guests(&kept).iter().filter(|guest| **guest != id && **guest != caller.user) {
        state.mail(updates, guest, MailKind::Invitation, &kept, None);
    }
    let calendar = state.calendars.get(&id).ok_or_else(Refusal::not_found)?;
    let shown = View::of(call, calendar, Role::Writer)?.shown(calendar, &kept);
    Ok(Answer::ok(shown).with(ETAG, etag(&kept).unwrap_or_default()))
}

/// An invitation, or what follows one, that comes by mail from an organiser without a calendar here: every guest who
/// has one finds it there. Gives the id.
pub(crate) fn received(state: &mut State, organizer: &str, request: &Body) -> ApiResult<String> {
    let mut event = check::writable(request);
    event.extend(request.get("iCalUID").map(|uid| ("iCalUID".to_owned(), uid.clone())));
    if text(&event, "iCalUID").is_empty() {
        return Err(Refusal::required("Missing iCalUID."));
    }
    let id = State::event_id_of(text(&event, "iCalUID"));
    check::defaults(&mut event);
    let guests = copies::guests(&event);
    let calendar = guests.iter().find_map(|guest| state.calendars.get(guest)).ok_or_else(Refusal::not_found)?;
    let mut event = check::whole(calendar, event)?;
    event.insert("id".into(), id.clone().into());
    event.insert("created".into(), times::stamp(state.now()).into());
    for who in ["creator", "organizer"] {
        event.insert(who.into(), json!({ "email": organizer }));
    }
    copies::spread(state, None, &event);
    Ok(id)
}

/// Gives the event the names that it was not given: a client may choose the id or the UID, but not both.
fn name(state: &mut State, calendar: &str, event: &mut Body) -> ApiResult<()> {
    match (text(event, "id").to_owned(), text(event, "iCalUID").to_owned()) {
        (id, uid) if !id.is_empty() && !uid.is_empty() => {
            return Err(Refusal::invalid("Only one of id and iCalUID may be given."));
        }
        (id, _) if !id.is_empty() => {
            check::id(&id)?;
            let place = state.calendars.get(calendar).ok_or_else(Refusal::not_found)?;
            // What was deleted keeps its name for ever.
            if place.events.contains_key(&id) {
                return Err(Refusal::duplicate());
            }
            event.insert("iCalUID".into(), format!("{id}@google.com").into());
        }
        (_, uid) => {
            let id = state.fresh_event_id();
            if uid.is_empty() {
                event.insert("iCalUID".into(), format!("{id}@google.com").into());
            }
            event.insert("id".into(), id.into());
        }
    }
    let link = format!("https://www.google.com/calendar/event?eid={}", text(event, "id"));
    event.insert("htmlLink".into(), link.into());
    Ok(())
}

/// Conference data are written only by who says that they know of them. A request for a conference makes one at once; one
/// that `before` has already had, by its id, makes nothing.
pub(super) fn conference(state: &mut State, call: &Call, before: Option<&Body>, event: &mut Body) {
    let request = |event: &Body| event.get("conferenceData")?.get("createRequest").cloned();
    let id = |event: &Body| request(event).and_then(|request| request.get("requestId").cloned());
    let knows = call.parameter("conferenceDataVersion") == Some("1");
    if !knows || !event.contains_key("conferenceData") {
        event.remove("conferenceData");
        event.remove("hangoutLink");
        return;
    }
    let Some(mut request) = request(event).filter(|_| before.and_then(id) != id(event)) else { return };
    let made = state.fresh("conference").to_lowercase().replace(|c: char| !c.is_ascii_lowercase(), "x");
    let code: Vec<_> = [0..3, 3..7, 7..10].into_iter().filter_map(|part| made.get(part)).collect();
    let code = code.join("-");
    let uri = format!("https://meet.google.com/{code}");
    request["status"] = json!({ "statusCode": "success" });
    let data = json!({
        "createRequest": request,
        "conferenceId": code,
        "conferenceSolution": { "key": { "type": "hangoutsMeet" }, "name": "Google Meet" },
        "entryPoints": [{ "entryPointType": "video", "uri": uri, "label": format!("meet.google.com/{code}") }],
    });
    event.insert("conferenceData".into(), data);
    event.insert("hangoutLink".into(), Value::from(uri));
}
