//! An organisation with people, a host that serves it, and the calendar server that its people use.
//!
//! All of it is made as an operator makes it: by commands and by the API.

use anyhow::{Context, ensure};
use chronus_host::{
    auth::tokens::{self, Holder, NewToken},
    db::{DatabaseUrl, Db},
    ids::OrganisationId,
    people::{self, NewPerson, Role},
};
use chronus_tests::{
    OPERATOR, command, components,
    database::Database,
    host::{Client, Host, PATIENCE},
    peers::{CaldavClient, Radicale, SeenEvent},
    repo_root,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::{future::Future, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::time;

/// The calendar server as people know it; the map leads to where it is.
pub(crate) const SERVER: &str = "https://dav.example.org";

/// Ann's app password: with characters that every encoding writes in its own way.
pub(crate) const PASSWORD: &str = "tr0ub4dor \"&\" 3é/+=%";

/// What tokens of people may do here.
const PERSONAL: [&str; 6] =
    ["busy-read", "connection-read", "connection-write", "meetings-read", "meetings-write", "organisation-read"];

/// Everything of a test.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) radicale: Radicale,
    /// The path of ann's calendar at the server.
    pub(crate) calendar: String,
    pub(crate) caldav: CaldavClient,
    pub(crate) organisation: String,
    pub(crate) program: String,
    pub(crate) ann: Person,
    pub(crate) ben: Person,
    /// The token of an integration of the organisation.
    pub(crate) integration: String,
}

/// A person.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl World {
    /// Makes it. Further settings stand at the end of the configuration file.
    pub(crate) async fn new(settings: &str) -> anyhow::Result<Self> {
        Self::on(Database::fresh().await?, settings).await
    }

    /// The same in this database, which is empty.
    pub(crate) async fn on(database: Database, settings: &str) -> anyhow::Result<Self> {
        let radicale = Radicale::start(&[("ann", PASSWORD)]).await?;
        let calendar = radicale.put_calendar("ann", "work").await?;
        let caldav = CaldavClient::new(&radicale.account("ann")?).await?;
        let folder = tempfile::tempdir()?;
        let text = |path: PathBuf| toml::Value::String(path.to_string_lossy().into_owned()).to_string();
        let place = match database.place() {
            DatabaseUrl::File(path) => text(path.clone()),
            DatabaseUrl::Server(address) => toml::Value::String(address.clone()).to_string(),
        };
        let config = format!(
            "listen = \"127.0.0.1:0\"\ndatabase = {place}\nkeys = {}\nlog = \"info,chronus=trace,provider=trace\"\n{settings}\n\
             [sandbox]\ncache = {}\n[egress.map]\n\"{SERVER}\" = \"{}\"\n",
            text(folder.path().join("keys")),
            text(repo_root().join("target/code-of-hosts")),
            radicale.origin(),
        );
        std::fs::write(folder.path().join("chronus.toml"), config)?;
        let somebody = || Person { id: String::new(), token: String::new() };
        let mut world = Self {
            folder,
            database,
            radicale,
            calendar,
            caldav,
            organisation: String::new(),
            program: String::new(),
            ann: somebody(),
            ben: somebody(),
            integration: String::new(),
        };
        world.populate().await?;
        Ok(world)
    }

    /// Hosts that start from now on reach Radicale through the server at this origin.
    pub(crate) fn put_before_radicale(&self, origin: &str) -> anyhow::Result<()> {
        let config = std::fs::read_to_string(self.config())?;
        Ok(std::fs::write(self.config(), config.replace(self.radicale.origin(), origin))?)
    }

    async fn populate(&mut self) -> anyhow::Result<()> {
        let built = tokio::task::spawn_blocking(components).await??.provider("ical")?;
        let component = built.path.to_str().context("the checkout's path is text")?.to_owned();
        let trusted = repo_root().join("plugins-build/out/trusted.pub");
        let trusted = trusted.to_str().context("the checkout's path is text")?;
        self.command(&["plugin", "add", &component, "--accept", "--trusted", trusted]).await?;
        let organisation = self.command(&["organisation", "add", "Example"]).await?;
        self.organisation = id(&organisation)?;
        let organisation = self.organisation.clone();
        let program = self.command(&["program", "add", "Mentoring", "--organisation", &organisation]).await?;
        self.program = id(&program)?;
        let enable = ["provider", "enable", "ical", "--organisation", &organisation, "--program", &self.program];
        self.command(&enable).await?;
        for (email, name) in [("ann@example.org", "Ann"), ("ben@example.org", "Ben")] {
            let add = ["person", "add", "--organisation", &organisation, "--email", email, "--name", name];
            let person = self.command(&[&add[..], &["--zone", "Europe/Rome"]].concat()).await?;
            let somebody = Person { id: id(&person)?, token: self.token(Some(email), &PERSONAL).await? };
            *(if name == "Ann" { &mut self.ann } else { &mut self.ben }) = somebody;
        }
        let scopes = ["busy-read", "meetings-read", "meetings-write", "organisation-read", "organisation-write"];
        self.integration = self.token(None, &scopes).await?;
        Ok(())
    }

    /// A token of a person, or of the organisation's own programs.
    pub(crate) async fn token(&self, person: Option<&str>, scopes: &[&str]) -> anyhow::Result<String> {
        let mut arguments = vec!["token", "create", "--organisation", &self.organisation, "--name", "test"];
        arguments.extend(person.iter().flat_map(|person| ["--person", *person]));
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
        let made = self.command(&arguments).await?;
        Ok(made["secret"].as_str().context("a token")?.to_owned())
    }

    /// Runs an operator's command, which succeeds, and gives what it prints.
    pub(crate) async fn command(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut command = tokio::task::spawn_blocking(command).await??;
        let ran = command.args(arguments).args(["--json", "--config"]).arg(self.config()).output().await?;
        let said = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success(), "chronus {}: {}\n{said}", arguments.join(" "), ran.status);
        if ran.stdout.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&ran.stdout).with_context(|| String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("chronus.toml")
    }

    /// Starts a host.
    pub(crate) async fn host(&self) -> anyhow::Result<Host> {
        Host::start(&self.config(), &[]).await
    }

    /// Makes the two members of the program, and connects ann's calendar.
    pub(crate) async fn join_and_connect(&self, host: &Host) -> anyhow::Result<()> {
        self.join(host).await?;
        host.client(&self.ann.token)?.put(&self.connection(), &sign_in(PASSWORD)).await?;
        Ok(())
    }

    /// Makes the two members of the program.
    pub(crate) async fn join(&self, host: &Host) -> anyhow::Result<()> {
        let client = host.client(&self.integration)?;
        for somebody in [&self.ann, &self.ben] {
            let path = format!("/v1/programs/{}/members/{}", self.program, somebody.id);
            client.put(&path, &json!({ "role": "participant" })).await?;
        }
        Ok(())
    }

    /// The address of ann's connection.
    pub(crate) fn connection(&self) -> String {
        format!("/v1/people/{}/connection", self.ann.id)
    }

    /// A meeting of ann's and ben's, of one hour, as it is asked for.
    pub(crate) fn meeting(&self, title: &str, start: &str) -> Value {
        let begin: jiff::Timestamp = start.parse().unwrap_or_default();
        let end = begin + jiff::SignedDuration::from_hours(1);
        json!({ "program": self.program, "owner": self.ann.id, "attendees": [self.ben.id], "title": title,
                "description": "bring\nquestions", "start": start, "end": end, "zone": "Europe/Rome" })
    }

    /// What another client sees in ann's calendar in the year of the tests.
    pub(crate) async fn seen(&self) -> anyhow::Result<Vec<SeenEvent>> {
        self.caldav.occurrences(&self.calendar, "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z").await
    }
}

/// A further person of an organisation, with all scopes that a personal token can have.
pub(crate) async fn add_person(db: &Db, organisation: OrganisationId, name: &str) -> anyhow::Result<Person> {
    let new = NewPerson {
        email: format!("{name}@example.org"),
        name: name.to_owned(),
        zone: "Europe/Rome".into(),
        role: Role::Participant,
    };
    let person = people::add(db, &OPERATOR, organisation, new).await?.id;
    Ok(Person { id: person.to_string(), token: issue_token(db, Holder::Person { organisation, person }).await? })
}

/// A token with all scopes that its holder can have.
pub(crate) async fn issue_token(db: &Db, holder: Holder) -> anyhow::Result<String> {
    let new = NewToken { holder, name: "test".into(), scopes: holder.scopes(), expires_at: None };
    Ok(tokens::issue(db, &OPERATOR, new).await?.1.expose_secret().to_owned())
}

/// What ann fills in.
pub(crate) fn sign_in(password: &str) -> Value {
    json!({ "provider": "ical", "sign_in": "caldav", "server": SERVER, "fields": { "username": "ann" },
            "secrets": { "password": password } })
}

/// The id of something that was made.
pub(crate) fn id(made: &Value) -> anyhow::Result<String> {
    Ok(made["id"].as_str().with_context(|| made.to_string())?.to_owned())
}

/// Asks again and again until the answer is there: for what nobody announces.
pub(crate) async fn eventually<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    what: &str,
    ask: impl Fn() -> F,
) -> anyhow::Result<T> {
    let mut again = time::interval(Duration::from_millis(50));
    let answered = async {
        loop {
            again.tick().await;
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
        }
    };
    time::timeout(PATIENCE, answered).await.with_context(|| format!("waited in vain: {what}"))?
}

/// The meeting, once its calendar shows its newest revision.
pub(crate) async fn settled(client: &Client, id: &str) -> anyhow::Result<Value> {
    eventually(&format!("meeting {id} in its calendar"), || async {
        let meeting = client.get(&format!("/v1/meetings/{id}")).await?;
        let state = meeting["calendar"]["state"].as_str().unwrap_or_default();
        let done = match meeting["status"].as_str() {
            Some("cancelled") => state == "cancelled",
            _ => state == "present" && meeting["calendar"]["revision"] == meeting["revision"],
        };
        Ok(done.then_some(meeting))
    })
    .await
}
