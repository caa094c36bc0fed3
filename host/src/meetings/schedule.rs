//! Making a meeting.

use super::{
    Content, Invalid, Meeting, Status, check_attendee_count, commit, normalise_attendees,
    store::{self, IdempotencyRecord},
};
use crate::{
    db::{self, Db},
    ids::{self, MeetingId, PersonId, ProgramId},
    people::{self, Actor},
    programs,
};
use jiff::Timestamp;

/// What somebody wants to take place.
#[derive(Debug, Clone)]
pub struct NewMeeting {
    /// In which program.
    pub program: ProgramId,
    /// Whose meeting it is.
    pub owner: PersonId,
    /// Who else takes part.
    pub attendees: Vec<PersonId>,
    /// What it shows.
    pub content: Content,
    /// The caller's `Idempotency-Key`: asking twice makes one meeting.
    pub key: Option<String>,
}

/// A meeting is not made.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// No calendar could show it.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The program is not there, or not to be seen.
    #[error("there is no such program")]
    NoProgram,
    /// Somebody is not a member of the program.
    #[error("{0} is not a member of the program")]
    NotAMember(PersonId),
    /// They may not make meetings for this owner.
    #[error("only the owner, an administrator or a program's token can make this meeting")]
    NotAllowed,
    /// The key was used for another meeting.
    #[error("the Idempotency-Key was used for another request; use a new one")]
    KeyReused,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a meeting, and has it brought to its owner's calendar.
///
/// # Errors
/// If it is not made; then nothing was stored.
pub async fn schedule(db: &Db, now: Timestamp, actor: &Actor, new: NewMeeting) -> Result<Meeting, ScheduleError> {
    new.content.check()?;
    let organisation = actor.own().ok_or(ScheduleError::NoProgram)?;
    let attendees = normalise_attendees(new.attendees.clone(), new.owner);
    check_attendee_count(&attendees)?;
    let asked = new
        .key
        .as_ref()
        .map(|key| IdempotencyRecord { key: scoped_idempotency_key(actor, key), sha256: digest(&new, &attendees) });

    let mut tx = db.begin().await?;
    if let Some(asked) = &asked
        && let Some((id, sha256)) = store::find_by_idempotency_key(&mut tx, organisation, &asked.key).await?
    {
        if sha256 != asked.sha256 {
            return Err(ScheduleError::KeyReused);
        }
        let meeting = store::find(&mut tx, organisation, id).await?;
        let meeting = meeting.ok_or(ScheduleError::Database(sqlx::Error::RowNotFound))?;
        return if meeting.is_visible_to(actor) { Ok(meeting) } else { Err(ScheduleError::NotAllowed) };
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
        // A UUID, as RFC 7986 §5.3 recommends; not the meeting's own, because a meeting may outlive an event.
        uid: MeetingId::new(now).to_string(),
        content: new.content,
        status: Status::Confirmed,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(&mut tx, &meeting, asked.as_ref()).await.map_err(|error| match error {
        // Two requests with one key at the same moment: the other was first, and a repetition finds its meeting.
        error if asked.is_some() && db::is_taken(&error) => ScheduleError::KeyReused,
        error => error.into(),
    })?;
    commit(tx, id).await?;
    Ok(meeting)
}

/// A key is its sender's own: nobody can use up the keys of others, or learn by one what others made.
fn scoped_idempotency_key(actor: &Actor, key: &str) -> String {
    actor.person().map_or_else(|| format!(":{key}"), |person| format!("{person}:{key}"))
}

/// A digest of all that was asked for.
fn digest(new: &NewMeeting, attendees: &[PersonId]) -> String {
    let NewMeeting { program, owner, content, .. } = new;
    ids::digest(serde_json::json!([program, owner, attendees, content]).to_string())
}
