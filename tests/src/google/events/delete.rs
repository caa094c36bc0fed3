//! `events.delete`.

use http::StatusCode;

use super::write::put;
use super::{copies, etag, find, is_organizer, organizer, writable};
use crate::google::call::{Answer, Call};
use crate::google::errors::{ApiResult, Refusal};
use crate::google::mails::{MailKind, SendUpdates};
use crate::google::methods::Caller;
use crate::google::state::{Body, State};

/// Cancels an event for everybody, or takes a guest's copy away, which is to decline.
pub(crate) fn delete(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let id = writable(state, caller, call.place(0))?;
    let calendar = state.calendars.get(&id).ok_or_else(Refusal::not_found)?;
    let event = find(calendar, call.place(1)).ok_or_else(Refusal::not_found)?;
    if event.is_cancelled() {
        return Err(Refusal::deleted());
    }
    call.expects(etag(&event.body))?;
    remove(state, caller, &id, event.body, SendUpdates::of(call))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Does so, and gives what is left.
pub(super) fn remove(
    state: &mut State,
    caller: &Caller,
    id: &str,
    event: Body,
    updates: SendUpdates,
) -> ApiResult<Body> {
    let mut cancelled = event.clone();
    cancelled.insert("status".into(), "cancelled".into());
    if is_organizer(id, &event) {
        let sequence = event.get("sequence").and_then(serde_json::Value::as_i64).unwrap_or(0);
        cancelled.insert("sequence".into(), (sequence + 1).into());
        let kept = put(state, id, cancelled);
        copies::spread(state, Some(&event), &kept);
        for guest in copies::guests(&kept).iter().filter(|guest| **guest != id && **guest != caller.user) {
            state.mail(updates, guest, MailKind::Cancellation, &kept, None);
        }
        return Ok(kept);
    }
    let declined = serde_json::json!({ "responseStatus": "declined" });
    if copies::set_answer(&mut cancelled, id, &declined) {
        copies::answer(state, &cancelled, id);
        state.mail(updates, organizer(&event), MailKind::Reply, &cancelled, Some("declined"));
    }
    Ok(put(state, id, cancelled))
}
