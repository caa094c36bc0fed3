//! `events.get`.

use http::StatusCode;
use http::header::ETAG;

use super::view::View;
use super::{access, etag, find};
use crate::google::call::{Answer, Call};
use crate::google::errors::{ApiResult, Refusal};
use crate::google::methods::Caller;
use crate::google::state::State;

/// One event. A cancelled one is given, with its status.
pub(crate) fn get(state: &mut State, caller: &Caller, call: &Call) -> ApiResult {
    let (calendar, role) = access(state, caller, call.place(0))?;
    let calendar = state.calendars.get(&calendar).ok_or_else(Refusal::not_found)?;
    let event = find(calendar, call.place(1)).ok_or_else(Refusal::not_found)?;
    let etag = etag(&event.body);
    if call.has_already(etag) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED));
    }
    let shown = View::of(call, calendar, role)?.shown(calendar, &event.body);
    Ok(Answer::ok(shown).with(ETAG, etag.unwrap_or_default()))
}
