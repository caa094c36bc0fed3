//! Tokens that wait to be revoked.
//!
//! The credential of an owner that is deleted moves here in the same transaction, together with the job that revokes its
//! token (`revoke`). Threat: a person disconnects at a host that lacks the key of their credential, and a token that opens
//! their calendar stays valid. Decision: the credential is moved as it is sealed, with the place that it is sealed for, and
//! opened only by the job, which waits for the key. Rejected: opening it to seal the token alone, which fails then; refusing
//! to disconnect, which leaves the calendar connected against the person's will.
//!
//! A token is revoked only where the sign-in that issued it says. Threat: an operator accepts a version with other endpoints
//! meanwhile, and a token of the old service goes to the new one. Decision: the row names the endpoint that issued the token,
//! like the row of its former owner, and moves with it (`registry/moves.rs`).

pub(super) mod store;

use super::{connection::Connection, store::StoredConnection};
use crate::{
    db::{self, Tx},
    ids::{OrganisationId, PersonId, RevocationId},
    jobs::{self, Effect, Owner},
    oauth::{REFRESH_TOKEN, SignInRef, TokenResponse, code_grant::Authorization},
    plugins::{endpoints::VariableValues, sign_in::ACCESS_TOKEN},
    secrets::{Keyring, OpenError, Place, SealedValue, rotation::COLUMN},
};
use secrecy::SecretString;
use std::collections::BTreeMap;
use store::{PlaceTable, SEALED};

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
    /// The endpoint that issued the token. An operator who accepts another endpoint in its place moves it.
    pub endpoint: String,
    /// The values of the sign-in's variables with which the token was issued.
    pub variables: VariableValues,
}

impl Revocation {
    /// The sign-in.
    pub(super) fn sign_in_ref(&self) -> SignInRef<'_> {
        SignInRef { provider: &self.provider, sign_in: &self.sign_in }
    }

    /// Stores a credential and enqueues the job that revokes it.
    pub(super) async fn enqueue(self, tx: &mut Tx, credential: &SealedCredential) -> sqlx::Result<()> {
        let id = RevocationId::new(db::instant(tx.now().await?));
        self.enqueue_as(tx, id, credential).await
    }

    async fn enqueue_as(self, tx: &mut Tx, id: RevocationId, credential: &SealedCredential) -> sqlx::Result<()> {
        store::insert(tx, id, &self, credential).await?;
        let owner = Owner::at(self.organisation, self.provider.clone());
        jobs::enqueue_for(tx, &Effect::RevokeToken { revocation: id }, &owner).await
    }
}

/// A credential that is sealed for the row of its former owner, or for that of its revocation.
#[derive(Debug, Clone)]
pub(super) struct SealedCredential {
    pub(super) value: SealedValue,
    pub(super) table: PlaceTable,
    pub(super) row: String,
}

impl SealedCredential {
    /// Opens the credential, and returns the token that revokes the whole consent. `None` if it has no token.
    pub(super) fn token(
        &self,
        keyring: &Keyring,
        organisation: OrganisationId,
    ) -> Result<Option<SecretString>, OpenError> {
        let place = Place::new(organisation.to_string(), self.table.as_str(), self.row.as_str(), COLUMN);
        let mut secrets = keyring.open_map(&place, &self.value.bytes)?;
        Ok([REFRESH_TOKEN, ACCESS_TOKEN].into_iter().find_map(|name| secrets.remove(name)))
    }
}

/// Enqueues the revocation of a deleted connection's token, if it was issued to this person alone. The token of a shared
/// service account serves other people, and tokens of a key expire within the hour: their sign-ins have no revocation
/// endpoint.
pub(super) async fn enqueue_for_connection(tx: &mut Tx, stored: &StoredConnection) -> sqlx::Result<()> {
    let Connection { id, organisation, person, provider, sign_in, address, .. } = &stored.connection;
    let Some(token) = stored.connection.token.as_ref().filter(|_| stored.connection.service_account.is_none()) else {
        return Ok(());
    };
    let revocation = Revocation {
        organisation: *organisation,
        person: *person,
        provider: provider.clone(),
        sign_in: sign_in.clone(),
        address: address.clone(),
        endpoint: token.endpoint.clone(),
        variables: token.variables.clone(),
    };
    let (table, row) = (PlaceTable::Connections, id.to_string());
    revocation.enqueue(tx, &SealedCredential { value: stored.sealed.clone(), table, row }).await
}

/// Enqueues the revocation of tokens from a sign-in that failed after the exchange. The account is not known for sure at
/// that point; the job keeps the token if a connection may depend on the same consent.
pub(super) async fn enqueue_unused(
    tx: &mut Tx,
    keyring: &Keyring,
    authorization: &Authorization,
    endpoint: String,
    response: &TokenResponse,
) -> sqlx::Result<()> {
    let revocation = Revocation {
        organisation: authorization.browser.organisation,
        person: authorization.browser.person,
        provider: authorization.provider.clone(),
        sign_in: authorization.sign_in.clone(),
        address: None,
        endpoint,
        variables: authorization.variables.clone(),
    };
    let (name, token) = match &response.refresh {
        Some(refresh) => (REFRESH_TOKEN, refresh),
        None => (ACCESS_TOKEN, &response.access),
    };
    let id = RevocationId::new(db::instant(tx.now().await?));
    let secrets: BTreeMap<_, _> = [(name.to_owned(), token.clone())].into();
    let value = keyring.seal_map(&SEALED.place(revocation.organisation, id), &secrets);
    let (table, row) = (PlaceTable::Revocations, id.to_string());
    revocation.enqueue_as(tx, id, &SealedCredential { value, table, row }).await
}
