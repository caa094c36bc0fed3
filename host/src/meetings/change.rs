//! Changes meetings: moves them, above all.

use super::{Content, InvalidContent, Meeting, Status, check_attendee_count, commit, normalise_attendees, store};
use crate::{
    audit::{self, Act},
    auth::Actor,
    db::Db,
    ids::{MeetingId, PersonId},
    people,
};
use jiff::Timestamp;

/// A partial update. Fields that are `None` are unchanged.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The title: one line.
    pub title: Option<String>,
    /// The description: plain text.
    pub description: Option<String>,
    /// The start.
    pub start: Option<Timestamp>,
    /// The end. If only the start is given, the meeting keeps its duration.
    pub end: Option<Timestamp>,
    /// The IANA time zone in which the times are shown.
    pub zone: Option<String>,
    /// The whole new list of attendees.
    pub attendees: Option<Vec<PersonId>>,
    /// The expected revision: the change is refused if the meeting has another.
    pub revision: Option<i64>,
}

/// Why a meeting cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The meeting does not exist, or the actor may not see it.
    #[error("the meeting does not exist")]
    Unknown,
    /// The actor may see the meeting but not change it.
    #[error("only the owner, an administrator or an integration can change this meeting")]
    NotAllowed,
    /// The meeting is cancelled.
    #[error("the meeting is cancelled; create a new one")]
    Cancelled,
    /// The meeting has another revision than the expected one.
    #[error("the meeting now has revision {0}; read it again and repeat the change if it still applies")]
    Stale(i64),
    /// Calendars cannot show the changed meeting.
    #[error(transparent)]
    Invalid(#[from] InvalidContent),
    /// An attendee is not a member of the program.
    #[error("{0} is not a member of the program")]
    NotAMember(PersonId),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Changes a meeting and enqueues the push to its owner's calendar.
///
/// # Errors
/// If the meeting cannot be changed; then nothing was changed.
pub async fn change(
    db: &Db,
    now: Timestamp,
    actor: &Actor,
    id: MeetingId,
    change: Change,
) -> Result<Meeting, ChangeError> {
    let organisation = actor.organisation_id().ok_or(ChangeError::Unknown)?;
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
    let by = actor.author();
    audit::record(&mut tx, meeting.entry(&by, Act::MeetingChanged).before(before.values()).after(meeting.values()))
        .await?;
    commit(tx, &meeting).await?;
    Ok(meeting)
}

/// Applies a change to a meeting. Pure.
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
