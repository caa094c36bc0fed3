//! A version whose sign-in has another token endpoint, and an operator who accepts it: what becomes of the stored tokens.

use super::{
    foreign::{FOREIGN, REAL, versions},
    world::{ANN, Choice, GOOGLE, REDIRECT, World, refused, until},
};
use anyhow::{Context as _, ensure};
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State as Shared},
    response::{IntoResponse as _, Response},
};
use chronus_host::{
    app::work,
    audit::{self, Act, AuthorKind, Filter, RecordedEntry},
    auth::{Actor, Principal},
    availability::{self, Busy},
    calendar::Window,
    connections::{
        self, CallbackOutcome, ConnectError, State,
        service_accounts::{self, AccountError, ServiceAccount},
    },
    ids::PersonId,
    jobs::Effect,
    oauth::code_grant::{Browser, Callback},
    organisations::domains,
    people::{self, NewPerson, Role},
    plugins::registry::{self, PendingVersion},
};
use chronus_tests::{OPERATOR, database::Engine, host::PATIENCE};
use http::{StatusCode, header::HOST};
use jiff::SignedDuration;
use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, time};

/// An administrator of the organisation, and the mailbox that people share their free/busy with.
const GIL: &str = "gil@school.example";
const ROOMS: &str = "rooms@school.example";

/// A token endpoint. It counts its requests, can hold them, and passes them on to the sandbox Google.
struct Endpoint {
    origin: String,
    relay: Arc<Relay>,
}

struct Relay {
    google: OnceLock<String>,
    client: reqwest::Client,
    requests: watch::Sender<usize>,
    is_open: watch::Sender<bool>,
}

impl Endpoint {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let relay = Arc::new(Relay {
            google: OnceLock::new(),
            client: reqwest::Client::builder().no_proxy().build()?,
            requests: watch::Sender::new(0),
            is_open: watch::Sender::new(true),
        });
        let routes = Router::new().fallback(pass_on).with_state(relay.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { origin, relay })
    }

    /// How many requests for a token have come.
    fn requests(&self) -> usize {
        *self.relay.requests.borrow()
    }

    fn hold(&self) {
        self.relay.is_open.send_replace(false);
    }

    fn let_go(&self) {
        self.relay.is_open.send_replace(true);
    }

    /// Waits until more requests than these have come.
    async fn more_than(&self, requests: usize) -> anyhow::Result<()> {
        let mut watched = self.relay.requests.subscribe();
        let came = watched.wait_for(|count| *count > requests);
        time::timeout(PATIENCE, came).await.context("no request came")??;
        Ok(())
    }
}

async fn pass_on(Shared(relay): Shared<Arc<Relay>>, request: Request) -> Result<Response, StatusCode> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    if parts.uri.path() == "/token" {
        relay.requests.send_modify(|count| *count += 1);
        let opened = relay.is_open.subscribe().wait_for(|is_open| *is_open).await.is_ok();
        if !opened {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    parts.headers.remove(HOST);
    let google = relay.google.get().ok_or(StatusCode::BAD_GATEWAY)?;
    let request =
        relay.client.request(parts.method, format!("{google}{}", parts.uri)).headers(parts.headers).body(body);
    let answer = request.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok((status, headers, body).into_response())
}

/// A world with both endpoints, and both versions of the provider. The shipped one is in use.
struct Scene {
    world: World,
    real: Endpoint,
    other: Endpoint,
    shipped: Vec<u8>,
    moved: Vec<u8>,
    gil: PersonId,
}

impl Deref for Scene {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Scene {
    async fn new() -> anyhow::Result<Self> {
        let (real, other) = (Endpoint::start().await?, Endpoint::start().await?);
        let led = [("https://oauth2.googleapis.com", &*real.origin), ("https://oauth2.googleapls.com", &*other.origin)];
        let world = World::leading(&led).await?;
        for endpoint in [&real, &other] {
            endpoint.relay.google.get_or_init(|| world.google.origin().to_owned());
        }
        world.google.add_user(GIL, "Gil", "Europe/Rome");
        world.google.add_user(ROOMS, "Rooms", "Europe/Rome");
        world.google.add_domain("school.example");
        let new =
            NewPerson { email: GIL.into(), name: "Gil".into(), zone: "Europe/Rome".into(), role: Role::GlobalAdmin };
        let gil = people::add(&world.app.db, &OPERATOR, world.organisation, new).await?.id;
        domains::add(&world.app.db, &OPERATOR, world.organisation, "school.example").await?;
        let [shipped, moved] = versions().await?;
        Ok(Self { world, real, other, shipped, moved, gil })
    }

    fn browser_of_gil(&self) -> Browser {
        self.browser_of(self.gil, "session-of-gil")
    }

    /// What ends the sign-in of the administrator with the shared mailbox.
    async fn shared_callback(&self) -> anyhow::Result<Callback> {
        let page =
            service_accounts::begin(&self.app.calendars, &self.browser_of_gil(), GOOGLE, &REDIRECT.parse()?).await?;
        self.at_google(&page, ROOMS, Choice::All).await
    }

    /// Makes the shared mailbox the organisation's service account, which connects ben and gil.
    async fn share(&self) -> anyhow::Result<()> {
        let callback = self.shared_callback().await?;
        let outcome = self.finish(&self.browser_of_gil(), &callback).await?;
        ensure!(matches!(outcome, CallbackOutcome::Shared(_)), "{outcome:?}");
        let runner = work::start(&self.app).await?;
        until("ben and gil are connected", || async {
            // What a busy machine put off comes later, by a clock that stands still.
            self.clock.advance(SignedDuration::from_millis(500));
            Ok(self.connection(self.ben).await?.is_some() && self.connection(self.gil).await?.is_some())
        })
        .await?;
        runner.shutdown().await;
        Ok(())
    }

    async fn accept(&self, waiting: &PendingVersion) -> anyhow::Result<()> {
        Ok(registry::accept(&self.app.db, &OPERATOR, "google", &waiting.sha256).await?)
    }

    /// Busy times of somebody whose token has ended.
    async fn busy_later(&self, person: PersonId) -> anyhow::Result<Busy> {
        self.clock.advance(SignedDuration::from_hours(2));
        let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
        Ok(availability::busy(&self.app.calendars, self.organisation, person, window).await?)
    }

    /// Renews the token of each of these people, and tells how many requests came to the real endpoint and to the other.
    async fn renewed(&self, people: &[PersonId]) -> anyhow::Result<[usize; 2]> {
        let before = [self.real.requests(), self.other.requests()];
        for &person in people {
            let busy = self.busy_later(person).await?;
            ensure!(matches!(busy, Busy::Known { .. }), "{busy:?}");
        }
        Ok([self.real.requests() - before[0], self.other.requests() - before[1]])
    }

    /// The state and the token endpoint of a connection.
    async fn token_of(&self, person: PersonId) -> anyhow::Result<(State, String)> {
        let connection = self.connection(person).await?.context("no connection")?;
        Ok((connection.state, connection.token.context("no token")?.endpoint))
    }

    async fn account(&self) -> anyhow::Result<ServiceAccount> {
        let accounts = service_accounts::accounts(&self.app.calendars, &self.admin(), self.organisation).await?;
        Ok(accounts.into_iter().next().context("no service account")?.account)
    }

    fn admin(&self) -> Actor {
        let mut actor = self.actor(self.gil);
        if let Principal::Person { role, .. } = &mut actor.principal {
            *role = Role::GlobalAdmin;
        }
        actor
    }

    /// The last entry about something in the audit log.
    async fn last_entry(&self, subject: impl ToString) -> anyhow::Result<RecordedEntry> {
        let filter = Filter { subject: Some(subject.to_string()), ..Filter::default() };
        audit::list(&self.app.db, &filter, 100).await?.pop().context("no entry")
    }

    /// Ends a sign-in, and accepts a version while this endpoint is asked for the token.
    async fn finish_while_accepted(
        &self,
        browser: Browser,
        callback: Callback,
        endpoint: &Endpoint,
        waiting: &PendingVersion,
    ) -> anyhow::Result<ConnectError> {
        let calendars = self.app.calendars.clone();
        let asked = endpoint.requests();
        endpoint.hold();
        let finishing = tokio::spawn(async move { connections::finish(&calendars, &browser, &callback).await });
        endpoint.more_than(asked).await?;
        self.accept(waiting).await?;
        endpoint.let_go();
        refused(finishing.await?)
    }
}

fn text(endpoint: &[u8]) -> String {
    String::from_utf8_lossy(endpoint).into_owned()
}

fn shown(waiting: &PendingVersion) -> Vec<String> {
    waiting.difference.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_move_with_the_accepted_endpoint_and_back() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.connect(&scene.browser(), ANN).await?;
    scene.share().await?;
    let everybody = [scene.ann, scene.ben, scene.gil];
    let consents = [scene.google.lasting_consents(ANN), scene.google.lasting_consents(ROOMS)];

    let waiting = scene.add_waiting(&scene.moved).await?;
    let line = |from: &[u8], to: &[u8]| {
        let (from, to) = (text(from), text(to));
        format!("  sign-in google, from {from} to {to} without a new sign-in: 3 connections and 1 service account")
    };
    ensure!(shown(&waiting).contains(&line(REAL, FOREIGN)), "{:#?}", shown(&waiting));
    ensure!(registry::waiting(&scene.app.db, "google").await? == waiting, "the operator is shown something else");
    // Ann's own token, and the shared one, of which each connection has a copy.
    assert_eq!(scene.renewed(&[scene.ann, scene.ben]).await?, [2, 0], "while the version waits");

    scene.accept(&waiting).await?;
    for person in everybody {
        assert_eq!(scene.token_of(person).await?, (State::Connected, text(FOREIGN)));
    }
    assert_eq!(scene.account().await?.endpoint, text(FOREIGN));
    assert_eq!(scene.last_entry("google").await?.after["moved"], 4);
    assert_eq!(scene.renewed(&everybody).await?, [0, 3]);

    // The older version is accepted like any other.
    let back = scene.add_waiting(&scene.shipped).await?;
    ensure!(shown(&back).contains(&line(FOREIGN, REAL)), "{:#?}", shown(&back));
    scene.accept(&back).await?;
    assert_eq!(scene.renewed(&everybody).await?, [3, 0]);
    for person in everybody {
        assert_eq!(scene.token_of(person).await?, (State::Connected, text(REAL)));
    }
    ensure!([scene.google.lasting_consents(ANN), scene.google.lasting_consents(ROOMS)] == consents, "nobody signed in");
    Ok(())
}

#[tokio::test]
async fn a_move_that_is_rolled_back_moves_nothing() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.connect(&scene.browser(), ANN).await?;
    let waiting = scene.add_waiting(&scene.moved).await?;
    let before = scene.rows().await?;
    let mut tx = scene.app.db.begin().await?;
    registry::accept_in(&mut tx, &OPERATOR, "google", &waiting.sha256).await?;
    drop(tx);
    assert_eq!(scene.token_of(scene.ann).await?, (State::Connected, text(REAL)));
    ensure!(scene.rows().await? == before, "something was stored");
    ensure!(registry::waiting(&scene.app.db, "google").await? == waiting, "it no longer waits");
    assert_eq!(scene.renewed(&[scene.ann]).await?, [1, 0]);
    // A digest other than the waiting one is not accepted.
    let other = registry::accept(&scene.app.db, &OPERATOR, "google", &waiting.sha256.replace('a', "b")).await;
    ensure!(other.is_err(), "{other:?}");
    assert_eq!(scene.token_of(scene.ann).await?, (State::Connected, text(REAL)));

    scene.accept(&waiting).await?;
    assert_eq!(scene.renewed(&[scene.ann]).await?, [0, 1]);
    Ok(())
}

/// The operator accepts the version after a refresh has read the row, and before it reads the grant.
#[tokio::test]
async fn a_refresh_that_meets_the_move_reads_the_row_again() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.connect(&scene.browser(), ANN).await?;
    let waiting = scene.add_waiting(&scene.moved).await?;
    scene.accept(&waiting).await?;
    // The refresh reads the old endpoint. By the time it has the lease, the acceptance is in the database.
    ensure!(scene.database.plant(("connections", "token_endpoint"), &format!("'{}'", text(REAL)), "1 = 1").await? == 1);
    let statements: &[&str] = match Engine::of_this_run()? {
        Engine::Sqlite => &["create trigger accepted after update of refresh_lease on connections
             when new.refresh_lease is not null
             begin
                 update connections set token_endpoint = 'https://oauth2.googleapls.com/token' where id = new.id;
             end"],
        Engine::Postgres => &[
            "create function move_token() returns trigger language plpgsql as $$ begin
                 new.token_endpoint := 'https://oauth2.googleapls.com/token'; return new;
             end $$",
            "create trigger accepted before update of refresh_lease on connections for each row
             when (new.refresh_lease is not null) execute function move_token()",
        ],
    };
    for statement in statements {
        scene.database.run(statement).await?;
    }
    assert_eq!(scene.token_of(scene.ann).await?.1, text(REAL));
    assert_eq!(scene.renewed(&[scene.ann]).await?, [0, 1]);
    assert_eq!(scene.token_of(scene.ann).await?, (State::Connected, text(FOREIGN)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_sign_in_a_connection_is_lost_at_once_and_its_owner_is_told() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let ann = scene.connect(&scene.browser(), ANN).await?.id;
    scene.share().await?;
    // The version requests another endpoint, so that it waits, and no longer has the sign-in.
    let added = scene.add_waiting(&scene.moved).await?;
    let mut request = scene.app.calendars.registry.provider("google").await?.granted.request().clone();
    request.sign_ins.retain(|sign_in| sign_in.id != "google");
    request.hosts.push("https://oauth2.googleapls.com".into());
    let json = serde_json::to_string(&request)?.replace('\'', "''");
    let row = format!("sha256 = '{}'", added.sha256);
    ensure!(scene.database.plant(("components", "requested_grant"), &format!("'{json}'"), &row).await? == 1);
    let waiting = registry::waiting(&scene.app.db, "google").await?;
    let line = "  sign-in google, must be connected again, because the sign-in is removed: 3 connections and 1 service \
                account";
    ensure!(shown(&waiting).iter().any(|shown| shown == line), "{:#?}", shown(&waiting));
    ensure!(scene.token_of(scene.ann).await?.0 == State::Connected, "nobody has accepted it");

    scene.accept(&waiting).await?;
    for person in [scene.ann, scene.ben, scene.gil] {
        let connection = scene.connection(person).await?.context("it is kept")?;
        ensure!(connection.state == State::Reconnect, "{connection:?}");
        let entry = scene.last_entry(connection.id).await?;
        assert_eq!((entry.act, entry.author), (Act::CredentialLost, AuthorKind::Operator));
        assert_eq!(entry.organisation, Some(scene.organisation));
        let busy = scene.busy_later(person).await?;
        ensure!(matches!(busy, Busy::Unknown { reason: "reconnect", .. }), "{busy:?}");
    }
    let account = scene.account().await?;
    ensure!(account.state == State::Reconnect, "{account:?}");
    assert_eq!(scene.last_entry(account.id).await?.act, Act::CredentialLost);
    let accepted = scene.last_entry("google").await?;
    assert_eq!((accepted.act, &accepted.after["lost"]), (Act::GrantAccepted, &4.into()));

    // The job that tells ann.
    loop {
        let mut tx = scene.app.db.begin().await?;
        let lease = chronus_tests::jobs::claim(&mut tx, "a host", Duration::from_secs(60)).await?;
        tx.commit().await?;
        let lease = lease.context("no job tells ann")?;
        if matches!(lease.effect, Effect::MailReconnect { connection } if connection == ann) {
            break;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_during_which_the_endpoint_moves_is_refused_and_leaves_nothing() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let waiting = scene.add_waiting(&scene.moved).await?;
    let page = scene.begin(&scene.browser()).await?;
    let callback = scene.at_google(&page, ANN, Choice::All).await?;
    let error = scene.finish_while_accepted(scene.browser(), callback, &scene.real, &waiting).await?;
    ensure!(matches!(error, ConnectError::State), "{error:?}");
    ensure!(scene.connection(scene.ann).await?.is_none(), "it was stored for an endpoint that is not granted");
    let runner = work::start(&scene.app).await?;
    let revoked = || async { Ok(scene.google.lasting_consents(ANN) == 0) };
    until("the token is revoked", revoked).await?;
    runner.shutdown().await;

    // The same with the account of the organisation, while the operator steps back.
    let back = scene.add_waiting(&scene.shipped).await?;
    let callback = scene.shared_callback().await?;
    let error = scene.finish_while_accepted(scene.browser_of_gil(), callback, &scene.other, &back).await?;
    let ConnectError::Account(error) = error else { anyhow::bail!("{error:?}") };
    ensure!(matches!(*error, AccountError::SignIn(_)), "{error:?}");
    ensure!(scene.account().await.is_err(), "it was stored for an endpoint that is not granted");

    // Both succeed at the second attempt.
    scene.connect(&scene.browser(), ANN).await?;
    scene.share().await?;
    assert_eq!(scene.renewed(&[scene.ann, scene.ben]).await?, [2, 0]);
    Ok(())
}

/// A service gives a refresh token with the first consent only, so a later sign-in keeps the stored one.
#[tokio::test]
async fn a_refresh_token_is_kept_only_for_the_endpoint_that_issued_it() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    scene.connect(&scene.browser(), ANN).await?;
    let elsewhere = "'https://oauth2.googleapis.com/elsewhere'";
    ensure!(scene.database.plant(("connections", "token_endpoint"), elsewhere, "1 = 1").await? == 1);
    let page = scene.begin(&scene.browser()).await?;
    let callback = scene.at_google(&page, ANN, Choice::All).await?;
    let outcome = scene.finish(&scene.browser(), &callback).await?;
    ensure!(matches!(outcome, CallbackOutcome::Again { .. }), "{outcome:?}");
    scene.connect(&scene.browser(), ANN).await?;
    assert_eq!(scene.renewed(&[scene.ann]).await?, [1, 0]);
    Ok(())
}
