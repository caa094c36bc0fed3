//! The meetings' SQL.

use super::{
    Content, Meeting, Status,
    plan::{Copy, CopyState},
};
use crate::{
    db::{self, Page, Tx, execute, fetch},
    ids::{MeetingId, OrganisationId, PersonId},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organisation_id: String,
    program_id: String,
    owner_id: String,
    uid: String,
    title: String,
    description: String,
    start_at: i64,
    end_at: i64,
    zone: String,
    status: String,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn meeting(self, attendees: Vec<PersonId>) -> sqlx::Result<Meeting> {
        let content = Content {
            title: self.title,
            description: self.description,
            start: db::instant(self.start_at),
            end: db::instant(self.end_at),
            zone: self.zone,
        };
        Ok(Meeting {
            id: db::parsed(&self.id)?,
            organisation: db::parsed(&self.organisation_id)?,
            program: db::parsed(&self.program_id)?,
            owner: db::parsed(&self.owner_id)?,
            attendees,
            uid: self.uid,
            content,
            status: if self.status == Status::Confirmed.name() { Status::Confirmed } else { Status::Cancelled },
            revision: self.revision,
            created_at: db::instant(self.created_at),
            updated_at: db::instant(self.updated_at),
        })
    }
}

/// A meeting of the organisation.
pub async fn find(tx: &mut Tx, organisation: OrganisationId, id: MeetingId) -> sqlx::Result<Option<Meeting>> {
    Ok(find_unscoped(tx, id).await?.filter(|meeting| meeting.organisation == organisation))
}

/// A meeting, for those who act for no organisation.
pub async fn find_unscoped(tx: &mut Tx, id: MeetingId) -> sqlx::Result<Option<Meeting>> {
    let row = fetch!(
        tx,
        optional,
        Row,
        "select id, organisation_id, program_id, owner_id, uid, title, description, start_at, end_at, zone, status,
                revision, created_at, updated_at
         from meetings where id = $1",
        id.to_string(),
    )?;
    let Some(row) = row else { return Ok(None) };
    let attendees = attendees(tx, id).await?;
    row.meeting(attendees).map(Some)
}

async fn attendees(tx: &mut Tx, id: MeetingId) -> sqlx::Result<Vec<PersonId>> {
    let rows = fetch!(
        tx,
        all,
        (String,),
        "select person_id from attendees where meeting_id = $1 order by person_id",
        id.to_string(),
    )?;
    rows.into_iter().map(|(id,)| db::parsed(&id)).collect()
}

/// A page of the meetings of an organisation, in the order in which they were made; of one person, if they are
/// named: those that they own or take part in.
pub async fn list(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<Meeting>> {
    let person = person.map(|person| person.to_string()).unwrap_or_default();
    let rows = fetch!(
        tx,
        all,
        (String,),
        "select id from meetings
         where organisation_id = $1 and id > $2
           and ($3 = '' or owner_id = $3
                or exists (select 1 from attendees where meeting_id = meetings.id and person_id = $3))
         order by id limit $4",
        organisation.to_string(),
        page.after(),
        person,
        page.limit(),
    )?;
    let mut meetings = Vec::with_capacity(rows.len());
    for (id,) in rows {
        let id = db::parsed(&id)?;
        meetings.extend(find_unscoped(tx, id).await?);
    }
    Ok(meetings)
}

/// Under which key a meeting was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The caller's `Idempotency-Key`.
    pub key: String,
    /// A digest of all that it asked for.
    pub sha256: String,
}

/// The meeting that was made under this key, and the digest of what was asked for.
pub async fn find_by_idempotency_key(
    tx: &mut Tx,
    organisation: OrganisationId,
    key: &str,
) -> sqlx::Result<Option<(MeetingId, String)>> {
    let row = fetch!(
        tx,
        optional,
        (String, Option<String>),
        "select id, request_sha256 from meetings where organisation_id = $1 and request_key = $2",
        organisation.to_string(),
        key,
    )?;
    row.map(|(id, sha256)| Ok((db::parsed(&id)?, sha256.unwrap_or_default()))).transpose()
}

/// Keeps a new meeting.
pub async fn insert(tx: &mut Tx, meeting: &Meeting, asked: Option<&IdempotencyRecord>) -> sqlx::Result<()> {
    let content = &meeting.content;
    execute!(
        tx,
        "insert into meetings (id, organisation_id, program_id, owner_id, uid, title, description, start_at, end_at,
                zone, status, revision, created_at, updated_at, request_key, request_sha256)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        meeting.id.to_string(),
        meeting.organisation.to_string(),
        meeting.program.to_string(),
        meeting.owner.to_string(),
        &meeting.uid,
        &content.title,
        &content.description,
        content.start.as_microsecond(),
        content.end.as_microsecond(),
        &content.zone,
        meeting.status.name(),
        meeting.revision,
        meeting.created_at.as_microsecond(),
        meeting.updated_at.as_microsecond(),
        asked.map(|asked| asked.key.as_str()),
        asked.map(|asked| asked.sha256.as_str()),
    )?;
    for person in &meeting.attendees {
        add_attendee(tx, meeting.id, *person).await?;
    }
    Ok(())
}

async fn add_attendee(tx: &mut Tx, meeting: MeetingId, person: PersonId) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into attendees (meeting_id, person_id) values ($1, $2)",
        meeting.to_string(),
        person.to_string(),
    )?;
    Ok(())
}

/// Keeps a changed meeting, unless somebody else has changed it since. Whether nobody had.
pub async fn update(tx: &mut Tx, meeting: &Meeting, before: &Meeting) -> sqlx::Result<bool> {
    let content = &meeting.content;
    let rows = execute!(
        tx,
        "update meetings set title = $3, description = $4, start_at = $5, end_at = $6, zone = $7, status = $8,
                revision = $9, updated_at = $10
         where id = $1 and revision = $2",
        meeting.id.to_string(),
        before.revision,
        &content.title,
        &content.description,
        content.start.as_microsecond(),
        content.end.as_microsecond(),
        &content.zone,
        meeting.status.name(),
        meeting.revision,
        meeting.updated_at.as_microsecond(),
    )?;
    if rows == 1 && meeting.attendees != before.attendees {
        execute!(tx, "delete from attendees where meeting_id = $1", meeting.id.to_string())?;
        for person in &meeting.attendees {
            add_attendee(tx, meeting.id, *person).await?;
        }
    }
    Ok(rows == 1)
}

/// What is known of a meeting's event, and in which account it is.
#[derive(Debug, Clone)]
pub struct EventCopy {
    /// [`crate::connections::Connection::account_digest`]; empty while there was none.
    pub account: String,
    /// What is known.
    pub copy: Copy,
    /// Why it waits or is refused.
    pub problem: Option<String>,
}

#[derive(sqlx::FromRow)]
struct CopyRow {
    account: String,
    calendar: String,
    event_id: Option<String>,
    etag: Option<String>,
    sent: Option<String>,
    agreed_revision: i64,
    state: String,
    problem: Option<String>,
}

/// What is known of a meeting's event.
pub async fn copy(tx: &mut Tx, meeting: MeetingId) -> sqlx::Result<Option<EventCopy>> {
    let row = fetch!(
        tx,
        optional,
        CopyRow,
        "select account, calendar, event_id, etag, sent, agreed_revision, state, problem
         from event_copies where meeting_id = $1",
        meeting.to_string(),
    )?;
    let Some(row) = row else { return Ok(None) };
    let copy = Copy {
        calendar: row.calendar,
        event: row.event_id,
        etag: row.etag,
        sent: row.sent.as_deref().map(db::from_json).transpose()?,
        agreed_revision: row.agreed_revision,
        state: CopyState::named(&row.state).unwrap_or(CopyState::Pending),
    };
    Ok(Some(EventCopy { account: row.account, copy, problem: row.problem }))
}

/// Keeps what is known of a meeting's event.
pub async fn save_copy(
    tx: &mut Tx,
    meeting: MeetingId,
    account: &str,
    copy: &Copy,
    problem: Option<&str>,
) -> sqlx::Result<()> {
    let now = tx.now().await?;
    execute!(
        tx,
        "insert into event_copies (meeting_id, account, calendar, event_id, etag, sent, agreed_revision, state, problem,
                updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (meeting_id) do update set account = excluded.account, calendar = excluded.calendar,
                event_id = excluded.event_id, etag = excluded.etag, sent = excluded.sent,
                agreed_revision = excluded.agreed_revision, state = excluded.state, problem = excluded.problem,
                updated_at = excluded.updated_at",
        meeting.to_string(),
        account,
        &copy.calendar,
        copy.event.as_deref(),
        copy.etag.as_deref(),
        copy.sent.as_ref().map(db::to_json).transpose()?,
        copy.agreed_revision,
        copy.state.name(),
        problem,
        now,
    )?;
    Ok(())
}

/// Forgets where a meeting's event was going.
pub async fn delete_copy(tx: &mut Tx, meeting: MeetingId) -> sqlx::Result<()> {
    execute!(tx, "delete from event_copies where meeting_id = $1", meeting.to_string())?;
    Ok(())
}

/// The meetings of a person that are not over: whether their calendar shows them is for each one's job to find out.
pub async fn upcoming(tx: &mut Tx, owner: PersonId, now: i64) -> sqlx::Result<Vec<MeetingId>> {
    let rows = fetch!(
        tx,
        all,
        (String,),
        "select id from meetings where owner_id = $1 and end_at > $2 order by id",
        owner.to_string(),
        now,
    )?;
    rows.into_iter().map(|(id,)| db::parsed(&id)).collect()
}
