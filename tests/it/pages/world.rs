//! A service with people in two organisations, and a clock that a test sets.

use chronus_host::{
    app::App,
    auth::{
        sign_in,
        tokens::{self, Holder, NewToken},
    },
    clock::Clock,
    config::{Config, SandboxSettings},
    http,
    ids::{OrganisationId, PersonId},
    organisations,
    people::{self, NewPerson, Role},
};
use chronus_tests::{
    OPERATOR,
    database::Database,
    repo_root,
    visitor::{PageResponse, Visitor},
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// The name of the session cookie, without https.
pub(crate) const SESSION: &str = "chronus_session";

/// The service.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) origin: String,
    pub(crate) organisation: OrganisationId,
    /// Both have the address ann@example.org, in one organisation and in the other.
    pub(crate) ann: PersonId,
    pub(crate) her_namesake: PersonId,
    pub(crate) ben: PersonId,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl World {
    /// A service whose mail is printed; no job runs.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        Self::with(|config| config.mail.print = true).await
    }

    /// A service with other settings.
    pub(crate) async fn with(set: impl FnOnce(&mut Config)) -> anyhow::Result<Self> {
        let (database, folder) = (Database::fresh().await?, TempDir::new()?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut config = Config {
            listen: listener.local_addr()?,
            database: database.place().clone(),
            keys: folder.path().join("chronus.keys"),
            sandbox: SandboxSettings { concurrent_calls: 4, cache: Some(repo_root().join("target/code-of-hosts")) },
            ..Config::default()
        };
        set(&mut config);
        let clock = Clock::at("2026-03-29T00:59:59Z".parse()?);
        let app = App::open(config, clock.clone()).await?;
        let organisation = organisations::add(&app.db, &OPERATOR, "Ours").await?.id;
        let theirs = organisations::add(&app.db, &OPERATOR, "Theirs").await?.id;
        let ann = person(&app, organisation, "ann").await?;
        let ben = person(&app, organisation, "ben").await?;
        let her_namesake = person(&app, theirs, "ann").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn({
            let app = app.clone();
            async move { http::serve(app, listener, std::future::pending()).await }
        });
        Ok(Self { app, database, clock, origin, organisation, ann, her_namesake, ben, serving, _folder: folder })
    }

    /// Adds a person to the organisation.
    pub(crate) async fn add(&self, name: &str) -> anyhow::Result<PersonId> {
        person(&self.app, self.organisation, name).await
    }

    /// A new browser without cookies.
    pub(crate) fn visitor(&self) -> anyhow::Result<Visitor> {
        Visitor::new(&self.origin)
    }

    /// A browser in which this person is signed in.
    pub(crate) async fn signed_in(&self, person: PersonId) -> anyhow::Result<Visitor> {
        let visitor = self.visitor()?;
        visitor.sign_in(&self.link(person, "/settings").await?).await?.leads_to("/settings")?;
        Ok(visitor)
    }

    /// The path of a new link for this person.
    pub(crate) async fn link(&self, person: PersonId, return_to: &str) -> anyhow::Result<String> {
        let mut tx = self.app.db.begin().await?;
        let link = sign_in::make_link(&mut tx, person, return_to).await?;
        tx.commit().await?;
        Ok(format!("/sign-in/{}", link.expose_secret()))
    }

    /// A token of ann with every scope that a personal token can have.
    pub(crate) async fn token(&self) -> anyhow::Result<String> {
        let holder = Holder::Person { organisation: self.organisation, person: self.ann };
        let new = NewToken { holder, name: "of a test".into(), scopes: holder.scopes(), expires_at: None };
        Ok(tokens::issue(&self.app.db, &OPERATOR, new).await?.1.expose_secret().to_owned())
    }

    /// Requests a sign-in mail to this address, in a new browser.
    pub(crate) async fn ask(&self, email: &str) -> anyhow::Result<PageResponse> {
        let visitor = self.visitor()?;
        let page = visitor.get("/sign-in").await?;
        visitor.post(&page, "/sign-in", &[("email", email), ("return-to", "/settings/calendar")]).await
    }
}

async fn person(app: &App, organisation: OrganisationId, name: &str) -> anyhow::Result<PersonId> {
    let email = format!("{name}@example.org");
    let new = NewPerson { email, name: name.to_owned(), zone: "Europe/Rome".into(), role: Role::Participant };
    Ok(people::add(&app.db, &OPERATOR, organisation, new).await?.id)
}
