//! The sealed credentials of `connections`.

use crate::db::{Tx, execute, fetch};

/// A sealed credential, and where it stands.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct SealedRow {
    pub(super) id: String,
    pub(super) organisation_id: String,
    pub(super) sealed: Vec<u8>,
}

/// The next ones, by id, that another key than this one seals.
pub(super) async fn by_other_keys(tx: &mut Tx, key: &str, after: &str, most: i64) -> sqlx::Result<Vec<SealedRow>> {
    fetch!(
        tx,
        all,
        SealedRow,
        "select id, organisation_id, sealed from connections where sealed_by <> $1 and id > $2 order by id limit $3",
        key,
        after,
        most
    )
}

/// Puts a credential in the place of the one that was read; says whether it still was that one.
pub(super) async fn replace(tx: &mut Tx, id: &str, old: &[u8], new: &[u8], key: &str) -> sqlx::Result<bool> {
    let sql = "update connections set sealed = $3, sealed_by = $4 where id = $1 and sealed = $2";
    Ok(execute!(tx, sql, id, old, new, key)? == 1)
}

/// How many are sealed by other keys than this one.
pub(super) async fn count_by_other_keys(tx: &mut Tx, key: &str) -> sqlx::Result<i64> {
    let (count,) = fetch!(tx, one, (i64,), "select count(*) from connections where sealed_by <> $1", key)?;
    Ok(count)
}
