//! Rate limits: of the API, of invalid tokens, of connecting with a form, and how two hosts share them.

use super::world::World;
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::App,
    audit::{self, Act, Filter},
    auth::{Actor, AuthMethod, Principal, tokens::Holder},
    clock::Clock,
    connections::{self, ConnectError, FormSignIn},
    db::Db,
    ids::{PersonId, TokenId},
    organisations::offers::{self, Offer},
    people::{self, NewPerson, Role},
    plugins::registry::Provenance,
    rate_limits::{self, LimitReached, Limiter, Limits, Rate, Slot},
};
use chronus_tests::{
    OPERATOR, components,
    database::Database,
    host::Host,
    random::{self, Random},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// What the headers of a response tell of a limit.
fn told(headers: &reqwest::header::HeaderMap) -> [&str; 3] {
    ["ratelimit-policy", "ratelimit", "retry-after"]
        .map(|name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default())
}

#[tokio::test]
async fn asking_and_changing_are_limited_and_the_headers_say_so() -> anyhow::Result<()> {
    let world = World::with(|config| {
        config.limits.set(Rate::Search, 2);
        config.limits.set(Rate::Write, 3);
    })
    .await?;
    let ours = &world.ours;
    let busy = ours.address("/v1/people/{person}/busy?from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00Z");
    let holder = Holder::Integration(ours.organisation);
    let another = world.token(holder, holder.scopes()).await?;
    for left in ["\"search\";r=1;t=30", "\"search\";r=0;t=60"] {
        let answer = world.ask("GET", &busy, Some(&ours.integration))?.send().await?;
        answer.has_status(200)?;
        assert_eq!(told(&answer.headers), ["\"search\";q=2;w=60", left, ""]);
    }
    // Another token of the same integration does not help; others have limits of their own.
    for token in [&ours.integration, &another] {
        let answer = world.ask("GET", &busy, Some(token))?.send().await?;
        answer.is_problem(429, "too-many-requests")?;
        let [policy, remaining, wait] = told(&answer.headers);
        assert_eq!((policy, remaining), ("\"search\";q=2;w=60", &*format!("\"search\";r=0;t={wait}")));
        ensure!((1..=30).contains(&wait.parse::<u64>()?), "{wait}");
    }
    world.ask("GET", &busy, Some(&ours.as_person))?.send().await?.has_status(200)?;
    for number in 0..3 {
        let new = json!({"name": format!("Program {number}")});
        world.ask("POST", "/v1/programs", Some(&ours.integration))?.json(&new).send().await?.has_status(201)?;
    }
    let ask = world.ask("POST", "/v1/programs", Some(&ours.integration))?.json(&json!({"name": "One more"}));
    ask.send().await?.is_problem(429, "too-many-requests")?;
    let me = world.ask("GET", "/v1/me", Some(&ours.integration))?.send().await?;
    me.has_status(200)?;
    assert_eq!(told(&me.headers), [""; 3]);
    Ok(())
}

/// O28 of the operator's review: 400 invalid tokens in a fifth of a second, all with 401.
#[tokio::test]
async fn invalid_tokens_are_limited_and_valid_ones_from_the_same_address_are_not() -> anyhow::Result<()> {
    let world = World::with(|config| config.limits.set(Rate::BadTokens, 3)).await?;
    let invalid = format!("chronus_{}", "A".repeat(43));
    for _ in 0..3 {
        world.ask("GET", "/v1/me", Some(&invalid))?.send().await?.is_problem(401, "unauthenticated")?;
    }
    let refused = world.ask("GET", "/v1/me", Some(&invalid))?.send().await?;
    refused.is_problem(429, "too-many-requests")?;
    ensure!(told(&refused.headers)[0] == "\"bad-tokens\";q=3;w=60", "{:?}", refused.headers);
    world.ask("GET", "/v1/me", Some(&world.operator))?.send().await?.has_status(200)?;
    // The client is who the proxy says, and not the proxy.
    let elsewhere = world.ask("GET", "/v1/me", Some(&invalid))?.header("x-forwarded-for", "192.0.2.1");
    elsewhere.send().await?.is_problem(401, "unauthenticated")
}

#[tokio::test]
async fn two_hosts_share_a_limit_until_one_has_gone() -> anyhow::Result<()> {
    let world = World::with(|config| config.limits.set(Rate::Search, 10)).await?;
    let one = &world.app;
    let left = |app: &App, subject: &str| anyhow::Ok(app.limiter.take(Rate::Search, subject)?.left);
    ensure!(one.limiter.hosts() == 1 && left(one, "a")? == 9);
    let other = App::open((*one.config).clone(), world.clock.clone()).await?;
    one.limiter.renew(&one.db).await?;
    ensure!((one.limiter.hosts(), other.limiter.hosts()) == (2, 2));
    ensure!((left(one, "b")?, left(&other, "b")?) == (4, 4));
    // Hosts renew every ten seconds; the other one does no longer.
    for seconds in [10, 10, 9] {
        world.clock.advance(SignedDuration::from_secs(seconds));
        one.limiter.renew(&one.db).await?;
        ensure!(one.limiter.hosts() == 2);
    }
    world.clock.advance(SignedDuration::from_secs(1));
    one.limiter.renew(&one.db).await?;
    ensure!(one.limiter.hosts() == 1 && left(one, "c")? == 9);
    other.db.close().await;
    Ok(())
}

/// A host that cannot store its share takes the whole of each limit if it has none yet, and keeps the share that it has.
#[tokio::test]
async fn a_host_that_cannot_lease_its_share_takes_the_whole_or_keeps_it() -> anyhow::Result<()> {
    let world = World::with(|config| config.limits.set(Rate::Search, 10)).await?;
    let one = &world.app;
    let other = App::open((*one.config).clone(), world.clock.clone()).await?;
    one.limiter.renew(&one.db).await?;
    let left = |limiter: &Limiter, subject: &str| anyhow::Ok(limiter.take(Rate::Search, subject)?.left);
    ensure!(one.limiter.hosts() == 2 && left(&one.limiter, "a")? == 4);

    let outage = world.database.refuse_writes().await?;
    ensure!(one.limiter.renew(&one.db).await.is_err(), "the share is stored");
    ensure!(one.limiter.hosts() == 2 && left(&one.limiter, "b")? == 4, "the share has changed");
    let new = Limiter::new(one.config.limits);
    ensure!(new.renew(&one.db).await.is_err(), "the share is stored");
    ensure!(new.hosts() == 1 && left(&new, "b")? == 9, "a host without a share takes less than the whole");
    outage.end().await?;

    // A failed attempt leaves no lease behind, and the next one takes the share.
    new.renew(&one.db).await?;
    ensure!(new.hosts() == 3 && left(&new, "c")? == 2, "{} hosts", new.hosts());
    other.db.close().await;
    Ok(())
}

/// What must hold exactly does so, whenever slots are taken, given back and deleted, on any number of hosts: they share
/// nothing but the database. The model is a list of the instants at which slots were taken.
#[tokio::test]
async fn exact_limits_let_through_what_a_model_does() -> anyhow::Result<()> {
    const MOST: u32 = 4;
    let seed = random::seed()?;
    println!("SEED={seed}");
    let mut random = Random::new(seed);
    let (database, clock) = (Database::fresh().await?, Clock::at("2026-03-29T00:59:59Z".parse()?));
    let (db, window) = (Db::open(database.place(), clock.clone()).await?, Rate::Notices.window());
    let mut limits = Limits::default();
    limits.set(Rate::Notices, MOST);
    let mut taken: [Vec<(Timestamp, Slot)>; 2] = [vec![], vec![]];
    let (mut granted, mut refused) = (0, 0);
    for _ in 0..600 {
        clock.advance(SignedDuration::from_secs(i64::try_from(random.below(600))?));
        let (now, subject) = (clock.now(), random.one_of(&[0, 1]));
        let slots = &mut taken[subject];
        slots.retain(|(at, _)| now.duration_since(*at) < window);
        let mut tx = db.begin().await?;
        match random.below(8) {
            0 => rate_limits::delete_expired(&mut tx).await?,
            1 if !slots.is_empty() => {
                let number = usize::try_from(random.below(slots.len() as u64))?;
                rate_limits::give_back(&mut tx, &slots.remove(number).1).await?;
            }
            _ => match rate_limits::take(&mut tx, &limits, Rate::Notices, ["a", "b"][subject]).await? {
                Ok(slot) => {
                    slots.push((now, slot));
                    granted += 1;
                    ensure!(slots.len() <= MOST as usize, "{slots:?}");
                }
                Err(reached) => {
                    ensure!(slots.len() == MOST as usize, "{reached:?} with {slots:?}");
                    let first = slots.iter().map(|(at, _)| *at).min().context("the first")?;
                    assert_eq!(reached.retry_after, window - now.duration_since(first));
                    refused += 1;
                }
            },
        }
        tx.commit().await?;
    }
    ensure!(granted > 100 && refused > 20, "{granted} were granted, {refused} refused");
    // Slots that were taken by a clock that was wrong do not count.
    clock.advance(SignedDuration::from_hours(3));
    for ahead in [true, false] {
        for _ in 0..MOST {
            let mut tx = db.begin().await?;
            rate_limits::take(&mut tx, &limits, Rate::Notices, "a").await??;
            tx.commit().await?;
        }
        if ahead {
            clock.advance(SignedDuration::from_hours(-2));
        }
    }
    db.close().await;
    Ok(())
}

/// Attempts to connect a calendar at a server that no provider may reach, so each fails soon.
struct Connecting {
    world: World,
}

impl Connecting {
    async fn new(limit: u32) -> anyhow::Result<Self> {
        let world = World::with(|config| config.limits.set(Rate::ConnectingByOrganisation, limit)).await?;
        let ical = tokio::task::spawn_blocking(components).await??.provider("ical")?;
        let bytes = std::fs::read(&ical.path)?;
        let sha256 = chronus_host::ids::digest(&bytes);
        world.app.calendars.registry.add(&OPERATOR, &bytes, Provenance::Digest(&sha256), true).await?;
        for side in [&world.ours, &world.theirs] {
            let offer = Offer { provider: "ical".into(), organisation: side.organisation, program: None };
            offers::enable(&world.app.db, &OPERATOR, &offer).await?;
        }
        Ok(Self { world })
    }

    /// The limit that stopped an attempt; `None` if it was made, and failed.
    async fn attempt(app: App, actor: Actor) -> anyhow::Result<Option<LimitReached>> {
        let person = actor.person().context("a person")?;
        let form = FormSignIn {
            provider: "ical".into(),
            sign_in: "caldav".into(),
            server: Some("https://127.0.0.1:1".into()),
            fields: BTreeMap::from([("username".into(), "victim".into())]),
            secrets: BTreeMap::from([("password".into(), "hunter22".to_owned().into())]),
        };
        match connections::connect(&app.calendars, &actor, person, form).await {
            Err(ConnectError::TooOften(reached)) => Ok(Some(reached)),
            Err(ConnectError::Refused(_)) => Ok(None),
            other => anyhow::bail!("{other:?}"),
        }
    }

    async fn by(&self, actor: &Actor) -> anyhow::Result<Option<LimitReached>> {
        Self::attempt(self.world.app.clone(), actor.clone()).await
    }

    fn actor(&self, person: PersonId) -> Actor {
        let organisation = self.world.ours.organisation;
        let principal = Principal::Person { organisation, person, role: Role::Participant, programs: vec![] };
        let scopes = Holder::Person { organisation, person }.scopes();
        Actor { method: AuthMethod::Token(TokenId::new(self.world.clock.now())), principal, scopes, expires_at: None }
    }

    async fn add(&self, name: &str) -> anyhow::Result<Actor> {
        let (email, name, zone) = (format!("{name}@example.org"), name.to_owned(), "UTC".to_owned());
        let new = NewPerson { email, name, zone, role: Role::Participant };
        Ok(self.actor(people::add(&self.world.app.db, &OPERATOR, self.world.ours.organisation, new).await?.id))
    }
}

/// S13 of the security review: a participant tried 200 passwords of a stranger in five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn connecting_is_no_oracle() -> anyhow::Result<()> {
    let most = Rate::ConnectingByPerson.default_most();
    let trial = Connecting::new(2 * most + 1).await?;
    let world = &trial.world;
    let ann = trial.actor(world.ours.person);
    // All at once, so that none can see the failures of the others.
    let mut all = JoinSet::new();
    for _ in 0..2 * most {
        all.spawn(Connecting::attempt(world.app.clone(), ann.clone()));
    }
    let mut made = 0;
    for attempt in all.join_all().await {
        match attempt? {
            None => made += 1,
            Some(reached) => ensure!(reached.rate == Rate::ConnectingByPerson, "{reached:?}"),
        }
    }
    assert_eq!(made, most);
    // Through the API, and on the page.
    let connection = world.ours.address("/v1/people/{person}/connection");
    let form = json!({"provider": "ical", "sign_in": "caldav", "server": "https://127.0.0.1:1",
        "fields": {"username": "victim"}, "secrets": {"password": "hunter22"}});
    let refused = world.ask("PUT", &connection, Some(&world.ours.as_person))?.json(&form).send().await?;
    refused.is_problem(429, "too-many-requests")?;
    ensure!(told(&refused.headers)[0] == "\"connecting-by-person\";q=10;w=3600", "{:?}", refused.headers);
    // More people of the organisation do not help for ever.
    let (ben, eve) = (trial.add("ben").await?, trial.add("eve").await?);
    for _ in 0..most {
        ensure!(trial.by(&ben).await?.is_none());
    }
    ensure!(trial.by(&eve).await?.is_none());
    let reached = trial.by(&eve).await?.context("the organisation has had its attempts")?;
    assert_eq!(reached.rate, Rate::ConnectingByOrganisation);
    world.clock.advance(reached.retry_after);
    ensure!(trial.by(&ann).await?.is_none(), "an hour after the first, one more is tried");
    // The audit log has the attempts that were made, and not those that a limit stopped.
    let filter = Filter { subject: Some("person".into()), ..Filter::default() };
    let mut entries = audit::list(&world.app.db, &filter, 1000).await?;
    entries.retain(|entry| entry.act == Act::ConnectingFailed);
    assert_eq!(entries.len(), usize::try_from(2 * most + 2)?);
    let text = serde_json::to_string(&entries)?;
    ensure!(!text.contains("victim") && !text.contains("hunter22") && !text.contains("127.0.0.1"), "{text}");
    Ok(())
}

/// O7 of the operator's review: nothing told that a proxy sent no client address.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_client_addresses_is_reported_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let folder = tempfile::TempDir::new()?;
    let config = folder.path().join("chronus.toml");
    let database = world.database.address();
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndatabase = \"{}\"\nkeys = \"{}\"\nlog = \"info\"\n\
         public-url = \"https://chronus.example.org\"\n",
        database.strip_prefix("sqlite://").unwrap_or(&database),
        world.app.config.keys.display(),
    );
    std::fs::write(&config, text)?;
    let host = Host::start(&config, &[]).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let ask = || client.get(format!("{}/v1/me", host.origin())).bearer_auth(format!("chronus_{}", "A".repeat(43)));
    ask().header("x-forwarded-for", "192.0.2.1").send().await?;
    ensure!(!host.log().contains("x-forwarded-for"), "{}", host.log());
    for _ in 0..3 {
        ask().send().await?;
    }
    let log = host.stop().await?;
    assert_eq!(log.matches("sends no x-forwarded-for header").count(), 1, "{log}");
    Ok(())
}
