//! Runs jobs as they become due, several at a time.
//!
//! The workers are shared fairly (`workers.rs`). One task claims jobs and hands them out, so that an idle host polls the
//! database once per interval and not once per worker. It looks at once when this process has enqueued a job, and otherwise
//! at every interval, for jobs of other hosts and jobs that have become due. A handler runs in a task of its own: its panic
//! fails only its job, its transactions are its own (see `db`), and its lease is extended beside it. A handler is cancelled
//! when its lease is lost or its effect's timeout is over.

use super::{Lease, LeaseError, RetryOutcome, fail_points::fail_point, schedule, store, workers::Workers};
use crate::{
    db::{self, Db},
    fairness::Share,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{self, JoinError, JoinSet},
    time::{Instant, timeout},
};
use tracing::Instrument as _;

/// The settings of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The maximum number of concurrent jobs, mail not counted.
    pub workers: usize,
    /// The length of a lease. The jobs of a host that died are late by this much. The runner extends a lease after a third
    /// of its length.
    pub lease: Duration,
    /// How often to look for jobs of other hosts and for jobs that have become due.
    pub poll: Duration,
    /// An upper bound for the timeout of every effect.
    pub longest_run: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 8,
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(500),
            longest_run: Duration::MAX,
        }
    }
}

/// The result of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded, and the job was ended by [`super::complete`] or [`super::complete_in`].
    Done,
    /// It failed, and may succeed later.
    Retry {
        /// The reason. Contains no secret.
        error: String,
        /// The shortest pause, if the service asked for one.
        after: Option<Duration>,
    },
    /// It could not be tried now, for a reason that is not its own. This is no attempt.
    PutOff {
        /// The reason. Contains no secret.
        reason: String,
        /// When to try again.
        after: Duration,
    },
    /// It failed, and cannot succeed later.
    Dead {
        /// The reason. Contains no secret.
        error: String,
    },
}

impl From<LeaseError> for Outcome {
    /// If the lease was lost, another host runs the job; any other database error is tried again.
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Done,
            LeaseError::Database(error) => Self::Retry { error: error.to_string(), after: None },
        }
    }
}

/// Runs jobs until it is dropped or shut down. If it is dropped, other hosts take over its jobs when their leases end.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
}

impl Runner {
    /// Starts to run jobs with this handler.
    pub fn start<H, F>(db: Db, settings: Settings, handler: H) -> Self
    where
        H: Fn(Lease) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let mut task = JoinSet::new();
        let worker = Worker { db, settings, handler: Arc::new(handler) };
        task.spawn(hand_out(worker, stopped));
        Self { stop, task }
    }

    /// Enqueues periodic work as well, as it becomes due.
    #[must_use]
    pub fn with_schedule(mut self, db: Db) -> Self {
        self.task.spawn(schedule::run(db, self.stop.subscribe()));
        self
    }

    /// Claims no more jobs, and waits until the running ones have ended.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        while self.task.join_next().await.is_some() {}
    }
}

struct Worker<H> {
    db: Db,
    settings: Settings,
    handler: Arc<H>,
}

impl<H> Clone for Worker<H> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone(), settings: self.settings, handler: self.handler.clone() }
    }
}

async fn hand_out<H, F>(worker: Worker<H>, mut stopped: watch::Receiver<bool>)
where
    H: Fn(Lease) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    // Only for people who read the table and the log; the fence is what counts.
    let owner = format!("{}-{:08x}", std::process::id(), getrandom::u32().unwrap_or_default());
    tracing::info!(owner, "running jobs");
    let mut under_way = UnderWay::new(worker.settings.workers);
    let mut reachable = true;
    while !*stopped.borrow_and_update() {
        under_way.reap();
        match claim(&worker, &owner, &mut under_way.workers).await {
            Ok(Some((lease, share))) => {
                reachable = true;
                under_way.begin(worker.clone().work(lease), share);
                continue;
            }
            Ok(None) => reachable = true,
            // Another host claimed a job of the same lane at the same time; there may be more jobs.
            Err(error) if db::is_taken(&error) => continue,
            Err(error) => {
                // Logged once, not at every interval.
                if std::mem::take(&mut reachable) {
                    tracing::error!(%error, "jobs cannot be claimed, because the database fails; trying again");
                }
            }
        }
        let something = async {
            tokio::select! {
                () = worker.db.announced() => {}
                true = under_way.one_ends() => {}
                _ = stopped.changed() => {}
            }
        };
        // The end of the interval is a reason to look as well.
        let _ = timeout(worker.settings.poll, something).await;
    }
    while under_way.one_ends().await {}
}

/// The jobs that this host runs, and the shares that its workers serve.
struct UnderWay {
    /// Dropping it cancels the handlers.
    tasks: JoinSet<()>,
    shares: HashMap<task::Id, Share>,
    workers: Workers,
}

impl UnderWay {
    fn new(workers: usize) -> Self {
        Self { tasks: JoinSet::new(), shares: HashMap::new(), workers: Workers::new(workers) }
    }

    fn begin(&mut self, job: impl Future<Output = ()> + Send + 'static, share: Share) {
        self.workers.take(&share);
        self.shares.insert(self.tasks.spawn(job).id(), share);
    }

    /// Waits until a job has ended. False if there is none.
    async fn one_ends(&mut self) -> bool {
        let ended = self.tasks.join_next_with_id().await;
        self.has_ended(ended)
    }

    /// Gives back the workers of all jobs that have ended.
    fn reap(&mut self) {
        while let ended @ Some(_) = self.tasks.try_join_next_with_id() {
            self.has_ended(ended);
        }
    }

    fn has_ended(&mut self, ended: Option<Result<(task::Id, ()), JoinError>>) -> bool {
        let Some(ended) = ended else { return false };
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        if let Some(share) = self.shares.remove(&id) {
            self.workers.give_back(&share);
        }
        true
    }
}

/// Claims a job of the share whose turn it is. If other hosts have taken its jobs, it is the turn of the next.
async fn claim<H>(worker: &Worker<H>, owner: &str, workers: &mut Workers) -> sqlx::Result<Option<(Lease, Share)>> {
    if workers.are_all_taken() {
        return Ok(None);
    }
    workers.have_work_for(worker.db.read(async |tx| store::due(tx).await).await?);
    while let Some(share) = workers.next() {
        let mut tx = worker.db.begin().await?;
        let lease = store::claim(&mut tx, owner, worker.settings.lease, &share).await?;
        tx.commit().await?;
        match lease {
            Some(lease) => return Ok(Some((lease, share))),
            None => workers.have_no_work_for(&share),
        }
    }
    Ok(None)
}

impl<H, F> Worker<H>
where
    H: Fn(Lease) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    /// Runs one job.
    async fn work(self, lease: Lease) {
        fail_point("job.after-claim").await;
        // Dropping it cancels the handler.
        let mut handler = JoinSet::new();
        let (job, kind, attempt) = named(&lease);
        // Every log line of the handler carries the job's id, as does the line of the request that enqueued it.
        let span = tracing::info_span!("job", %job, kind, attempt);
        handler.spawn((self.handler)(lease.clone()).instrument(span));
        let longest = lease.effect.timeout().min(self.settings.longest_run);
        let started = Instant::now();
        let outcome = loop {
            let left = longest.saturating_sub(started.elapsed());
            match timeout(left.min(self.settings.lease / 3), handler.join_next()).await {
                Ok(ended) => break ended.map_or_else(failed, |ended| ended.unwrap_or_else(|error| panicked(&error))),
                Err(_) if started.elapsed() >= longest => break too_long(longest),
                Err(_) => match self.extend(&lease).await {
                    // The handler goes on if the database is away for a moment; the fence decides whether it may commit.
                    Ok(()) | Err(LeaseError::Database(_)) => {}
                    Err(LeaseError::Lost) => {
                        log_lost(&lease);
                        return;
                    }
                },
            }
        };
        // It must not commit while the end of the job is written.
        handler.shutdown().await;
        match self.end(&lease, outcome).await {
            Ok(()) => {}
            Err(LeaseError::Lost) => log_lost(&lease),
            // The job runs again when the lease ends.
            Err(LeaseError::Database(error)) => {
                let (job, kind, attempt) = named(&lease);
                tracing::error!(%job, kind, attempt, %error, "the result of the job could not be stored; it runs again when its lease ends");
            }
        }
    }

    async fn extend(&self, lease: &Lease) -> Result<(), LeaseError> {
        let mut tx = self.db.begin().await?;
        store::extend(&mut tx, lease, self.settings.lease).await?;
        Ok(tx.commit().await?)
    }

    /// Stores and logs the result of an attempt.
    async fn end(&self, lease: &Lease, outcome: Outcome) -> Result<(), LeaseError> {
        let (job, kind, attempt) = named(lease);
        match outcome {
            Outcome::Done => tracing::info!(%job, kind, attempt, "job done"),
            Outcome::Retry { error, after } => {
                let mut tx = self.db.begin().await?;
                let retried = store::retry(&mut tx, lease, &error, after).await?;
                tx.commit().await?;
                match retried {
                    RetryOutcome::At(at) => tracing::warn!(%job, kind, attempt, error, %at, "job failed; trying again"),
                    RetryOutcome::Dead => {
                        tracing::error!(%job, kind, attempt, error, "job failed too often and became a dead letter; `chronus job list` shows it");
                    }
                }
            }
            Outcome::PutOff { reason, after } => {
                let mut tx = self.db.begin().await?;
                let at = store::put_off(&mut tx, lease, &reason, after).await?;
                tx.commit().await?;
                tracing::info!(%job, kind, attempt, reason, %at, "job put off");
            }
            Outcome::Dead { error } => {
                let mut tx = self.db.begin().await?;
                store::bury(&mut tx, lease, &error).await?;
                tx.commit().await?;
                tracing::error!(%job, kind, attempt, error, "job failed for good and became a dead letter; `chronus job list` shows it");
            }
        }
        Ok(())
    }
}

fn named(lease: &Lease) -> (crate::ids::JobId, &'static str, i64) {
    (lease.job, lease.effect.kind(), lease.attempt)
}

fn log_lost(lease: &Lease) {
    let (job, kind, attempt) = named(lease);
    tracing::warn!(%job, kind, attempt, "the lease of the job was lost; another host runs it");
}

/// The message of the panic is left out: it may contain a secret, and it is in the log already.
fn panicked(error: &JoinError) -> Outcome {
    let error = if error.is_panic() { "the handler panicked; see the log" } else { "the handler was cancelled" };
    Outcome::Retry { error: error.to_owned(), after: None }
}

fn too_long(longest: Duration) -> Outcome {
    Outcome::Retry { error: format!("the handler was cancelled because it ran longer than {longest:?}"), after: None }
}

fn failed() -> Outcome {
    Outcome::Retry { error: "the handler did not run".to_owned(), after: None }
}
