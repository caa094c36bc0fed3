//! The way to the service's page and back, and everything that can go wrong on it (M4, M8, M12, M13, M14, M15).

use super::world::{ANN, BEN, Choice, World, refused};
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{self, Act, Filter},
    availability::{self, Busy},
    calendar::Window,
    connections::{
        CallbackOutcome, ConnectError, State,
        approvals::{self, Applicant},
    },
    ids::PersonId,
    oauth::code_grant::Callback,
    people::{self, NewPerson, Role},
    plugins::{Remedy, contract::ScopeLevel},
};
use chronus_tests::OPERATOR;
use jiff::SignedDuration;

fn scopes(page: &url::Url) -> Vec<String> {
    let scope = page.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
    scope.unwrap_or_default().split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_asked_for_is_the_least_that_does() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.browser();
    let page = world.begin(&ann).await?;
    let asked = scopes(&page);
    ensure!(asked.iter().any(|scope| scope.ends_with("/auth/calendar.freebusy")), "{asked:?}");
    ensure!(!asked.iter().any(|scope| scope.ends_with("/auth/calendar.events")), "{asked:?}");
    for (name, value) in [("response_type", "code"), ("access_type", "offline"), ("prompt", "consent")] {
        ensure!(page.query_pairs().any(|(n, v)| n == name && v == value), "{name}={value}: {page}");
    }
    let read = world.connect(&ann, ANN).await?;
    let level = read.token.as_ref().map(|token| token.level);
    ensure!(level == Some(ScopeLevel::Read) && !read.account.abilities.write, "{read:?}");
    ensure!(read.address.as_deref() == Some(ANN), "{:?}", read.address);

    // From here on meetings are to be written: the same account gives more, and stays the same connection.
    world.two_way().await?;
    let page = world.begin(&ann).await?;
    ensure!(scopes(&page).iter().any(|scope| scope.ends_with("/auth/calendar.events")), "{page}");
    ensure!(!page.query_pairs().any(|(name, _)| name == "prompt"), "who has consented is not asked from the beginning");
    let write = world.connect(&ann, ANN).await?;
    ensure!(write.id == read.id && write.account.abilities.write, "{write:?}");
    ensure!(write.account_digest() == read.account_digest(), "what was written is found again");
    // The refresh token goes on to be good: it came only with the first consent.
    world.clock.advance(SignedDuration::from_hours(2));
    world.token_requests();
    ensure!(world.app.calendars.open_session(world.organisation, world.ann).await.is_ok(), "the token is renewed");
    assert_eq!(world.token_requests(), 1);
    Ok(())
}

#[tokio::test]
async fn busy_times_are_seen_with_either_access() -> anyhow::Result<()> {
    let world = World::new().await?;
    world
        .put_event(
            ANN,
            &serde_json::json!({ "summary": "Dentist", "start": { "dateTime": "2026-11-25T10:00:00Z" },
                            "end": { "dateTime": "2026-11-25T11:00:00Z" } }),
        )
        .await?;
    let window = Window { start: "2026-11-25T00:00:00Z".parse()?, end: "2026-11-26T00:00:00Z".parse()? };
    for two_way in [false, true] {
        if two_way {
            world.two_way().await?;
        }
        world.connect(&world.browser(), ANN).await?;
        let busy = availability::busy(&world.app.calendars, world.organisation, world.ann, window).await?;
        let Busy::Known { intervals, .. } = busy else { anyhow::bail!("{busy:?}") };
        let times: Vec<_> = intervals.iter().map(|one| format!("{}/{}", one.start, one.end)).collect();
        assert_eq!(times, ["2026-11-25T10:00:00Z/2026-11-25T11:00:00Z"], "two-way: {two_way}");
    }
    Ok(())
}

#[tokio::test]
async fn consent_that_is_refused_or_cut_down_stores_nothing() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    let ann = world.browser();
    let before = world.rows().await?;

    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::Cancel).await?;
    let error = refused(world.finish(&ann, &callback).await)?;
    ensure!(matches!(&error, ConnectError::Consent(failure) if failure.remedy == Remedy::NotPermitted), "{error:?}");

    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::Without("/auth/calendar.events")).await?;
    let error = refused(world.finish(&ann, &callback).await)?;
    ensure!(matches!(&error, ConnectError::ScopesMissing(missing) if missing.len() == 1), "{error:?}");
    ensure!(error.advice().contains("every box ticked"), "{}", error.advice());

    ensure!(world.connection(world.ann).await?.is_none());
    let mut after = world.rows().await?;
    // What was given in vain is to be revoked.
    assert_eq!((after.remove("revocations"), after.remove("jobs")), (Some(1), Some(1)));
    let mut before: std::collections::BTreeMap<_, _> =
        before.into_iter().filter(|(table, _)| table != "revocations" && table != "jobs").collect();
    // The audit log has both beginnings and both ends.
    *before.entry("audit_entries".into()).or_default() += 4;
    assert_eq!(after, before);
    let filter = Filter { subject: Some(world.ann.to_string()), ..Filter::default() };
    let entries = audit::list(&world.app.db, &filter, 100).await?;
    let failed: Vec<_> = entries.iter().filter(|entry| entry.act == Act::ConnectingFailed).collect();
    ensure!(failed.iter().all(|entry| entry.person == Some(world.ann) && entry.after["provider"] == "google"));
    let outcomes: Vec<_> = failed.iter().map(|entry| entry.after["outcome"].as_str()).collect();
    ensure!(outcomes == [Some("not-permitted"), Some("scopes-missing")], "{entries:?}");
    Ok(())
}

#[tokio::test]
async fn who_needs_their_administrator_is_told_so_and_so_is_the_next_of_the_domain() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.google.add_domain("school.example");
    world.google.block_apps("school.example", true);
    let ann = world.browser();
    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::All).await?;
    let error = refused(world.finish(&ann, &callback).await)?;
    let ConnectError::Consent(failure) = &error else { anyhow::bail!("{error:?}") };
    let Remedy::NeedsAdminApproval(approval) = &failure.remedy else { anyhow::bail!("{failure:?}") };
    let link = approval.page.as_deref().context("a page")?;
    let advice = error.advice();
    ensure!(advice.contains("IT administrator of your organisation") && advice.contains(link), "{advice}");

    let needed = async |person: PersonId, address: &str| -> anyhow::Result<_> {
        let mut tx = world.app.db.begin_read().await?;
        let applicant = Applicant { organisation: world.organisation, person, address, provider: "google" };
        Ok(approvals::needed(&mut tx, applicant).await?)
    };
    ensure!(needed(world.ben, BEN).await?.is_none(), "ann's browser alone convinces nobody");
    let gil = world.browser_of(add(&world, "gil@school.example").await?, "session-of-gil");
    let page = world.begin(&gil).await?;
    let callback = world.at_google(&page, ANN, Choice::All).await?;
    refused(world.finish(&gil, &callback).await)?;
    let told = needed(world.ben, BEN).await?.context("ben is told before he tries")?;
    assert_eq!((told.domain.as_str(), told.link.as_ref()), ("school.example", approval.page.as_ref()));
    ensure!(needed(world.ben, "eve@elsewhere.example").await?.is_none());

    // Once it is approved, the first person who succeeds removes the notice.
    world.google.block_apps("school.example", false);
    world.connect(&world.browser_of(world.ben, "session-of-ben"), BEN).await?;
    ensure!(needed(world.ann, ANN).await?.is_none());
    Ok(())
}

/// S17 of the security review: ann typed the refusal into the address bar, and everybody of her mail domain was told that
/// their administrator must approve. Of a public mail domain, nobody is.
#[tokio::test]
async fn what_one_browser_claims_binds_no_domain() -> anyhow::Result<()> {
    let world = World::new().await?;
    let claim = async |person: PersonId, session: &str| -> anyhow::Result<()> {
        let browser = world.browser_of(person, session);
        let page = world.begin(&browser).await?;
        let state = page.query_pairs().find(|(name, _)| name == "state").context("a state")?.1.into_owned();
        let parameters = [("state", state), ("error", "admin_policy_enforced".to_owned())];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        let error = refused(world.finish(&browser, &Callback { provider: "google".into(), parameters }).await)?;
        ensure!(matches!(&error, ConnectError::Consent(_)), "{error:?}");
        Ok(())
    };
    let is_told = async |person: PersonId, address: &str| -> anyhow::Result<bool> {
        let mut tx = world.app.db.begin_read().await?;
        let applicant = Applicant { organisation: world.organisation, person, address, provider: "google" };
        Ok(approvals::needed(&mut tx, applicant).await?.is_some())
    };
    for time in 0..3 {
        claim(world.ann, &format!("session {time} of ann")).await?;
    }
    ensure!(!is_told(world.ben, BEN).await? && is_told(world.ann, ANN).await?);
    let [gil, ida] = [add(&world, "gil@gmail.com").await?, add(&world, "ida@gmail.com").await?];
    claim(gil, "session of gil").await?;
    claim(ida, "session of ida").await?;
    ensure!(!is_told(world.ben, "ben@gmail.com").await? && !is_told(gil, "gil@gmail.com").await?);
    let eve = add(&world, "eve@school.example").await?;
    claim(eve, "session of eve").await?;
    ensure!(is_told(world.ben, BEN).await?);
    world.clock.advance(SignedDuration::from_hours(30 * 24));
    ensure!(!is_told(world.ben, BEN).await? && !is_told(world.ann, ANN).await?);
    Ok(())
}

async fn add(world: &World, email: &str) -> anyhow::Result<PersonId> {
    let new = NewPerson { email: email.into(), name: email.into(), zone: "UTC".into(), role: Role::Participant };
    Ok(people::add(&world.app.db, &OPERATOR, world.organisation, new).await?.id)
}

/// Nobody ends what another browser began, even with its state, and nobody ends it twice (M12).
#[tokio::test]
async fn a_state_is_good_once_and_in_one_browser() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.browser();
    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::All).await?;

    let another_of_ann = world.browser_of(world.ann, "another-session-of-ann");
    let ben = world.browser_of(world.ben, "session-of-ben");
    let ben_with_her_session = world.browser_of(world.ben, "session-of-ann");
    for stranger in [another_of_ann, ben, ben_with_her_session] {
        let error = refused(world.finish(&stranger, &callback).await)?;
        ensure!(matches!(error, ConnectError::State), "{error:?}");
    }
    assert_eq!(world.token_requests(), 0);
    ensure!(matches!(world.finish(&ann, &callback).await?, CallbackOutcome::Connected(_)), "hers is still good");
    let error = refused(world.finish(&ann, &callback).await)?;
    ensure!(matches!(error, ConnectError::State), "{error:?}");
    for changed in ["", "x", "0"] {
        let mut other = callback.clone();
        other.parameters.insert("state".into(), changed.into());
        ensure!(matches!(refused(world.finish(&ann, &other).await)?, ConnectError::State));
    }
    Ok(())
}

#[tokio::test]
async fn whoever_comes_back_late_begins_again() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.browser();
    let page = world.begin(&ann).await?;
    let callback = world.at_google(&page, ANN, Choice::All).await?;
    world.clock.advance(SignedDuration::from_mins(15));
    ensure!(matches!(refused(world.finish(&ann, &callback).await)?, ConnectError::State));
    assert_eq!(world.token_requests(), 0);
    // What nobody came back for is forgotten when the next one begins.
    world.begin(&ann).await?;
    world.clock.advance(SignedDuration::from_mins(16));
    world.begin(&ann).await?;
    assert_eq!(world.rows().await?["authorizations"], 1);
    Ok(())
}

/// A code that the service has seen already, and one that another verifier goes with, give nothing (RFC 7636 §4.6).
#[tokio::test]
async fn a_code_is_good_once_and_with_its_verifier() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.browser();
    let first = world.at_google(&world.begin(&ann).await?, ANN, Choice::All).await?;
    let second = world.at_google(&world.begin(&ann).await?, ANN, Choice::All).await?;
    let mut mixed = second.clone();
    mixed.parameters.insert("code".into(), first.parameters["code"].clone());
    let error = refused(world.finish(&ann, &mixed).await)?;
    ensure!(matches!(&error, ConnectError::Consent(failure) if failure.service_code == "invalid_grant"), "{error:?}");
    ensure!(world.connection(world.ann).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn another_account_is_connected_after_the_first_is_disconnected() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ann = world.browser();
    let first = world.connect(&ann, ANN).await?;
    let page = world.begin(&ann).await?;
    // She is at the service as somebody else.
    let callback = world.at_google(&page, BEN, Choice::All).await?;
    let error = refused(world.finish(&ann, &callback).await)?;
    ensure!(matches!(error, ConnectError::AlreadyConnected), "{error:?}");
    ensure!(world.connection(world.ann).await?.is_some_and(|now| now.address == first.address));
    world.disconnect(world.ann).await?;
    let other = world.connect(&ann, BEN).await?;
    ensure!(other.id != first.id && other.address.as_deref() == Some(BEN));
    ensure!(other.state == State::Connected);
    Ok(())
}

/// What the operator has not offered, or has not registered a client for, is not begun.
#[tokio::test]
async fn what_is_not_set_up_is_not_begun() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.database.run("delete from oauth_clients").await?;
    let error = refused(world.begin(&world.browser()).await)?;
    ensure!(matches!(&error, ConnectError::NoClient(id) if id == "google"), "{error:?}");
    world.database.run("delete from offers").await?;
    let error = refused(world.begin(&world.browser()).await)?;
    ensure!(matches!(error, ConnectError::NotOffered(_)), "{error:?}");
    assert_eq!(world.rows().await?["authorizations"], 0);
    Ok(())
}
