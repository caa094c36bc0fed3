//! Whether this host can do what it promises.
//!
//! Problem: a host that answers "ready" because its database can be read, while nothing can be written, stays behind the
//! load balancer and refuses every booking. Decision: readiness tries what requests and jobs need, within [`TIME_LIMIT`].
//! The result is used again for [`INTERVAL`], so that anybody who probes the host cannot make it write more often. The age
//! of the oldest due job is told; it makes the host unready only if no host runs any job, because one organisation's
//! backlog must not take the service from the others. A host that is about to stop is not ready. Rejected: probing calendar
//! services, whose outages are theirs.

use super::App;
use crate::{jobs, secrets::key_check};
use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long all that is tried may take together.
const TIME_LIMIT: Duration = Duration::from_millis(900);

/// For how long a result is used again.
const INTERVAL: Duration = Duration::from_secs(1);

/// The largest difference between the clocks of host and database. Services refuse signed requests beyond it.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// How long a job may be due while no host runs any.
const MAX_STANDSTILL: Duration = Duration::from_secs(10 * 60);

/// The readiness of this host.
#[derive(Debug, Default)]
pub struct Readiness {
    is_stopping: AtomicBool,
    last: Mutex<Option<(Instant, ReadinessReport)>>,
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadinessReport {
    /// Why the host is not ready; empty if it is.
    pub faults: Vec<ReadinessFault>,
    /// How long the oldest job that no host has begun has been due.
    pub oldest_due: Option<Duration>,
}

/// Why the host is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadinessFault {
    /// The host is about to stop.
    Stopping,
    /// The database accepted no write in time.
    Database,
    /// The key file cannot be read, or does not open the database's key check.
    Keys,
    /// The clocks of host and database differ.
    Clock,
    /// Jobs are due, and no host runs any.
    Jobs,
}

impl fmt::Display for ReadinessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopping => "the host is stopping",
            Self::Database => "the database accepted no write within a second",
            Self::Keys => "the key file cannot be used",
            Self::Clock => "the clocks of the host and of the database differ by more than a minute",
            Self::Jobs => "no host has begun a job for 10 minutes, although jobs are due",
        })
    }
}

impl Readiness {
    /// Makes the host unready for ever: it is about to stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Tries what the host promises.
    pub async fn check(&self, app: &App) -> ReadinessReport {
        if self.is_stopping.load(Ordering::Relaxed) {
            return ReadinessReport { faults: vec![ReadinessFault::Stopping], oldest_due: None };
        }
        let mut last = self.last.lock().await;
        if let Some((_, report)) = last.as_ref().filter(|(at, _)| at.elapsed() < INTERVAL) {
            return report.clone();
        }
        let report = attempt(app).await;
        if last.as_ref().is_none_or(|(_, before)| before.faults != report.faults) {
            for fault in &report.faults {
                tracing::warn!("the host is not ready: {fault}");
            }
        }
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

async fn attempt(app: &App) -> ReadinessReport {
    let keyring = app.calendars.keyring.clone();
    let keys = async {
        let checked = timeout(TIME_LIMIT, tokio::task::spawn_blocking(move || keyring.check())).await;
        let fault = match checked {
            Ok(Ok(Ok(()))) => return None,
            Ok(Ok(Err(error))) => error.to_string(),
            _ => "it could not be read in time".to_owned(),
        };
        tracing::debug!(fault, "the key file cannot be used");
        Some(ReadinessFault::Keys)
    };
    let database = async {
        match timeout(TIME_LIMIT, database(app)).await {
            Ok(Ok(report)) => report,
            failed => {
                tracing::debug!(?failed, "the database accepted no write");
                ReadinessReport { faults: vec![ReadinessFault::Database], oldest_due: None }
            }
        }
    };
    let (keys, mut report) = tokio::join!(keys, database);
    report.faults.extend(keys.filter(|fault| !report.faults.contains(fault)));
    report
}

async fn database(app: &App) -> sqlx::Result<ReadinessReport> {
    let mut report = ReadinessReport::default();
    let now = app.db.probe_write().await?;
    let difference = app.clock.now().as_microsecond().abs_diff(now);
    if Duration::from_micros(difference) > MAX_CLOCK_DIFFERENCE {
        report.faults.push(ReadinessFault::Clock);
    }
    if let Some(Err(error)) = key_check::check(&app.db, &app.calendars.keyring).await? {
        tracing::debug!(%error, "the key file does not open the key check");
        report.faults.push(ReadinessFault::Keys);
    }
    let queue = app.db.read(async |tx| jobs::queue(tx).await).await?;
    report.oldest_due = queue.oldest_due;
    if !queue.is_running && queue.oldest_due.is_some_and(|age| age > MAX_STANDSTILL) {
        report.faults.push(ReadinessFault::Jobs);
    }
    Ok(report)
}
