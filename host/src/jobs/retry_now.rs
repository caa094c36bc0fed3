//! Trying jobs again at once, for an operator.

use super::store;
use crate::{
    audit::{self, Act, Author, Entry},
    db::Db,
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
        Some(job) if store::revive(&mut tx, job).await? || store::hasten(&mut tx, job).await? => vec![job],
        Some(_) => Vec::new(),
        None => {
            let mut retried = store::revive_all(&mut tx, None).await?;
            retried.extend(store::hasten_all(&mut tx, None).await?);
            retried
        }
    };
    for &job in &retried {
        audit::record(&mut tx, Entry::new(by, Act::JobRetried, job)).await?;
    }
    tx.commit().await?;
    Ok(retried)
}
