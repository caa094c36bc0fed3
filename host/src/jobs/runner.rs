//! Does the work: takes up jobs as they become due, a few at a time, and sees to it that each ends.
//!
//! One task looks for work and hands it out, so that an idle host asks the database once in a while and not once per
//! worker. It looks at once when this host put something, and otherwise every so often, for what other hosts put and
//! what became due. A handler runs in a task of its own: its panic is a failure of that job, its transactions are its
//! own (see `db`), and its lease is extended beside it. A handler whose lease was lost is dropped where it stands.

use super::{Lease, LeaseError, Retried, fail_points::fail_point, schedule, store};
use crate::db::{self, Db};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};
use tracing::Instrument as _;

/// How a runner works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The most jobs at once.
    pub workers: usize,
    /// How long a job is ours without being extended; what a dead host had begun is late by this much. It is extended
    /// three times as often.
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

/// How a handler ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did the work, and [`super::finish`]ed the job in the transaction that says so.
    Done,
    /// It failed, and may succeed another time.
    Retry {
        /// Why, without any secret.
        error: String,
        /// Not before that, if the service says so.
        after: Option<Duration>,
    },
    /// It will never succeed.
    Dead {
        /// Why, without any secret.
        error: String,
    },
}

impl From<LeaseError> for Outcome {
    /// A lost lease is somebody else's work by now; anything else of the database is tried again.
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Lost => Self::Done,
            LeaseError::Database(error) => Self::Retry { error: error.to_string(), after: None },
        }
    }
}

/// Does jobs for as long as it lives. Dropped, it leaves what it had begun to whoever takes over when the lease ends.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
}

impl Runner {
    /// Begins to do jobs with this handler.
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

    /// Begins nothing more, and waits for what is under way.
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
    // For people who look into the table and into the log; the fence decides.
    let owner = format!("{}-{:08x}", std::process::id(), getrandom::u32().unwrap_or_default());
    tracing::info!(owner, "jobs are being done");
    // Dropping it drops the handlers.
    let mut under_way = JoinSet::new();
    let mut reachable = true;
    while !*stopped.borrow_and_update() {
        while under_way.try_join_next().is_some() {}
        if under_way.len() < worker.settings.workers {
            match claim(&worker, &owner).await {
                Ok(Some(lease)) => {
                    reachable = true;
                    under_way.spawn(worker.clone().work(lease));
                    continue;
                }
                Ok(None) => reachable = true,
                // Another host began one of the same lane in the same instant: there may be more.
                Err(error) if db::is_taken(&error) => continue,
                Err(error) => {
                    // Once, not twice a second for as long as it is away.
                    if std::mem::take(&mut reachable) {
                        tracing::error!(%error, "jobs cannot be taken from the database; trying again");
                    }
                }
            }
        }
        let something = async {
            tokio::select! {
                () = worker.db.announced() => {}
                Some(_) = under_way.join_next() => {}
                _ = stopped.changed() => {}
            }
        };
        // Out of time is as good a reason to look.
        let _ = timeout(worker.settings.poll, something).await;
    }
    while under_way.join_next().await.is_some() {}
}

async fn claim<H>(worker: &Worker<H>, owner: &str) -> sqlx::Result<Option<Lease>> {
    let mut tx = worker.db.begin().await?;
    let lease = store::claim(&mut tx, owner, worker.settings.lease).await?;
    tx.commit().await?;
    Ok(lease)
}

impl<H, F> Worker<H>
where
    H: Fn(Lease) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    /// Does one job to its end.
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
            // It is begun again when the lease ends.
            Err(LeaseError::Database(error)) => {
                let (job, kind, attempt) = named(&lease);
                tracing::error!(%job, kind, attempt, %error, "how the job ended could not be written down");
            }
        }
    }

    async fn extend(&self, lease: &Lease) -> Result<(), LeaseError> {
        let mut tx = self.db.begin().await?;
        store::extend(&mut tx, lease, self.settings.lease).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down how it ended, and tells it: once for each attempt.
    async fn end(&self, lease: &Lease, outcome: Outcome) -> Result<(), LeaseError> {
        let (job, kind, attempt) = named(lease);
        match outcome {
            Outcome::Done => tracing::info!(%job, kind, attempt, "job done"),
            Outcome::Retry { error, after } => {
                let mut tx = self.db.begin().await?;
                let retried = store::retry(&mut tx, lease, &error, after).await?;
                tx.commit().await?;
                match retried {
                    Retried::At(at) => tracing::warn!(%job, kind, attempt, error, %at, "job failed; it is tried again"),
                    Retried::Dead => tracing::error!(%job, kind, attempt, error, "job is dead: it failed too often"),
                }
            }
            Outcome::Dead { error } => {
                let mut tx = self.db.begin().await?;
                store::bury(&mut tx, lease, &error).await?;
                tx.commit().await?;
                tracing::error!(%job, kind, attempt, error, "job is dead: it cannot succeed");
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
    tracing::warn!(%job, kind, attempt, "the lease of the job was lost; another host does it");
}

/// What a panic says may hold anything, and stands in the log already.
fn panicked(error: &JoinError) -> Outcome {
    let error = if error.is_panic() { "its handler panicked; the log has more" } else { "its handler was stopped" };
    Outcome::Retry { error: error.to_owned(), after: None }
}

fn too_long(longest: Duration) -> Outcome {
    Outcome::Retry { error: format!("it was cancelled because it took longer than {longest:?}"), after: None }
}

fn failed() -> Outcome {
    Outcome::Retry { error: "its handler did not run".to_owned(), after: None }
}
