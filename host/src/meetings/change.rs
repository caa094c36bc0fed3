//! Changing a meeting: moving it, above all.

use super::{Content, Invalid, Meeting, Status, check_attendee_count, commit, normalise_attendees, store};
use crate::{
    db::Db,
    ids::{MeetingId, PersonId},
    people::{self, Actor},
};
use jiff::Timestamp;

/// What is to be another. What is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// One line.
    pub title: Option<String>,
    /// Plain text.
    pub description: Option<String>,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it is over. If only the start is given, the meeting keeps its length.
    pub end: Option<Timestamp>,
    /// The zone in which its times are told.
    pub zone: Option<String>,
    /// Who takes part: the whole new list.
    pub attendees: Option<Vec<PersonId>>,
    /// Only if this is still the meeting's revision.
    pub revision: Option<i64>,
}

/// A meeting is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is none, or it is not to be seen.
    #[error("there is no such meeting")]
    Unknown,
    /// They may see it and not change it.
    #[error("only the owner, an administrator or a program's token can change this meeting")]
    NotAllowed,
    /// It does not take place any more.
    #[error("the meeting is cancelled; make a new one")]
    Cancelled,
    /// Somebody else was faster.
    #[error("the meeting has revision {0} by now; read it and decide again")]
    Stale(i64),
    /// No calendar could show it.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Somebody is not a member of the program.
    #[error("{0} is not a member of the program")]
    NotAMember(PersonId),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Changes a meeting, and has its owner's calendar show it.
///
/// # Errors
/// If it is not changed.
pub async fn change(
    db: &Db,
    now: Timestamp,
    actor: &Actor,
    id: MeetingId,
    change: Change,
) -> Result<Meeting, ChangeError> {
    let organisation = actor.own().ok_or(ChangeError::Unknown)?;
    let mut tx = db.begin().await?;
    let before = store::find(&mut tx, organisation, id).await?.ok_or(ChangeError::Unknown)?;
    if !before.is_visible_to(actor) {
        return Err(ChangeError::Unknown);
    }
    if !before.is_changeable_by(actor) {
        return Err(ChangeError::NotAllowed);
    }
    if let Some(revision) = change.revision
        && revision != before.revision
    {
        return Err(ChangeError::Stale(before.revision));
    }
    if before.status == Status::Cancelled {
        return Err(ChangeError::Cancelled);
    }
    let mut meeting = changed(&before, change);
    meeting.content.check()?;
    check_attendee_count(&meeting.attendees)?;
    for &person in &meeting.attendees {
        let is_new = !before.attendees.contains(&person);
        if is_new && !people::is_member(&mut tx, meeting.program, person).await? {
            return Err(ChangeError::NotAMember(person));
        }
    }
    if meeting == before {
        return Ok(before);
    }
    (meeting.revision, meeting.updated_at) = (before.revision + 1, now);
    if !store::update(&mut tx, &meeting, &before).await? {
        return Err(ChangeError::Stale(before.revision + 1));
    }
    commit(tx, id).await?;
    Ok(meeting)
}

/// The meeting as it is to be. Pure.
fn changed(before: &Meeting, change: Change) -> Meeting {
    let old = &before.content;
    let start = change.start.unwrap_or(old.start);
    let kept_length = || start.checked_add(old.end.duration_since(old.start)).unwrap_or(Timestamp::MAX);
    let end = change.end.unwrap_or_else(|| if change.start.is_some() { kept_length() } else { old.end });
    let attendees =
        change.attendees.map_or_else(|| before.attendees.clone(), |list| normalise_attendees(list, before.owner));
    let content = Content {
        title: change.title.unwrap_or_else(|| old.title.clone()),
        description: change.description.unwrap_or_else(|| old.description.clone()),
        start,
        end,
        zone: change.zone.unwrap_or_else(|| old.zone.clone()),
    };
    Meeting { attendees, content, ..before.clone() }
}
