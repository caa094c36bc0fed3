//! The SQL of the table `key_checks`.

use crate::{
    db::{Tx, execute, fetch},
    secrets::SealedValue,
};

const INSERT: &str = "insert into key_checks (id, sealed, sealed_by) values ($1, $2, $3) on conflict (id) do nothing";

/// The sealed value.
pub(super) async fn find(tx: &mut Tx, id: &str) -> sqlx::Result<Option<Vec<u8>>> {
    let row = fetch!(tx, optional, (Vec<u8>,), "select sealed from key_checks where id = $1", id)?;
    Ok(row.map(|(sealed,)| sealed))
}

/// Inserts the row. Returns false if there is one.
pub(super) async fn insert(tx: &mut Tx, id: &str, sealed: &SealedValue) -> sqlx::Result<bool> {
    Ok(execute!(tx, INSERT, id, &sealed.bytes, &sealed.key)? == 1)
}

/// Inserts the row without a value, so that other hosts wait until this transaction ends. Returns false if there is one.
pub(super) async fn reserve(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    Ok(execute!(tx, INSERT, id, &b""[..], "")? == 1)
}

/// Replaces the value.
pub(super) async fn replace(tx: &mut Tx, id: &str, sealed: &SealedValue) -> sqlx::Result<()> {
    let sql = "update key_checks set sealed = $2, sealed_by = $3 where id = $1";
    execute!(tx, sql, id, &sealed.bytes, &sealed.key)?;
    Ok(())
}
