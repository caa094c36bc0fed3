//! Trying jobs again at once, for an operator, or because what made them fail may be over.

use super::store;
use crate::{
    audit::{self, Act, Author, Entry},
    db::{Db, Tx},
    ids::JobId,
};

/// Tries again one job, or all that failed: those that wait for another attempt, and dead letters. Returns these jobs. With
/// all, a pause that a service asked for is kept.
///
/// # Errors
/// If the database fails.
pub async fn retry_now(db: &Db, by: &Author, job: Option<JobId>) -> sqlx::Result<Vec<JobId>> {
    let mut tx = db.begin().await?;
    let retried = match job {
        Some(job) if store::revive(&mut tx, job).await? || store::hasten(&mut tx, job).await? => {
            record(&mut tx, by, job).await?;
            vec![job]
        }
        Some(_) => Vec::new(),
        None => retry_all(&mut tx, by, None).await?,
    };
    tx.commit().await?;
    Ok(retried)
}

/// Tries again all jobs of one kind, or of all, that failed: those that wait for another attempt, and dead letters. Returns
/// these jobs. A pause that a service asked for is kept.
///
/// # Errors
/// If the database fails.
pub async fn retry_all(tx: &mut Tx, by: &Author, kind: Option<&str>) -> sqlx::Result<Vec<JobId>> {
    let mut retried = store::revive_all(tx, kind).await?;
    retried.extend(store::hasten_all(tx, kind).await?);
    for &job in &retried {
        record(tx, by, job).await?;
    }
    Ok(retried)
}

async fn record(tx: &mut Tx, by: &Author, job: JobId) -> sqlx::Result<()> {
    audit::record(tx, Entry::new(by, Act::JobRetried, job)).await
}
