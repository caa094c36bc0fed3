//! What operators do with jobs that wait or were given up.

use super::{DeletedRow, State, delete, enqueue::ENQUEUE, of_kind};
use crate::{
    db::{self, Tx, execute, fetch},
    ids::JobId,
};

/// Makes a waiting job due now, even if the service asked for a longer pause. Returns false if no such job waits.
///
/// # Errors
/// If the database fails.
pub async fn hasten(tx: &mut Tx, job: JobId) -> sqlx::Result<bool> {
    const HASTEN: &str =
        "update jobs set run_at = $2, not_before = 0 where id = $1 and state = 'ready' and run_at > $2";
    let now = tx.now().await?;
    let is_hastened = execute!(tx, HASTEN, job.to_string(), now)? == 1;
    tx.announce();
    Ok(is_hastened)
}

/// Makes all jobs that failed and wait for another attempt due now, or when their service allows it: those of one kind, or
/// all.
///
/// # Errors
/// If the database fails.
pub async fn hasten_all(tx: &mut Tx, kind: Option<&str>) -> sqlx::Result<Vec<JobId>> {
    const HASTEN: &str = "update jobs set run_at = case when not_before > $1 then not_before else $1 end
        where state = 'ready' and attempts > 0 and run_at > $1 and dedupe like $2 returning id";
    let now = tx.now().await?;
    let rows = fetch!(tx, all, (String,), HASTEN, now, of_kind(kind))?;
    tx.announce();
    rows.iter().map(|(id,)| db::parsed(id)).collect()
}

/// Makes a dead letter run again at once, as a first attempt. Returns false if there is no such dead letter.
///
/// # Errors
/// If the database fails.
pub async fn revive(tx: &mut Tx, job: JobId) -> sqlx::Result<bool> {
    let now = tx.now().await?;
    let id = job.to_string();
    let Some(row) = delete(tx, &id, State::Dead).await? else { return Ok(false) };
    let DeletedRow { effect, class, organisation, origin, lane, dedupe, created_at, .. } = row;
    fetch!(tx, one, (String,), ENQUEUE, id, effect, class, organisation, origin, lane, dedupe, now, created_at)?;
    tx.announce();
    Ok(true)
}

/// Revives all dead letters, of one kind or of all.
///
/// # Errors
/// If the database fails.
pub(in crate::jobs) async fn revive_all(tx: &mut Tx, kind: Option<&str>) -> sqlx::Result<Vec<JobId>> {
    const LIST: &str = "select id from jobs where state = 'dead' and dedupe like $1 order by id";
    let mut revived = Vec::new();
    for (id,) in fetch!(tx, all, (String,), LIST, of_kind(kind))? {
        let job = db::parsed(&id)?;
        if revive(tx, job).await? {
            revived.push(job);
        }
    }
    Ok(revived)
}
