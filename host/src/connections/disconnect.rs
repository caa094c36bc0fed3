//! Disconnecting a calendar. The credential is deleted, and a token is revoked at the service. Events stay in the calendar,
//! because they belong to its owner. A connection that a service account made is not made again.

use super::{access::CalendarAccess, revocations, store};
use crate::{
    audit::{self, Act},
    auth::Actor,
    ids::PersonId,
};

/// A calendar was not disconnected.
#[derive(Debug, thiserror::Error)]
pub enum DisconnectError {
    /// The actor is neither the person nor an administrator.
    #[error("only the person themself or a global administrator can disconnect a calendar")]
    NotAllowed,
    /// The person has connected no calendar.
    #[error("no calendar is connected")]
    NotConnected,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Deletes the person's connection and its credential. An administrator may do this too, because removing access harms
/// nobody.
pub async fn disconnect(calendars: &CalendarAccess, actor: &Actor, person: PersonId) -> Result<(), DisconnectError> {
    let organisation = actor.organisation_id().ok_or(DisconnectError::NotAllowed)?;
    if !actor.is(person) && !actor.is_global_admin() {
        return Err(DisconnectError::NotAllowed);
    }
    loop {
        let mut tx = calendars.db.begin().await?;
        let stored = store::of_person(&mut tx, organisation, person).await?.ok_or(DisconnectError::NotConnected)?;
        if let Some(account) = stored.connection.service_account {
            store::refuse(&mut tx, organisation, person, account).await?;
        }
        // If the token was refreshed after it was read, the row is read again, so that the new token is revoked.
        if store::delete(&mut tx, organisation, person, &stored.sealed).await? {
            revocations::enqueue_for_connection(&mut tx, &stored).await?;
            let (by, connection) = (actor.author(), &stored.connection);
            let entry = connection.entry(&by, Act::CalendarDisconnected).before(connection.values());
            audit::record(&mut tx, entry).await?;
            tx.commit().await?;
            break;
        }
    }
    tracing::info!(%person, "calendar disconnected");
    Ok(())
}
