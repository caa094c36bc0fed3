//! The providers of a deployment: added, accepted, replaced and removed while calls go on.
//!
//! The guest `asking` reads its request from one text inside the component. Overwriting that text gives a test as many
//! versions of the component as it needs.

use anyhow::{Context, ensure};
use chronus_host::{
    clock::Clock,
    db::Db,
    ids::{ConnectionId, OrganisationId, PersonId},
    organisations::{
        self,
        offers::{self, Offer, OfferError},
        programs,
    },
    people::{self, NewPerson, Role},
    plugins::{
        Access, Budget, CallTarget, Plugin,
        admission::{Signature, TrustedKey, inspect},
        egress::{Credential, EgressPolicy},
        registry::{
            self, AddError, AddOutcome, ChangeError, PendingVersion, Provenance, ProviderState, Registry, RegistryError,
        },
    },
};
use chronus_tests::harness;
use chronus_tests::{
    OPERATOR, components,
    database::{Database, Engine},
    random::{self, Random},
    repo_root,
};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const ONE: &str = "https://one.example.org";
const TWO: &str = "https://two.example.org";

/// The time limit for something that a host does on its own.
const SOON: Duration = Duration::from_secs(60);

/// The guest `asking` with this provider id, this version and these hosts.
pub(crate) async fn asking(id: &str, version: &str, hosts: &[&str]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = std::fs::read(&tokio::task::spawn_blocking(components).await??.guest("asking")?.path)?;
    let text = format!("ASKING id={id} version={version} hosts={} ", hosts.join(","));
    let places: Vec<_> =
        bytes.windows(7).enumerate().filter(|(_, part)| *part == b"ASKING ").map(|(at, _)| at).collect();
    let [at] = places[..] else { anyhow::bail!("the text is not there once: {places:?}") };
    let place = bytes.get_mut(at..at + 200).context("the text has 200 bytes")?;
    place.fill(b' ');
    place.get_mut(..text.len()).context("the text is longer than its place")?.copy_from_slice(text.as_bytes());
    Ok(bytes)
}

/// A new host on this database: a registry with an empty cache.
fn host(db: &Db) -> anyhow::Result<Registry> {
    Ok(Registry::new(db.clone(), Arc::new(harness::sandbox(EgressPolicy::default())?)))
}

/// Adds a component by its digest.
async fn add(registry: &Registry, bytes: &[u8], accept: bool) -> anyhow::Result<AddOutcome> {
    let sha256 = inspect(bytes)?.sha256;
    Ok(registry.add(&OPERATOR, bytes, Provenance::Digest(&sha256), accept).await?)
}

/// The waiting version, or an error if no version waits.
fn waits(added: AddOutcome) -> anyhow::Result<PendingVersion> {
    match added {
        AddOutcome::Waiting(waiting) => Ok(waiting),
        other => anyhow::bail!("it does not wait: {other:?}"),
    }
}

fn shown(waiting: &PendingVersion) -> Vec<String> {
    waiting.difference.iter().map(ToString::to_string).collect()
}

/// The version that answers a call.
async fn answers(plugin: &Plugin) -> anyhow::Result<String> {
    let connection = CallTarget { zone: "UTC".into(), sign_in: "none".into(), ..CallTarget::default() };
    let access = Access::new("o", connection, Credential::None, Default::default(), Budget::default())?;
    Ok(plugin.open(&access).await?.value.address.unwrap_or_default())
}

/// The version that a host calls now.
async fn called(host: &Registry) -> anyhow::Result<String> {
    answers(&host.provider("asking").await?.plugin).await
}

/// Calls until this version answers. A version is loaded in the background, so the old one may answer the first calls.
async fn until(host: &Registry, version: &str) -> anyhow::Result<()> {
    let answered = async {
        while called(host).await? != version {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(SOON, answered).await.with_context(|| format!("{version} never answered"))?
}

#[tokio::test]
async fn the_first_waits_until_it_is_accepted_and_then_serves() -> anyhow::Result<()> {
    let db = Database::fresh().await?;
    let db = db.open(&Clock::System).await?;
    let host = host(&db)?;
    assert!(matches!(host.provider("asking").await, Err(RegistryError::Unknown(_))));
    let waiting = waits(add(&host, &asking("asking", "1.0.0", &[ONE]).await?, false).await?)?;
    ensure!(shown(&waiting).contains(&format!("+ host {ONE}")), "{:?}", shown(&waiting));
    assert_eq!(registry::waiting(&db, "asking").await?, waiting);
    assert_eq!(registry::list(&db).await?[0].state, ProviderState::Waiting);
    assert!(matches!(host.provider("asking").await, Err(RegistryError::Off(_))));
    // An operator cannot accept a version that was not shown.
    let other = registry::accept(&db, &OPERATOR, "asking", &waiting.sha256.replace('a', "b")).await;
    assert!(matches!(other, Err(ChangeError::NotWaiting(_))));
    registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
    assert_eq!(called(&host).await?, "1.0.0");
    let provider = host.provider("asking").await?;
    assert_eq!(provider.granted.egress().hosts, [ONE.parse()?]);
    assert_eq!(provider.sign_ins().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["none"]);
    assert!(provider.granted.sign_in("none").is_some() && provider.granted.sign_in("other").is_none());
    assert!(matches!(
        registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await,
        Err(ChangeError::NotWaiting(_))
    ));
    let again = add(&host, &asking("asking", "1.0.0", &[ONE]).await?, false).await?;
    assert_eq!(again, AddOutcome::Same { id: "asking".into() });
    assert!(matches!(registry::waiting(&db, "nobody").await, Err(ChangeError::Unknown(_))));
    Ok(())
}

#[tokio::test]
async fn a_version_that_asks_for_more_is_not_used_until_it_is_accepted() -> anyhow::Result<()> {
    let db = Database::fresh().await?;
    let db = db.open(&Clock::System).await?;
    let host = host(&db)?;
    let first = asking("asking", "1.0.0", &[ONE]).await?;
    assert_eq!(add(&host, &first, true).await?, AddOutcome::Active { id: "asking".into() });
    // A version that requests less or the same is used at once; the grant does not change.
    let same = asking("asking", "1.1.0", &[ONE]).await?;
    assert_eq!(add(&host, &same, false).await?, AddOutcome::Active { id: "asking".into() });
    until(&host, "1.1.0").await?;
    let less = asking("asking", "1.2.0", &[]).await?;
    assert_eq!(add(&host, &less, false).await?, AddOutcome::Active { id: "asking".into() });
    until(&host, "1.2.0").await?;
    assert_eq!(host.provider("asking").await?.granted.egress().hosts, [ONE.parse()?]);

    let more = asking("asking", "2.0.0", &[ONE, TWO]).await?;
    let waiting = waits(add(&host, &more, false).await?)?;
    assert_eq!(shown(&waiting), [format!("+ host {TWO}")]);
    let provider = host.provider("asking").await?;
    assert_eq!(answers(&provider.plugin).await?, "1.2.0");
    assert_eq!(provider.granted.egress().hosts, [ONE.parse()?]);
    let listed = registry::list(&db).await?;
    let versions = (listed[0].active.as_ref(), listed[0].waiting.as_ref());
    assert_eq!((versions.0.map(|v| &*v.version), versions.1.map(|v| &*v.version)), (Some("1.2.0"), Some("2.0.0")));

    registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
    until(&host, "2.0.0").await?;
    assert_eq!(host.provider("asking").await?.granted.egress().hosts, [ONE.parse()?, TWO.parse()?]);
    // Back to an older version, which requests less: that is a difference of its own.
    let older = waits(add(&host, &first, false).await?)?;
    ensure!(shown(&older).contains(&"~ version: 2.0.0 -> 1.0.0, which is older".to_owned()), "{:?}", shown(&older));
    assert_eq!(called(&host).await?, "2.0.0");
    assert_eq!(registry::waiting(&db, "asking").await?, older);
    registry::accept(&db, &OPERATOR, "asking", &older.sha256).await?;
    until(&host, "1.0.0").await
}

/// S1 of the security review: the second provider of a name had the revisions of the first, so that a host which had not
/// called meanwhile went on with the grant and the component of the first.
#[tokio::test]
async fn what_was_removed_is_not_used_although_a_provider_of_this_name_is_added_again() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let (running, operator) = (host(&db)?, host(&database.open(&Clock::System).await?)?);
    for remove_by_force in [false, true] {
        let wide = asking("asking", "1.0.0", &[ONE, TWO]).await?;
        let waiting = waits(add(&operator, &wide, false).await?)?;
        registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
        assert_eq!(called(&running).await?, "1.0.0");
        assert_eq!(running.provider("asking").await?.granted.egress().hosts, [ONE.parse()?, TWO.parse()?]);

        if remove_by_force {
            // Only a provider that is in use stays in the table, turned off.
            let (place, id) = (organisation(&db, "One").await?, ConnectionId::new(Clock::System.now()));
            connect(&database, place, "asking", &id, b"sealed", "key").await?;
        }
        registry::remove(&db, &OPERATOR, "asking", remove_by_force).await?;
        let narrow = asking("asking", "2.0.0", &[]).await?;
        let waiting = waits(add(&operator, &narrow, false).await?)?;
        registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
        let provider = running.provider("asking").await?;
        assert_eq!(provider.granted.egress().hosts, [], "by force: {remove_by_force}");
        assert_eq!(answers(&provider.plugin).await?, "2.0.0", "by force: {remove_by_force}");
        if !remove_by_force {
            registry::remove(&db, &OPERATOR, "asking", false).await?;
        }
    }
    Ok(())
}

/// Whatever operators do on two hosts, and whichever host looks when: a call has the grant that the database has now.
#[tokio::test]
async fn no_interleaving_lets_a_call_use_another_grant() -> anyhow::Result<()> {
    let seed = random::seed()?;
    println!("to repeat: SEED={seed}");
    let mut random = Random::new(seed);
    let database = Database::fresh().await?;
    let dbs = [database.open(&Clock::System).await?, database.open(&Clock::System).await?];
    let hosts = [host(&dbs[0])?, host(&dbs[1])?];
    let mut versions = Vec::new();
    for (version, granted) in [("1.0.0", &[ONE, TWO][..]), ("2.0.0", &[]), ("3.0.0", &[ONE])] {
        versions.push(asking("asking", version, granted).await?);
    }
    let (mut steps, mut grants_seen) = (Vec::new(), BTreeSet::new());
    for number in 0..120 {
        if number == 60 {
            // From now on, removing turns the provider off.
            add(&hosts[0], &versions[0], true).await?;
            let (place, id) = (organisation(&dbs[0], "One").await?, ConnectionId::new(Clock::System.now()));
            connect(&database, place, "asking", &id, b"sealed", "key").await?;
        }
        let (host, db) = random.one_of(&[(&hosts[0], &dbs[0]), (&hosts[1], &dbs[1])]);
        let step = random.below(8);
        steps.push(step);
        match step {
            0 => drop(registry::remove(db, &OPERATOR, "asking", true).await),
            1 => {
                if let Ok(waiting) = registry::waiting(db, "asking").await {
                    registry::accept(db, &OPERATOR, "asking", &waiting.sha256).await?;
                }
            }
            2 | 3 => {
                let version = &versions[usize::try_from(random.below(3))?];
                add(host, version, random.below(2) == 0).await?;
            }
            _ => {
                let granted = registry::granted(db, "asking").await?.map(|granted| granted.hosts);
                let used: Option<Vec<String>> = match host.provider("asking").await {
                    Ok(provider) => Some(provider.granted.egress().hosts.iter().map(ToString::to_string).collect()),
                    Err(RegistryError::Unknown(_) | RegistryError::Off(_)) => None,
                    Err(error) => return Err(error.into()),
                };
                assert_eq!(used, granted, "SEED={seed}, steps {steps:?}");
                grants_seen.insert(used);
            }
        }
    }
    assert!(grants_seen.len() >= 3, "the steps showed only {grants_seen:?}");
    Ok(())
}

/// 50 calls a second for two seconds, on two hosts of one database, while three versions are added and one of them is
/// accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_or_waits_for_a_new_version() -> anyhow::Result<()> {
    const CALLS: usize = 100;
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let (adding, other) = (host(&db)?, host(&database.open(&Clock::System).await?)?);
    let versions = [
        asking("asking", "1.0.0", &[ONE]).await?,
        asking("asking", "1.1.0", &[ONE]).await?,
        asking("asking", "2.0.0", &[ONE, TWO]).await?,
    ];
    add(&adding, &versions[0], true).await?;
    for host in [&adding, &other] {
        assert_eq!(called(host).await?, "1.0.0");
    }
    let stop = Arc::new(AtomicBool::new(false));
    // Each in its own task, like a request: the transaction of one task does not count for another.
    let calls = [&adding, &other].map(|host| {
        let (host, stop) = (host.clone(), stop.clone());
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(40));
            // Calls that a busy machine missed are caught up, so that each host gets 25 calls a second.
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
            let (mut made, mut slowest) = (0, Duration::ZERO);
            while made < CALLS / 2 || !stop.load(Ordering::Relaxed) {
                pace.tick().await;
                let begun = tokio::time::Instant::now();
                called(&host).await.with_context(|| format!("call {made} failed"))?;
                made += 1;
                slowest = slowest.max(begun.elapsed());
            }
            anyhow::Ok(slowest)
        })
    });
    let changes = async {
        let mut pace = tokio::time::interval(Duration::from_millis(500));
        pace.tick().await;
        pace.tick().await;
        assert_eq!(add(&adding, &versions[1], false).await?, AddOutcome::Active { id: "asking".into() });
        until(&other, "1.1.0").await?;
        pace.tick().await;
        let waiting = waits(add(&adding, &versions[2], false).await?)?;
        assert_eq!((called(&adding).await?, called(&other).await?), ("1.1.0".into(), "1.1.0".into()));
        registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
        until(&adding, "2.0.0").await?;
        until(&other, "2.0.0").await?;
        stop.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    changes.await?;
    for calls in calls {
        let slowest = calls.await??;
        // A call that waited for the compilation of a component would take at least as long as the compilation.
        ensure!(slowest < Duration::from_secs(2), "the slowest call took {slowest:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_component_is_compiled_once_whoever_asks() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    add(&host(&db)?, &asking("asking", "1.0.0", &[]).await?, true).await?;
    let fresh = host(&db)?;
    let calls = (0..20).map(|_| {
        let host = fresh.clone();
        tokio::spawn(async move { called(&host).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await??, "1.0.0");
    }
    // If one of the callers is cancelled, the others still get the component.
    let fresh = host(&db)?;
    let given_up = tokio::spawn({
        let host = fresh.clone();
        async move { called(&host).await }
    });
    tokio::task::yield_now().await;
    given_up.abort();
    assert_eq!(called(&fresh).await?, "1.0.0");
    Ok(())
}

#[tokio::test]
async fn a_component_that_was_damaged_in_the_database_does_not_load_and_the_old_one_goes_on() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let host = host(&db)?;
    add(&host, &asking("asking", "1.0.0", &[]).await?, true).await?;
    assert_eq!(called(&host).await?, "1.0.0");
    let other = self::host(&db)?;
    add(&other, &asking("asking", "1.1.0", &[]).await?, false).await?;
    database.run("update components set bytes = (select bytes from components where version = '1.0.0')").await?;
    for _ in 0..5 {
        assert_eq!(called(&host).await?, "1.0.0");
        tokio::task::yield_now().await;
    }
    match self::host(&db)?.provider("asking").await {
        Err(error @ RegistryError::Load(..)) => {
            ensure!(error.to_string().contains("damaged") && error.code() == "provider-load", "{error}");
        }
        _ => anyhow::bail!("it loaded"),
    }
    Ok(())
}

#[tokio::test]
async fn nothing_gets_in_for_which_nobody_vouches() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let host = host(&db)?;
    let bytes = asking("asking", "1.0.0", &[]).await?;
    let digest = inspect(&bytes)?.sha256;
    let other = inspect(&asking("asking", "1.0.1", &[]).await?)?.sha256;
    assert!(matches!(
        host.add(&OPERATOR, &bytes, Provenance::Digest(&other), true).await,
        Err(AddError::Digest { .. })
    ));
    let built = tokio::task::spawn_blocking(components).await??.provider("ical")?;
    let signature = built.signature.as_ref().context("providers are signed")?;
    let signature = Signature::parse(&std::fs::read_to_string(signature)?)?;
    let trusted = std::fs::read_to_string(repo_root().join("plugins-build/out/trusted.pub"))?;
    let trusted = [TrustedKey::parse(&trusted)?];
    // A signature of other bytes, and a signature with an untrusted key.
    let mixed_up = host.add(&OPERATOR, &bytes, Provenance::Signature(&signature, &trusted), true).await;
    assert!(matches!(mixed_up, Err(AddError::Signature(_))));
    let ical = std::fs::read(&built.path)?;
    assert!(matches!(
        host.add(&OPERATOR, &ical, Provenance::Signature(&signature, &[]), true).await,
        Err(AddError::Signature(_))
    ));
    assert!(matches!(host.add(&OPERATOR, b"", Provenance::Digest(""), true).await, Err(AddError::Admission(_))));
    assert_eq!(registry::list(&db).await?, []);
    let signed = host.add(&OPERATOR, &ical, Provenance::Signature(&signature, &trusted), false).await?;
    assert_eq!(waits(signed)?.id, "ical");
    let upper = host.add(&OPERATOR, &bytes, Provenance::Digest(&digest.to_uppercase()), true).await?;
    assert_eq!(upper, AddOutcome::Active { id: "asking".into() });
    Ok(())
}

#[tokio::test]
async fn a_provider_is_removed_only_while_nobody_is_connected_unless_it_must_be() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let (host, other) = (host(&db)?, host(&db)?);
    let bytes = asking("asking", "1.0.0", &[ONE]).await?;
    add(&host, &bytes, true).await?;
    called(&other).await?;
    registry::remove(&db, &OPERATOR, "asking", false).await?;
    for host in [&host, &other] {
        assert!(matches!(host.provider("asking").await, Err(RegistryError::Unknown(_))));
    }
    assert!(matches!(registry::remove(&db, &OPERATOR, "asking", true).await, Err(ChangeError::Unknown(_))));
    // No trace is left: the version waits again.
    let waiting = waits(add(&host, &bytes, false).await?)?;
    registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
    called(&other).await?;

    let place = organisation(&db, "One").await?;
    connect(&database, place, "asking", &ConnectionId::new(Clock::System.now()), b"sealed", "key").await?;
    match registry::remove(&db, &OPERATOR, "asking", false).await {
        Err(error @ ChangeError::InUse { connections: 1, .. }) => assert!(error.to_string().contains("--force")),
        other => anyhow::bail!("{other:?}"),
    }
    called(&other).await?;
    registry::remove(&db, &OPERATOR, "asking", true).await?;
    assert!(matches!(other.provider("asking").await, Err(RegistryError::Off(_))));
    let listed = registry::list(&db).await?;
    assert_eq!((listed[0].state, listed[0].connections), (ProviderState::Off, 1));
    let waiting = waits(add(&host, &bytes, false).await?)?;
    assert!(shown(&waiting).contains(&format!("+ host {ONE}")));
    registry::accept(&db, &OPERATOR, "asking", &waiting.sha256).await?;
    assert_eq!(called(&other).await?, "1.0.0");
    Ok(())
}

/// Several operators add versions at once: each version is stored, and the provider uses one of them at the end.
#[tokio::test]
async fn operators_at_once_do_not_undo_each_other() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let host = host(&db)?;
    let versions = [
        asking("asking", "1.0.0", &[ONE]).await?,
        asking("asking", "1.0.1", &[ONE]).await?,
        asking("asking", "1.0.2", &[ONE]).await?,
    ];
    let operators = versions.map(|bytes| {
        let host = host.clone();
        tokio::spawn(async move { add(&host, &bytes, true).await })
    });
    for operator in operators {
        assert_eq!(operator.await??, AddOutcome::Active { id: "asking".into() });
    }
    assert!(called(&self::host(&db)?).await?.starts_with("1.0."));
    Ok(())
}

#[tokio::test]
async fn a_provider_is_offered_where_it_is_enabled_and_nowhere_else() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let db = database.open(&Clock::System).await?;
    let host = host(&db)?;
    add(&host, &asking("asking", "1.0.0", &[]).await?, true).await?;
    add(&host, &asking("waiting", "1.0.0", &[]).await?, false).await?;
    let (one, two) = (organisation(&db, "One").await?, organisation(&db, "Two").await?);
    let programs =
        [programs::add(&db, &OPERATOR, one.0, "A").await?.id, programs::add(&db, &OPERATOR, one.0, "B").await?.id];
    let offer = |provider: &str, organisation, program| Offer { provider: provider.into(), organisation, program };
    let ids = async |organisation, program| -> anyhow::Result<Vec<String>> {
        Ok(offers::offered(&db, organisation, program).await?.into_iter().map(|offered| offered.provider).collect())
    };
    assert!(offers::enable(&db, &OPERATOR, &offer("asking", one.0, Some(programs[0]))).await?);
    assert!(!offers::enable(&db, &OPERATOR, &offer("asking", one.0, Some(programs[0]))).await?);
    assert!(offers::enable(&db, &OPERATOR, &offer("waiting", one.0, None)).await?);
    assert_eq!(ids(one.0, Some(programs[0])).await?, ["asking"]);
    assert_eq!((ids(one.0, Some(programs[1])).await?, ids(one.0, None).await?), (vec![], vec![]));
    let to = async |person: (OrganisationId, PersonId)| -> anyhow::Result<Vec<String>> {
        Ok(offers::to_person(&mut db.begin_read().await?, person.0, person.1).await?)
    };
    assert_eq!(to(one).await?, [""; 0]);
    assert!(offers::enable(&db, &OPERATOR, &offer("asking", one.0, None)).await?);
    assert_eq!((to(one).await?, to(two).await?), (vec!["asking".to_owned()], vec![]));
    assert_eq!(ids(one.0, None).await?, ["asking"]);
    assert!(offers::disable(&db, &OPERATOR, &offer("asking", one.0, None)).await?);
    assert!(!offers::disable(&db, &OPERATOR, &offer("asking", one.0, None)).await?);
    assert_eq!(ids(one.0, Some(programs[0])).await?, ["asking"]);

    let nobody = OrganisationId::new(Clock::System.now());
    let refused = [
        offers::enable(&db, &OPERATOR, &offer("nobody", one.0, None)).await,
        offers::enable(&db, &OPERATOR, &offer("asking", nobody, None)).await,
        // A program of another organisation.
        offers::enable(&db, &OPERATOR, &offer("asking", two.0, Some(programs[0]))).await,
    ];
    assert!(matches!(
        refused,
        [Err(OfferError::NoProvider(_)), Err(OfferError::NoOrganisation), Err(OfferError::NoProgram)]
    ));
    Ok(())
}

/// A new organisation with one person.
pub(crate) async fn organisation(db: &Db, name: &str) -> anyhow::Result<(OrganisationId, PersonId)> {
    let organisation = organisations::add(db, &OPERATOR, name).await?.id;
    Ok((organisation, person(db, organisation, "ann@example.org").await?))
}

/// A new person in an organisation.
pub(crate) async fn person(db: &Db, organisation: OrganisationId, email: &str) -> anyhow::Result<PersonId> {
    let (email, name, zone) = (email.into(), "Ann".into(), "UTC".into());
    Ok(people::add(db, &OPERATOR, organisation, NewPerson { email, name, zone, role: Role::Participant }).await?.id)
}

/// Stores a connection without a sign-in.
pub(crate) async fn connect(
    database: &Database,
    (organisation, person): (OrganisationId, PersonId),
    provider: &str,
    id: &ConnectionId,
    sealed: &[u8],
    sealed_by: &str,
) -> anyhow::Result<()> {
    const INSERT: &str = "insert into connections (id, organisation_id, person_id, provider_id, sign_in, zone, fields, \
         sealed, sealed_by, account, opened_at, state, memo_revision, connected_at) \
         values ($1, $2, $3, $4, 'none', 'UTC', '[]', $5, $6, '{}', 0, 'connected', 0, 0)";
    let (id, organisation, person) = (id.to_string(), organisation.to_string(), person.to_string());
    if Engine::of_this_run()? == Engine::Sqlite {
        let query = sqlx::query(INSERT).bind(id).bind(organisation).bind(person).bind(provider);
        let mut connection = SqliteConnection::connect(&database.address()).await?;
        query.bind(sealed).bind(sealed_by).execute(&mut connection).await?;
    } else {
        let query = sqlx::query(INSERT).bind(id).bind(organisation).bind(person).bind(provider);
        let mut connection = PgConnection::connect(&database.address()).await?;
        query.bind(sealed).bind(sealed_by).execute(&mut connection).await?;
    }
    Ok(())
}
