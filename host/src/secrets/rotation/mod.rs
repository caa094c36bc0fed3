//! Key rotation: rewraps every sealed secret with the key that seals, the first of the file.
//!
//! Problem: an operator changes the key while hosts are running, and the command that rewraps the secrets can be stopped
//! at any point. Decision: each row records the key that seals it, so that a query finds the remaining rows and a second
//! run continues the first. A row is written only if it still holds the value that was read; a credential that a host
//! refreshes in between is therefore never overwritten. Only data keys are decrypted, never a secret. The caller passes
//! the list of sealed tables; this module knows none of them. Rejected: one transaction for all rows, which would lock
//! every row against running hosts.

mod store;

pub(crate) use store::sealed_table;

use super::{Keyring, Place};
use crate::{
    audit::{self, Act, Author, Entry, Subject, Values},
    db::Db,
};
use serde::Serialize;

/// The column of sealed values, in every table.
pub(crate) const COLUMN: &str = "sealed";

/// Rows per transaction.
const BATCH_SIZE: i64 = 200;

/// A table with sealed secrets in the columns `sealed` and `sealed_by`. The macro `sealed_table!` writes its SQL.
#[derive(Debug, Clone, Copy)]
pub struct SealedTable {
    /// Name of the table.
    pub name: &'static str,
    pub(crate) select_by_other_keys: &'static str,
    pub(crate) replace: &'static str,
    pub(crate) count_by_other_keys: &'static str,
}

impl SealedTable {
    /// The place of a row's secret, to which the secret is bound. Secrets of the deployment have an empty organisation.
    #[must_use]
    pub fn place(&self, organisation: impl ToString, id: impl ToString) -> Place {
        Place::new(organisation.to_string(), self.name, id.to_string(), COLUMN)
    }
}

/// Result of a rotation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RotationReport {
    /// Secrets that were rewrapped with the first key of the file.
    pub rewrapped: u64,
    /// Secrets that a host replaced during the rotation.
    pub changed_meanwhile: u64,
    /// Secrets that could not be opened.
    pub failed: Vec<UnreadableSecret>,
    /// Secrets that older keys still seal. Once this is 0, the older keys can be removed from the key file.
    pub left: u64,
}

/// A secret that could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableSecret {
    /// Name of the table.
    pub table: &'static str,
    /// Id of the row.
    pub id: String,
    /// The reason.
    pub error: String,
}

/// The rows of one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Only rows with a greater id.
    pub after: &'a str,
    /// The maximum number of rows.
    pub limit: i64,
}

/// True if any secret is stored.
pub async fn any(db: &Db, tables: &[SealedTable]) -> sqlx::Result<bool> {
    // No key has an empty id, so this counts every secret.
    Ok(count_by_other_keys(db, tables, "").await? > 0)
}

/// Whether the keys of the file open any stored secret. `None` if no secret is stored.
pub async fn opens_any(db: &Db, keyring: &Keyring, tables: &[SealedTable]) -> sqlx::Result<Option<bool>> {
    let mut is_stored = false;
    for table in tables {
        let mut after = String::new();
        loop {
            let batch = Batch { after: &after, limit: BATCH_SIZE };
            // No key has an empty id, so these are all secrets.
            let rows = db.read(async |tx| table.by_other_keys(tx, "", batch).await).await?;
            if rows.iter().any(|row| keyring.open(&row.place(), &row.sealed).is_ok()) {
                return Ok(Some(true));
            }
            let Some(last) = rows.last() else { break };
            (is_stored, after) = (true, last.id.clone());
        }
    }
    Ok(is_stored.then_some(false))
}

/// Counts the secrets that are sealed by another key than the first one of the file.
pub async fn left(db: &Db, keyring: &Keyring, tables: &[SealedTable]) -> sqlx::Result<u64> {
    count_by_other_keys(db, tables, &keyring.primary()).await
}

/// Rewraps all secrets with the first key of the file. A rotation that was interrupted continues with the next call.
pub async fn rotate(db: &Db, by: &Author, keyring: &Keyring, tables: &[SealedTable]) -> sqlx::Result<RotationReport> {
    let mut rotated = RotationReport::default();
    for table in tables {
        let mut after = String::new();
        while let Some(last) =
            rotate_batch(db, by, keyring, table, Batch { after: &after, limit: BATCH_SIZE }, &mut rotated).await?
        {
            after = last;
        }
    }
    rotated.left = left(db, keyring, tables).await?;
    Ok(rotated)
}

/// Rewraps one batch of a table's secrets. Returns the id of the last row, or `None` if no rows were left.
pub async fn rotate_batch(
    db: &Db,
    by: &Author,
    keyring: &Keyring,
    table: &SealedTable,
    batch: Batch<'_>,
    rotated: &mut RotationReport,
) -> sqlx::Result<Option<String>> {
    let rows = db.read(async |tx| table.by_other_keys(tx, &keyring.primary(), batch).await).await?;
    let mut tx = db.begin().await?;
    let before = rotated.rewrapped;
    for row in &rows {
        match keyring.rewrap(&row.place(), &row.sealed) {
            Ok(Some(new)) => match table.replace(&mut tx, &row.id, &row.sealed, &new).await? {
                true => rotated.rewrapped += 1,
                false => rotated.changed_meanwhile += 1,
            },
            // The first key seals the value already; only the column `sealed_by` is out of date.
            Ok(None) => {
                let same = super::SealedValue { key: keyring.primary(), bytes: row.sealed.clone() };
                table.replace(&mut tx, &row.id, &row.sealed, &same).await?;
            }
            Err(error) => {
                rotated.failed.push(UnreadableSecret {
                    table: table.name,
                    id: row.id.clone(),
                    error: error.to_string(),
                });
            }
        }
    }
    if rotated.rewrapped > before {
        let entry = Entry::new(by, Act::SecretsRewrapped, Subject::key(&keyring.primary()));
        audit::record(&mut tx, entry.after(Values::new().count(rotated.rewrapped - before))).await?;
    }
    tx.commit().await?;
    Ok(rows.last().map(|row| row.id.clone()))
}

async fn count_by_other_keys(db: &Db, tables: &[SealedTable], key: &str) -> sqlx::Result<u64> {
    db.read(async |tx| {
        let mut count = 0;
        for table in tables {
            count += table.count_by_other_keys(tx, key).await?.unsigned_abs();
        }
        Ok(count)
    })
    .await
}
