//! A person's list of calendars, calendars themselves, and the settings of a person.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::errors::{ApiResult, Refusal};
use super::listings::Question;
use super::methods::Caller;
use super::state::{Calendar, Role, State};

/// `calendarList.list`: the calendars that a person has in view.
pub(super) fn list(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let question = Question::of(&caller.user, "calendars", call);
    let sync = state.synced(call, &question, &[])?;
    let least = match call.parameter("minAccessRole") {
        None | Some("freeBusyReader") => Role::FreeBusyReader,
        Some("reader") => Role::Reader,
        Some("writer" | "writerWithoutPrivateAccess") => Role::Writer,
        Some("owner") => Role::Owner,
        Some(other) => return Err(Refusal::parameter("minAccessRole", format!("Invalid value: {other}"))),
    };
    let page = match state.next_page(call, &question)? {
        Some(page) => page,
        None => {
            let since = state.made();
            let listed = state.users.get(&caller.user).map(|user| user.list.clone()).unwrap_or_default();
            let changed = listed.iter().filter(|(_, changed)| sync.as_ref().is_none_or(|sync| **changed > sync.since));
            let mut items = Vec::new();
            for (id, changed) in changed {
                match state.calendar(&caller.user, id) {
                    Ok((calendar, role)) if role >= least => items.push(entry(calendar, role, *changed)),
                    // What is shared no more is news to who follows the list.
                    Err(_) if sync.is_some() => items.push(json!({
                        "kind": "calendar#calendarListEntry",
                        "etag": format!("\"{changed}\""),
                        "id": id,
                        "deleted": true,
                    })),
                    _ => {}
                }
            }
            state.first_page(call, question.clone(), question, items, since, true)?
        }
    };
    let mut body =
        json!({ "kind": "calendar#calendarList", "etag": format!("\"p{}\"", state.made()), "items": page.items });
    if let Some((name, token)) = page.token {
        body[name] = token.into();
    }
    Ok(Answer::ok(body))
}

/// `calendarList.get`.
pub(super) fn list_entry(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let (calendar, role) = state.calendar(&caller.user, call.place(0))?;
    let listed = state.users.get(&caller.user).and_then(|user| user.list.get(&calendar.id));
    let changed = listed.ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(entry(calendar, role, *changed)))
}

/// `calendars.get`.
pub(super) fn get(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let (calendar, role) = state.calendar(&caller.user, call.place(0))?;
    if role < Role::Reader {
        return Err(Refusal::not_found());
    }
    Ok(Answer::ok(json!({
        "kind": "calendar#calendar",
        "etag": "\"c1\"",
        "id": calendar.id,
        "summary": calendar.name,
        "timeZone": calendar.zone,
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    })))
}

/// `settings.get`.
pub(super) fn setting(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let user = state.users.get(&caller.user).ok_or_else(Refusal::not_found)?;
    let value = match call.place(0) {
        "timezone" => user.zone.as_str(),
        "locale" => "en",
        "weekStart" => "1",
        _ => return Err(Refusal::not_found()),
    };
    Ok(Answer::ok(json!({ "kind": "calendar#setting", "etag": "\"s1\"", "id": call.place(0), "value": value })))
}

fn entry(calendar: &Calendar, role: Role, changed: u64) -> Value {
    let mut entry = json!({
        "kind": "calendar#calendarListEntry",
        "etag": format!("\"{changed}\""),
        "id": calendar.id,
        "summary": calendar.name,
        "timeZone": calendar.zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": true,
        "accessRole": role.name(),
        "defaultReminders": [],
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    });
    if calendar.is_primary() && role == Role::Owner {
        entry["primary"] = true.into();
    }
    if !calendar.is_primary() {
        entry["dataOwner"] = calendar.owner.clone().into();
    }
    entry
}
