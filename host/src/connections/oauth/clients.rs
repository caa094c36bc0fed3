//! The application that an operator has registered at a service: its id and its secret.
//!
//! It is a deployment's, not an organisation's, and kept in the database so that every host has it; the secret is sealed
//! like people's credentials. Rejected: the configuration file, of which each host has its own.

use super::store;
use crate::{
    db::{self, Db, Tx},
    ids::OauthClientId,
    secrets::{Keyring, OpenError},
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// The name of the secret within what is sealed.
const SECRET: &str = "client-secret";

/// A registered application.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id at the service; browsers see it.
    pub id: String,
    /// Its secret; services that know public clients give none.
    pub secret: Option<SecretString>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The provider is not there.
    #[error("there is no provider `{0}`; `chronus plugin list` shows those that there are")]
    NoProvider(String),
    /// What is kept does not open.
    #[error("the client's secret does not open: {0}")]
    Sealed(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Registers the client of a provider's sign-in, in the place of what there was.
///
/// # Errors
/// If there is no such provider, or by the database.
pub async fn set(
    db: &Db,
    keyring: &Keyring,
    (provider, sign_in): (&str, &str),
    client: &Client,
) -> Result<(), ClientError> {
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let known = store::client(&mut tx, provider, sign_in).await?;
    let id = known.map_or_else(|| Ok(OauthClientId::new(now)), |row| db::parsed(&row.id))?;
    let secrets: BTreeMap<_, _> = client.secret.iter().map(|secret| (SECRET.to_owned(), secret.clone())).collect();
    let sealed = keyring.seal_map(&store::SEALED_CLIENTS.place("", id), &secrets);
    store::put_client(&mut tx, id, (provider, sign_in), &client.id, &sealed, now).await.map_err(
        |error| match error {
            error if db::is_missing(&error) => ClientError::NoProvider(provider.to_owned()),
            error => error.into(),
        },
    )?;
    tx.commit().await?;
    Ok(())
}

/// The client of a provider's sign-in, if an operator has registered one.
///
/// # Errors
/// If it does not open, or by the database.
pub async fn find(
    tx: &mut Tx,
    keyring: &Keyring,
    (provider, sign_in): (&str, &str),
) -> Result<Option<Client>, ClientError> {
    let Some(row) = store::client(tx, provider, sign_in).await? else { return Ok(None) };
    let mut secrets = keyring.open_map(&store::SEALED_CLIENTS.place("", &row.id), &row.sealed)?;
    Ok(Some(Client { id: row.client_id, secret: secrets.remove(SECRET) }))
}
