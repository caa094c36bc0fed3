//! Workers are shared by class, organisation and origin: work that hangs delays nobody else's, on one host and on several.

use anyhow::{Context, ensure};
use chronus_host::{
    clock::Clock,
    db::Db,
    ids::{MeetingId, OrganisationId, SignInId},
    jobs::{self, Effect, Lease, Outcome, Owner, Runner, Settings},
};
use chronus_tests::{database::Database, host::PATIENCE};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};

/// So long that nothing happens because of it.
const NEVER: Duration = Duration::from_secs(100_000);

const SETTINGS: Settings =
    Settings { workers: 8, lease: NEVER, poll: Duration::from_millis(5), longest_run: Duration::MAX };

struct Organisations {
    alpha: OrganisationId,
    beta: OrganisationId,
}

impl Organisations {
    fn new() -> Self {
        let now = Clock::System.now();
        Self { alpha: OrganisationId::new(now), beta: OrganisationId::new(now) }
    }
}

fn push() -> Effect {
    Effect::PushMeeting { meeting: MeetingId::new(Clock::System.now()) }
}

fn mail() -> Effect {
    Effect::MailSignIn { request: SignInId::new(Clock::System.now()) }
}

async fn enqueue(db: &Db, works: &[(Effect, &Owner)]) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    for (effect, owner) in works {
        jobs::enqueue_for(&mut tx, effect, owner).await?;
    }
    Ok(tx.commit().await?)
}

async fn complete(db: &Db, lease: &Lease) -> Outcome {
    jobs::complete(db, lease).await.unwrap_or_else(Outcome::from)
}

/// A runner that tells of each job that it begins. Jobs of this owner hang, all others are done.
fn runner(db: &Db, settings: Settings, hangs: Owner) -> (Runner, mpsc::UnboundedReceiver<Lease>) {
    let (told, begun) = mpsc::unbounded_channel();
    let handler = {
        let db = db.clone();
        move |lease: Lease| {
            let (told, db, hangs) = (told.clone(), db.clone(), lease.owner == hangs);
            async move {
                let _ = told.send(lease.clone());
                if hangs {
                    std::future::pending::<()>().await;
                }
                complete(&db, &lease).await
            }
        }
    };
    (Runner::start(db.clone(), settings, handler), begun)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_hangs_on_all_hosts_delays_nobody_else() -> anyhow::Result<()> {
    let (database, of) = (Database::fresh().await?, Organisations::new());
    let dbs = [database.open(&Clock::System).await?, database.open(&Clock::System).await?];
    let hanging = Owner::at(of.alpha, "https://dav.alpha.example".into());
    let stalled: Vec<_> = (0..200).map(|_| (push(), &hanging)).collect();
    enqueue(&dbs[0], &stalled).await?;
    let [(_first, mut one), (_second, mut other)] = dbs.each_ref().map(|db| runner(db, SETTINGS, hanging.clone()));
    // Each host gives them half of its workers, and no more.
    for begun in [&mut one, &mut other] {
        for _ in 0..4 {
            ensure!(timeout(PATIENCE, begun.recv()).await?.context("a job")?.owner == hanging);
        }
    }
    let elsewhere = Owner::at(of.alpha, "https://dav.elsewhere.example".into());
    let beta = Owner::at(of.beta, "https://dav.alpha.example".into());
    let works = [(push(), &elsewhere), (push(), &beta), (mail(), &Owner::HOST), (push(), &beta)];
    enqueue(&dbs[0], &works).await?;
    for _ in &works {
        let begun = timeout(PATIENCE, async {
            tokio::select! { begun = one.recv() => begun, begun = other.recv() => begun }
        });
        let lease = begun.await.context("it waits for what hangs")?.context("a job")?;
        ensure!(works.iter().any(|(effect, owner)| lease.effect == *effect && lease.owner == **owner), "{lease:?}");
    }
    ensure!(one.try_recv().is_err() && other.try_recv().is_err(), "more of what hangs was begun");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_one_organisation_delays_no_other_mail() -> anyhow::Result<()> {
    let (database, of) = (Database::fresh().await?, Organisations::new());
    let db = database.open(&Clock::System).await?;
    let [alpha, beta] = [of.alpha, of.beta].map(Owner::organisation);
    let stalled: Vec<_> = (0..200).map(|_| (mail(), &alpha)).collect();
    enqueue(&db, &stalled).await?;
    let (_runner, mut begun) = runner(&db, SETTINGS, alpha.clone());
    let mut next = async || timeout(PATIENCE, begun.recv()).await.context("it waits")?.context("a job");
    for _ in 0..2 {
        ensure!(next().await?.owner == alpha);
    }
    // Mail to an address without an account is on nobody's account.
    for owner in [&beta, &Owner::HOST, &beta] {
        enqueue(&db, &[(mail(), owner)]).await?;
        ensure!(next().await?.owner == *owner);
    }
    ensure!(begun.try_recv().is_err(), "more of what hangs was begun");
    Ok(())
}

/// With one worker there is no reserve, but there are turns.
#[tokio::test]
async fn organisations_and_origins_take_turns() -> anyhow::Result<()> {
    let (database, of) = (Database::fresh().await?, Organisations::new());
    let clock = Clock::at("2026-03-29T00:59:59Z".parse()?);
    let db = database.open(&clock).await?;
    let at = |organisation, origin: &str| Owner::at(organisation, origin.to_owned());
    let [one, two, beta] = [at(of.alpha, "one"), at(of.alpha, "two"), at(of.beta, "one")];
    for (owner, count) in [(&one, 12), (&two, 3), (&beta, 5)] {
        let works: Vec<_> = (0..count).map(|_| (push(), owner)).collect();
        enqueue(&db, &works).await?;
        clock.advance(SignedDuration::from_secs(1));
    }
    let (runner, mut begun) = runner(&db, Settings { workers: 1, ..SETTINGS }, Owner::HOST);
    let mut owners = Vec::new();
    while owners.len() < 20 {
        owners.push(timeout(PATIENCE, begun.recv()).await?.context("a job")?.owner);
    }
    runner.shutdown().await;
    // Alpha, beta, alpha, beta …; and of alpha's turns, every other is the smaller origin's.
    let turns: Vec<_> = owners
        .iter()
        .map(|owner| ["one", "two", "beta"][usize::from(*owner == two) + 2 * usize::from(*owner == beta)])
        .collect();
    let expected = ["one", "beta", "two", "beta"].repeat(2);
    ensure!(turns[..8] == expected[..], "{turns:?}");
    ensure!(turns[8..12] == ["one", "beta", "two", "one"], "{turns:?}");
    Ok(())
}

#[tokio::test]
async fn work_that_is_put_off_is_never_given_up() -> anyhow::Result<()> {
    let (database, of) = (Database::fresh().await?, Organisations::new());
    let clock = Clock::at("2026-03-29T00:59:59Z".parse()?);
    let db = database.open(&clock).await?;
    let owner = Owner::at(of.alpha, "one".into());
    enqueue(&db, &[(push(), &owner)]).await?;
    for _ in 0..2 * jobs::MAX_ATTEMPTS {
        let mut tx = db.begin().await?;
        let lease = chronus_tests::jobs::claim(&mut tx, "a test", NEVER).await?.context("it was given up")?;
        ensure!((lease.attempt, &lease.owner) == (1, &owner), "{lease:?}");
        let at = jobs::put_off(&mut tx, &lease, "its service is down", Duration::from_secs(30)).await?;
        tx.commit().await?;
        let pause = at.duration_since(clock.now());
        ensure!((30..=32).contains(&pause.as_secs()), "{pause}");
        clock.advance(pause);
    }
    Ok(())
}
