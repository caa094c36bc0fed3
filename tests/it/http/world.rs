//! A running service with two separate organisations, and a client.

use super::documented::is_documented;
use anyhow::{Context, ensure};
use chronus_host::{
    app::App,
    auth::{
        Actor, AuthMethod, Principal, Scopes,
        tokens::{self, Holder, NewToken},
    },
    clock::Clock,
    config::{Config, SandboxSettings},
    http,
    ids::{MeetingId, OrganisationId, PersonId, ProgramId, TokenId},
    meetings::{self, Content, NewMeeting},
    organisations::{self, programs},
    people::{self, Member, MemberRole, NewPerson, Role},
};
use chronus_tests::{OPERATOR, database::Database, repo_root};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// A secret in invalid bodies, which no response may repeat.
pub(crate) const SECRET: &str = "hunter22";

/// An organisation with a program, an administrator and a participant, and their tokens.
pub(crate) struct Side {
    pub(crate) organisation: OrganisationId,
    pub(crate) program: ProgramId,
    pub(crate) person: PersonId,
    pub(crate) admin: PersonId,
    /// An unused token.
    pub(crate) token: TokenId,
    /// A meeting that the participant owns.
    pub(crate) meeting: MeetingId,
    pub(crate) integration: String,
    pub(crate) as_admin: String,
    pub(crate) as_person: String,
}

impl Side {
    /// The path with the ids of this organisation.
    pub(crate) fn address(&self, path: &str) -> String {
        path.replace("{organisation}", &self.organisation.to_string())
            .replace("{program}", &self.program.to_string())
            .replace("{person}", &self.person.to_string())
            .replace("{token}", &self.token.to_string())
            .replace("{meeting}", &self.meeting.to_string())
            .replace("{provider}", "nowhere")
            .replace("{code}", "not-found")
    }
}

/// The service and its client.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) ours: Side,
    pub(crate) theirs: Side,
    pub(crate) operator: String,
    origin: String,
    client: reqwest::Client,
    /// The OpenAPI document, which must list every response.
    document: Arc<Value>,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl World {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        Self::with(|_| ()).await
    }

    /// With other settings.
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
        let (ours, theirs) = (side(&app, "Ours").await?, side(&app, "Theirs").await?);
        let (_, operator) = token(&app, Holder::Operator, Holder::Operator.scopes()).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn({
            let app = app.clone();
            async move { http::serve(app, listener, std::future::pending()).await }
        });
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let document = client.get(format!("{origin}/v1/openapi.json")).send().await?.text().await?;
        let document = Arc::new(serde_json::from_str(&document)?);
        Ok(Self { app, database, clock, ours, theirs, operator, origin, client, document, serving, _folder: folder })
    }

    /// The origin of the service.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// A request without a body.
    pub(crate) fn ask(&self, method: &str, address: &str, token: Option<&str>) -> anyhow::Result<Ask> {
        let mut request = self.client.request(method.parse()?, format!("{}{address}", self.origin));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (method, address) = (method.to_owned(), address.to_owned());
        Ok(Ask { what: format!("{method} {address}"), method, address, document: self.document.clone(), request })
    }

    /// Creates a token.
    pub(crate) async fn token(&self, holder: Holder, scopes: Scopes) -> anyhow::Result<String> {
        Ok(token(&self.app, holder, scopes).await?.1)
    }
}

async fn side(app: &App, name: &str) -> anyhow::Result<Side> {
    let organisation = organisations::add(&app.db, &OPERATOR, name).await?.id;
    let program = programs::add(&app.db, &OPERATOR, organisation, "Mentoring").await?.id;
    let new = |name: &str, role| NewPerson {
        email: format!("{name}@example.org"),
        name: name.to_owned(),
        zone: "Europe/Rome".into(),
        role,
    };
    let person = people::add(&app.db, &OPERATOR, organisation, new("ann", Role::Participant)).await?.id;
    let admin = people::add(&app.db, &OPERATOR, organisation, new("gil", Role::GlobalAdmin)).await?.id;
    people::put_member(&app.db, &OPERATOR, Member { program, person, role: MemberRole::Participant }).await?;
    let all = |holder: Holder| token(app, holder, holder.scopes());
    let (token, _) = all(Holder::Integration(organisation)).await?;
    let (_, integration) = all(Holder::Integration(organisation)).await?;
    let (_, as_admin) = all(Holder::Person { organisation, person: admin }).await?;
    let (_, as_person) = all(Holder::Person { organisation, person }).await?;
    let meeting = meeting(app, organisation, program, person).await?;
    Ok(Side { organisation, program, person, admin, token, meeting, integration, as_admin, as_person })
}

async fn meeting(
    app: &App,
    organisation: OrganisationId,
    program: ProgramId,
    owner: PersonId,
) -> anyhow::Result<MeetingId> {
    let holder = Holder::Integration(organisation);
    let (token, _) = token(app, holder, holder.scopes()).await?;
    let principal = Principal::Integration(organisation);
    let actor = Actor { method: AuthMethod::Token(token), principal, scopes: holder.scopes(), expires_at: None };
    let content = Content {
        title: "Mentoring".into(),
        description: String::new(),
        start: "2027-03-01T10:00:00Z".parse()?,
        end: "2027-03-01T11:00:00Z".parse()?,
        zone: "Europe/Rome".into(),
    };
    let plan = NewMeeting { program, owner, attendees: vec![], content, key: None };
    Ok(meetings::schedule(&app.db, app.clock.now(), &actor, plan).await?.meeting.id)
}

async fn token(app: &App, holder: Holder, scopes: Scopes) -> anyhow::Result<(TokenId, String)> {
    let new = NewToken { holder, name: "of a test".into(), scopes, expires_at: None };
    let (token, secret) = tokens::issue(&app.db, &OPERATOR, new).await?;
    Ok((token.id, secret.expose_secret().to_owned()))
}

/// A request.
pub(crate) struct Ask {
    what: String,
    method: String,
    address: String,
    document: Arc<Value>,
    request: reqwest::RequestBuilder,
}

impl Ask {
    /// With a body of JSON.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With a body.
    pub(crate) fn body(mut self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.body(body);
        if !kind.is_empty() {
            self.request = self.request.header("content-type", kind);
        }
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) async fn send(self) -> anyhow::Result<Answer> {
        let response = self.request.send().await.with_context(|| self.what.clone())?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let problem: Option<Value> = serde_json::from_str(&text).ok().filter(|_| status >= 400);
        let code = problem.as_ref().and_then(|problem| problem["code"].as_str());
        // A path, not an operation, lists its methods.
        if status != 405 {
            is_documented(&self.document, &self.method, &self.address, status, code)?;
        }
        Ok(Answer { what: self.what, status, headers, text })
    }
}

/// The response.
pub(crate) struct Answer {
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("{}: no JSON: {}", self.what, self.text))
    }

    /// Checks the status and returns the body.
    pub(crate) fn has_status(&self, status: u16) -> anyhow::Result<Value> {
        ensure!(self.status == status, "{}: {} and not {status}: {}", self.what, self.status, self.text);
        if self.text.is_empty() { Ok(Value::Null) } else { self.json() }
    }

    /// Checks that the response is a problem with this status and code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> anyhow::Result<()> {
        let found = self.problem()?;
        ensure!((self.status, &*found) == (status, code), "{}: not {status} {code}: {}", self.what, self.text);
        Ok(())
    }

    /// Checks that the response is a client error and returns its code.
    pub(crate) fn problem(&self) -> anyhow::Result<String> {
        let kind = self.headers.get("content-type").map(reqwest::header::HeaderValue::as_bytes);
        ensure!(kind == Some(b"application/problem+json"), "{}: no problem: {} {}", self.what, self.status, self.text);
        ensure!((400..500).contains(&self.status), "{}: {} {}", self.what, self.status, self.text);
        ensure!(!self.text.contains(SECRET), "{}: repeats what it was sent: {}", self.what, self.text);
        let problem = self.json()?;
        let fields: BTreeSet<_> = problem.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
        for field in ["type", "code", "title", "advice"] {
            ensure!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{}: no {field}", self.what);
        }
        ensure!(problem["status"] == self.status && fields.len() <= 7, "{}: {problem}", self.what);
        ensure!(self.headers.contains_key("x-request-id"), "{}: no x-request-id", self.what);
        let challenge =
            self.headers.get("www-authenticate").is_some_and(|value| value.as_bytes().starts_with(b"Bearer"));
        let refuses_token = self.status == 401 || problem["code"] == "scope-missing";
        ensure!(refuses_token == challenge, "{}: a refused token and a challenge belong together", self.what);
        Ok(problem["code"].as_str().unwrap_or_default().to_owned())
    }
}
