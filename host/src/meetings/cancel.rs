//! Cancelling a meeting.

use super::{Meeting, Status, commit, store};
use crate::{db::Db, ids::MeetingId, people::Actor};
use jiff::Timestamp;

/// A meeting is not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is none, or it is not to be seen.
    #[error("there is no such meeting")]
    Unknown,
    /// They may see it and not cancel it.
    #[error("only the owner, an administrator or a program's token can cancel this meeting")]
    NotAllowed,
    /// Somebody changed it at the same moment.
    #[error("the meeting was changed at the same moment; read it and decide again")]
    Stale,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Cancels a meeting, and has it taken out of its owner's calendar. A second time is no error.
///
/// # Errors
/// If it is not cancelled.
pub async fn cancel(db: &Db, now: Timestamp, actor: &Actor, id: MeetingId) -> Result<Meeting, CancelError> {
    let organisation = actor.own().ok_or(CancelError::Unknown)?;
    let mut tx = db.begin().await?;
    let before = store::find(&mut tx, organisation, id).await?.ok_or(CancelError::Unknown)?;
    if !before.is_visible_to(actor) {
        return Err(CancelError::Unknown);
    }
    if !before.is_changeable_by(actor) {
        return Err(CancelError::NotAllowed);
    }
    if before.status == Status::Cancelled {
        return Ok(before);
    }
    let meeting =
        Meeting { status: Status::Cancelled, revision: before.revision + 1, updated_at: now, ..before.clone() };
    if !store::update(&mut tx, &meeting, &before).await? {
        return Err(CancelError::Stale);
    }
    commit(tx, id).await?;
    Ok(meeting)
}
