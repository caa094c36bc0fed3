//! Tokens that wait to be revoked.
//!
//! A token whose owner is gone moves here in the transaction that deletes the owner, together with the job that revokes it
//! (`revoke`).

pub(super) mod store;

use super::{connection::Connection, store::StoredConnection};
use crate::{
    db::{self, Tx},
    ids::{OrganisationId, PersonId, RevocationId},
    jobs::{self, Effect, Owner},
    oauth::{REFRESH_TOKEN, SignInRef, TokenResponse, code_grant::Authorization},
    plugins::sign_in::ACCESS_TOKEN,
    secrets::{Keyring, SealedValue},
};
use secrecy::SecretString;
use std::collections::BTreeMap;
use store::SEALED;

/// Name of the token among sealed secrets.
pub(super) const TOKEN: &str = "token";

/// A token that waits to be revoked.
#[derive(Debug, Clone)]
pub(super) struct Revocation {
    /// Organisation of the former owner.
    pub organisation: OrganisationId,
    /// The person who gave the consent.
    pub person: PersonId,
    /// Id of the provider.
    pub provider: String,
    /// Id of the sign-in.
    pub sign_in: String,
    /// E-mail address of the account. `None` if it is not known.
    pub address: Option<String>,
}

impl Revocation {
    /// The sign-in.
    pub(super) fn sign_in_ref(&self) -> SignInRef<'_> {
        SignInRef { provider: &self.provider, sign_in: &self.sign_in }
    }

    /// Stores a token and enqueues the job that revokes it.
    pub(super) async fn enqueue(self, tx: &mut Tx, keyring: &Keyring, token: SecretString) -> sqlx::Result<()> {
        let id = RevocationId::new(db::instant(tx.now().await?));
        let secrets: BTreeMap<_, _> = [(TOKEN.to_owned(), token)].into();
        let sealed: SealedValue = keyring.seal_map(&SEALED.place(self.organisation, id), &secrets);
        store::insert(tx, id, &self, &sealed).await?;
        let owner = Owner::at(self.organisation, self.provider.clone());
        jobs::enqueue_for(tx, &Effect::RevokeToken { revocation: id }, &owner).await
    }
}

/// Enqueues the revocation of a deleted connection's token, if it was issued to this person alone. The token of a shared
/// service account serves other people, and tokens of a key expire within the hour: their sign-ins have no revocation
/// endpoint.
pub(super) async fn enqueue_for_connection(
    tx: &mut Tx,
    keyring: &Keyring,
    stored: &StoredConnection,
) -> sqlx::Result<()> {
    let Connection { id, organisation, person, provider, sign_in, address, .. } = &stored.connection;
    if stored.connection.token.is_none() || stored.connection.service_account.is_some() {
        return Ok(());
    }
    let Ok(mut secrets) = keyring.open_map(&super::store::SEALED.place(organisation, id), &stored.sealed.bytes) else {
        tracing::warn!(connection = %id, "the token cannot be opened and is not revoked");
        return Ok(());
    };
    let Some(token) = secrets.remove(REFRESH_TOKEN).or_else(|| secrets.remove(ACCESS_TOKEN)) else { return Ok(()) };
    let revocation = Revocation {
        organisation: *organisation,
        person: *person,
        provider: provider.clone(),
        sign_in: sign_in.clone(),
        address: address.clone(),
    };
    revocation.enqueue(tx, keyring, token).await
}

/// Enqueues the revocation of tokens from a sign-in that failed after the exchange. The account is not known for sure at
/// that point; the job keeps the token if a connection may depend on the same consent.
pub(super) async fn enqueue_unused(
    tx: &mut Tx,
    keyring: &Keyring,
    authorization: &Authorization,
    response: &TokenResponse,
) -> sqlx::Result<()> {
    let revocation = Revocation {
        organisation: authorization.browser.organisation,
        person: authorization.browser.person,
        provider: authorization.provider.clone(),
        sign_in: authorization.sign_in.clone(),
        address: None,
    };
    let token = response.refresh.as_ref().unwrap_or(&response.access);
    revocation.enqueue(tx, keyring, token.clone()).await
}
