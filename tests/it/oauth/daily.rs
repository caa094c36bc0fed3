//! Every day, connected accounts are opened again, and what has expired is deleted.

use super::world::{ANN, World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    audit::{self, Act, AuthorKind, Filter},
    availability::{self, Busy},
    calendar::Window,
    connections::reopen,
    http,
    ids::PersonId,
    jobs::{self, Effect, schedule},
};
use chronus_tests::google::Role;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{future, time::Duration};
use tokio::net::TcpListener;

/// A day that no opening in these tests reaches.
pub(super) const LATER: &str = "2027-01-31";

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl World {
    /// When the account of a person was opened last.
    async fn opened_at(&self, person: PersonId) -> anyhow::Result<Timestamp> {
        Ok(self.connection(person).await?.context("no connection")?.opened_at)
    }

    async fn jobs(&self) -> anyhow::Result<(i64, i64)> {
        let count = self.app.db.read(async |tx| jobs::count(tx).await).await?;
        Ok((count.ready, count.leased))
    }

    /// Lets the daily opening of all accounts become due, and runs it and what follows.
    pub(super) async fn open_accounts_daily(&self) -> anyhow::Result<()> {
        schedule::enqueue_due(&self.app.db).await?;
        self.run_jobs().await?;
        self.clock.advance(DAY);
        schedule::enqueue_due(&self.app.db).await?;
        // The openings are planned now, before the clock reaches their times.
        loop {
            let mut tx = self.app.db.begin().await?;
            let lease = chronus_tests::jobs::claim(&mut tx, "a host", Duration::from_secs(60))
                .await?
                .context("no opening is due")?;
            tx.commit().await?;
            if lease.effect == (Effect::ReopenAccounts {}) {
                reopen::enqueue_all(&self.app.db, &lease).await?;
                break;
            }
            jobs::complete(&self.app.db, &lease).await?;
        }
        // The last time of the day, and not yet the next day.
        self.clock.advance(DAY - SignedDuration::from_secs(1));
        self.run_jobs().await
    }

    /// Runs all jobs that are due, and those that follow.
    pub(super) async fn run_jobs(&self) -> anyhow::Result<()> {
        let runner = work::start(&self.app).await?;
        until("nothing is left", || async { Ok(self.jobs().await? == (0, 0)) }).await?;
        runner.shutdown().await;
        Ok(())
    }

    /// What the API answers about the connection of a person.
    pub(super) async fn connection_in_api(&self, person: PersonId) -> anyhow::Result<Value> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = listener.local_addr()?;
        let server = tokio::spawn(http::serve(self.app.clone(), listener, future::pending()));
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client.get(format!("http://{origin}/v1/people/{person}/connection"));
        let answer = request.bearer_auth(self.token(person).await?).send().await?;
        server.abort();
        Ok(serde_json::from_str(&answer.error_for_status()?.text().await?)?)
    }

    /// The changes of the access to somebody's calendar in the audit log: the level, and whether it can be written.
    pub(super) async fn access_changes(&self, person: PersonId) -> anyhow::Result<Vec<String>> {
        let connection = self.connection(person).await?.context("no connection")?.id;
        let filter = Filter { subject: Some(connection.to_string()), ..Filter::default() };
        let mut entries = audit::list(&self.app.db, &filter, 100).await?;
        entries.retain(|entry| entry.act == Act::AccessChanged);
        let mut changes = Vec::new();
        for entry in entries {
            ensure!((entry.author, entry.organisation) == (AuthorKind::Host, Some(self.organisation)), "{entry:?}");
            let text = |values: &Value| format!("{} {}", values["level"].as_str().unwrap_or("?"), values["writable"]);
            changes.push(format!("{} -> {}", text(&entry.before), text(&entry.after)));
        }
        Ok(changes)
    }

    /// The titles of the events in Ann's calendar.
    pub(super) fn titles(&self) -> Vec<String> {
        let events = self.google.events(ANN).into_iter();
        let mut titles: Vec<_> = events.map(|event| event["summary"].as_str().unwrap_or_default().to_owned()).collect();
        titles.sort();
        titles
    }
}

#[tokio::test]
async fn an_account_is_opened_again_every_day_at_its_own_time() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.connect(&world.browser(), ANN).await?;
    let connected = world.opened_at(world.ann).await?;

    ensure!(schedule::enqueue_due(&world.app.db).await? == 0);
    world.clock.advance(DAY);
    ensure!(schedule::enqueue_due(&world.app.db).await? == schedule::TASKS.len());
    let runner = work::start(&world.app).await?;
    // The account has its own time of the day.
    until("one job is left", || async { Ok(world.jobs().await? == (1, 0)) }).await?;
    ensure!(world.opened_at(world.ann).await? == connected, "the account was opened before its time");
    world.clock.advance(DAY);
    until("the account was opened", || async { Ok(world.opened_at(world.ann).await? > connected) }).await?;
    until("nothing is left", || async { Ok(world.jobs().await? == (0, 0)) }).await?;
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn what_has_expired_is_deleted() -> anyhow::Result<()> {
    let world = World::new().await?;
    let before = world.rows().await?;
    world.begin(&world.browser()).await?;
    for statement in [
        "insert into sessions (id, person_id, hash, created_at, expires_at)
         select '1', min(id), cast('1' as bytea), 0, 1 from people",
        "insert into sign_in_links (hash, person_id, return_to, expires_at)
         select cast('1' as bytea), min(id), '/', 1 from people",
        "insert into sign_in_requests (id, email, return_to, created_at) values ('1', 'ann@school.example', '/', 0)",
        "insert into rate_limit_slots (subject, slot, taken_at) values ('1', 0, 0)",
        "insert into needed_approvals (organisation_id, provider_id, domain, person_id, confirmed, noticed_at)
         select min(organisation_id), '1', '1', min(id), 0, 0 from people",
    ] {
        world.database.run(statement).await?;
    }
    let mut tx = world.app.db.begin().await?;
    jobs::enqueue(&mut tx, &Effect::DeleteExpired {}).await?;
    tx.commit().await?;
    // The authorization is good for some minutes.
    world.clock.advance(DAY);
    let runner = work::start(&world.app).await?;
    until("it is done", || async { Ok(world.jobs().await? == (0, 0)) }).await?;
    runner.shutdown().await;
    let mut after = world.rows().await?;
    after.remove("schedule");
    let mut before = before;
    before.remove("schedule");
    // That the authorization was begun stays in the audit log.
    *before.entry("audit_entries".into()).or_default() += 1;
    ensure!(after == before, "{after:?}\n{before:?}");
    Ok(())
}

/// The calendar becomes read-only and is given back; the sign-in stays valid.
#[tokio::test]
async fn a_calendar_that_becomes_read_only_is_noticed_the_next_day_and_so_is_its_return() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    world.schedule(world.ann, "First", LATER).await?;
    world.open_accounts_daily().await?;
    let before = world.connection_in_api(world.ann).await?;
    ensure!(before["abilities"]["write"] == true && before["calendars"][0]["is_home"] == true, "{before}");
    ensure!(world.titles() == ["First"], "{:?}", world.titles());

    world.google.share(ANN, ANN, Some(Role::Reader));
    let opened_at = world.opened_at(world.ann).await?;
    world.open_accounts_daily().await?;
    let lost = world.connection_in_api(world.ann).await?;
    ensure!(lost["abilities"]["write"] == false && lost["abilities"]["read_busy"] == true, "{lost}");
    ensure!(lost["calendars"][0]["can_write"] == false && lost["calendars"][0]["is_home"] == false, "{lost}");
    ensure!(lost["state"] == "connected" && world.opened_at(world.ann).await? > opened_at, "{lost}");
    world.schedule(world.ann, "Second", LATER).await?;
    world.open_accounts_daily().await?;
    ensure!(world.titles() == ["First"], "{:?}", world.titles());

    world.google.share(ANN, ANN, None);
    world.open_accounts_daily().await?;
    let back = world.connection_in_api(world.ann).await?;
    ensure!(back["abilities"] == before["abilities"] && back["calendars"] == before["calendars"], "{back}");
    ensure!(world.titles() == ["First", "Second"], "the meeting that waited: {:?}", world.titles());
    assert_eq!(world.access_changes(world.ann).await?, ["write true -> write false", "write false -> write true"]);
    Ok(())
}

/// The service narrows the consent, so that the account cannot even be opened as it was.
#[tokio::test]
async fn a_scope_that_is_withdrawn_is_noticed_the_next_day_and_given_again_by_signing_in() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    world.open_accounts_daily().await?;
    let before = world.connection_in_api(world.ann).await?;
    ensure!(before["abilities"]["write"] == true && before["level"] == "write", "{before}");

    world.google.withdraw(ANN, "calendar.events");
    world.open_accounts_daily().await?;
    let lost = world.connection_in_api(world.ann).await?;
    ensure!(lost["abilities"]["write"] == false, "{lost}");
    ensure!(lost["level"] == "read" && lost["state"] == "connected", "{lost}");
    ensure!(lost["calendars"][0]["is_home"] == false, "{lost}");
    let start = world.clock.now();
    let window = Window { start, end: start + DAY };
    let busy = availability::busy(&world.app.calendars, world.organisation, world.ann, window).await?;
    ensure!(matches!(busy, Busy::Unknown { reason: "needs-scope", .. }), "nobody is shown as free: {busy:?}");
    world.schedule(world.ann, "Waiting", LATER).await?;
    world.open_accounts_daily().await?;
    ensure!(world.titles().is_empty(), "{:?}", world.titles());
    assert_eq!(world.access_changes(world.ann).await?, ["write true -> read false"]);

    world.connect(&world.browser(), ANN).await?;
    world.open_accounts_daily().await?;
    let back = world.connection_in_api(world.ann).await?;
    ensure!(back["abilities"]["write"] == true && back["level"] == "write", "{back}");
    ensure!(world.titles() == ["Waiting"], "{:?}", world.titles());
    Ok(())
}
