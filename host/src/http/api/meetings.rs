//! `/v1/meetings`: meetings.

use super::responses::{Created, with_etag};
use crate::{
    app::App,
    auth::Actor,
    http::{
        input::{
            self, Body, IdempotencyKey, IfMatch, IfNoneMatch, List, PageParams, PathIds, QueryParams,
            queries::MeetingsQuery,
        },
        problem::{Code, FieldError, Problem},
        schema::{closed_set, list_schema},
    },
    ids::{MeetingId, PersonId, ProgramId},
    meetings::{
        self, CancelError, Change, ChangeError, Content, Meeting, ScheduleError,
        plan::{CopyState, EventCopy},
    },
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A meeting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Meeting, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e63", "program": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67",
    "owner": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66", "attendees": [],
    "uid": null, "title": "Mentoring", "description": "",
    "start": "2027-03-04T10:00:00Z", "end": "2027-03-04T11:00:00Z", "zone": "Europe/Rome", "status": "confirmed",
    "revision": 1, "calendar": { "state": "pending", "revision": 0, "problem": null },
    "created_at": "2026-11-23T09:00:00Z", "updated_at": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct MeetingOut {
    id: MeetingId,
    program: ProgramId,
    owner: PersonId,
    /// Without the owner and without duplicates.
    attendees: Vec<PersonId>,
    /// iCalendar UID (RFC 5545) of the event in its owner's calendar. Null until the event was written there, because the
    /// calendar service may choose the UID. Later it changes only if the event is created in another calendar, whose service
    /// chooses another one.
    uid: Option<String>,
    title: String,
    description: String,
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    /// IANA time zone name in which the times are shown.
    zone: String,
    status: MeetingStatus,
    /// Increases with every change.
    revision: i64,
    calendar: CalendarCopy,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

list_schema!(MeetingList of MeetingOut);

/// The meeting's event in its owner's calendar. The calendar shows the latest change if `state` is `present` and
/// `revision` is the meeting's.
#[derive(Debug, Serialize, ToSchema)]
struct CalendarCopy {
    state: CalendarState,
    /// The revision of the meeting that the calendar shows; 0 before the first.
    revision: i64,
    /// Why the event waits or was refused.
    problem: Option<String>,
}

closed_set! {
    #[doc = "Whether a meeting takes place."]
    MeetingStatus from meetings::Status {
        #[doc = "The meeting takes place."]
        Confirmed
        #[doc = "The meeting was cancelled."]
        Cancelled
    }

    #[doc = "State of a meeting's event: `pending` not yet written to the calendar, `present` in the calendar, `cancelled` removed from the calendar, `gone` removed by its owner, `waiting` for its owner to connect a calendar, `refused` by the calendar service."]
    CalendarState from CopyState {
        #[doc = "Not yet written to the calendar."]
        Pending
        #[doc = "In the calendar."]
        Present
        #[doc = "Removed from the calendar."]
        Cancelled
        #[doc = "Removed by its owner."]
        Gone
        #[doc = "Waiting for its owner to connect a calendar."]
        Waiting
        #[doc = "Refused by the calendar service."]
        Refused
    }
}

impl MeetingOut {
    fn new(meeting: Meeting, copy: Option<EventCopy>) -> Self {
        let calendar = match copy {
            // Nothing was ever written, so a cancelled meeting is not in the calendar.
            None if meeting.status == meetings::Status::Cancelled => {
                CalendarCopy { state: CalendarState::Cancelled, revision: 0, problem: None }
            }
            None => CalendarCopy { state: CalendarState::Pending, revision: 0, problem: None },
            Some(EventCopy { state, agreed_revision, problem, .. }) => {
                CalendarCopy { state: state.into(), revision: agreed_revision, problem }
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
            status: meeting.status.into(),
            revision: meeting.revision,
            calendar,
            created_at: meeting.created_at,
            updated_at: meeting.updated_at,
        }
    }
}

impl MeetingOut {
    /// The entity tag. It holds the revision and a digest of the event's state: a client that polls must see a change of
    /// either, but a change of the state alone must not refuse an update, so `If-Match` compares the revision.
    fn etag(&self) -> String {
        let CalendarCopy { state, revision, problem } = &self.calendar;
        let calendar = crate::ids::digest(serde_json::json!([state, revision, problem, self.uid]).to_string());
        format!("{}-{}", self.revision, &calendar[..8])
    }
}

/// Whether an entity tag is one of this revision.
fn is_of_revision(etag: &str, revision: i64) -> bool {
    etag.split_once('-').is_some_and(|(tag, _)| tag == revision.to_string())
}

/// A new meeting.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "program": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e67", "owner": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e66",
    "attendees": [], "title": "Mentoring", "start": "2027-03-04T11:00:00+01:00", "end": "2027-03-04T12:00:00+01:00",
    "zone": "Europe/Rome"
}))]
pub(in crate::http) struct NewMeeting {
    /// The owner and all attendees must be members of this program.
    program: ProgramId,
    /// The person into whose calendar the meeting is written.
    owner: PersonId,
    /// The owner and duplicates are left out.
    #[serde(default)]
    #[schema(max_items = 200)]
    attendees: Vec<PersonId>,
    /// One line of text.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    title: String,
    /// Plain text; at most 8,192 bytes in UTF-8.
    #[serde(default)]
    #[schema(max_length = 8192, pattern = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]
    description: String,
    /// RFC 3339, in whole seconds.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// RFC 3339, in whole seconds; after `start`, by at most 14 days.
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    /// IANA time zone name: the time of day stays the same there when clocks change.
    #[schema(min_length = 1)]
    zone: String,
}

/// A change of a meeting. Fields that are left out or null stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "start": "2027-03-05T14:00:00+01:00", "revision": 1 }))]
pub(in crate::http) struct MeetingChange {
    /// One line of text.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    title: Option<String>,
    /// Plain text; at most 8,192 bytes in UTF-8.
    #[schema(max_length = 8192, pattern = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]
    description: Option<String>,
    /// RFC 3339, in whole seconds. Without `end`, the meeting keeps its length.
    #[schema(value_type = Option<String>, format = DateTime)]
    start: Option<Timestamp>,
    /// RFC 3339, in whole seconds; after the start, by at most 14 days.
    #[schema(value_type = Option<String>, format = DateTime)]
    end: Option<Timestamp>,
    /// IANA time zone name.
    #[schema(min_length = 1)]
    zone: Option<String>,
    /// The complete new list.
    #[schema(max_items = 200)]
    attendees: Option<Vec<PersonId>>,
    /// The change is made only if the meeting still has this revision.
    #[serde(default, deserialize_with = "input::integer")]
    revision: Option<i64>,
}

/// Lists meetings.
///
/// Participants get the meetings that they own or attend, and no others.
///
/// Allowed for: people and integrations.
#[utoipa::path(get, path = "/v1/meetings", tag = "meetings", operation_id = "listMeetings",
    params(MeetingsQuery),
    responses((status = 200, description = "A page of meetings, the oldest first.", body = MeetingList)))]
pub(in crate::http) async fn list_meetings(
    State(app): State<App>,
    actor: Actor,
    QueryParams(MeetingsQuery { person, after, limit }): QueryParams<MeetingsQuery>,
) -> Result<Json<List<MeetingOut>>, Problem> {
    let organisation = actor.member_organisation()?;
    let person = match (actor.person(), person) {
        (Some(own), None) if !actor.is_global_admin() => Some(own),
        (Some(own), Some(other)) if own != other && !actor.is_global_admin() => {
            return Err(Problem::new(Code::NotFound));
        }
        (_, named) => named,
    };
    let page = PageParams { after, limit };
    let rows = page.rows::<MeetingId>()?;
    let listed = app.db.read(async |tx| meetings::store::list(tx, organisation, person, &rows).await).await?;
    page.list(listed, |(meeting, _)| meeting.id.to_string(), |(meeting, copy)| MeetingOut::new(meeting, copy))
}

/// Creates a meeting.
///
/// The host writes the meeting into its owner's calendar; `calendar` shows the state of the event. With the header
/// `Idempotency-Key`, a repeated request returns the meeting of the first request, with the header `Idempotent-Replayed`; a
/// request with another body is refused.
///
/// The program must exist; its members must include the owner and all attendees. `end` must be after `start`, by at
/// most 14 days, both in whole seconds; `zone` must be an IANA time zone name; the description has at most 8,192 bytes.
///
/// Allowed for: the owner, administrators of the program, integrations and global administrators.
#[utoipa::path(post, path = "/v1/meetings", tag = "meetings", operation_id = "createMeeting",
    params(("Idempotency-Key" = inline(Option<String>), Header, description = "1 to 200 visible ASCII characters.",
        min_length = 1, max_length = 200, pattern = "^[\\x21-\\x7e]+$", nullable = false)),
    request_body = NewMeeting,
    responses((status = 201, description = "The meeting was created.", body = MeetingOut,
        headers(("Location" = String, description = "Path of the meeting."),
            ("ETag" = String, description = "Entity tag of the meeting."),
            ("Idempotent-Replayed" = String, description = "`true` if an earlier request created the meeting.")))))]
pub(in crate::http) async fn create_meeting(
    State(app): State<App>,
    actor: Actor,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewMeeting>,
) -> Result<Created<MeetingOut>, Problem> {
    let NewMeeting { program, owner, attendees, title, description, start, end, zone } = new;
    let content = Content { title, description, start, end, zone };
    let new = meetings::NewMeeting { program, owner, attendees: attendees.clone(), content, key };
    let scheduled = meetings::schedule(&app.db, app.clock.now(), &actor, new).await;
    let meetings::ScheduleOutcome { meeting, replayed } = scheduled.map_err(|error| match error {
        ScheduleError::NotAMember(person) if person == owner => {
            Problem::from(error).at(FieldError::in_body("/owner", "must be a member of the program"))
        }
        ScheduleError::NotAMember(person) => not_a_member(error.into(), person, &attendees),
        error => error.into(),
    })?;
    let shown = with_calendar_copy(&app, meeting).await?;
    let (location, etag) = (format!("/v1/meetings/{}", shown.id), shown.etag());
    Ok(Created::at(location, shown).with_etag(&etag).replayed(replayed))
}

/// Gets a meeting.
///
/// Allowed for: the owner, attendees, administrators of the program, integrations and global administrators.
#[utoipa::path(get, path = "/v1/meetings/{meeting}", tag = "meetings", operation_id = "getMeeting",
    params(("meeting" = MeetingId, Path, description = "Id of the meeting."),
        ("If-None-Match" = inline(Option<String>), Header, nullable = false,
            pattern = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$"#,
            description = "Entity tags that the client has, or `*`.")),
    responses(
        (status = 200, description = "The meeting.", body = MeetingOut,
            headers(("ETag" = String, description = "Entity tag of the meeting."))),
        (status = 304, description = "The client has the meeting already.",
            headers(("ETag" = String, description = "Entity tag of the meeting.")))))]
pub(in crate::http) async fn get_meeting(
    State(app): State<App>,
    actor: Actor,
    PathIds(id): PathIds<MeetingId>,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let meeting = find_meeting(&app, &actor, id).await?;
    let shown = with_calendar_copy(&app, meeting).await?;
    let etag = shown.etag();
    if if_none_match.has(&etag) {
        return Ok(with_etag(Some(&etag), StatusCode::NOT_MODIFIED));
    }
    Ok(tagged(shown))
}

/// Changes a meeting.
///
/// The host changes the event in the owner's calendar. With `If-Match` or `revision`, the change is made only if nobody
/// else has changed the meeting; `If-Match` compares the revision in the entity tag, not the state of the event.
///
/// A cancelled meeting cannot be changed. New attendees must be members of the program. The end must be after the start,
/// by at most 14 days, both in whole seconds; `zone` must be an IANA time zone name; the description has at most 8,192
/// bytes.
///
/// Allowed for: the owner, administrators of the program, integrations and global administrators.
#[utoipa::path(patch, path = "/v1/meetings/{meeting}", tag = "meetings", operation_id = "updateMeeting",
    params(("meeting" = MeetingId, Path, description = "Id of the meeting."),
        ("If-Match" = inline(Option<String>), Header, nullable = false,
            pattern = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$"#,
            description = "Entity tags of which the meeting must have one, or `*`.")),
    request_body = MeetingChange,
    responses((status = 200, description = "The changed meeting.", body = MeetingOut,
        headers(("ETag" = String, description = "Entity tag of the meeting.")))))]
pub(in crate::http) async fn update_meeting(
    State(app): State<App>,
    actor: Actor,
    PathIds(id): PathIds<MeetingId>,
    if_match: IfMatch,
    Body(change): Body<MeetingChange>,
) -> Result<Response, Problem> {
    let matched = matched_revision(&app, &actor, id, &if_match).await?;
    let MeetingChange { title, description, start, end, zone, attendees, revision } = change;
    let listed = attendees.clone().unwrap_or_default();
    let change = Change { title, description, start, end, zone, attendees, revision: revision.or(matched) };
    let changed = meetings::change(&app.db, app.clock.now(), &actor, id, change).await;
    let meeting = changed.map_err(|error| match error {
        ChangeError::Stale(_) if revision.is_none() => Problem::new(Code::PreconditionFailed),
        ChangeError::NotAMember(person) => not_a_member(error.into(), person, &listed),
        error => error.into(),
    })?;
    Ok(tagged(with_calendar_copy(&app, meeting).await?))
}

/// Cancels a meeting.
///
/// The host removes the event from the owner's calendar. Cancelling a cancelled meeting is not an error. With `If-Match`,
/// the meeting is cancelled only if nobody else has changed it.
///
/// Allowed for: the owner, administrators of the program, integrations and global administrators.
#[utoipa::path(delete, path = "/v1/meetings/{meeting}", tag = "meetings", operation_id = "cancelMeeting",
    params(("meeting" = MeetingId, Path, description = "Id of the meeting."),
        ("If-Match" = inline(Option<String>), Header, nullable = false,
            pattern = r#"^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$"#,
            description = "Entity tags of which the meeting must have one, or `*`.")),
    responses((status = 200, description = "The cancelled meeting.", body = MeetingOut,
        headers(("ETag" = String, description = "Entity tag of the meeting.")))))]
pub(in crate::http) async fn cancel_meeting(
    State(app): State<App>,
    actor: Actor,
    PathIds(id): PathIds<MeetingId>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    let matched = matched_revision(&app, &actor, id, &if_match).await?;
    let cancelled = meetings::cancel(&app.db, app.clock.now(), &actor, id, matched).await;
    let meeting = cancelled.map_err(|error| match error {
        CancelError::Stale if matched.is_some() => Problem::new(Code::PreconditionFailed),
        error => error.into(),
    })?;
    Ok(tagged(with_calendar_copy(&app, meeting).await?))
}

/// The revision that `If-Match` requires, if the request has that header and the meeting matches it.
async fn matched_revision(app: &App, actor: &Actor, id: MeetingId, if_match: &IfMatch) -> Result<Option<i64>, Problem> {
    if !if_match.is_given() {
        return Ok(None);
    }
    let revision = find_meeting(app, actor, id).await?.revision;
    let holds = if_match.holds(|etag| is_of_revision(etag, revision));
    if holds { Ok(Some(revision)) } else { Err(Problem::new(Code::PreconditionFailed)) }
}

async fn find_meeting(app: &App, actor: &Actor, id: MeetingId) -> Result<Meeting, Problem> {
    let organisation = actor.member_organisation()?;
    let meeting = app.db.read(async |tx| meetings::store::find(tx, organisation, id).await).await?;
    meeting.filter(|meeting| meeting.is_visible_to(actor)).ok_or(Problem::new(Code::NotFound))
}

async fn with_calendar_copy(app: &App, mut meeting: Meeting) -> Result<MeetingOut, Problem> {
    let copy = app.db.read(async |tx| meetings::store::copy_with_uid(tx, &mut meeting).await).await?;
    Ok(MeetingOut::new(meeting, copy))
}

fn tagged(meeting: MeetingOut) -> Response {
    with_etag(Some(&meeting.etag()), Json(meeting).into_response())
}

/// Names the attendee who is not a member.
fn not_a_member(problem: Problem, person: PersonId, attendees: &[PersonId]) -> Problem {
    match attendees.iter().position(|attendee| *attendee == person) {
        Some(index) => {
            problem.at(FieldError::in_body(format!("/attendees/{index}"), "must be a member of the program"))
        }
        None => problem,
    }
}
