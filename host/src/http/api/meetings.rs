//! `/v1/meetings`: meetings.

use crate::{
    app::App,
    auth::Actor,
    http::{
        input::{Body, Created, IdempotencyKey, List, PageParams, PathIds, QueryParams, queries::MeetingsQuery},
        problem::{Code, Problem},
    },
    ids::{MeetingId, PersonId, ProgramId},
    meetings::{
        self, Change, Content, Meeting, Status,
        plan::{CopyState, EventCopy},
    },
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A meeting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Meeting)]
pub(in crate::http) struct MeetingOut {
    id: MeetingId,
    program: ProgramId,
    owner: PersonId,
    attendees: Vec<PersonId>,
    /// The iCalendar UID, the same in every calendar and mail.
    uid: String,
    title: String,
    description: String,
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    /// In which its times are told.
    zone: String,
    /// `confirmed` or `cancelled`.
    status: &'static str,
    /// Rises with every change.
    revision: i64,
    calendar: CopyOut,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// The meeting's event in its owner's calendar.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CalendarCopy)]
struct CopyOut {
    /// `pending`: on its way; `present`; `cancelled`: taken out; `gone`: its owner took it out; `waiting` for its owner
    /// to connect; `refused` by the service.
    state: &'static str,
    /// The revision that the calendar shows, 0 before the first.
    revision: i64,
    /// Why it waits or is refused.
    problem: Option<String>,
}

impl From<(Meeting, Option<EventCopy>)> for MeetingOut {
    fn from((meeting, kept): (Meeting, Option<EventCopy>)) -> Self {
        let calendar = match kept {
            // Nothing was ever sent, so what is cancelled is not there.
            None if meeting.status == Status::Cancelled => {
                CopyOut { state: CopyState::Cancelled.as_str(), revision: 0, problem: None }
            }
            None => CopyOut { state: CopyState::Pending.as_str(), revision: 0, problem: None },
            Some(EventCopy { state, agreed_revision, problem, .. }) => {
                CopyOut { state: state.as_str(), revision: agreed_revision, problem }
            }
        };
        Self {
            id: meeting.id,
            program: meeting.program,
            owner: meeting.owner,
            attendees: meeting.attendees,
            uid: meeting.uid,
            title: meeting.content.title,
            description: meeting.content.description,
            start: meeting.content.start,
            end: meeting.content.end,
            zone: meeting.content.zone,
            status: meeting.status.as_str(),
            revision: meeting.revision,
            calendar,
            created_at: meeting.created_at,
            updated_at: meeting.updated_at,
        }
    }
}

/// A new meeting.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewMeeting {
    /// A program of which all who take part are members.
    program: ProgramId,
    /// Whose meeting it is: it goes to their calendar.
    owner: PersonId,
    /// Who else takes part.
    #[serde(default)]
    attendees: Vec<PersonId>,
    /// One line, at most 255 characters.
    title: String,
    /// Plain text, at most 8 KiB.
    #[serde(default)]
    description: String,
    /// RFC 3339, to the second.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// After `start`, at most 14 days.
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    /// An IANA name: where the time of day stays when clocks are changed.
    zone: String,
}

/// What is to be another; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct MeetingChange {
    title: Option<String>,
    description: Option<String>,
    /// If only the start is given, the meeting keeps its length.
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Timestamp>,
    zone: Option<String>,
    /// The whole new list.
    attendees: Option<Vec<PersonId>>,
    /// Change it only if this is still its revision.
    revision: Option<i64>,
}

/// The meetings that one may see, in the order in which they were made; a participant's own.
#[utoipa::path(get, path = "/v1/meetings", tag = "meetings", operation_id = "listMeetings",
    params(MeetingsQuery), responses((status = 200, body = List<MeetingOut>)))]
pub(in crate::http) async fn list_meetings(
    State(app): State<App>,
    actor: Actor,
    QueryParams(asked): QueryParams<MeetingsQuery>,
) -> Result<Json<List<MeetingOut>>, Problem> {
    let organisation = actor.member_organisation()?;
    let person = match (actor.person(), asked.person) {
        (Some(own), None) if !actor.is_global_admin() => Some(own),
        (Some(own), Some(other)) if own != other && !actor.is_global_admin() => {
            return Err(Problem::new(Code::NotFound));
        }
        (_, named) => named,
    };
    let part = PageParams { after: asked.after, limit: asked.limit };
    let page = part.page::<MeetingId>()?;
    let listed = app.db.read(async |tx| meetings::store::list(tx, organisation, person, &page).await).await?;
    let found = listed.into_iter().map(MeetingOut::from).collect();
    part.answer(found, |meeting| meeting.id.to_string(), std::convert::identity)
}

/// Makes a meeting, and has it brought to its owner's calendar. With the header `Idempotency-Key`, asking twice makes
/// one meeting.
#[utoipa::path(post, path = "/v1/meetings", tag = "meetings", operation_id = "schedule",
    params(("idempotency-key" = Option<String>, Header, description = "1 to 200 visible ASCII characters")),
    request_body = NewMeeting, responses((status = 201, body = MeetingOut)))]
pub(in crate::http) async fn create_meeting(
    State(app): State<App>,
    actor: Actor,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewMeeting>,
) -> Result<Created<MeetingOut>, Problem> {
    let NewMeeting { program, owner, attendees, title, description, start, end, zone } = new;
    let content = Content { title, description, start, end, zone };
    let new = meetings::NewMeeting { program, owner, attendees, content, key };
    let meeting = meetings::schedule(&app.db, app.clock.now(), &actor, new).await?;
    Ok(Created(with_calendar_copy(&app, meeting).await?))
}

/// A meeting.
#[utoipa::path(get, path = "/v1/meetings/{meeting}", tag = "meetings", operation_id = "getMeeting",
    params(("meeting" = MeetingId, Path)), responses((status = 200, body = MeetingOut)))]
pub(in crate::http) async fn get_meeting(
    State(app): State<App>,
    actor: Actor,
    PathIds(id): PathIds<MeetingId>,
) -> Result<Json<MeetingOut>, Problem> {
    let organisation = actor.member_organisation()?;
    let meeting = app.db.read(async |tx| meetings::store::find(tx, organisation, id).await).await?;
    let meeting = meeting.filter(|meeting| meeting.is_visible_to(&actor)).ok_or(Problem::new(Code::NotFound))?;
    Ok(Json(with_calendar_copy(&app, meeting).await?))
}

/// Changes a meeting: moves it, above all.
#[utoipa::path(patch, path = "/v1/meetings/{meeting}", tag = "meetings", operation_id = "changeMeeting",
    params(("meeting" = MeetingId, Path)), request_body = MeetingChange, responses((status = 200, body = MeetingOut)))]
pub(in crate::http) async fn update_meeting(
    State(app): State<App>,
    actor: Actor,
    PathIds(id): PathIds<MeetingId>,
    Body(change): Body<MeetingChange>,
) -> Result<Json<MeetingOut>, Problem> {
    let MeetingChange { title, description, start, end, zone, attendees, revision } = change;
    let change = Change { title, description, start, end, zone, attendees, revision };
    let meeting = meetings::change(&app.db, app.clock.now(), &actor, id, change).await?;
    Ok(Json(with_calendar_copy(&app, meeting).await?))
}

/// Cancels a meeting, and has it taken out of its owner's calendar. A second time is no error.
#[utoipa::path(delete, path = "/v1/meetings/{meeting}", tag = "meetings", operation_id = "cancelMeeting",
    params(("meeting" = MeetingId, Path)), responses((status = 200, body = MeetingOut)))]
pub(in crate::http) async fn cancel_meeting(
    State(app): State<App>,
    actor: Actor,
    PathIds(id): PathIds<MeetingId>,
) -> Result<Json<MeetingOut>, Problem> {
    let meeting = meetings::cancel(&app.db, app.clock.now(), &actor, id).await?;
    Ok(Json(with_calendar_copy(&app, meeting).await?))
}

async fn with_calendar_copy(app: &App, meeting: Meeting) -> Result<MeetingOut, Problem> {
    let copy = app.db.read(async |tx| meetings::store::copy(tx, meeting.id).await).await?;
    Ok(MeetingOut::from((meeting, copy)))
}
