//! Jobs are done once, one at a time in a lane, by a host that is alive.
//!
//! Time is the tests' own: a lease ends because the clock was set forward. What a test waits for tells it so.

#![expect(clippy::unwrap_used, reason = "tests and what only they use")]

use chronus_host::{
    clock::Clock,
    db::Db,
    ids::{JobId, MeetingId},
    jobs::{
        self, Count, Effect, Lease, LeaseError, MAX_ATTEMPTS, Outcome, Owner, RetryOutcome, Runner, Settings, bury,
        enqueue, enqueue_at, finish,
    },
};
use chronus_tests::{
    database::{Database, Engine},
    jobs::claim,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc, watch};

const LEASE: Duration = Duration::from_secs(30);
/// So long that whatever happens did not happen because of it.
const NEVER: Duration = Duration::from_secs(100_000);
const OFTEN: Duration = Duration::from_millis(5);

/// A database whose time stands still, and what a host does with it.
struct Yard {
    database: Database,
    db: Db,
    clock: Clock,
}

impl Yard {
    async fn new() -> Self {
        let database = Database::fresh().await.unwrap();
        let clock = Clock::at("2026-03-29T00:59:59Z".parse().unwrap());
        Self { db: database.open(&clock).await.unwrap(), database, clock }
    }

    /// Each a little later than the one before: of what is due at the same time, anything may come first.
    async fn enqueue(&self, effect: &Effect) {
        self.pass(Duration::from_micros(1));
        let mut tx = self.db.begin().await.unwrap();
        enqueue(&mut tx, effect).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn claim(&self) -> Option<Lease> {
        let mut tx = self.db.begin().await.unwrap();
        let lease = claim(&mut tx, "a test", LEASE).await.unwrap();
        tx.commit().await.unwrap();
        lease
    }

    async fn finish(&self, lease: &Lease) -> Result<(), LeaseError> {
        finished(&self.db, lease).await
    }

    async fn retry(&self, lease: &Lease, after: Option<Duration>) -> Result<RetryOutcome, LeaseError> {
        let mut tx = self.db.begin().await?;
        let retried = jobs::retry(&mut tx, lease, "the service is away", after).await?;
        tx.commit().await?;
        Ok(retried)
    }

    async fn die(&self, lease: &Lease) -> Result<(), LeaseError> {
        let mut tx = self.db.begin().await?;
        bury(&mut tx, lease, "the service says never").await?;
        Ok(tx.commit().await?)
    }

    async fn count(&self) -> (i64, i64, i64) {
        let Count { ready, leased, dead } = jobs::count(&mut self.db.begin_read().await.unwrap()).await.unwrap();
        (ready, leased, dead)
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
    }

    fn pass_until(&self, time: Timestamp) {
        self.clock.advance(time.duration_since(self.clock.now()));
    }
}

async fn finished(db: &Db, lease: &Lease) -> Result<(), LeaseError> {
    let mut tx = db.begin().await?;
    finish(&mut tx, lease).await?;
    Ok(tx.commit().await?)
}

/// The push of the nth meeting.
fn push(n: u32) -> Effect {
    Effect::PushMeeting { meeting: format!("019d0000-0000-7000-8000-{n:012}").parse::<MeetingId>().unwrap() }
}

#[tokio::test]
async fn the_longest_due_comes_first_and_nothing_before_its_time() {
    let yard = Yard::new().await;
    let now = yard.clock.now();
    let mut tx = yard.db.begin().await.unwrap();
    for (n, seconds) in [(1, 30), (2, 10), (3, 20)] {
        enqueue_at(&mut tx, &push(n), &Owner::HOST, now + SignedDuration::from_secs(seconds)).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(yard.claim().await.is_none());
    yard.pass(Duration::from_secs(25));
    assert_eq!(yard.claim().await.unwrap().effect, push(2));
    assert_eq!(yard.claim().await.unwrap().effect, push(3));
    assert!(yard.claim().await.is_none());
    // The same again, earlier: it is due at once. The same again, later: it stays due.
    yard.enqueue(&push(1)).await;
    let mut tx = yard.db.begin().await.unwrap();
    enqueue_at(&mut tx, &push(1), &Owner::HOST, now + SignedDuration::from_secs(1000)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(yard.claim().await.unwrap().effect, push(1));
}

#[tokio::test]
async fn what_was_rolled_back_is_not_done() {
    let yard = Yard::new().await;
    let mut tx = yard.db.begin().await.unwrap();
    enqueue(&mut tx, &push(1)).await.unwrap();
    drop(tx);
    assert_eq!(yard.count().await, (0, 0, 0));
}

#[tokio::test]
async fn equal_work_is_one_job_until_it_is_begun() {
    let yard = Yard::new().await;
    for _ in 0..3 {
        yard.enqueue(&push(1)).await;
    }
    assert_eq!(yard.count().await, (1, 0, 0));
    let first = yard.claim().await.unwrap();
    // The handler may have read the meeting already.
    yard.enqueue(&push(1)).await;
    yard.enqueue(&push(1)).await;
    assert_eq!(yard.count().await, (1, 1, 0));
    // Its lane is taken; that of another meeting is not.
    yard.enqueue(&push(2)).await;
    assert_eq!(yard.claim().await.unwrap().effect, push(2));
    assert!(yard.claim().await.is_none());
    yard.finish(&first).await.unwrap();
    let second = yard.claim().await.unwrap();
    assert!(second.job != first.job && second.effect == push(1) && second.attempt == 1);
}

/// SQLite has one writer at a time; there is nothing to see.
#[tokio::test]
async fn work_is_not_begun_while_a_change_that_counts_on_it_is_not_committed() {
    if Engine::of_this_run().unwrap() == Engine::Sqlite {
        return;
    }
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let mut change = yard.db.begin().await.unwrap();
    enqueue(&mut change, &push(1)).await.unwrap();
    assert!(yard.claim().await.is_none(), "it would be done without the change");
    change.commit().await.unwrap();
    assert_eq!(yard.claim().await.unwrap().effect, push(1));
    // The other way round: what was put while the job is being begun waits for that, and is another job.
    yard.enqueue(&push(2)).await;
    let mut beginning = yard.db.begin().await.unwrap();
    assert_eq!(claim(&mut beginning, "a test", LEASE).await.unwrap().unwrap().effect, push(2));
    let put_meanwhile = tokio::spawn({
        let db = yard.db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            enqueue(&mut tx, &push(2)).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    tokio::task::yield_now().await;
    beginning.commit().await.unwrap();
    put_meanwhile.await.unwrap();
    assert_eq!(yard.count().await, (1, 2, 0));
}

#[tokio::test]
async fn whoever_lost_the_lease_can_end_nothing() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let slow = yard.claim().await.unwrap();
    yard.pass(LEASE - Duration::from_micros(1));
    assert!(yard.claim().await.is_none());
    yard.pass(Duration::from_micros(1));
    let next = yard.claim().await.unwrap();
    assert_eq!((next.job, next.attempt), (slow.job, 2));

    assert!(matches!(yard.finish(&slow).await, Err(LeaseError::Lost)));
    assert!(matches!(yard.retry(&slow, None).await, Err(LeaseError::Lost)));
    assert!(matches!(yard.die(&slow).await, Err(LeaseError::Lost)));
    let mut tx = yard.db.begin().await.unwrap();
    assert!(matches!(jobs::extend(&mut tx, &slow, LEASE).await, Err(LeaseError::Lost)));
    drop(tx);
    assert_eq!(yard.count().await, (0, 1, 0));
    yard.finish(&next).await.unwrap();
    assert!(matches!(yard.finish(&next).await, Err(LeaseError::Lost)), "it was done");
    assert_eq!(yard.count().await, (0, 0, 0));
}

#[tokio::test]
async fn a_lease_that_is_extended_is_not_taken_over() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let lease = yard.claim().await.unwrap();
    for _ in 0..5 {
        yard.pass(LEASE / 2);
        let mut tx = yard.db.begin().await.unwrap();
        jobs::extend(&mut tx, &lease, LEASE).await.unwrap();
        tx.commit().await.unwrap();
        assert!(yard.claim().await.is_none());
    }
    yard.finish(&lease).await.unwrap();
}

#[tokio::test]
async fn what_failed_waits_and_holds_up_nobody() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    yard.enqueue(&push(2)).await;
    let lease = yard.claim().await.unwrap();
    let RetryOutcome::At(at) = yard.retry(&lease, None).await.unwrap() else { panic!("not dead after one attempt") };
    assert!(at.duration_since(yard.clock.now()) <= SignedDuration::from_secs(2));
    yard.finish(&yard.claim().await.unwrap()).await.unwrap();
    yard.pass_until(at);
    let lease = yard.claim().await.unwrap();
    assert_eq!((&lease.effect, lease.attempt), (&push(1), 2));
    // A new change is tried at once, whatever failed before.
    yard.retry(&lease, None).await.unwrap();
    yard.enqueue(&push(1)).await;
    assert_eq!(yard.claim().await.unwrap().attempt, 3);
}

#[tokio::test]
async fn the_service_is_given_the_time_that_it_asks_for() {
    let yard = Yard::new().await;
    let after = Duration::from_secs(100);
    yard.enqueue(&push(1)).await;
    let lease = yard.claim().await.unwrap();
    // Changed before it failed, and after.
    yard.enqueue(&push(1)).await;
    let asked = yard.clock.now() + SignedDuration::try_from(after).unwrap();
    assert_eq!(yard.retry(&lease, Some(after)).await.unwrap(), RetryOutcome::At(asked));
    assert_eq!(yard.count().await, (1, 0, 0), "both are one job");
    yard.enqueue(&push(1)).await;
    yard.pass_until(asked - SignedDuration::from_micros(1));
    assert!(yard.claim().await.is_none());
    yard.pass_until(asked);
    assert_eq!(yard.claim().await.unwrap().attempt, 2);
}

#[tokio::test]
async fn dead_letters_are_kept_revived_and_forgotten() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let lease = yard.claim().await.unwrap();
    yard.die(&lease).await.unwrap();
    assert_eq!(yard.count().await, (0, 0, 1));
    let read = async || jobs::list_dead(&mut yard.db.begin_read().await.unwrap(), None, 10).await.unwrap();
    let letters = read().await;
    assert_eq!((letters.len(), letters[0].job, letters[0].attempts), (1, lease.job, 1));
    assert_eq!((letters[0].error.as_str(), letters[0].since), ("the service says never", yard.clock.now()));
    assert_eq!(letters[0].effect, serde_json::to_value(push(1)).unwrap());
    let mut tx = yard.db.begin().await.unwrap();
    assert!(jobs::list_dead(&mut tx, Some(lease.job), 10).await.unwrap().is_empty());

    assert!(!jobs::revive(&mut tx, JobId::new(yard.clock.now())).await.unwrap());
    assert!(jobs::revive(&mut tx, lease.job).await.unwrap());
    assert!(!jobs::revive(&mut tx, lease.job).await.unwrap(), "it is not dead any more");
    tx.commit().await.unwrap();
    let again = yard.claim().await.unwrap();
    assert_eq!((again.job, again.attempt), (lease.job, 1));
    yard.die(&again).await.unwrap();

    // The next change dies too: one letter is enough. The one after that is done: there is nothing left to tell.
    yard.enqueue(&push(1)).await;
    let next = yard.claim().await.unwrap();
    yard.die(&next).await.unwrap();
    assert_eq!(read().await.iter().map(|letter| letter.job).collect::<Vec<_>>(), [next.job]);
    yard.enqueue(&push(1)).await;
    // Revived while the same is ready, it is the same.
    let mut tx = yard.db.begin().await.unwrap();
    assert!(jobs::revive(&mut tx, next.job).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(yard.count().await, (1, 0, 0));
    yard.die(&yard.claim().await.unwrap()).await.unwrap();
    yard.enqueue(&push(1)).await;
    yard.finish(&yard.claim().await.unwrap()).await.unwrap();
    assert_eq!(yard.count().await, (0, 0, 0));
}

#[tokio::test]
async fn nothing_is_tried_for_ever() {
    let yard = Yard::new().await;
    for ends in [true, false] {
        yard.enqueue(&push(1)).await;
        for attempt in 1..=MAX_ATTEMPTS {
            let lease = yard.claim().await.unwrap();
            assert_eq!(lease.attempt, attempt);
            if ends {
                match yard.retry(&lease, None).await.unwrap() {
                    RetryOutcome::At(at) => yard.pass_until(at),
                    RetryOutcome::Dead => assert_eq!(attempt, MAX_ATTEMPTS),
                }
            } else {
                // Its host dies, each time.
                yard.pass(LEASE);
            }
        }
        assert!(yard.claim().await.is_none());
        assert_eq!(yard.count().await, (0, 0, 1));
    }
}

#[tokio::test]
async fn work_of_a_newer_version_waits_and_holds_up_nobody() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    yard.enqueue(&push(2)).await;
    let unknown = "update jobs set effect = '{\"kind\":\"of-tomorrow\"}' where id = (select min(id) from jobs)";
    yard.database.run(unknown).await.unwrap();
    let lease = yard.claim().await.unwrap();
    assert!(yard.claim().await.is_none());
    yard.finish(&lease).await.unwrap();
    assert_eq!(yard.count().await, (1, 0, 0));
}

#[tokio::test]
async fn two_hosts_share_the_work_and_do_each_of_it_once() {
    let yard = Yard::new().await;
    let mut tx = yard.db.begin().await.unwrap();
    for n in 0..200 {
        enqueue(&mut tx, &push(n)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (told, mut done) = mpsc::unbounded_channel();
    // Nobody ends anything before both have begun something: else the faster may have done all of it.
    let (begun, _) = watch::channel([false; 2]);
    let hosts = [0, 1].map(|host| {
        let (told, begun, database) = (told.clone(), begun.clone(), &yard.database);
        async move {
            let db = database.open(&Clock::System).await.unwrap();
            let settings = Settings { workers: 4, poll: OFTEN, ..Settings::default() };
            Runner::start(db.clone(), settings, move |lease| {
                let (told, begun, db) = (told.clone(), begun.clone(), db.clone());
                async move {
                    begun.send_modify(|begun| begun[host] = true);
                    begun.subscribe().wait_for(|begun| begun[0] && begun[1]).await.unwrap();
                    finished(&db, &lease).await.unwrap();
                    told.send((host, lease.effect)).unwrap();
                    Outcome::Done
                }
            })
        }
    });
    let [first, second] = hosts;
    let (first, second) = tokio::join!(first, second);
    let mut did = Vec::new();
    while did.len() < 200 {
        did.push(done.recv().await.unwrap());
    }
    tokio::join!(first.shutdown(), second.shutdown());
    assert!(done.try_recv().is_err(), "something was done twice");
    assert_eq!(did.iter().map(|(_, effect)| effect.dedupe()).collect::<BTreeSet<_>>().len(), 200);
    assert!([0, 1].iter().all(|host| did.iter().any(|(by, _)| by == host)));
    assert_eq!(yard.count().await, (0, 0, 0));
}

/// A runner that tells of each job that it begins and then waits for a permit.
fn gated(db: &Db, settings: Settings) -> (Runner, mpsc::UnboundedReceiver<Lease>, Arc<Semaphore>) {
    let (told, begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let handler = {
        let (db, gate) = (db.clone(), gate.clone());
        move |lease: Lease| {
            let (told, db, gate) = (told.clone(), db.clone(), gate.clone());
            async move {
                told.send(lease.clone()).unwrap();
                gate.acquire().await.unwrap().forget();
                finished(&db, &lease).await.unwrap();
                Outcome::Done
            }
        }
    };
    (Runner::start(db.clone(), settings, handler), begun, gate)
}

#[tokio::test]
async fn what_this_host_puts_is_begun_at_once() {
    let yard = Yard::new().await;
    let (runner, mut begun, gate) =
        gated(&yard.db, Settings { workers: 2, poll: NEVER, lease: NEVER, ..Settings::default() });
    for n in 0..5 {
        yard.enqueue(&push(n)).await;
    }
    gate.add_permits(6);
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(begun.recv().await.unwrap().effect.dedupe());
    }
    // Work that waits for its lane is begun when that is free.
    yard.enqueue(&push(7)).await;
    let first = begun.recv().await.unwrap();
    yard.enqueue(&push(7)).await;
    gate.add_permits(10);
    assert_eq!(begun.recv().await.unwrap().effect, first.effect);
    runner.shutdown().await;
    assert_eq!(seen, (0..5).map(|n| push(n).dedupe()).collect::<Vec<_>>());
    assert_eq!(yard.count().await, (0, 0, 0));
}

#[tokio::test]
async fn a_host_that_dies_is_late_by_one_lease() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let settings = Settings { workers: 2, poll: OFTEN, lease: NEVER, ..Settings::default() };
    let (runner, mut begun, _gate) = gated(&yard.db, settings);
    let first = begun.recv().await.unwrap();
    drop(runner);
    // Its handler is gone with it.
    assert!(begun.recv().await.is_none());

    let (runner, mut begun, gate) = gated(&yard.db, settings);
    yard.enqueue(&push(2)).await;
    assert_eq!(begun.recv().await.unwrap().effect, push(2), "only what it had begun is late");
    yard.pass(NEVER);
    let second = begun.recv().await.unwrap();
    assert_eq!((second.job, second.attempt), (first.job, 2));
    gate.add_permits(2);
    runner.shutdown().await;
    assert_eq!(yard.count().await, (0, 0, 0));
}

#[tokio::test]
async fn a_host_that_is_told_to_stop_ends_what_it_has_begun_and_begins_nothing() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    yard.enqueue(&push(2)).await;
    let (runner, mut begun, gate) =
        gated(&yard.db, Settings { workers: 1, poll: OFTEN, lease: NEVER, ..Settings::default() });
    assert_eq!(begun.recv().await.unwrap().effect, push(1));
    // The first is told to stop before the second lets it.
    tokio::join!(runner.shutdown(), async { gate.add_permits(9) });
    assert!(begun.recv().await.is_none());
    assert_eq!(yard.count().await, (1, 0, 0));
}

#[tokio::test]
async fn a_panic_is_a_failure_like_others() {
    let yard = Yard::new().await;
    let outcomes = [
        None,
        Some(Outcome::Retry { error: "not today".into(), after: None }),
        Some(Outcome::Dead { error: "not ever".into() }),
    ];
    for (n, outcome) in (0..).zip(&outcomes) {
        let (told, mut begun) = mpsc::unbounded_channel();
        let outcome = Arc::new(Mutex::new(outcome.clone()));
        yard.enqueue(&push(n)).await;
        let settings = Settings { workers: 1, poll: NEVER, lease: NEVER, ..Settings::default() };
        let runner = Runner::start(yard.db.clone(), settings, move |lease| {
            told.send(lease).unwrap();
            let outcome = outcome.lock().unwrap().take();
            async move { outcome.expect("a handler that panics (this is a test)") }
        });
        begun.recv().await.unwrap();
        runner.shutdown().await;
        let dead = i64::from(n == 2);
        assert_eq!(yard.count().await, (1 - dead, 0, dead), "{n}");
        if n < 2 {
            yard.pass(Duration::from_secs(2));
            let again = yard.claim().await.unwrap();
            assert_eq!((&again.effect, again.attempt), (&push(n), 2));
            yard.finish(&again).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_handler_whose_lease_was_lost_is_dropped() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let lease = Duration::from_millis(60);
    let (runner, mut begun, _gate) =
        gated(&yard.db, Settings { workers: 1, poll: NEVER, lease, ..Settings::default() });
    let first = begun.recv().await.unwrap();
    // It is extended meanwhile; sooner or later we are faster.
    let taken = loop {
        yard.pass(lease);
        if let Some(taken) = yard.claim().await {
            break taken;
        }
    };
    assert_eq!((taken.job, taken.attempt), (first.job, 2));
    // It waits for a permit that it never gets, and ends all the same.
    runner.shutdown().await;
    yard.finish(&taken).await.unwrap();
}

/// Tells when it is dropped.
struct DropSignal(mpsc::UnboundedSender<()>);

impl Drop for DropSignal {
    fn drop(&mut self) {
        self.0.send(()).unwrap_or_default();
    }
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_cancelled_and_tried_again() {
    let yard = Yard::new().await;
    yard.enqueue(&push(1)).await;
    let (told, mut ended) = mpsc::unbounded_channel();
    let settings = Settings { poll: NEVER, lease: NEVER, longest_run: OFTEN, ..Settings::default() };
    let runner = Runner::start(yard.db.clone(), settings, move |_| {
        let ends = DropSignal(told.clone());
        async move {
            let _ends = ends;
            std::future::pending().await
        }
    });
    ended.recv().await.unwrap();
    runner.shutdown().await;
    assert_eq!(yard.count().await, (1, 0, 0));
    yard.pass(Duration::from_secs(60));
    assert_eq!(yard.claim().await.unwrap().attempt, 2);
}
