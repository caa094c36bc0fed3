//! The sealed values, wherever they stand.

use super::Table;
use crate::db::{Tx, execute, fetch};

/// A sealed value, and where it stands.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct SealedRow {
    pub(super) id: String,
    /// Empty for what belongs to the deployment.
    pub(super) organisation_id: String,
    pub(super) sealed: Vec<u8>,
}

/// The three texts of each table: what to seal anew, how one is replaced, and how many there are.
macro_rules! sql {
    ($table:literal, $organisation:literal) => {
        [
            concat!(
                "select id, ",
                $organisation,
                " as organisation_id, sealed from ",
                $table,
                " where sealed_by <> $1 and id > $2 order by id limit $3"
            ),
            concat!("update ", $table, " set sealed = $3, sealed_by = $4 where id = $1 and sealed = $2"),
            concat!("select count(*) from ", $table, " where sealed_by <> $1"),
        ]
    };
}

const fn sql(table: Table) -> [&'static str; 3] {
    match table {
        Table::Connections => sql!("connections", "organisation_id"),
        Table::OauthClients => sql!("oauth_clients", "''"),
        Table::Revocations => sql!("revocations", "organisation_id"),
        Table::OrganisationAccounts => sql!("organisation_accounts", "organisation_id"),
    }
}

/// The next ones, by id, that another key than this one seals.
pub(super) async fn by_other_keys(
    tx: &mut Tx,
    table: Table,
    key: &str,
    after: &str,
    most: i64,
) -> sqlx::Result<Vec<SealedRow>> {
    fetch!(tx, all, SealedRow, sql(table)[0], key, after, most)
}

/// Puts a value in the place of the one that was read; says whether it still was that one.
pub(super) async fn replace(
    tx: &mut Tx,
    table: Table,
    id: &str,
    old: &[u8],
    new: &[u8],
    key: &str,
) -> sqlx::Result<bool> {
    Ok(execute!(tx, sql(table)[1], id, old, new, key)? == 1)
}

/// How many are sealed by other keys than this one.
pub(super) async fn count_by_other_keys(tx: &mut Tx, table: Table, key: &str) -> sqlx::Result<i64> {
    let (count,) = fetch!(tx, one, (i64,), sql(table)[2], key)?;
    Ok(count)
}
