//! Disconnecting a calendar. The credential is forgotten; events that are in the calendar stay there, because they are
//! their owner's.

use super::{Calendars, store};
use crate::{ids::PersonId, people::Actor};

/// A calendar is not disconnected.
#[derive(Debug, thiserror::Error)]
pub enum DisconnectError {
    /// It is neither theirs nor are they an administrator.
    #[error("only the person themself or a global administrator can disconnect a calendar")]
    NotAllowed,
    /// There is none.
    #[error("no calendar is connected")]
    NotConnected,
    /// The database.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// Forgets the person's connection and its credential. Taking access away harms nobody, so an administrator may too.
///
/// # Errors
/// If there was none, or it is not theirs.
pub async fn disconnect(calendars: &Calendars, actor: &Actor, person: PersonId) -> Result<(), DisconnectError> {
    let organisation = actor.own().ok_or(DisconnectError::NotAllowed)?;
    if !actor.is(person) && !actor.is_global_admin() {
        return Err(DisconnectError::NotAllowed);
    }
    let mut tx = calendars.db.begin().await?;
    let was = store::delete(&mut tx, organisation, person).await?;
    tx.commit().await?;
    if !was {
        return Err(DisconnectError::NotConnected);
    }
    tracing::info!(%person, "disconnected");
    Ok(())
}
