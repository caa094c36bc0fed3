//! Disconnecting a calendar. The credential is deleted, and a token is revoked at the service. Events stay in the calendar,
//! because they belong to its owner. A connection that a service account made is not made again. A service without a revocation
//! endpoint goes on listing this host; the person can change that at the service's own page only ([`page_to_withdraw`]).

use super::{access::CalendarAccess, connection::Connection, revocations, store};
use crate::{
    audit::{self, Act},
    auth::Actor,
    ids::PersonId,
    oauth::{SignInRef, clients, code_grant::revocation_endpoint},
    plugins::{
        contract::Oauth2Code,
        endpoints::{ResolvedSignIn, resolve},
        registry::Provider,
    },
};
use url::Url;

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

/// The page where a person withdraws their consent at the service. `None` if the host revokes the token itself, if the service
/// has no such page, or if the organisation made the connection.
#[must_use]
pub fn page_to_withdraw(calendars: &CalendarAccess, provider: &Provider, connection: &Connection) -> Option<Url> {
    let token = connection.token.as_ref().filter(|_| connection.service_account.is_none())?;
    let granted = resolve(provider.granted.sign_in(&connection.sign_in)?, &token.variables).ok()?;
    withdrawal(calendars, granted.code()?, &token.endpoint)
}

/// The same after the connection is deleted, with the values of the operator's client.
pub async fn page_to_withdraw_later(calendars: &CalendarAccess, sign_in: SignInRef<'_>) -> sqlx::Result<Option<Url>> {
    let client = calendars.db.read(async |tx| clients::registered(tx, sign_in).await).await?;
    let provider = calendars.registry.provider(sign_in.provider).await.ok();
    let granted = provider.as_ref().and_then(|provider| provider.granted.sign_in(sign_in.sign_in));
    let (Some(client), Some(granted)) = (client, granted) else { return Ok(None) };
    let granted = resolve(granted, &client.variables).ok();
    let code = granted.as_ref().and_then(ResolvedSignIn::code);
    Ok(code.and_then(|code| withdrawal(calendars, code, &code.token)))
}

fn withdrawal(calendars: &CalendarAccess, code: &Oauth2Code, token_endpoint: &str) -> Option<Url> {
    let page = code.manage.as_ref().filter(|_| revocation_endpoint(code, token_endpoint).is_none())?;
    Some(calendars.registry.sandbox().for_browsers(&Url::parse(page).ok()?))
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
