//! A service account that acts for each person: tried, saved, at work, and removed.

use super::{
    super::{
        daily::LATER,
        world::{ANN, BEN, afternoon, until},
    },
    ASSERTION, GIL, ROBOT, SCOPES, School, add, dentist,
};
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{self, Act, Filter},
    availability::Busy,
    connections::{
        State,
        service_accounts::{self, InvitationTest, Kind},
    },
    ids::PersonId,
    meetings::{self, NewMeeting},
    people::Role,
    plugins::contract::ScopeLevel,
};
use jiff::SignedDuration;

impl School {
    async fn level(&self, person: PersonId) -> anyhow::Result<Option<ScopeLevel>> {
        Ok(self.connected(person).await?.token.map(|token| token.level))
    }
}

#[tokio::test]
async fn an_account_is_tried_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let school = School::new().await?;
    let mut before = school.rows().await?;
    let (calendars, organisation) = (&school.app.calendars, school.organisation);
    let probed = service_accounts::probe(calendars, &school.admin(), organisation, &school.delegated(ANN)).await?;
    ensure!((probed.kind, &*probed.mailbox) == (Kind::Delegated, ANN), "{probed:?}");
    ensure!(probed.client.as_deref() == Some(ROBOT) && probed.account.address.as_deref() == Some(ANN), "{probed:?}");
    ensure!(probed.account.abilities.write && probed.account.calendars.len() == 1, "{probed:?}");
    assert_eq!(probed.inviting, InvitationTest::Works);
    ensure!(school.google.events(ANN).is_empty() && school.google.mails().is_empty(), "the trial is to be seen");
    // Only that it was tried.
    *before.entry("audit_entries".into()).or_default() += 1;
    ensure!(school.rows().await? == before, "something was stored");
    Ok(())
}

#[tokio::test]
async fn everybody_of_the_domain_is_connected_each_under_their_own_address() -> anyhow::Result<()> {
    let school = School::new().await?;
    school.put_event(BEN, &dentist()).await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    for (person, address) in [(school.ann, ANN), (school.ben, BEN), (school.gil, GIL)] {
        let connection = school.connected(person).await?;
        ensure!(connection.service_account.is_some() && connection.state == State::Connected, "{connection:?}");
        ensure!(connection.subject.as_deref() == Some(address), "{connection:?}");
        ensure!(connection.address.as_deref() == Some(address), "{connection:?}");
        // No program of theirs is two-way: nothing can be written.
        ensure!(!connection.account.abilities.write && connection.home().is_none(), "{connection:?}");
        assert_eq!(school.level(person).await?, Some(ScopeLevel::Read));
    }
    assert_eq!(school.starts(school.ben).await?, ["2026-12-01T09:00:00Z"]);

    // Who comes later is connected when they come.
    school.google.add_user("new@school.example", "New", "Europe/Rome");
    let new = add(&school, "New@School.Example", Role::Participant).await?;
    until("the new member is connected", || async { Ok(school.connection(new).await?.is_some()) }).await?;
    ensure!(school.connected(new).await?.subject.as_deref() == Some("new@school.example"));
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_two_way_program_writes_and_its_meetings_land() -> anyhow::Result<()> {
    let school = School::new().await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    let before = school.connected(school.ann).await?;
    school.two_way().await?;
    school.quiet().await?;
    let now = school.connected(school.ann).await?;
    ensure!(now.id == before.id && now.home().is_some(), "{now:?}");
    assert_eq!(school.level(school.ann).await?, Some(ScopeLevel::Write));
    assert_eq!(school.level(school.gil).await?, Some(ScopeLevel::Read), "gil is in no program");

    let content = afternoon("Mentoring", "2026-12-01")?;
    let plan =
        NewMeeting { program: school.program, owner: school.ann, attendees: vec![school.ben], content, key: None };
    let actor = school.actor_in_program(school.ann);
    meetings::schedule(&school.app.db, school.clock.now(), &actor, plan).await?;
    let there = |calendar: &str| school.google.events(calendar).iter().any(|event| event["summary"] == "Mentoring");
    until("the meeting is on both calendars", || async { Ok(there(ANN) && there(BEN)) }).await?;
    assert_eq!(school.starts(school.ben).await?, ["2026-12-01T14:00:00Z"]);
    ensure!(school.google.events(ANN)[0]["organizer"]["email"] == ANN, "it is ann's, not the service account's");
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_token_that_has_ended_is_got_anew_once_and_for_its_mailbox() -> anyhow::Result<()> {
    let school = School::new().await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    runner.shutdown().await;
    school.clock.advance(SignedDuration::from_hours(2));
    let asked = school.google.token_requests(ASSERTION);
    school.all_know(&[school.ann]).await?;
    assert_eq!(school.google.token_requests(ASSERTION), asked + 1);
    school.google.expire_access_tokens(ANN);
    ensure!(matches!(school.busy_on_that_day(school.ann).await?, Busy::Known { .. }), "it is renewed within the call");
    assert_eq!(school.google.token_requests(ASSERTION), asked + 2);

    // An administrator withdraws the permission and grants it again: nobody must connect again.
    school.google.delegate(ROBOT, super::DOMAIN, &SCOPES[..1]);
    school.clock.advance(SignedDuration::from_hours(2));
    let busy = school.busy_on_that_day(school.ann).await?;
    let Busy::Unknown { reason: "token-not-renewed", detail, .. } = &busy else { anyhow::bail!("{busy:?}") };
    ensure!(detail.contains("needs-admin-approval"), "{detail}");
    ensure!(school.connected(school.ann).await?.state == State::Connected);
    school.google.delegate(ROBOT, super::DOMAIN, &SCOPES);
    ensure!(matches!(school.busy_on_that_day(school.ann).await?, Busy::Known { .. }));
    Ok(())
}

#[tokio::test]
async fn removing_the_account_disconnects_whom_it_connected_and_nobody_else() -> anyhow::Result<()> {
    let school = School::new().await?;
    let own = school.connect(&school.browser(), ANN).await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    ensure!(school.connected(school.ann).await?.id == own.id, "who has a calendar keeps it");
    ensure!(school.connected(school.ann).await?.service_account.is_none());
    let account = &service_accounts::accounts(&school.app.calendars, &school.admin(), school.organisation).await?[0];
    assert_eq!(account.people, 2);
    let connected = [school.connected(school.ben).await?.id, school.connected(school.gil).await?.id];
    assert_eq!(school.remove().await?, 2);
    for connection in connected {
        let filter = Filter { subject: Some(connection.to_string()), ..Filter::default() };
        let entries = audit::list(&school.app.db, &filter, 100).await?;
        let last = entries.last().context("an entry")?;
        ensure!((last.act, last.person) == (Act::CalendarDisconnected, Some(school.gil)), "{entries:?}");
    }
    school.quiet().await?;
    ensure!(school.connected(school.ann).await?.id == own.id && school.google.lasting_consents(ANN) == 1);
    ensure!(school.connection(school.ben).await?.is_none() && school.connection(school.gil).await?.is_none());
    ensure!(service_accounts::accounts(&school.app.calendars, &school.admin(), school.organisation).await?.is_empty());
    ensure!(matches!(school.busy_on_that_day(school.ben).await?, Busy::NotConnected));
    runner.shutdown().await;
    Ok(())
}

/// The IT takes the permission for events back. The account stays connected, and nobody is told that it can write.
#[tokio::test]
async fn write_access_that_the_it_takes_back_is_noticed_the_next_day_and_so_is_its_return() -> anyhow::Result<()> {
    let school = School::new().await?;
    school.two_way().await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    runner.shutdown().await;
    school.open_accounts_daily().await?;
    let before = school.connection_in_api(school.ann).await?;
    ensure!(before["by_organisation"] == true && before["level"] == "write", "{before}");
    ensure!(before["abilities"]["write"] == true && before["calendars"][0]["is_home"] == true, "{before}");
    let opened_at = school.connected(school.ann).await?.opened_at;

    school.google.delegate(ROBOT, super::DOMAIN, &SCOPES[1..]);
    school.open_accounts_daily().await?;
    let lost = school.connection_in_api(school.ann).await?;
    ensure!(lost["abilities"]["write"] == false && lost["calendars"][0]["is_home"] == false, "{lost}");
    ensure!(lost["state"] == "connected" && lost["by_organisation"] == true, "{lost}");
    ensure!(school.connected(school.ann).await?.opened_at == opened_at, "the account was not opened: {lost}");
    let busy = school.busy_on_that_day(school.ann).await?;
    let Busy::Unknown { reason: "token-not-renewed", detail, .. } = &busy else { anyhow::bail!("{busy:?}") };
    ensure!(detail.contains("needs-admin-approval"), "{detail}");

    school.google.delegate(ROBOT, super::DOMAIN, &SCOPES);
    school.open_accounts_daily().await?;
    let back = school.connection_in_api(school.ann).await?;
    ensure!(back["abilities"] == before["abilities"] && back["calendars"] == before["calendars"], "{back}");
    ensure!(school.connected(school.ann).await?.opened_at > opened_at, "{back}");
    school.schedule(school.ann, "Mentoring", LATER).await?;
    school.open_accounts_daily().await?;
    ensure!(school.titles() == ["Mentoring"], "{:?}", school.titles());
    assert_eq!(school.access_changes(school.ann).await?, ["write true -> write false", "write false -> write true"]);
    Ok(())
}
