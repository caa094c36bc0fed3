//! The audit log: an entry is there if and only if its act is, is found by what an operator knows, and goes by age alone.

use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{self, Act, Author, Entry, Filter, RecordedEntry, Values},
    auth::tokens::{self, Holder, NewToken},
    clock::Clock,
    db::Db,
    ids::{JobId, OrganisationId, PersonId, SessionId},
    organisations,
    people::{self, NewPerson, PersonError, Role, administrators},
};
use chronus_tests::{OPERATOR, database::Database};
use jiff::SignedDuration;

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
    let secret = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
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
