//! Sealing credentials by another key: people's, and those of the operator's clients.
//!
//! Problem: a key is changed while hosts run, and the program that does it may be stopped at any point. Decision: each
//! row says which key seals it, so that what is left to do is a query and going on is beginning anew; a row is written
//! only if it still holds what was read, so that a credential that a host has just renewed is not undone. Only data
//! keys are opened, never a credential. Rejected: one transaction for all rows, which locks them against everybody.

mod store;

use crate::{
    db::Db,
    ids::{ConnectionId, OrganisationId},
    secrets::{Keyring, OpenError, Place},
};
use serde::Serialize;

/// How many rows are taken at once.
const BATCH: i64 = 200;

/// Where sealed values stand that outlive a change of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// People's credentials.
    Connections,
    /// Secrets of the applications that operators have registered.
    OauthClients,
    /// Tokens that are to be revoked.
    Revocations,
    /// Keys and tokens of organisations' accounts.
    OrganisationAccounts,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Connections, Self::OauthClients, Self::Revocations, Self::OrganisationAccounts];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::OauthClients => "oauth_clients",
            Self::Revocations => "revocations",
            Self::OrganisationAccounts => "organisation_accounts",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rotated {
    /// Credentials that the first key of the file seals now.
    pub rewrapped: u64,
    /// Those that somebody else has renewed meanwhile.
    pub changed_meanwhile: u64,
    /// Those that do not open, and why.
    pub failed: Vec<Unopened>,
    /// What other keys still seal. The old key can be dropped when it is 0.
    pub left: u64,
}

/// A credential that does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unopened {
    /// In which table it stands.
    pub table: &'static str,
    /// The row.
    pub id: String,
    /// Why.
    pub error: String,
}

/// Where the credential of a connection is sealed for.
#[must_use]
pub fn place(organisation: OrganisationId, connection: ConnectionId) -> Place {
    place_of(Table::Connections, organisation.to_string(), connection.to_string())
}

/// Whether there is a credential at all, which some key must open.
///
/// # Errors
/// By the database.
pub async fn any(db: &Db) -> sqlx::Result<bool> {
    // No key has an empty id.
    Ok(count(db, "").await? > 0)
}

/// Seals all credentials by the first key of the file. What was stopped goes on when it is called again.
///
/// # Errors
/// By the database.
pub async fn rotate(db: &Db, keyring: &Keyring) -> sqlx::Result<Rotated> {
    let mut rotated = Rotated::default();
    for table in Table::ALL {
        let mut after = String::new();
        while let Some(last) = batch(db, keyring, table, (&after, BATCH), &mut rotated).await? {
            after = last;
        }
    }
    rotated.left = left(db, keyring).await?;
    Ok(rotated)
}

/// How many credentials other keys than the first of the file seal.
///
/// # Errors
/// By the database.
pub async fn left(db: &Db, keyring: &Keyring) -> sqlx::Result<u64> {
    count(db, &keyring.primary()).await
}

async fn count(db: &Db, key: &str) -> sqlx::Result<u64> {
    let (mut tx, mut count) = (db.begin_read().await?, 0);
    for table in Table::ALL {
        count += store::count_by_other_keys(&mut tx, table, key).await?.unsigned_abs();
    }
    Ok(count)
}

/// Does so in one table with at most this many, those after an id; gives the last id, or nothing if there were none.
///
/// # Errors
/// By the database.
pub async fn batch(
    db: &Db,
    keyring: &Keyring,
    table: Table,
    (after, most): (&str, i64),
    rotated: &mut Rotated,
) -> sqlx::Result<Option<String>> {
    let rows = store::by_other_keys(&mut db.begin_read().await?, table, &keyring.primary(), after, most).await?;
    let mut tx = db.begin().await?;
    for row in &rows {
        let place = place_of(table, row.organisation_id.clone(), row.id.clone());
        match keyring.rewrap(&place, &row.sealed) {
            Ok(Some(new)) => match store::replace(&mut tx, table, &row.id, &row.sealed, &new.bytes, &new.key).await? {
                true => rotated.rewrapped += 1,
                false => rotated.changed_meanwhile += 1,
            },
            // The value is by that key already, and only the column is not.
            Ok(None) => {
                store::replace(&mut tx, table, &row.id, &row.sealed, &row.sealed, &keyring.primary()).await?;
            }
            Err(error) => rotated.failed.push(unopened(table, &row.id, &error)),
        }
    }
    tx.commit().await?;
    Ok(rows.last().map(|row| row.id.clone()))
}

fn place_of(table: Table, organisation: String, row: String) -> Place {
    Place::new(organisation, table.name(), row, "sealed")
}

fn unopened(table: Table, id: &str, error: &OpenError) -> Unopened {
    Unopened { table: table.name(), id: id.to_owned(), error: error.to_string() }
}
