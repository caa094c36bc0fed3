//! OAuth clients: the applications that operators have registered at services.
//!
//! A client belongs to the deployment, not to an organisation. It is stored in the database, so that every host has it,
//! and its secret is sealed like people's credentials. Rejected: the configuration file, which each host has its own copy
//! of.

pub use super::store::RegisteredClient;

use super::{
    context::SignInRef,
    store::{self, SEALED_CLIENTS},
};
use crate::{
    audit::{self, Act, Author, Entry, Subject, Values},
    db::{self, Db, Tx},
    ids::OauthClientId,
    plugins::endpoints::VariableValues,
    secrets::{Keyring, OpenError},
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// Name of the secret among the sealed secrets.
const SECRET: &str = "client-secret";

/// A registered application.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id at the service. Browsers see it.
    pub id: String,
    /// Its secret. Public clients have none.
    pub secret: Option<SecretString>,
    /// Values of the sign-in's variables, as the operator entered them.
    pub variables: VariableValues,
}

/// A client could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no such provider.
    #[error("the provider `{0}` does not exist; `chronus plugin list` lists the providers")]
    NoProvider(String),
    /// The sealed secret could not be opened.
    #[error("the client secret could not be opened: {0}")]
    Sealed(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Stores the client of a sign-in and replaces the previous one.
pub async fn set(
    db: &Db,
    by: &Author,
    keyring: &Keyring,
    sign_in: SignInRef<'_>,
    client: &Client,
) -> Result<(), ClientError> {
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let previous = store::client(&mut tx, sign_in).await?;
    let id = previous.as_ref().map_or_else(|| Ok(OauthClientId::new(now)), |row| db::parsed(&row.id))?;
    let secrets: BTreeMap<_, _> = client.secret.iter().map(|secret| (SECRET.to_owned(), secret.clone())).collect();
    let sealed = keyring.seal_map(&SEALED_CLIENTS.place("", id), &secrets);
    store::put_client(&mut tx, id, sign_in, &client.id, &client.variables, &sealed, now).await.map_err(|error| {
        match error {
            error if db::is_missing(&error) => ClientError::NoProvider(sign_in.provider.to_owned()),
            error => error.into(),
        }
    })?;
    let values = |client: &str, variables: &VariableValues| {
        Values::new().sign_in(sign_in.sign_in).client_id(client).variables(variables)
    };
    let before = match previous {
        Some(row) => values(&row.client_id, &row.variables()?),
        None => Values::new(),
    };
    let entry = Entry::new(by, Act::OauthClientSet, Subject::provider(sign_in.provider));
    audit::record(&mut tx, entry.before(before).after(values(&client.id, &client.variables))).await?;
    tx.commit().await?;
    Ok(())
}

/// The client of a sign-in, if an operator has registered one.
pub async fn find(tx: &mut Tx, keyring: &Keyring, sign_in: SignInRef<'_>) -> Result<Option<Client>, ClientError> {
    let Some(row) = store::client(tx, sign_in).await? else { return Ok(None) };
    let mut secrets = keyring.open_map(&SEALED_CLIENTS.place("", &row.id), &row.sealed)?;
    let variables = row.variables()?;
    Ok(Some(Client { id: row.client_id, secret: secrets.remove(SECRET), variables }))
}

/// The client of a sign-in without its secret, if an operator has registered one.
pub async fn registered(tx: &mut Tx, sign_in: SignInRef<'_>) -> sqlx::Result<Option<RegisteredClient>> {
    let clients = store::clients(tx).await?;
    Ok(clients.into_iter().find(|client| client.provider == sign_in.provider && client.sign_in == sign_in.sign_in))
}

/// The clients that operators have registered, without their secrets.
pub async fn list(tx: &mut Tx) -> sqlx::Result<Vec<RegisteredClient>> {
    store::clients(tx).await
}
