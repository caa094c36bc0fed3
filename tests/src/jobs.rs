//! Claiming a job without a runner, for tests that act as the host.

use chronus_host::{
    db::Tx,
    jobs::{self, Lease},
};
use std::time::Duration;

/// Claims the job that is due for longest, of any owner.
pub async fn claim(tx: &mut Tx, host: &str, length: Duration) -> Result<Option<Lease>, sqlx::Error> {
    for share in jobs::due(tx).await? {
        if let Some(lease) = jobs::claim(tx, host, length, &share).await? {
            return Ok(Some(lease));
        }
    }
    Ok(None)
}
