//! Whether a key file belongs to the database.
//!
//! Threat: a host with another key file, or with a new one that it made itself, seals credentials that no other host can
//! open, and cannot open theirs. Decision: the database holds one more sealed value, the key check, which is stored together
//! with the first key file. A later host without a key file makes none, and a host whose file opens nothing of the database
//! does not start. Rotation treats the key check like every other value. Rejected: only comparing with the credentials that
//! are stored, because a new database has none, and two hosts would make two files.
//!
//! A key file may be older than its database: `chronus key add` needs none. Its keys are recorded in the audit log in the
//! transaction that stores the key check, which is the first use of the file with this database and happens once. Rejected:
//! recording a key when a host first seals with it, which needs a table of the keys that were recorded.

mod store;

use super::{
    Keyring, KeyringError, OpenError,
    rotation::{self, SealedTable, sealed_table},
};
use crate::{
    audit::{self, Act, Author, Entry, Subject, Values},
    db::{Db, Tx},
};
use std::path::{Path, PathBuf};

/// The key check.
pub const SEALED: SealedTable = sealed_table!("key_checks", "''");

/// Id of the only row.
const ID: &str = "only";

/// A host cannot use its key file with this database.
#[derive(Debug, thiserror::Error)]
pub enum KeyCheckError {
    /// The key file cannot be used at all.
    #[error(transparent)]
    File(#[from] KeyringError),
    /// The file is missing, but another one is in use already.
    #[error(
        "the key file {0} is missing, and the database has values that another key file sealed; copy it from another host, or \
         restore it from a copy"
    )]
    Missing(PathBuf),
    /// The file belongs to another database.
    #[error(
        "the key file {0} opens nothing in the database; use the key file of the other hosts, or restore it from a copy"
    )]
    Foreign(PathBuf),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Reads the key file of a host with this database. If neither has been used before, creates the file.
///
/// # Errors
/// If the file is missing although the database has sealed values, or if it opens none of them.
pub async fn open_keyring(db: &Db, by: &Author, path: &Path, tables: &[SealedTable]) -> Result<Keyring, KeyCheckError> {
    if !path.exists() {
        return create_keyring(db, by, path, tables).await;
    }
    let keyring = Keyring::read(path)?;
    loop {
        match rotation::opens_any(db, &keyring, tables).await? {
            Some(true) => return Ok(keyring),
            Some(false) => return Err(KeyCheckError::Foreign(path.to_owned())),
            None => {
                let mut tx = db.begin().await?;
                let sealed = keyring.seal(&SEALED.place("", ID), b"");
                // If another host was faster, the next round checks what it stored.
                if store::insert(&mut tx, ID, &sealed).await? {
                    record_found(&mut tx, by, &keyring).await?;
                    tx.commit().await?;
                    return Ok(keyring);
                }
            }
        }
    }
}

/// Records the keys of the file that was there before the database. Later ones are recorded by the command that adds them.
async fn record_found(tx: &mut Tx, by: &Author, keyring: &Keyring) -> sqlx::Result<()> {
    let primary = keyring.primary();
    for key in keyring.ids() {
        let state = if key == primary { "seals" } else { "opens" };
        let entry = Entry::new(by, Act::KeyFound, Subject::key(&key));
        audit::record(tx, entry.after(Values::new().state(state))).await?;
    }
    Ok(())
}

/// Creates the first key file of a database. Of several hosts that start at once, one does.
async fn create_keyring(db: &Db, by: &Author, path: &Path, tables: &[SealedTable]) -> Result<Keyring, KeyCheckError> {
    let missing = || KeyCheckError::Missing(path.to_owned());
    if rotation::any(db, tables).await? {
        return Err(missing());
    }
    let mut tx = db.begin().await?;
    if !store::reserve(&mut tx, ID).await? {
        return Err(missing());
    }
    let keyring = Keyring::generate_at(path)?;
    store::replace(&mut tx, ID, &keyring.seal(&SEALED.place("", ID), b"")).await?;
    audit::record(&mut tx, Entry::new(by, Act::KeyAdded, Subject::key(&keyring.primary()))).await?;
    tx.commit().await?;
    Ok(keyring)
}

/// Opens the key check with the present keys. `None` if there is none.
///
/// # Errors
/// If the database fails.
pub async fn check(db: &Db, keyring: &Keyring) -> sqlx::Result<Option<Result<(), OpenError>>> {
    let sealed = db.read(async |tx| store::find(tx, ID).await).await?;
    Ok(sealed.map(|sealed| keyring.open(&SEALED.place("", ID), &sealed).map(|_| ())))
}
