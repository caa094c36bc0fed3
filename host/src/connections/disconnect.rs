//! Disconnecting a calendar. The credential is forgotten, and a token revoked at the service; events that are in the
//! calendar stay there, because they are their owner's. What the organisation had connected is not connected by it again.

use super::{CalendarAccess, oauth::revoke, service_accounts, store};
use crate::{auth::Actor, ids::PersonId};

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
    Database(#[from] sqlx::Error),
}

/// Forgets the person's connection and its credential. Taking access away harms nobody, so an administrator may too.
///
/// # Errors
/// If there was none, or it is not theirs.
pub async fn disconnect(calendars: &CalendarAccess, actor: &Actor, person: PersonId) -> Result<(), DisconnectError> {
    let organisation = actor.organisation_id().ok_or(DisconnectError::NotAllowed)?;
    if !actor.is(person) && !actor.is_global_admin() {
        return Err(DisconnectError::NotAllowed);
    }
    loop {
        let mut tx = calendars.db.begin().await?;
        let kept = store::of_person(&mut tx, organisation, person).await?.ok_or(DisconnectError::NotConnected)?;
        if let Some(account) = kept.connection.service_account {
            service_accounts::refuse(&mut tx, kept.connection.organisation, person, account).await?;
        }
        // If a token was renewed between the two lines, it is the newer one that is to be revoked.
        if store::delete(&mut tx, organisation, person, &kept.sealed).await? {
            revoke::put(&mut tx, &calendars.keyring, &kept).await?;
            tx.commit().await?;
            break;
        }
    }
    tracing::info!(%person, "disconnected");
    Ok(())
}
