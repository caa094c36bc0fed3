//! An organisation that connects its people by an account of its own (M17): a service account, or a shared mailbox.

mod delegated; // A key that acts for each person.
mod page; // The administrator's page.
mod refused; // What is not saved, who is never connected, and what a person decides.
mod served; // Through the API, and no secret anywhere.
mod shared; // One mailbox that people share their free/busy with.

use super::world::{World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    auth::{Actor, Principal},
    availability::{self, Busy},
    calendar::Window,
    connections::{
        Connection,
        service_accounts::{self, AccountCredential, NewAccount, ServiceAccount},
    },
    ids::PersonId,
    jobs::{self, DeadLetter, Runner},
    oauth::code_grant::Browser,
    organisations::domains,
    people::{self, NewPerson, Role},
};
use chronus_tests::OPERATOR;
use serde_json::Value;
use std::{collections::BTreeMap, ops::Deref};
use tokio::task::JoinSet;

/// What is the organisation's, on the operator's word.
const DOMAIN: &str = "school.example";

/// An administrator of it.
const GIL: &str = "gil@school.example";

/// The service account of its IT.
const ROBOT: &str = "chronus@robots.example";

/// What the IT lets it do for everybody.
const SCOPES: [&str; 2] = ["calendar.events", "calendar.freebusy"];

/// The grant type of RFC 7523.
const ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An organisation with a domain, an administrator, and a service account that may act for its people.
struct School {
    world: World,
    gil: PersonId,
    key: Value,
}

impl Deref for School {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl School {
    async fn new() -> anyhow::Result<Self> {
        Self::of(World::new().await?).await
    }

    async fn of(world: World) -> anyhow::Result<Self> {
        world.google.add_user(GIL, "Gil", "Europe/Rome");
        let key = world.google.add_service_account(ROBOT)?;
        world.google.delegate(ROBOT, DOMAIN, &SCOPES);
        let gil = add(&world, GIL, Role::GlobalAdmin).await?;
        domains::add(&world.app.db, &OPERATOR, world.organisation, DOMAIN).await?;
        Ok(Self { world, gil, key })
    }

    /// The administrator, as a person who asks.
    fn admin(&self) -> Actor {
        let mut actor = self.actor(self.gil);
        if let Principal::Person { role, .. } = &mut actor.principal {
            *role = Role::GlobalAdmin;
        }
        actor
    }

    fn browser_of_gil(&self) -> Browser {
        self.browser_of(self.gil, "session-of-gil")
    }

    /// The key, to be tried with this mailbox.
    fn delegated(&self, mailbox: &str) -> NewAccount {
        NewAccount {
            provider: "google".into(),
            sign_in: "service-account".into(),
            secret: AccountCredential::Key(self.key.to_string().into()),
            mailbox: mailbox.into(),
            variables: BTreeMap::new(),
        }
    }

    async fn save(&self) -> anyhow::Result<ServiceAccount> {
        let new = self.delegated(GIL);
        Ok(service_accounts::save(&self.app.calendars, &self.admin(), self.organisation, &new).await?.0)
    }

    async fn remove(&self) -> anyhow::Result<u64> {
        Ok(service_accounts::remove(&self.app.calendars, &self.admin(), self.organisation, "google").await?)
    }

    /// Begins to do jobs.
    async fn work(&self) -> anyhow::Result<Runner> {
        Ok(work::start(&self.app).await?)
    }

    /// Waits until nothing is left to do.
    async fn quiet(&self) -> anyhow::Result<()> {
        // What a busy machine put off comes later, by a clock that stands still.
        until("all jobs are done", || async {
            self.clock.advance(jiff::SignedDuration::from_millis(500));
            let count = jobs::count(&mut self.app.db.begin_read().await?).await?;
            Ok(count.ready + count.leased == 0)
        })
        .await
    }

    /// What was given up.
    async fn dead(&self) -> anyhow::Result<Vec<DeadLetter>> {
        Ok(jobs::list_dead(&mut self.app.db.begin_read().await?, None, 100).await?)
    }

    /// A connection that there is.
    async fn connected(&self, person: PersonId) -> anyhow::Result<Connection> {
        self.connection(person).await?.context("they are not connected")
    }

    /// When somebody is busy on the first of December.
    async fn busy_on_that_day(&self, person: PersonId) -> anyhow::Result<Busy> {
        let window = Window { start: "2026-12-01T00:00:00Z".parse()?, end: "2026-12-02T00:00:00Z".parse()? };
        Ok(availability::busy(&self.app.calendars, self.organisation, person, window).await?)
    }

    /// Forty ask at once, these people in turn, and all learn it. Each is a task of its own, as workers are: what is open
    /// in one does not concern the others.
    async fn all_know(&self, people: &[PersonId]) -> anyhow::Result<()> {
        let window = Window { start: "2026-12-01T00:00:00Z".parse()?, end: "2026-12-02T00:00:00Z".parse()? };
        let mut tasks = JoinSet::new();
        for &person in people.iter().cycle().take(40) {
            let (calendars, organisation) = (self.app.calendars.clone(), self.organisation);
            tasks.spawn(async move { availability::busy(&calendars, organisation, person, window).await });
        }
        for busy in tasks.join_all().await {
            let busy = busy?;
            ensure!(matches!(busy, Busy::Known { .. }), "{busy:?}");
        }
        Ok(())
    }

    /// The same, where it is known.
    async fn starts(&self, person: PersonId) -> anyhow::Result<Vec<String>> {
        match self.busy_on_that_day(person).await? {
            Busy::Known { intervals, .. } => Ok(intervals.iter().map(|one| one.start.to_string()).collect()),
            busy => anyhow::bail!("{busy:?}"),
        }
    }
}

/// Makes a person of the organisation.
async fn add(world: &World, email: &str, role: Role) -> anyhow::Result<PersonId> {
    let new = NewPerson { email: email.into(), name: email.into(), zone: "Europe/Rome".into(), role };
    Ok(people::add(&world.app.db, &OPERATOR, world.organisation, new).await?.id)
}

/// An appointment at nine on the first of December.
fn dentist() -> Value {
    serde_json::json!({ "summary": "Dentist", "start": { "dateTime": "2026-12-01T09:00:00Z" },
        "end": { "dateTime": "2026-12-01T10:00:00Z" } })
}
