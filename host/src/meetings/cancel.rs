//! Cancels meetings.

use super::{Meeting, Status, commit, store};
use crate::{
    audit::{self, Act},
    auth::Actor,
    db::Db,
    ids::MeetingId,
};
use jiff::Timestamp;

/// Why a meeting cannot be cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// The meeting does not exist, or the actor may not see it.
    #[error("the meeting does not exist")]
    Unknown,
    /// The actor may see the meeting but not cancel it.
    #[error("only the owner, an administrator or an integration can cancel this meeting")]
    NotAllowed,
    /// The meeting was changed at the same moment.
    #[error("the meeting was changed at the same moment; read it again and repeat the request if it still applies")]
    Stale,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Cancels a meeting and enqueues its removal from the owner's calendar. Cancelling it again is not an error. With a
/// revision, the meeting is cancelled only if it still has that one.
///
/// # Errors
/// If the meeting cannot be cancelled; then nothing was changed.
pub async fn cancel(
    db: &Db,
    now: Timestamp,
    actor: &Actor,
    id: MeetingId,
    revision: Option<i64>,
) -> Result<Meeting, CancelError> {
    let organisation = actor.organisation_id().ok_or(CancelError::Unknown)?;
    let mut tx = db.begin().await?;
    let before = store::find(&mut tx, organisation, id).await?.ok_or(CancelError::Unknown)?;
    if !before.is_visible_to(actor) {
        return Err(CancelError::Unknown);
    }
    if !before.is_changeable_by(actor) {
        return Err(CancelError::NotAllowed);
    }
    if revision.is_some_and(|revision| revision != before.revision) {
        return Err(CancelError::Stale);
    }
    if before.status == Status::Cancelled {
        return Ok(before);
    }
    let meeting =
        Meeting { status: Status::Cancelled, revision: before.revision + 1, updated_at: now, ..before.clone() };
    if !store::update(&mut tx, &meeting, &before).await? {
        return Err(CancelError::Stale);
    }
    let by = actor.author();
    audit::record(&mut tx, meeting.entry(&by, Act::MeetingCancelled).before(before.values()).after(meeting.values()))
        .await?;
    commit(tx, &meeting).await?;
    Ok(meeting)
}
