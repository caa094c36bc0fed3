//! The SQL of key rotation, for any table with sealed secrets.

use super::{Batch, COLUMN, SealedTable};
use crate::{
    db::{Tx, execute, fetch},
    secrets::{Place, SealedValue},
};

/// Declares a [`SealedTable`]: its name, and the SQL expression for the owning organisation (`''` for the deployment). A value
/// is sealed for the row that it stands in, or for the table and row that two further expressions name.
macro_rules! sealed_table {
    ($table:literal, $organisation:literal) => {
        $crate::secrets::rotation::sealed_table!(@ $table, $organisation, ["'" $table "'"], "id")
    };
    ($table:literal, $organisation:literal, $place_table:literal, $place_row:literal) => {
        $crate::secrets::rotation::sealed_table!(@ $table, $organisation, [$place_table], $place_row)
    };
    (@ $table:literal, $organisation:literal, [$($place_table:literal)+], $place_row:literal) => {
        $crate::secrets::rotation::SealedTable {
            name: $table,
            select_by_other_keys: concat!(
                "select id, ",
                $organisation,
                " as organisation_id, ",
                $($place_table,)+
                " as place_table, ",
                $place_row,
                " as place_row, sealed from ",
                $table,
                " where sealed_by <> $1 and id > $2 order by id limit $3"
            ),
            replace: concat!("update ", $table, " set sealed = $3, sealed_by = $4 where id = $1 and sealed = $2"),
            count_by_other_keys: concat!("select count(*) from ", $table, " where sealed_by <> $1"),
        }
    };
}
pub(crate) use sealed_table;

/// A row with a sealed secret.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct SealedRow {
    pub(super) id: String,
    /// Empty for secrets of the deployment.
    organisation_id: String,
    place_table: String,
    place_row: String,
    pub(super) sealed: Vec<u8>,
}

impl SealedRow {
    /// The place for which the secret is sealed.
    pub(super) fn place(&self) -> Place {
        Place::new(self.organisation_id.clone(), self.place_table.clone(), self.place_row.clone(), COLUMN)
    }
}

impl SealedTable {
    /// The next rows, in the order of their ids, that are sealed by another key.
    pub(super) async fn by_other_keys(&self, tx: &mut Tx, key: &str, batch: Batch<'_>) -> sqlx::Result<Vec<SealedRow>> {
        fetch!(tx, all, SealedRow, self.select_by_other_keys, key, batch.after, batch.limit)
    }

    /// Replaces a sealed value. Returns false if the row no longer holds the old value.
    pub(super) async fn replace(&self, tx: &mut Tx, id: &str, old: &[u8], new: &SealedValue) -> sqlx::Result<bool> {
        Ok(execute!(tx, self.replace, id, old, &new.bytes, &new.key)? == 1)
    }

    /// Counts the secrets that are sealed by another key.
    pub(super) async fn count_by_other_keys(&self, tx: &mut Tx, key: &str) -> sqlx::Result<i64> {
        let (count,) = fetch!(tx, one, (i64,), self.count_by_other_keys, key)?;
        Ok(count)
    }
}
