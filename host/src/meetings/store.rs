//! The SQL of the tables `meetings`, `attendees` and `event_copies`.
//!
//! A row with an unknown status or state is an error for the code that reads that row ([`crate::db::Column::word`]): a list
//! that contains it fails as a whole rather than leave a meeting out silently, a job for it is retried, and every other
//! meeting can still be read, changed and pushed by its id.

use super::{Content, Meeting, plan::EventCopy};
use crate::{
    calendar::Window,
    db::{self, Column, Page, Tx, dialect::Dialect, dialect::in_list, execute, fetch},
    ids::{MeetingId, OrganisationId, PersonId},
};
use std::collections::{HashMap, HashSet};

const STATUS: Column = Column::of("meetings", "status");
const COPY_STATE: Column = Column::of("event_copies", "state");
const COPY_SENT: Column = Column::of("event_copies", "sent");

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organisation_id: String,
    program_id: String,
    owner_id: String,
    event_key: String,
    uid: Option<String>,
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
            key: self.event_key,
            uid: self.uid,
            content,
            status: STATUS.word(&self.status)?,
            revision: self.revision,
            created_at: db::instant(self.created_at),
            updated_at: db::instant(self.updated_at),
        })
    }
}

/// Selects the columns of [`Row`].
macro_rules! select_meetings {
    ($condition:literal) => {
        concat!(
            "select id, organisation_id, program_id, owner_id, event_key, uid, title, description, start_at, end_at, zone,
                    status, revision, created_at, updated_at from meetings where ",
            $condition
        )
    };
}

/// Finds a meeting of the organisation.
pub async fn find(tx: &mut Tx, organisation: OrganisationId, id: MeetingId) -> sqlx::Result<Option<Meeting>> {
    Ok(find_unscoped(tx, id).await?.filter(|meeting| meeting.organisation == organisation))
}

/// Finds a meeting without tenant scoping; for jobs only.
pub async fn find_unscoped(tx: &mut Tx, id: MeetingId) -> sqlx::Result<Option<Meeting>> {
    let Some(row) = fetch!(tx, optional, Row, select_meetings!("id = $1"), id.to_string())? else { return Ok(None) };
    let mut attendees = attendees(tx, &[&row.id]).await?;
    let of_meeting = attendees.remove(&row.id).unwrap_or_default();
    row.meeting(of_meeting).map(Some)
}

/// Lists a page of an organisation's meetings with their event copies, in the order of creation; if a person is given,
/// only the meetings that the person owns or attends. Takes three queries, however long the page is.
pub async fn list(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<(Meeting, Option<EventCopy>)>> {
    let person = person.map(|person| person.to_string()).unwrap_or_default();
    let rows = fetch!(
        tx,
        all,
        Row,
        select_meetings!(
            "organisation_id = $1 and id > $2
             and ($3 = '' or owner_id = $3
                  or exists (select 1 from attendees where meeting_id = meetings.id and person_id = $3))
             order by id limit $4"
        ),
        organisation.to_string(),
        page.after(),
        person,
        page.limit(),
    )?;
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    let (mut attendees, mut copies) = (attendees(tx, &ids).await?, copies(tx, &ids).await?);
    let with_copy = |row: Row| {
        let (attendees, stored) = (attendees.remove(&row.id).unwrap_or_default(), copies.remove(&row.id));
        let mut meeting = row.meeting(attendees)?;
        let copy = stored.map(|stored| stored.of_meeting(&mut meeting));
        Ok((meeting, copy))
    };
    rows.into_iter().map(with_copy).collect()
}

/// The attendees of these meetings, by the meeting's id.
async fn attendees(tx: &mut Tx, meetings: &[&str]) -> sqlx::Result<HashMap<String, Vec<PersonId>>> {
    const SELECT: Dialect = in_list!(
        "select meeting_id, person_id from attendees where meeting_id in ",
        "$1",
        " order by meeting_id, person_id"
    );
    let sql = tx.sql_for(SELECT);
    let mut attendees = HashMap::<_, Vec<_>>::new();
    for (meeting, person) in fetch!(tx, all, (String, String), sql, db::to_json(&meetings)?)? {
        attendees.entry(meeting).or_default().push(db::parsed(&person)?);
    }
    Ok(attendees)
}

/// The `Idempotency-Key` under which a meeting was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key, with its sender.
    pub key: String,
    /// A digest of the whole request.
    pub sha256: String,
}

/// Finds the meeting that was created under this key, and its record.
pub async fn find_by_idempotency_key(
    tx: &mut Tx,
    organisation: OrganisationId,
    key: &str,
) -> sqlx::Result<Option<(MeetingId, IdempotencyRecord)>> {
    let row = fetch!(
        tx,
        optional,
        (String, Option<String>),
        "select id, request_sha256 from meetings where organisation_id = $1 and request_key = $2",
        organisation.to_string(),
        key,
    )?;
    let record = |sha256: Option<String>| IdempotencyRecord { key: key.to_owned(), sha256: sha256.unwrap_or_default() };
    row.map(|(id, sha256)| Ok((db::parsed(&id)?, record(sha256)))).transpose()
}

/// Inserts a new meeting.
pub async fn insert(tx: &mut Tx, meeting: &Meeting, idempotency: Option<&IdempotencyRecord>) -> sqlx::Result<()> {
    let content = &meeting.content;
    execute!(
        tx,
        "insert into meetings (id, organisation_id, program_id, owner_id, event_key, uid, title, description, start_at,
                end_at, zone, status, revision, created_at, updated_at, request_key, request_sha256)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        meeting.id.to_string(),
        meeting.organisation.to_string(),
        meeting.program.to_string(),
        meeting.owner.to_string(),
        &meeting.key,
        meeting.uid.as_deref(),
        &content.title,
        &content.description,
        content.start.as_microsecond(),
        content.end.as_microsecond(),
        &content.zone,
        meeting.status.as_str(),
        meeting.revision,
        meeting.created_at.as_microsecond(),
        meeting.updated_at.as_microsecond(),
        idempotency.map(|record| record.key.as_str()),
        idempotency.map(|record| record.sha256.as_str()),
    )?;
    for person in &meeting.attendees {
        insert_attendee(tx, meeting.id, *person).await?;
    }
    Ok(())
}

async fn insert_attendee(tx: &mut Tx, meeting: MeetingId, person: PersonId) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into attendees (meeting_id, person_id) values ($1, $2)",
        meeting.to_string(),
        person.to_string(),
    )?;
    Ok(())
}

/// Stores the UID that the meeting's event has in its owner's calendar.
pub(super) async fn save_uid(tx: &mut Tx, id: MeetingId, uid: &str) -> sqlx::Result<()> {
    let sql = "update meetings set uid = $2 where id = $1 and (uid is null or uid <> $2)";
    execute!(tx, sql, id.to_string(), uid).map(drop)
}

/// The UIDs of those of an organisation's meetings whose events have these keys and were written, by the key.
pub async fn uids(tx: &mut Tx, organisation: OrganisationId, keys: &[&str]) -> sqlx::Result<HashMap<String, String>> {
    const SELECT: Dialect = in_list!(
        "select event_key, uid from meetings where organisation_id = $1 and uid is not null and event_key in ",
        "$2",
        ""
    );
    let sql = tx.sql_for(SELECT);
    Ok(fetch!(tx, all, (String, String), sql, organisation.to_string(), db::to_json(&keys)?)?.into_iter().collect())
}

/// The UIDs of the meetings that a person takes part in and that touch a window, if their events were written.
pub async fn uids_of_person(tx: &mut Tx, person: PersonId, window: Window) -> sqlx::Result<HashSet<String>> {
    let found = fetch!(
        tx,
        all,
        (String,),
        "select uid from meetings
         where owner_id = $1 and uid is not null and start_at < $3 and end_at > $2
         union
         select uid from meetings join attendees on meeting_id = id
         where person_id = $1 and uid is not null and start_at < $3 and end_at > $2",
        person.to_string(),
        window.start.as_microsecond(),
        window.end.as_microsecond(),
    )?;
    Ok(found.into_iter().map(|(uid,)| uid).collect())
}

/// Updates a meeting, except for the UID. Returns false, and changes nothing, if it was changed since it was read as `before`.
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
        meeting.status.as_str(),
        meeting.revision,
        meeting.updated_at.as_microsecond(),
    )?;
    if rows == 1 && meeting.attendees != before.attendees {
        execute!(tx, "delete from attendees where meeting_id = $1", meeting.id.to_string())?;
        for person in &meeting.attendees {
            insert_attendee(tx, meeting.id, *person).await?;
        }
    }
    Ok(rows == 1)
}

#[derive(sqlx::FromRow)]
struct CopyRow {
    meeting_id: String,
    account: String,
    calendar: String,
    event_id: Option<String>,
    etag: Option<String>,
    sent: Option<String>,
    agreed_revision: i64,
    state: String,
    problem: Option<String>,
    uid: Option<String>,
}

/// An event copy and the UID of the event, from one statement. Both are stored together, so a caller who learns that the
/// event is in the calendar also has its UID, even if the caller read the meeting before.
struct StoredCopy {
    copy: EventCopy,
    uid: Option<String>,
}

impl StoredCopy {
    /// Updates the UID of the meeting, and returns the copy.
    fn of_meeting(self, meeting: &mut Meeting) -> EventCopy {
        meeting.uid = self.uid;
        self.copy
    }
}

impl TryFrom<CopyRow> for StoredCopy {
    type Error = sqlx::Error;

    fn try_from(row: CopyRow) -> sqlx::Result<Self> {
        let copy = EventCopy {
            meeting: db::parsed(&row.meeting_id)?,
            account: row.account,
            calendar: row.calendar,
            event: row.event_id,
            etag: row.etag,
            sent: row.sent.as_deref().map(|sent| COPY_SENT.json(sent)).transpose()?,
            agreed_revision: row.agreed_revision,
            state: COPY_STATE.word(&row.state)?,
            problem: row.problem,
        };
        Ok(Self { copy, uid: row.uid })
    }
}

/// Finds the event copy of a meeting.
pub async fn copy(tx: &mut Tx, meeting: MeetingId) -> sqlx::Result<Option<EventCopy>> {
    let id = meeting.to_string();
    Ok(copies(tx, &[&id]).await?.remove(&id).map(|stored| stored.copy))
}

/// Finds the event copy of a meeting that was read before, and updates the meeting's UID to that of the copy.
pub async fn copy_with_uid(tx: &mut Tx, meeting: &mut Meeting) -> sqlx::Result<Option<EventCopy>> {
    let id = meeting.id.to_string();
    Ok(copies(tx, &[&id]).await?.remove(&id).map(|stored| stored.of_meeting(meeting)))
}

/// The event copies of these meetings, by the meeting's id.
async fn copies(tx: &mut Tx, meetings: &[&str]) -> sqlx::Result<HashMap<String, StoredCopy>> {
    const SELECT: Dialect = in_list!(
        "select meeting_id, account, calendar, event_id, etag, sent, agreed_revision, state, problem,
                (select uid from meetings where meetings.id = meeting_id) as uid
         from event_copies where meeting_id in ",
        "$1",
        ""
    );
    let sql = tx.sql_for(SELECT);
    let rows = fetch!(tx, all, CopyRow, sql, db::to_json(&meetings)?)?;
    rows.into_iter().map(|row| Ok((row.meeting_id.clone(), row.try_into()?))).collect()
}

/// Inserts or replaces the event copy of a meeting.
pub async fn save_copy(tx: &mut Tx, copy: &EventCopy) -> sqlx::Result<()> {
    let now = tx.now().await?;
    execute!(
        tx,
        "insert into event_copies (meeting_id, account, calendar, event_id, etag, sent, agreed_revision, state,
                problem, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (meeting_id) do update set account = excluded.account, calendar = excluded.calendar,
                event_id = excluded.event_id, etag = excluded.etag, sent = excluded.sent,
                agreed_revision = excluded.agreed_revision, state = excluded.state, problem = excluded.problem,
                updated_at = excluded.updated_at",
        copy.meeting.to_string(),
        &copy.account,
        &copy.calendar,
        copy.event.as_deref(),
        copy.etag.as_deref(),
        copy.sent.as_ref().map(db::to_json).transpose()?,
        copy.agreed_revision,
        copy.state.as_str(),
        copy.problem.as_deref(),
        now,
    )?;
    Ok(())
}

/// Deletes the event copy of a meeting.
pub async fn delete_copy(tx: &mut Tx, meeting: MeetingId) -> sqlx::Result<()> {
    execute!(tx, "delete from event_copies where meeting_id = $1", meeting.to_string())?;
    Ok(())
}

/// The ids of a person's meetings that end after this instant.
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
