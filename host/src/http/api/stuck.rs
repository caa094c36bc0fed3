//! `/v1/stuck-meetings`: meetings that do not get to their owner's calendar by themselves.

use super::meetings::CalendarState;
use crate::{
    app::App,
    auth::{Action, Actor},
    http::{
        input::{List, ListParams, QueryParams},
        problem::Problem,
        schema::list_schema,
    },
    ids::{MeetingId, PersonId},
    meetings::stuck::{self, StuckMeeting},
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A meeting that the host does not try to write into its owner's calendar any more, until the cause has changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StuckMeeting, example = json!({
    "meeting": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e63", "owner": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66",
    "state": "refused", "reason": "invalid: the service answered with status 400", "since": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct StuckMeetingOut {
    meeting: MeetingId,
    owner: PersonId,
    /// `waiting`, `refused` or `gone`.
    state: CalendarState,
    /// Why.
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

list_schema!(StuckMeetingList of StuckMeetingOut);

impl From<StuckMeeting> for StuckMeetingOut {
    fn from(StuckMeeting { meeting, organisation: _, owner, state, reason, since }: StuckMeeting) -> Self {
        Self { meeting, owner, state: state.into(), reason, since }
    }
}

/// Lists the meetings of an organisation that are stuck.
///
/// Meetings that have ended are not listed. The host tries them again when the cause may have changed: when the person
/// connects a calendar or the operator changes the provider, and once a day. Operators can try them again at any time.
///
/// Allowed for: operators, integrations and global administrators.
#[utoipa::path(get, path = "/v1/stuck-meetings", tag = "meetings", operation_id = "listStuckMeetings",
    params(ListParams),
    responses((status = 200, description = "A page of stuck meetings, the oldest first.", body = StuckMeetingList)))]
pub(in crate::http) async fn list_stuck_meetings(
    State(app): State<App>,
    actor: Actor,
    QueryParams(params): QueryParams<ListParams>,
) -> Result<Json<List<StuckMeetingOut>>, Problem> {
    let organisation = actor.organisation(params.organisation)?;
    let page = params.page();
    actor.may(Action::SeeOrganisation(organisation))?;
    let rows = stuck::list(&app.db, Some(organisation), &page.rows::<MeetingId>()?).await?;
    page.list(rows, |stuck| stuck.meeting.to_string(), StuckMeetingOut::from)
}
