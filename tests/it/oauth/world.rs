//! An organisation whose people have accounts at Google, with a host in this process, and the browsers of its people.
//!
//! The provider is the shipped component; `egress.map` leads it, the host's own requests and the browsers to the sandbox
//! Google. Browsers are ours here, so that each wrong step can be taken on purpose; `it/pages` has a real one.

use anyhow::{Context as _, bail, ensure};
use chronus_host::{
    app::App,
    auth::{
        Actor, AuthMethod, Principal,
        tokens::{self, Holder, NewToken},
    },
    clock::Clock,
    config::{Config, Egress, SandboxSettings},
    connections::{self, BeginRequest, CallbackOutcome, ConnectError, Connection, DisconnectError, disconnect, store},
    db::DatabaseUrl,
    ids::{MeetingId, OrganisationId, PersonId, ProgramId, SessionId, TokenId, digest},
    meetings::{self, Content, NewMeeting},
    oauth::{
        Client, SignInRef, clients,
        code_grant::{Browser, Callback},
    },
    organisations::{
        self,
        offers::{self, Offer},
        programs,
    },
    people::{self, Member, MemberRole, NewPerson, Role},
    plugins::{egress::EgressMap, registry::Provenance},
};
use chronus_tests::{
    OPERATOR, components,
    database::Database,
    google::{Google, Strictness},
    host::PATIENCE,
    repo_root,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time;
use url::Url;

pub(super) const ANN: &str = "ann@school.example";
pub(super) const BEN: &str = "ben@school.example";

/// Where the service sends browsers back to.
pub(super) const REDIRECT: &str = "https://chronus.example/connect/callback/google";

/// The sign-in of the shipped provider.
pub(super) const GOOGLE: SignInRef<'static> = SignInRef { provider: "google", sign_in: "google" };

/// What the operator registered there.
pub(super) const CLIENT: &str = "chronus.apps.example";
pub(super) const CLIENT_SECRET: &str = "GOCSPX-hunter22-hunter22";

pub(super) struct World {
    pub(super) google: Google,
    map: Vec<(String, String)>,
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) app: App,
    pub(super) organisation: OrganisationId,
    pub(super) program: ProgramId,
    pub(super) ann: PersonId,
    pub(super) ben: PersonId,
    pub(super) folder: TempDir,
}

/// What a person does at the service's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Lets it have all that it asks for.
    All,
    /// Unticks the scopes that end so.
    Without(&'static str),
    /// Leaves by Cancel.
    Cancel,
}

/// What a meeting of an hour is about, on the afternoon of a day.
pub(super) fn afternoon(title: &str, day: &str) -> anyhow::Result<Content> {
    Ok(Content {
        title: title.into(),
        description: String::new(),
        start: format!("{day}T14:00:00Z").parse()?,
        end: format!("{day}T15:00:00Z").parse()?,
        zone: "Europe/Rome".into(),
    })
}

impl World {
    pub(super) async fn new() -> anyhow::Result<Self> {
        Self::leading(&[]).await
    }

    /// The same, with further addresses that lead elsewhere.
    pub(super) async fn leading(further: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::at(Clock::at("2026-11-24T09:00:00Z".parse()?), further).await
    }

    pub(super) async fn at(clock: Clock, further: &[(&str, &str)]) -> anyhow::Result<Self> {
        let google = Google::start(clock.clone(), Strictness::Documented).await?;
        google.add_user(ANN, "Ann", "Europe/Rome");
        google.add_user(BEN, "Ben", "America/New_York");
        google.add_client(CLIENT, CLIENT_SECRET, "Chronus", &[REDIRECT]);
        let (database, folder) = (Database::fresh().await?, TempDir::new()?);
        // What is led elsewhere is not led to the sandbox.
        let mut pairs = google.map();
        pairs.retain(|(from, _)| !further.iter().any(|(other, _)| other.starts_with(from.as_str())));
        pairs.extend(further.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())));
        let map = EgressMap::new(pairs.iter().map(|(from, to)| (from.as_str(), to.as_str())))?;
        let config = Config {
            database: database.place().clone(),
            keys: folder.path().join("chronus.keys"),
            egress: Egress { map, ..Egress::default() },
            sandbox: SandboxSettings { concurrent_calls: 100, cache: Some(repo_root().join("target/code-of-hosts")) },
            ..Config::default()
        };
        let app = App::open(config, clock.clone()).await?;
        let built = tokio::task::spawn_blocking(components).await??.provider("google")?;
        let bytes = std::fs::read(&built.path)?;
        let sha256 = digest(&bytes);
        app.calendars.registry.add(&OPERATOR, &bytes, Provenance::Digest(&sha256), true).await?;
        let organisation = organisations::add(&app.db, &OPERATOR, "School").await?.id;
        let program = programs::add(&app.db, &OPERATOR, organisation, "Mentoring").await?.id;
        let offer = Offer { provider: "google".into(), organisation, program: None };
        offers::enable(&app.db, &OPERATOR, &offer).await?;
        let mut ids = Vec::new();
        for (email, name, zone) in [(ANN, "Ann", "Europe/Rome"), (BEN, "Ben", "America/New_York")] {
            let role = Role::Participant;
            let new = NewPerson { email: email.into(), name: name.into(), zone: zone.into(), role };
            let person = people::add(&app.db, &OPERATOR, organisation, new).await?.id;
            people::put_member(&app.db, &OPERATOR, Member { program, person, role: MemberRole::Participant }).await?;
            ids.push(person);
        }
        let client = Client { id: CLIENT.into(), secret: Some(CLIENT_SECRET.into()), variables: BTreeMap::new() };
        clients::set(&app.db, &OPERATOR, &app.calendars.keyring, GOOGLE, &client).await?;
        let (ann, ben) = (ids[0], ids[1]);
        Ok(Self { google, map: pairs, database, clock, app, organisation, program, ann, ben, folder })
    }

    /// Ann's browser, in which she is signed in.
    pub(super) fn browser(&self) -> Browser {
        self.browser_of(self.ann, "session-of-ann")
    }

    pub(super) fn browser_of(&self, person: PersonId, session: &str) -> Browser {
        // Any text names a session here: its digest has the digits of an id.
        let digits = digest(session);
        let id =
            format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]);
        let session = id.parse::<SessionId>().unwrap_or_else(|error| panic!("{id}: {error}"));
        Browser { session, organisation: self.organisation, person }
    }

    /// From here on, the program writes its meetings into calendars.
    pub(super) async fn two_way(&self) -> anyhow::Result<()> {
        let program = programs::set_two_way(&self.app.db, &OPERATOR, self.organisation, self.program, true).await?;
        ensure!(program.is_some_and(|program| program.two_way), "the program is two-way");
        Ok(())
    }

    /// The address that a browser is sent to.
    pub(super) async fn begin(&self, browser: &Browser) -> Result<Url, ConnectError> {
        self.begin_anew(browser, false).await
    }

    async fn begin_anew(&self, browser: &Browser, anew: bool) -> Result<Url, ConnectError> {
        let redirect = Url::parse(REDIRECT).map_err(|_| ConnectError::State)?;
        let request = BeginRequest { sign_in: GOOGLE, redirect: &redirect, force_consent: anew };
        connections::begin(&self.app.calendars, browser, request).await
    }

    /// What the service sends the browser back with, after somebody has made their choice at its page.
    pub(super) async fn at_google(&self, page: &Url, user: &str, choice: Choice) -> anyhow::Result<Callback> {
        let back = super::visitor::choose(page, user, choice).await?;
        ensure!(back.as_str().starts_with(REDIRECT), "the browser is sent to {back}");
        let parameters = back.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Ok(Callback { provider: "google".into(), parameters })
    }

    pub(super) async fn finish(&self, browser: &Browser, callback: &Callback) -> Result<CallbackOutcome, ConnectError> {
        connections::finish(&self.app.calendars, browser, callback).await
    }

    /// The whole way, as somebody goes it who wants a calendar connected.
    pub(super) async fn connect(&self, browser: &Browser, user: &str) -> anyhow::Result<Connection> {
        let mut anew = false;
        loop {
            let page = self.begin_anew(browser, anew).await?;
            let callback = self.at_google(&page, user, Choice::All).await?;
            match self.finish(browser, &callback).await? {
                CallbackOutcome::Connected(connection) => return Ok(*connection),
                CallbackOutcome::Again { .. } if !anew => anew = true,
                CallbackOutcome::Shared(_) => bail!("it was begun for a person"),
                CallbackOutcome::Again { .. } => bail!("the service gives no lasting access"),
            }
        }
    }

    /// Somebody's connection as it is now.
    pub(super) async fn connection(&self, person: PersonId) -> anyhow::Result<Option<Connection>> {
        let mut tx = self.app.db.begin_read().await?;
        let kept = store::of_person(&mut tx, self.organisation, person).await?;
        Ok(kept.map(|kept| kept.connection))
    }

    /// The person, as a program of theirs that asks the API.
    pub(super) fn actor(&self, person: PersonId) -> Actor {
        let organisation = self.organisation;
        let principal = Principal::Person { organisation, person, role: Role::Participant, programs: vec![] };
        let scopes = Holder::Person { organisation, person }.scopes();
        Actor { method: AuthMethod::Token(TokenId::new(self.clock.now())), principal, scopes, expires_at: None }
    }

    /// The same, with what the person is in the program.
    pub(super) fn actor_in_program(&self, person: PersonId) -> Actor {
        let mut actor = self.actor(person);
        if let Principal::Person { programs, .. } = &mut actor.principal {
            programs.push((self.program, MemberRole::Participant));
        }
        actor
    }

    /// Schedules a meeting of this person alone, on the afternoon of a day.
    pub(super) async fn schedule(&self, owner: PersonId, title: &str, day: &str) -> anyhow::Result<MeetingId> {
        let content = afternoon(title, day)?;
        let new = NewMeeting { program: self.program, owner, attendees: vec![], content, key: None };
        let actor = self.actor_in_program(owner);
        Ok(meetings::schedule(&self.app.db, self.clock.now(), &actor, new).await?.meeting.id)
    }

    pub(super) async fn disconnect(&self, person: PersonId) -> Result<(), DisconnectError> {
        disconnect(&self.app.calendars, &self.actor(person), person).await
    }

    /// The same settings for hosts that are processes of their own.
    pub(super) fn config_file(&self) -> anyhow::Result<PathBuf> {
        let text = |path: &Path| toml::Value::String(path.to_string_lossy().into_owned()).to_string();
        let database = match self.database.place() {
            DatabaseUrl::File(path) => text(path),
            DatabaseUrl::Server(address) => toml::Value::String(address.clone()).to_string(),
        };
        let map: String = self.map.iter().map(|(from, to)| format!("\"{from}\" = \"{to}\"\n")).collect();
        let config = format!(
            "listen = \"127.0.0.1:0\"\ndatabase = {database}\nkeys = {}\nlog = \"info,chronus=trace,provider=trace\"\n\
             mail.print = true\n[sandbox]\ncache = {}\n[egress.map]\n{map}",
            text(&self.folder.path().join("chronus.keys")),
            text(&repo_root().join("target/code-of-hosts")),
        );
        let path = self.folder.path().join("chronus.toml");
        std::fs::write(&path, config)?;
        Ok(path)
    }

    /// Puts an event into somebody's calendar, as another application of theirs does.
    pub(super) async fn put_event(&self, user: &str, event: &Value) -> anyhow::Result<()> {
        let token = self.google.issue(user, &["calendar.events"]);
        let address = format!("{}/calendar/v3/calendars/primary/events", self.google.origin());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let sent = client.post(address).bearer_auth(token).header("content-type", "application/json");
        let answer = sent.body(event.to_string()).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    /// A token of a person's own, for the API.
    pub(super) async fn token(&self, person: PersonId) -> anyhow::Result<String> {
        let holder = Holder::Person { organisation: self.organisation, person };
        let new = NewToken { holder, name: "of a test".into(), scopes: holder.scopes(), expires_at: None };
        Ok(tokens::issue(&self.app.db, &OPERATOR, new).await?.1.expose_secret().to_owned())
    }

    /// How many requests the token endpoint has had since this was last asked.
    pub(super) fn token_requests(&self) -> usize {
        self.google.take_requests().iter().filter(|request| request.path == "/token").count()
    }

    /// How many rows each table has.
    pub(super) async fn rows(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        self.database.rows().await
    }
}

/// The error of something that must not work.
pub(super) fn refused<T>(outcome: Result<T, ConnectError>) -> anyhow::Result<ConnectError> {
    outcome.err().context("it worked")
}

/// Waits for what a job does.
pub(super) async fn until<F: Future<Output = anyhow::Result<bool>>>(
    what: &str,
    is_so: impl Fn() -> F,
) -> anyhow::Result<()> {
    let mut again = time::interval(Duration::from_millis(50));
    let waiting = async {
        loop {
            again.tick().await;
            if is_so().await? {
                return Ok(());
            }
        }
    };
    time::timeout(PATIENCE, waiting).await.with_context(|| format!("waited in vain: {what}"))?
}
