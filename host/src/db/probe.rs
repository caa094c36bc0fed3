//! A write that tries whether the database can write.

use super::{Db, execute};

impl Db {
    /// Inserts and deletes a row of a table of its own, and returns the time by the database's clock. Hosts use a row each,
    /// so that none waits for another.
    ///
    /// # Errors
    /// If the database fails, or accepts no writes.
    pub async fn probe_write(&self) -> sqlx::Result<i64> {
        let id = format!("{:016x}", getrandom::u64().unwrap_or_default());
        let mut tx = self.begin().await?;
        let now = tx.now().await?;
        execute!(&mut tx, "insert into write_probes (id, written_at) values ($1, $2)", &id, now)?;
        execute!(&mut tx, "delete from write_probes where id = $1", &id)?;
        tx.commit().await?;
        Ok(now)
    }
}
