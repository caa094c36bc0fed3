//! Tokens that nobody uses any more are revoked at the service (RFC 7009).
//!
//! Problem: a person disconnects while the service is down, and a token that opens their calendar lives on. Decision: the
//! connection is forgotten at once, and its token moves, in the same transaction, to a table of what is to be revoked, with
//! a job that tries for a day. Services take back with one token all that the account gave to this host; so a token of an
//! account by whose consent something else lives, here or in another organisation, is dropped and not revoked.

use super::{
    Browser, REFRESH_TOKEN, clients, code_grant,
    endpoint::{Endpoint, TokenResponse},
    store::{self, Authorization, Revocation},
};
use crate::{
    connections::{
        CalendarAccess,
        service_accounts::{self, ServiceAccount},
        store as connections,
        store::StoredConnection,
    },
    db::Tx,
    ids::RevocationId,
    jobs::{self, Effect, Lease, LeaseError, Outcome},
    plugins::sign_in::ACCESS_TOKEN,
    secrets::Keyring,
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// The name of the token within what is sealed.
const TOKEN: &str = "token";

/// The connection is no more: its token is to be revoked, if it is one that was given for this person alone. That of a
/// shared account is everybody's, and that of a key ends by itself within the hour: no such sign-in has an endpoint.
///
/// # Errors
/// By the database.
pub(in crate::connections) async fn put(tx: &mut Tx, keyring: &Keyring, kept: &StoredConnection) -> sqlx::Result<()> {
    let connection = &kept.connection;
    if connection.token.is_none() || connection.service_account.is_some() {
        return Ok(());
    }
    let place = connections::SEALED.place(connection.organisation, connection.id);
    let Ok(mut secrets) = keyring.open_map(&place, &kept.sealed.bytes) else {
        tracing::warn!(connection = %connection.id, "the token does not open and is not revoked");
        return Ok(());
    };
    let Some(token) = secrets.remove(REFRESH_TOKEN).or_else(|| secrets.remove(ACCESS_TOKEN)) else { return Ok(()) };
    let revocation = Revocation {
        organisation: connection.organisation,
        person: connection.person,
        provider: connection.provider.clone(),
        sign_in: connection.sign_in.clone(),
        address: connection.address.clone(),
        sealed: vec![],
    };
    insert(tx, keyring, revocation, token).await
}

/// Nothing came of a sign-in: what was given is to be revoked, unless the job finds a connection that may be of the same
/// consent. Of which account it is, nobody knows for sure by then.
pub(super) async fn unused(
    calendars: &CalendarAccess,
    began: &Authorization,
    given: &TokenResponse,
) -> sqlx::Result<()> {
    let Browser { organisation, person, .. } = began.browser;
    let mut tx = calendars.db.begin().await?;
    let revocation = Revocation {
        organisation,
        person,
        provider: began.provider.clone(),
        sign_in: began.sign_in.clone(),
        address: None,
        sealed: vec![],
    };
    let token = given.refresh.as_ref().unwrap_or(&given.access);
    insert(&mut tx, &calendars.keyring, revocation, token.clone()).await?;
    tx.commit().await
}

/// An organisation's shared account is no more, or is another mailbox by now.
pub(in crate::connections) async fn put_shared(
    tx: &mut Tx,
    keyring: &Keyring,
    account: &ServiceAccount,
    token: SecretString,
) -> sqlx::Result<()> {
    let revocation = Revocation {
        organisation: account.organisation,
        person: account.saved_by,
        provider: account.provider.clone(),
        sign_in: account.sign_in.clone(),
        address: Some(account.mailbox.clone()),
        sealed: vec![],
    };
    insert(tx, keyring, revocation, token).await
}

async fn insert(tx: &mut Tx, keyring: &Keyring, mut new: Revocation, token: SecretString) -> sqlx::Result<()> {
    let id = RevocationId::new(crate::db::instant(tx.now().await?));
    let secrets: BTreeMap<_, _> = [(TOKEN.to_owned(), token)].into();
    let sealed = keyring.seal_map(&store::SEALED_REVOCATIONS.place(new.organisation, id), &secrets);
    new.sealed = sealed.bytes;
    store::insert_revocation(tx, id, &new, &sealed.key).await?;
    jobs::enqueue(tx, &Effect::RevokeToken { revocation: id }).await
}

/// Revokes a token: the job.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn revoke(calendars: &CalendarAccess, lease: &Lease, id: RevocationId) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin_read().await?;
    let revocation = store::revocation(&mut tx, id).await?;
    let Some(revocation) = revocation else { return done(calendars, lease, id).await };
    let (at, address) = ((&*revocation.provider, &*revocation.sign_in), revocation.address.as_deref());
    let lives = connections::lives_by(&mut tx, at, address, revocation.person).await?
        || service_accounts::shares(&mut tx, revocation.organisation, at, address).await?;
    let client = clients::find(&mut tx, &calendars.keyring, (&revocation.provider, &revocation.sign_in)).await;
    tx.commit().await?;
    if lives {
        return done(calendars, lease, id).await;
    }
    let retry = |error: String| Ok(Outcome::Retry { error, after: None });
    let client = match client {
        Ok(Some(client)) => client,
        Ok(None) => return done(calendars, lease, id).await,
        Err(clients::ClientError::Database(error)) => return Err(error.into()),
        Err(error) => return retry(error.to_string()),
    };
    let provider = match calendars.registry.provider(&revocation.provider).await {
        Ok(provider) => provider,
        Err(error) => return retry(error.to_string()),
    };
    let code = provider.granted.sign_in(&revocation.sign_in).and_then(code_grant);
    let Some((code, at)) = code.and_then(|code| Some((code, code.revoke.as_ref()?))) else {
        return done(calendars, lease, id).await;
    };
    let place = store::SEALED_REVOCATIONS.place(revocation.organisation, id);
    let token = match calendars.keyring.open_map(&place, &revocation.sealed).map(|mut map| map.remove(TOKEN)) {
        Ok(Some(token)) => token,
        Ok(None) => return done(calendars, lease, id).await,
        Err(error) => return retry(error.to_string()),
    };
    let endpoint = Endpoint {
        sandbox: calendars.registry.sandbox(),
        organisation: revocation.organisation.to_string(),
        provider: &revocation.provider,
        client: &client,
        token: &code.token,
    };
    match endpoint.revoke(at, &token).await {
        Ok(()) => {
            tracing::info!(provider = revocation.provider, person = %revocation.person, "a token was revoked");
            done(calendars, lease, id).await
        }
        Err(error) => retry(error.to_string()),
    }
}

async fn done(calendars: &CalendarAccess, lease: &Lease, id: RevocationId) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    store::delete_revocation(&mut tx, id).await?;
    jobs::complete_in(tx, lease).await
}
