//! A service that has other addresses for each tenant and cloud: the variables of a sign-in, from the operator's command to the
//! last request.

mod approval; // The page for administrators, and the way back from it.
mod claims; // Claims of the id token.
mod clients; // An operator's client with a tenant.
mod pages; // What a person reads where tokens cannot be revoked.
mod served; // Values that are entered on the command line, on a page and through the API.
mod service;
mod service_accounts; // An organisation's application with a tenant.

use super::world::{ANN, World, until};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    availability::{self, Busy},
    calendar::Window,
    clock::Clock,
    connections::{self, BeginRequest, CallbackOutcome, ConnectError, Connection},
    ids::{PersonId, digest},
    oauth::{
        Client, SignInRef, clients as oauth_clients,
        code_grant::{Browser, Callback},
    },
    organisations::offers::{self, Offer},
    plugins::{
        endpoints::VariableValues,
        registry::{PendingVersion, Provenance},
    },
};
use chronus_tests::{OPERATOR, components};
use jiff::SignedDuration;
use service::{CLIENT, CLIENT_SECRET, Directory, MAIL};
use std::ops::Deref;
use url::Url;

const WORK: SignInRef<'static> = SignInRef { provider: "directory", sign_in: "work" };

/// The token endpoint in the component, and another of the same length.
const TOKEN: &[u8] = b"https://{cloud}/{tenant}/token";
const OTHER_TOKEN: &[u8] = b"https://{cloud}/{tenant}/tickt";

/// An organisation whose people may connect through the directory.
struct Scene {
    world: World,
    directory: Directory,
    component: Vec<u8>,
}

impl Deref for Scene {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Scene {
    async fn new() -> anyhow::Result<Self> {
        Self::at(Clock::at("2026-11-24T09:00:00Z".parse()?)).await
    }

    /// Runs jobs until no token waits to be revoked. Returns the requests that the service received meanwhile.
    async fn revocations(&self) -> anyhow::Result<Vec<String>> {
        self.directory.take_requests();
        let runner = work::start(&self.app).await?;
        until("no token waits to be revoked", || async { Ok(self.rows().await?["revocations"] == 0) }).await?;
        runner.shutdown().await;
        Ok(self.directory.take_requests())
    }

    async fn at(clock: Clock) -> anyhow::Result<Self> {
        let directory = Directory::start().await?;
        let map = directory.map();
        let further: Vec<_> = map.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let world = World::at(clock, &further).await?;
        let built = tokio::task::spawn_blocking(components).await??.guest("directory")?;
        let component = std::fs::read(&built.path)?;
        let sha256 = digest(&component);
        let registry = &world.app.calendars.registry;
        registry.add(&OPERATOR, &component, Provenance::Digest(&sha256), true).await?;
        let offer = Offer { provider: "directory".into(), organisation: world.organisation, program: None };
        offers::enable(&world.app.db, &OPERATOR, &offer).await?;
        Ok(Self { world, directory, component })
    }

    /// Registers the operator's client with these values.
    async fn register(&self, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        self.register_for(WORK, variables).await
    }

    async fn register_for(&self, sign_in: SignInRef<'_>, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let secret = Some(CLIENT_SECRET.into());
        let client = Client { id: CLIENT.into(), secret, variables: values(variables) };
        Ok(oauth_clients::set(&self.app.db, &OPERATOR, &self.app.calendars.keyring, sign_in, &client).await?)
    }

    async fn begin(&self, browser: &Browser) -> Result<Url, ConnectError> {
        let redirect = Url::parse("https://chronus.example/connect/callback/directory");
        let redirect = redirect.map_err(|_| ConnectError::State)?;
        let request = BeginRequest { sign_in: WORK, redirect: &redirect, force_consent: false };
        connections::begin(&self.app.calendars, browser, request).await
    }

    async fn callback(&self, page: &Url) -> anyhow::Result<Callback> {
        Ok(Callback { provider: "directory".into(), parameters: self.directory.agree(page).await? })
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let page = self.begin(&self.browser()).await?;
        match self.finish(&self.browser(), &self.callback(&page).await?).await? {
            CallbackOutcome::Connected(connection) => Ok(*connection),
            other => anyhow::bail!("{other:?}"),
        }
    }

    /// Waits until a person's token has ended, and asks when they are busy.
    async fn busy_later(&self, person: PersonId) -> anyhow::Result<Busy> {
        self.clock.advance(SignedDuration::from_hours(2));
        let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
        Ok(availability::busy(&self.app.calendars, self.organisation, person, window).await?)
    }

    /// The same, where it is known; and which requests that took.
    async fn renewed(&self, person: PersonId) -> anyhow::Result<Vec<String>> {
        self.directory.take_requests();
        let busy = self.busy_later(person).await?;
        ensure!(matches!(busy, Busy::Known { .. }), "{busy:?}");
        Ok(self.directory.take_requests())
    }

    /// A version with the other token endpoint, which waits to be accepted.
    async fn moved(&self) -> anyhow::Result<PendingVersion> {
        let mut bytes = self.component.clone();
        let mut found = 0;
        while let Some(at) = bytes.windows(TOKEN.len()).position(|window| window == TOKEN) {
            bytes[at..at + TOKEN.len()].copy_from_slice(OTHER_TOKEN);
            found += 1;
        }
        ensure!(found > 0, "the component names its token endpoint");
        self.add_waiting(&bytes).await
    }
}

fn values(values: &[(&str, &str)]) -> VariableValues {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The name of the only calendar, which shows the fields that the provider was given.
fn fields_seen(connection: &Connection) -> anyhow::Result<&str> {
    Ok(&connection.account.calendars.first().context("a calendar")?.name)
}
