//! `events.patch` and `events.update`.
//!
//! The organiser's calendar is where an event changes; from there it goes to the guests. In a copy, a guest changes
//! what is theirs and answers; anything else is refused, unless the organiser lets guests change the event.

use http::header::ETAG;
use serde_json::Value;

use super::insert::conference;
use super::view::View;
use super::write::{is_significant, put};
use super::{check, copies, delete, etag, find, is_organizer, organizer, writable};
use crate::google::call::{Answer, Call};
use crate::google::errors::{ApiResult, Refusal};
use crate::google::mails::{MailKind, SendUpdates};
use crate::google::methods::Caller;
use crate::google::state::{Body, Role, State, text};

/// Changes what the request names: objects are merged, lists replaced, and null takes away (RFC 7396).
pub(crate) fn patch(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    change(state, caller, call, |before, request| {
        let mut after = before.clone();
        for (name, value) in check::writable(request) {
            merge(&mut after, name, value);
        }
        after
    })
}

/// Replaces everything that a request may set.
pub(crate) fn update(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    change(state, caller, call, |before, request| {
        let mut after = check::read_only(before);
        after.extend(check::writable(request));
        if !after.contains_key("sequence") {
            after.extend(before.get("sequence").map(|value| ("sequence".to_owned(), value.clone())));
        }
        check::defaults(&mut after);
        after
    })
}

fn change(state: &mut State, caller: &Caller, call: &Call, apply: impl Fn(&Body, &Body) -> Body) -> ApiResult {
    let id = writable(state, caller, call.place(0))?;
    let calendar = state.calendars.get(&id).ok_or_else(Refusal::not_found)?;
    let before = find(calendar, call.place(1)).ok_or_else(Refusal::not_found)?;
    call.expects(etag(&before.body))?;
    let request = call.object()?;
    let kind = request.get("eventType").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind != text(&before.body, "eventType")) {
        return Err(Refusal::invalid("The type of an event cannot be changed."));
    }
    let mut after = apply(&before.body, &request);
    let only_own_answer = after.remove("attendeesOmitted") == Some(Value::Bool(true));
    if only_own_answer {
        answer_only(&before.body, &mut after, &id);
    }
    let mut after = check::whole(calendar, after)?;
    if before.is_cancelled() && text(&after, "status") == "cancelled" {
        return Err(Refusal::deleted());
    }
    let sequence = |body: &Body| body.get("sequence").and_then(Value::as_i64).unwrap_or(0);
    if sequence(&after) < sequence(&before.body) {
        return Err(Refusal::invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of the \
             resource.",
        ));
    }
    conference(state, call, Some(&before.body), &mut after);
    if text(&after, "status") == "cancelled" {
        let kept = delete::remove(state, caller, &id, before.body, SendUpdates::of(call))?;
        return shown(state, &id, call, &kept);
    }
    let kept = match is_organizer(&id, &before.body) {
        true => by_organizer(state, caller, call, &id, &before.body, after),
        false => by_guest(state, caller, call, &id, &before.body, after)?,
    };
    shown(state, &id, call, &kept)
}

fn shown(state: &State, id: &str, call: &Call, kept: &Body) -> ApiResult {
    let calendar = state.calendars.get(id).ok_or_else(Refusal::not_found)?;
    let shown = View::of(call, calendar, Role::Writer)?.shown(calendar, kept);
    Ok(Answer::ok(shown).with(ETAG, etag(kept).unwrap_or_default()))
}

fn by_organizer(state: &mut State, caller: &Caller, call: &Call, id: &str, before: &Body, mut after: Body) -> Body {
    if is_significant(before, &after) && after.get("sequence") == before.get("sequence") {
        let sequence = before.get("sequence").and_then(Value::as_i64).unwrap_or(0);
        after.insert("sequence".into(), (sequence + 1).into());
    }
    let kept = put(state, id, after);
    copies::spread(state, Some(before), &kept);
    tell(state, call, caller, id, before, &kept);
    kept
}

/// Who is told of an organiser's change: those who come, those who go, and the others if the event itself changed.
fn tell(state: &mut State, call: &Call, caller: &Caller, id: &str, before: &Body, after: &Body) {
    let updates = SendUpdates::of(call);
    let (old, new) = (copies::guests(before), copies::guests(after));
    let changed = common(before) != common(after);
    let told = |guest: &&String| **guest != id && **guest != caller.user;
    for guest in new.iter().filter(told) {
        match old.contains(guest) && text(before, "status") != "cancelled" {
            false => state.mail(updates, guest, MailKind::Invitation, after, None),
            true if changed => state.mail(updates, guest, MailKind::Update, after, None),
            true => {}
        }
    }
    for guest in old.difference(&new).filter(told) {
        state.mail(updates, guest, MailKind::Cancellation, after, None);
    }
}

fn by_guest(
    state: &mut State,
    caller: &Caller,
    call: &Call,
    id: &str,
    before: &Body,
    mut after: Body,
) -> ApiResult<Body> {
    // What the organiser has is not lost in a copy by a write that says nothing of conferences.
    for name in ["conferenceData", "hangoutLink"] {
        if call.parameter("conferenceDataVersion") != Some("1") {
            after.extend(before.get(name).map(|value| (name.to_owned(), value.clone())));
        }
    }
    if shared(before) != shared(&after) || other_answers(before, id) != other_answers(&after, id) {
        let home = organizer(before).to_owned();
        let theirs = state.calendars.get(&home).and_then(|calendar| find(calendar, text(before, "id")));
        let may = before.get("guestsCanModify") == Some(&Value::Bool(true)) && text(&after, "status") != "cancelled";
        let Some(theirs) = theirs.filter(|_| may) else { return Err(Refusal::not_the_organizer()) };
        let mut changed = theirs.body.clone();
        for name in SHARED.into_iter().chain(["attendees"]) {
            match after.get(name) {
                Some(value) => changed.insert(name.into(), value.clone()),
                None => changed.remove(name),
            };
        }
        by_organizer(state, caller, call, &home, &theirs.body, changed);
        let calendar = state.calendars.get(id).ok_or_else(Refusal::not_found)?;
        return find(calendar, text(before, "id")).map(|stored| stored.body).ok_or_else(Refusal::not_found);
    }
    let answered = copies::entry(before, id) != copies::entry(&after, id);
    let kept = put(state, id, after);
    if answered {
        copies::answer(state, &kept, id);
        let answer = copies::entry(&kept, id).and_then(|entry| entry["responseStatus"].as_str()).map(str::to_owned);
        state.mail(SendUpdates::of(call), organizer(&kept), MailKind::Reply, &kept, answer.as_deref());
    }
    Ok(kept)
}

/// Fields that everybody's copy has in common, beside the guests and the shared properties.
const SHARED: [&str; 13] = [
    "summary",
    "description",
    "location",
    "start",
    "end",
    "recurrence",
    "conferenceData",
    "guestsCanModify",
    "guestsCanInviteOthers",
    "guestsCanSeeOtherGuests",
    "anyoneCanAddSelf",
    "attachments",
    "source",
];

fn common(body: &Body) -> Body {
    let common = body.iter().filter(|(name, _)| SHARED.contains(&name.as_str()));
    common.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What only the organiser changes.
fn shared(body: &Body) -> Body {
    let mut shared = common(body);
    shared.insert("attendees".into(), copies::invited(body));
    shared.insert("status".into(), text(body, "status").into());
    let properties = body.get("extendedProperties").and_then(|properties| properties.get("shared"));
    shared.extend(properties.map(|properties| ("extendedProperties".to_owned(), properties.clone())));
    shared
}

/// The guests but for one, with their answers.
fn other_answers(body: &Body, own: &str) -> Vec<Value> {
    let attendees = body.get("attendees").and_then(Value::as_array).into_iter().flatten();
    attendees.filter(|attendee| attendee["email"] != own).cloned().collect()
}

/// A list that leaves guests out changes nothing but the caller's own answer.
fn answer_only(before: &Body, after: &mut Body, own: &str) {
    let answer = copies::entry(after, own).cloned();
    match before.get("attendees") {
        Some(attendees) => after.insert("attendees".into(), attendees.clone()),
        None => after.remove("attendees"),
    };
    if let Some(answer) = answer {
        copies::set_answer(after, own, &answer);
    }
}

fn merge(into: &mut Body, name: String, value: Value) {
    match value {
        Value::Null => {
            into.remove(&name);
        }
        Value::Object(part) => {
            let place = into.entry(name).or_insert_with(|| Value::Object(Body::new()));
            match place {
                Value::Object(place) => part.into_iter().for_each(|(name, value)| merge(place, name, value)),
                other => *other = Value::Object(part),
            }
        }
        value => {
            into.insert(name, value);
        }
    }
}
