//! Everything that acts leaves an entry, with the right author, means and subject, and without a secret.
//!
//! The tables of the API, of the pages and of the command line are walked whole: what is added to one of them and has no row
//! here fails the test.

mod api; // Every route that is not for reading.
mod commands; // Every command that changes something.
mod jobs; // What the host itself does, and what is sent where.
mod pages; // Every form.

use super::world::{ANN, BEN, CLIENT, CLIENT_SECRET, REDIRECT, World};
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{self, Act, AuthorKind, Filter, Means, RecordedEntry, SubjectKind},
    auth::tokens::{self, Holder, NewToken},
    clock::Clock,
    ids::{AuditEntryId, PersonId},
    organisations::{
        domains,
        offers::{self, Offer},
    },
    people::{self, NewPerson, Role},
    plugins::registry::Provenance,
};
use chronus_tests::{OPERATOR, components, host::Host};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::collections::BTreeSet;

const GIL: &str = "gil@school.example";
const DOMAIN: &str = "school.example";
const ROBOT: &str = "chronus@robots.example";

/// Texts of meetings, which the log must not hold.
const TITLE: &str = "Salary of Žofie";
const DESCRIPTION: &str = "She wants a raise";

/// A running host with a service account, a provider that has a form, and an administrator.
struct Scene {
    world: World,
    host: Host,
    gil: PersonId,
    /// The key of the service account.
    key: Value,
    /// Secrets that were given to somebody.
    secrets: Vec<String>,
}

/// An entry that must be there.
#[derive(Debug, Clone, Copy)]
struct Expected {
    author: AuthorKind,
    means: Means,
    /// The person who acts, if it is one.
    person: Option<PersonId>,
    act: Act,
    subject: SubjectKind,
}

impl Scene {
    async fn new() -> anyhow::Result<Self> {
        let world = World::at(Clock::System, &[]).await?;
        world.google.add_user(GIL, "Gil", "Europe/Rome");
        let key = world.google.add_service_account(ROBOT)?;
        world.google.delegate(ROBOT, DOMAIN, &["calendar.events", "calendar.freebusy"]);
        let (db, organisation) = (&world.app.db, world.organisation);
        let (name, zone, role) = ("Gil".into(), "Europe/Rome".into(), Role::GlobalAdmin);
        let gil = people::add(db, &OPERATOR, organisation, NewPerson { email: GIL.into(), name, zone, role }).await?.id;
        domains::add(db, &OPERATOR, organisation, DOMAIN).await?;
        let idle = tokio::task::spawn_blocking(components).await??.guest("idle")?;
        let bytes = std::fs::read(&idle.path)?;
        world.app.calendars.registry.add(&OPERATOR, &bytes, Provenance::Digest(&idle.sha256), true).await?;
        offers::enable(db, &OPERATOR, &Offer { provider: "idle".into(), organisation, program: None }).await?;
        let host = Host::start(&world.config_file()?, &[]).await?;
        let back = format!("{}/connect/callback/google", host.origin());
        world.google.add_client(CLIENT, CLIENT_SECRET, "Chronus", &[REDIRECT, &back]);
        let private = key["private_key"].as_str().context("it has a key")?;
        let private = private.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned);
        let secrets = private.chain([CLIENT_SECRET.to_owned()]).collect();
        Ok(Self { world, host, gil, key, secrets })
    }

    /// A new token of this holder, with every scope that it can have.
    async fn token(&mut self, holder: Holder) -> anyhow::Result<String> {
        let new = NewToken { holder, name: "of a test".into(), scopes: holder.scopes(), expires_at: None };
        let (_, secret) = tokens::issue(&self.world.app.db, &OPERATOR, new).await?;
        self.secrets.push(secret.expose_secret().to_owned());
        Ok(secret.expose_secret().to_owned())
    }

    fn person(&self, person: PersonId) -> Holder {
        Holder::Person { organisation: self.world.organisation, person }
    }

    async fn entries(&self) -> anyhow::Result<Vec<RecordedEntry>> {
        Ok(audit::list(&self.world.app.db, &Filter::default(), 100_000).await?)
    }

    async fn ids(&self) -> anyhow::Result<BTreeSet<AuditEntryId>> {
        Ok(self.entries().await?.into_iter().map(|entry| entry.id).collect())
    }

    /// Checks that there is such an entry since `before`.
    async fn has(&self, before: &BTreeSet<AuditEntryId>, expected: Expected) -> anyhow::Result<RecordedEntry> {
        let new: Vec<_> = self.entries().await?.into_iter().filter(|entry| !before.contains(&entry.id)).collect();
        let Expected { author, means, person, act, subject } = expected;
        let fits = |entry: &&RecordedEntry| {
            (entry.author, entry.means, entry.person, entry.act, entry.subject_kind)
                == (author, means, person, act, subject)
        };
        let found = new.iter().find(fits).cloned();
        found.with_context(|| format!("{expected:?} is not among {new:#?}"))
    }

    /// Checks that no column of the log holds a secret, the text of a meeting, or the address of a person.
    async fn tells_nothing(mut self) -> anyhow::Result<()> {
        self.secrets.extend(self.world.google.secrets());
        self.secrets.extend([TITLE, DESCRIPTION, ANN, BEN, GIL].map(str::to_owned));
        let entries = self.entries().await?;
        ensure!(entries.len() > 10, "{} entries", entries.len());
        for entry in entries {
            let text = format!("{} {entry:?}", serde_json::to_string(&entry)?);
            ensure!(!self.secrets.iter().any(|secret| text.contains(secret)), "{text}");
        }
        self.host.stop().await.map(drop)
    }
}
