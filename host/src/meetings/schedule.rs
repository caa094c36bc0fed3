//! Creates meetings.

use super::{
    Content, InvalidContent, Meeting, Status, check_attendee_count, commit, normalise_attendees,
    store::{self, IdempotencyRecord},
};
use crate::{
    audit::{self, Act},
    auth::Actor,
    db::{self, Db},
    ids::{self, MeetingId, PersonId, ProgramId},
    organisations::programs,
    people,
};
use jiff::Timestamp;

/// A meeting to create.
#[derive(Debug, Clone)]
pub struct NewMeeting {
    /// The program.
    pub program: ProgramId,
    /// The owner.
    pub owner: PersonId,
    /// The people who take part beside the owner.
    pub attendees: Vec<PersonId>,
    /// The fields that calendars show.
    pub content: Content,
    /// The caller's `Idempotency-Key`: repeated requests with one key create one meeting.
    pub key: Option<String>,
}

/// Why a meeting cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Calendars cannot show the meeting.
    #[error(transparent)]
    Invalid(#[from] InvalidContent),
    /// The program does not exist, or the actor may not see it.
    #[error("the program does not exist")]
    NoProgram,
    /// The owner or an attendee is not a member of the program.
    #[error("{0} is not a member of the program")]
    NotAMember(PersonId),
    /// The actor may not create meetings for this owner.
    #[error("only the owner, an administrator or an integration can create this meeting")]
    NotAllowed,
    /// The key was used for another request.
    #[error("the Idempotency-Key was used for another request; use a new key")]
    KeyReused,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The meeting of a request.
#[derive(Debug, Clone)]
pub struct ScheduleOutcome {
    /// The meeting.
    pub meeting: Meeting,
    /// Whether an earlier request with the same idempotency key created the meeting.
    pub replayed: bool,
}

/// Creates a meeting and enqueues the push to its owner's calendar.
///
/// # Errors
/// If the meeting cannot be created; then nothing was stored.
pub async fn schedule(
    db: &Db,
    now: Timestamp,
    actor: &Actor,
    new: NewMeeting,
) -> Result<ScheduleOutcome, ScheduleError> {
    new.content.check()?;
    let organisation = actor.organisation_id().ok_or(ScheduleError::NoProgram)?;
    let attendees = normalise_attendees(new.attendees.clone(), new.owner);
    check_attendee_count(&attendees)?;
    let record =
        |key: &String| IdempotencyRecord { key: scoped_idempotency_key(actor, key), sha256: digest(&new, &attendees) };
    let idempotency = new.key.as_ref().map(record);

    let mut tx = db.begin().await?;
    if let Some(record) = &idempotency
        && let Some((id, earlier)) = store::find_by_idempotency_key(&mut tx, organisation, &record.key).await?
    {
        if earlier != *record {
            return Err(ScheduleError::KeyReused);
        }
        let meeting = store::find(&mut tx, organisation, id).await?;
        let meeting = meeting.ok_or(ScheduleError::Database(sqlx::Error::RowNotFound))?;
        let replayed = ScheduleOutcome { meeting, replayed: true };
        return if replayed.meeting.is_visible_to(actor) { Ok(replayed) } else { Err(ScheduleError::NotAllowed) };
    }
    let program = programs::program(&mut tx, organisation, new.program).await?.ok_or(ScheduleError::NoProgram)?;
    let administers = actor.administers(program.id);
    if actor.person().is_some_and(|person| person != new.owner && !administers) {
        return Err(ScheduleError::NotAllowed);
    }
    for &person in std::iter::once(&new.owner).chain(&attendees) {
        if !people::is_member(&mut tx, program.id, person).await? {
            return Err(ScheduleError::NotAMember(person));
        }
    }
    let id = MeetingId::new(now);
    let meeting = Meeting {
        id,
        organisation,
        program: program.id,
        owner: new.owner,
        attendees,
        // A UUID, as RFC 7986 §5.3 recommends for UIDs; not the meeting's id, because a meeting may outlive an event.
        key: MeetingId::new(now).to_string(),
        uid: None,
        content: new.content,
        status: Status::Confirmed,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(&mut tx, &meeting, idempotency.as_ref()).await.map_err(|error| match error {
        // Another request with this key came first, at the same moment. If this one is repeated, it finds that meeting.
        error if idempotency.is_some() && db::is_taken(&error) => ScheduleError::KeyReused,
        error => error.into(),
    })?;
    let by = actor.author();
    audit::record(&mut tx, meeting.entry(&by, Act::MeetingScheduled).after(meeting.values())).await?;
    commit(tx, &meeting).await?;
    Ok(ScheduleOutcome { meeting, replayed: false })
}

/// Scopes an idempotency key to its sender: no sender can use up the keys of others or learn from a key what they
/// created.
fn scoped_idempotency_key(actor: &Actor, key: &str) -> String {
    actor.person().map_or_else(|| format!(":{key}"), |person| format!("{person}:{key}"))
}

/// A digest of the whole request.
fn digest(new: &NewMeeting, attendees: &[PersonId]) -> String {
    let NewMeeting { program, owner, content, .. } = new;
    ids::digest(serde_json::json!([program, owner, attendees, content]).to_string())
}
