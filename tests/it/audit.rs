//! The audit log: an entry is there if and only if its act is, is found by what an operator knows, and goes by age alone.

use anyhow::{Context as _, ensure};
use chronus_host::{
    app,
    audit::{self, Act, Author, AuthorKind, Entry, Filter, RecordedEntry, Values},
    auth::{
        sessions::{self, Session},
        sign_in::{self, NewSession},
        sign_out::end_other_sessions,
        tokens::{self, Holder, NewToken},
    },
    clock::Clock,
    db::Db,
    ids::{JobId, MeetingId, OrganisationId, PersonId, SessionId},
    jobs::{self, Effect, Owner, RetryOutcome},
    organisations,
    people::{self, NewPerson, PersonError, Role, administrators},
    secrets::Keyring,
};
use chronus_tests::{OPERATOR, database::Database, jobs::claim};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

async fn all(db: &Db) -> anyhow::Result<Vec<RecordedEntry>> {
    Ok(audit::list(db, &Filter::default(), 1000).await?)
}

fn clock() -> anyhow::Result<Clock> {
    Ok(Clock::at("2026-11-24T09:00:00Z".parse()?))
}

#[tokio::test]
async fn an_act_that_is_rolled_back_leaves_no_entry() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    let person = PersonId::new(clock.now());
    for commits in [false, true] {
        let mut tx = db.begin().await?;
        audit::record(&mut tx, Entry::new(&OPERATOR, Act::PersonCreated, person)).await?;
        if commits {
            tx.commit().await?;
        } else {
            drop(tx);
        }
        ensure!(all(&db).await?.len() == usize::from(commits), "{commits}");
    }

    // An act that fails, and one that changes nothing.
    let organisation = organisations::add(&db, &OPERATOR, "One").await?.id;
    let new = |name: &str| NewPerson {
        email: format!("{name}@example.org"),
        name: name.to_owned(),
        zone: "Europe/Rome".into(),
        role: Role::Participant,
    };
    let ann = people::add(&db, &OPERATOR, organisation, new("ann")).await?.id;
    let before = all(&db).await?;
    let acts: Vec<_> = before.iter().map(|entry| entry.act).collect();
    ensure!(acts == [Act::PersonCreated, Act::OrganisationCreated, Act::PersonCreated], "{acts:?}");
    organisations::add(&db, &OPERATOR, "One").await.err().context("the name is taken")?;
    let taken = people::add(&db, &OPERATOR, organisation, new("Ann")).await;
    ensure!(matches!(taken, Err(PersonError::Taken)), "{taken:?}");
    administrators::set_role(&db, &OPERATOR, organisation, ann, Role::Participant).await?;
    ensure!(all(&db).await? == before, "what was not done left an entry");
    administrators::set_role(&db, &OPERATOR, organisation, ann, Role::GlobalAdmin).await?;
    let last = all(&db).await?.pop().context("an entry")?;
    ensure!((&last.before["role"], &last.after["role"]) == (&"participant".into(), &"global-admin".into()), "{last:?}");

    // No entry holds a name or an address of hers.
    let text = serde_json::to_string(&all(&db).await?)?;
    ensure!(text.contains(&ann.to_string()) && !text.contains("ann@") && !text.contains("\"ann\""), "{text}");
    Ok(())
}

#[tokio::test]
async fn entries_are_found_by_organisation_author_subject_and_time() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    let [one, two] = [(); 2].map(|()| OrganisationId::new(clock.now()));
    let (ann, session, job) = (PersonId::new(clock.now()), SessionId::new(clock.now()), JobId::new(clock.now()));
    let start = clock.now();
    for (author, organisation) in
        [(Author::Browser(ann, session), one), (Author::Job(job), two), (Author::Host, one), (OPERATOR, two)]
    {
        let mut tx = db.begin().await?;
        let entry = Entry::new(&author, Act::MembershipSet, ann).organisation(organisation);
        audit::record(&mut tx, entry.after(Values::new().role("participant"))).await?;
        tx.commit().await?;
        clock.advance(SignedDuration::from_secs(60));
    }
    let everything = all(&db).await?;
    let found = async |filter: Filter| -> anyhow::Result<Vec<usize>> {
        let entries = audit::list(&db, &filter, 1000).await?;
        let at = |entry| everything.iter().position(|other| *other == entry).context("an entry of the list");
        entries.into_iter().map(at).collect()
    };
    let later = |minutes| start.checked_add(SignedDuration::from_mins(minutes)).ok();
    let author = |text: String| Filter { author: Some(text), ..Filter::default() };
    let subject = |text: String| Filter { subject: Some(text), ..Filter::default() };
    for (filter, wanted) in [
        (Filter::default(), vec![0, 1, 2, 3]),
        (Filter { organisation: Some(one), ..Filter::default() }, vec![0, 2]),
        (Filter { organisation: Some(two), since: later(2), ..Filter::default() }, vec![3]),
        (Filter { since: later(1), until: later(3), ..Filter::default() }, vec![1, 2]),
        (author(ann.to_string()), vec![0]),
        (author(session.to_string()), vec![0]),
        (author(job.to_string()), vec![1]),
        (author("host".into()), vec![1, 2]),
        (Filter { organisation: Some(one), ..author("host".into()) }, vec![2]),
        (subject(ann.to_string()), vec![0, 1, 2, 3]),
        (subject("person".into()), vec![0, 1, 2, 3]),
        (subject("meeting".into()), vec![]),
    ] {
        let what = format!("{filter:?}");
        ensure!(found(filter).await? == wanted, "{what}");
    }
    // The newest, in the order of time.
    ensure!(audit::list(&db, &Filter::default(), 2).await? == everything[2..], "the newest");
    Ok(())
}

#[tokio::test]
async fn the_name_of_a_token_is_recorded_and_its_secret_is_not() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    let scopes = Holder::Operator.scopes();
    let new = NewToken { holder: Holder::Operator, name: "of the pipeline".into(), scopes, expires_at: None };
    let (_, secret) = tokens::issue(&db, &OPERATOR, new.clone()).await?;
    let secret = secret.expose_secret().to_owned();
    let actor = tokens::authenticate(&db, &clock, &secret).await?.context("the token is valid")?;
    let (child, _) = tokens::create(&db, &actor, NewToken { name: "of a step".into(), ..new }).await?;
    tokens::revoke(&db, &actor, child.id).await?;
    tokens::revoke(&db, &actor, child.id).await?;
    let entries = all(&db).await?;
    let acts: Vec<_> = entries.iter().map(|entry| (entry.act, entry.name.as_deref())).collect();
    let name = Some("of the pipeline");
    ensure!(acts == [(Act::TokenCreated, None), (Act::TokenCreated, name), (Act::TokenRevoked, name)], "{acts:?}");
    let text = serde_json::to_string(&entries)?;
    ensure!(text.contains("of a step") && !text.contains(&secret), "{text}");
    Ok(())
}

#[tokio::test]
async fn entries_are_deleted_by_age_alone() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    for name in ["One", "Two"] {
        organisations::add(&db, &OPERATOR, name).await?;
        clock.advance(SignedDuration::from_hours(24));
    }
    // One is two days old, and two is one day old.
    for (hours, left) in [(49, 2), (47, 1), (25, 1), (23, 0)] {
        let mut tx = db.begin().await?;
        audit::delete_older(&mut tx, SignedDuration::from_hours(hours)).await?;
        tx.commit().await?;
        ensure!(all(&db).await?.len() == left, "{hours}");
    }
    Ok(())
}

/// The audit log of somebody who signs in, as (act, subject) and the author.
async fn of_sessions(db: &Db) -> anyhow::Result<Vec<(Act, String, Option<PersonId>)>> {
    let filter = Filter { subject: Some("session".into()), ..Filter::default() };
    let entries = audit::list(db, &filter, 1000).await?;
    Ok(entries.into_iter().map(|entry| (entry.act, entry.subject, entry.person)).collect())
}

#[tokio::test]
async fn a_session_that_another_one_ends_is_recorded() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    let mut people = Vec::new();
    for name in ["ann", "ben"] {
        let organisation = organisations::add(&db, &OPERATOR, name).await?.id;
        let (email, zone, role) = (format!("{name}@example.org"), "Europe/Rome".into(), Role::Participant);
        let new = NewPerson { email, name: name.to_owned(), zone, role };
        people.push((people::add(&db, &OPERATOR, organisation, new).await?.id, organisation));
    }
    let [(ann, school), (ben, _)] = people[..] else { anyhow::bail!("{people:?}") };
    let sign_in = async |person, replaces: Option<&NewSession>| -> anyhow::Result<NewSession> {
        let mut tx = db.begin().await?;
        let link = sign_in::make_link(&mut tx, person, "/").await?;
        tx.commit().await?;
        let replaces = replaces.map(|session| session.cookie.expose_secret());
        sign_in::use_up(&db, link.expose_secret(), replaces).await?.context("the link is valid")
    };
    let session = async |new: &NewSession| -> anyhow::Result<Session> {
        let found = sessions::authenticate(&db, &clock, new.cookie.expose_secret()).await?;
        Ok(found.context("the session is valid")?.0)
    };

    // Somebody else signs in with the same browser, and then a cookie comes that is no session any more.
    let first = sign_in(ann, None).await?;
    let one = session(&first).await?;
    let second = sign_in(ben, Some(&first)).await?;
    let two = session(&second).await?;
    let third = sign_in(ann, Some(&first)).await?;
    let three = session(&third).await?;
    let id = |session: &Session| session.id.to_string();
    let mut expected = vec![
        (Act::SignedIn, id(&one), Some(ann)),
        (Act::SignedOut, id(&one), Some(ben)),
        (Act::SignedIn, id(&two), Some(ben)),
        (Act::SignedIn, id(&three), Some(ann)),
    ];
    assert_eq!(of_sessions(&db).await?, expected);
    let filter = Filter { subject: Some(id(&one)), organisation: Some(school), ..Filter::default() };
    let entries = audit::list(&db, &filter, 10).await?;
    ensure!(entries.len() == 2 && entries[1].before["person"] == ann.to_string(), "{entries:?}");

    // Her other sessions end, each with an entry.
    let fourth = sign_in(ann, None).await?;
    let four = session(&fourth).await?;
    ensure!(end_other_sessions(&db, &four).await? == 1);
    expected.push((Act::SignedIn, id(&four), Some(ann)));
    expected.push((Act::SignedOut, id(&three), Some(ann)));
    expected.push((Act::OtherSessionsEnded, id(&four), Some(ann)));
    assert_eq!(of_sessions(&db).await?, expected);

    // An expired session has no person who ended it.
    clock.advance(sessions::LIFETIME);
    sign_in(ben, Some(&second)).await?;
    let entries = of_sessions(&db).await?;
    ensure!(entries.len() == expected.len() + 1 && entries.last().is_some_and(|last| last.0 == Act::SignedIn));
    Ok(())
}

#[tokio::test]
async fn tokens_that_end_with_another_one_are_recorded() -> anyhow::Result<()> {
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    let scopes = Holder::Operator.scopes();
    let new = NewToken { holder: Holder::Operator, name: "parent".into(), scopes, expires_at: None };
    let (parent, secret) = tokens::issue(&db, &OPERATOR, new.clone()).await?;
    let actor = tokens::authenticate(&db, &clock, secret.expose_secret()).await?.context("the token is valid")?;
    let mut children = BTreeSet::new();
    for name in ["first", "second"] {
        let (child, _) = tokens::create(&db, &actor, NewToken { name: name.into(), ..new.clone() }).await?;
        children.insert(child.id.to_string());
    }
    let first = children.first().context("a child")?.parse()?;
    tokens::revoke_any(&db, &OPERATOR, first).await?;
    tokens::revoke_any(&db, &OPERATOR, parent.id).await?;
    let entries = all(&db).await?;
    let revoked: Vec<_> = entries.iter().filter(|entry| entry.act == Act::TokenRevoked).collect();
    ensure!(revoked.len() == 3 && revoked.iter().all(|entry| entry.before["name"].is_string()), "{revoked:?}");
    let subjects: BTreeSet<_> = revoked.iter().map(|entry| entry.subject.clone()).collect();
    children.insert(parent.id.to_string());
    assert_eq!(subjects, children);
    Ok(())
}

/// `chronus key add` needs no database.
#[tokio::test]
async fn keys_that_are_older_than_their_database_are_recorded_once() -> anyhow::Result<()> {
    let folder = tempfile::TempDir::new()?;
    let keys = folder.path().join("chronus.keys");
    let first = Keyring::generate_at(&keys)?.primary();
    let second = Keyring::add(&keys)?;
    Keyring::use_key(&keys, &second)?;
    let database = Database::fresh().await?;
    let db = database.open(&clock()?).await?;
    for _ in 0..2 {
        app::open_keyring(&db, &Author::Host, &keys).await?;
    }
    let entries = all(&db).await?;
    let found: BTreeSet<_> =
        entries.iter().map(|entry| (entry.act, &*entry.subject, entry.after["state"].as_str())).collect();
    ensure!(
        found == [(Act::KeyFound, &*first, Some("opens")), (Act::KeyFound, &*second, Some("seals"))].into(),
        "{entries:?}"
    );
    ensure!(entries.len() == 2 && entries.iter().all(|entry| entry.author == AuthorKind::Host), "{entries:?}");
    // A file that the host makes has one key, which it adds.
    let database = Database::fresh().await?;
    let db = database.open(&clock()?).await?;
    app::open_keyring(&db, &Author::Host, &folder.path().join("other.keys")).await?;
    let entries = all(&db).await?;
    ensure!(entries.len() == 1 && entries[0].act == Act::KeyAdded, "{entries:?}");
    Ok(())
}

/// How a job comes to its end without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its handler says that it cannot succeed.
    Refused,
    /// Each attempt fails.
    Failures,
    /// Each host that runs it dies.
    Deaths,
}

/// Whether a change of another system may have been made is known only if none was begun, or if the service refused it.
#[tokio::test]
async fn a_job_that_is_given_up_is_recorded_with_what_is_known() -> anyhow::Result<()> {
    const LEASE: Duration = Duration::from_secs(30);
    let database = Database::fresh().await?;
    let clock = clock()?;
    let db = database.open(&clock).await?;
    let organisation = OrganisationId::new(clock.now());
    for (acts, end, outcome) in [
        (false, End::Refused, "failed"),
        (true, End::Refused, "failed"),
        (false, End::Failures, "failed"),
        (true, End::Failures, "unknown"),
        (false, End::Deaths, "failed"),
        (true, End::Deaths, "unknown"),
    ] {
        let meeting = MeetingId::new(clock.now());
        let mut tx = db.begin().await?;
        let owner = Owner::organisation(organisation);
        jobs::enqueue_for(&mut tx, &Effect::PushMeeting { meeting }, &owner).await?;
        tx.commit().await?;
        let mut job = None;
        for attempt in 1..=jobs::MAX_ATTEMPTS {
            let mut tx = db.begin().await?;
            let lease = claim(&mut tx, "a host", LEASE).await?.context("the job is due")?;
            if acts && attempt == 1 {
                jobs::begin_act(&mut tx, &lease).await?;
            }
            job = Some(lease.job);
            match end {
                End::Refused => jobs::bury(&mut tx, &lease, "no, says hunter22").await?,
                End::Failures => {
                    if let RetryOutcome::At(at) = jobs::retry(&mut tx, &lease, "not now, says hunter22", None).await? {
                        clock.advance(at.duration_since(clock.now()));
                    }
                }
                End::Deaths => clock.advance(SignedDuration::try_from(LEASE)?),
            }
            tx.commit().await?;
            if end == End::Refused {
                break;
            }
        }
        let mut tx = db.begin().await?;
        ensure!(claim(&mut tx, "a host", LEASE).await?.is_none(), "{end:?}: it is tried again");
        tx.commit().await?;

        let filter = Filter { subject: Some(meeting.to_string()), ..Filter::default() };
        let entries = audit::list(&db, &filter, 1000).await?;
        let [entry] = &entries[..] else { anyhow::bail!("{end:?}: {entries:?}") };
        ensure!(
            (entry.act, entry.author, entry.organisation) == (Act::JobFailed, AuthorKind::Host, Some(organisation))
        );
        ensure!(entry.means_id == job.map(|job| job.to_string()), "{entry:?}");
        assert_eq!(entry.after, json!({ "kind": "push-meeting", "outcome": outcome }), "{acts} {end:?}");
    }
    Ok(())
}
