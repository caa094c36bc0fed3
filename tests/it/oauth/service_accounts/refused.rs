//! What is not saved, who is never connected, and what a person decides for themself (M11, M12).

use super::{
    super::world::{ANN, BEN},
    DOMAIN, GIL, ROBOT, School, add,
};
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{self, Act, Filter},
    auth::Forbidden,
    connections::service_accounts::{self, AccountCredential, AccountError, InvitationTest, NewAccount},
    jobs::{self, Effect},
    oauth::jwt_bearer::KeyError,
    organisations::domains,
    people::Role,
    plugins::Remedy,
    rate_limits::Rate,
};
use chronus_tests::OPERATOR;
use serde_json::{Value, json};

impl School {
    /// The outcomes of the attempts that are in the audit log.
    async fn tried(&self) -> anyhow::Result<Vec<String>> {
        let filter =
            Filter { subject: Some("provider".into()), author: Some(self.gil.to_string()), ..Filter::default() };
        let mut entries = audit::list(&self.app.db, &filter, 1000).await?;
        entries.retain(|entry| entry.act == Act::ServiceAccountTried && entry.organisation == Some(self.organisation));
        Ok(entries.iter().map(|entry| entry.after["outcome"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Tries to save what must not be, and gives the error. What leaves the host is in the audit log, and nothing else is
    /// stored.
    async fn refused(&self, new: &NewAccount, outcome: Option<&str>) -> anyhow::Result<AccountError> {
        // An attempt counts as failed, whatever it was.
        let rows = async || {
            let mut rows = self.rows().await?;
            rows.remove("rate_limit_slots");
            anyhow::Ok(rows)
        };
        let mut before = rows().await?;
        let mut tried = self.tried().await?;
        let (calendars, organisation) = (&self.app.calendars, self.organisation);
        let error =
            service_accounts::save(calendars, &self.admin(), organisation, new).await.err().context("it works")?;
        if let Some(outcome) = outcome {
            tried.push(outcome.to_owned());
            *before.entry("audit_entries".into()).or_default() += 1;
        }
        ensure!(rows().await? == before, "something was stored: {error}");
        assert_eq!(self.tried().await?, tried, "{error}");
        for text in [error.to_string(), error.advice(), format!("{error:?}")] {
            let key = self.key["private_key"].as_str().unwrap_or_default();
            ensure!(!key.lines().any(|line| line.len() > 20 && text.contains(line)), "the key is repeated");
        }
        Ok(error)
    }

    fn with_key(&self, mailbox: &str, key: impl ToString) -> NewAccount {
        NewAccount { secret: AccountCredential::Key(key.to_string().into()), ..self.delegated(mailbox) }
    }
}

#[tokio::test]
async fn what_does_not_work_is_not_saved_and_the_reason_is_told() -> anyhow::Result<()> {
    let school = School::new().await?;
    let part = |name: &str, value: Value| {
        let mut key = school.key.clone();
        key[name] = value;
        key
    };
    // What is no key is not sent.
    for (key, expected) in [
        (json!("hunter22"), KeyError::Json),
        (json!({}), KeyError::Missing("client_email")),
        (part("type", "authorized_user".into()), KeyError::Kind),
        (part("private_key", "hunter22".into()), KeyError::Unfit),
        (part("private_key", Value::Null), KeyError::Missing("private_key")),
    ] {
        let error = school.refused(&school.with_key(GIL, key), None).await?;
        ensure!(matches!(&error, AccountError::Key(found) if *found == expected), "{error:?}");
    }
    let outside = school.refused(&school.delegated("eve@elsewhere.example"), None).await?;
    ensure!(matches!(&outside, AccountError::Domain(domains) if domains == &[DOMAIN]), "{outside:?}");
    assert_eq!(school.google.token_requests(super::ASSERTION), 0, "nothing was sent");

    // Another's key.
    let other = school.google.add_service_account("other@robots.example")?;
    let wrong = school.with_key(GIL, part("private_key", other["private_key"].clone()));
    let wrong = school.refused(&wrong, Some("reconnect")).await?;
    let remedy = |error: &AccountError| match error {
        AccountError::Refused { failure, .. } => Some(failure.remedy.clone()),
        _ => None,
    };
    ensure!(
        remedy(&wrong) == Some(Remedy::Reconnect) && wrong.advice().contains("did not accept the key"),
        "{wrong:?}"
    );
    // Nobody of this name.
    let unknown = school.refused(&school.delegated("nobody@school.example"), Some("reconnect")).await?;
    ensure!(remedy(&unknown) == Some(Remedy::Reconnect) && unknown.advice().contains("mailbox exists"), "{unknown:?}");
    // A box that was not ticked: the administrator reads for which client, and which scopes.
    school.google.delegate(ROBOT, DOMAIN, &["calendar.freebusy"]);
    let scope = school.refused(&school.delegated(GIL), Some("needs-admin-approval")).await?;
    ensure!(
        matches!(remedy(&scope), Some(Remedy::NeedsAdminApproval(approval)) if approval.page.is_some()),
        "{scope:?}"
    );
    let (advice, client) = (scope.advice(), school.key["client_id"].as_str().context("it has one")?);
    ensure!(advice.contains(client) && advice.contains("/auth/calendar.events,https://"), "{advice}");

    // Nobody but an administrator, a person.
    let (calendars, organisation) = (&school.app.calendars, school.organisation);
    let by_ann =
        service_accounts::probe(calendars, &school.actor(school.ann), organisation, &school.delegated(ANN)).await;
    ensure!(matches!(by_ann, Err(AccountError::NotAllowed(Forbidden::Role(_)))), "{by_ann:?}");
    Ok(())
}

/// Testing sends requests to a service from the address of this host, as connecting with a form does (S13).
#[tokio::test]
async fn testing_that_fails_too_often_stops_and_success_does_not_count() -> anyhow::Result<()> {
    let school = School::new().await?;
    let (organisation, mut calendars) = (school.organisation, school.app.calendars.clone());
    calendars.limits.set(Rate::Probing, 2);
    let (admin, good, bad) = (school.admin(), school.delegated(GIL), school.delegated("nobody@school.example"));
    let probe = |new| service_accounts::probe(&calendars, &admin, organisation, new);
    for _ in 0..3 {
        probe(&good).await?;
    }
    for _ in 0..2 {
        let refused = probe(&bad).await;
        ensure!(matches!(refused, Err(AccountError::Refused { .. })), "{refused:?}");
    }
    let requests = school.google.token_requests(super::ASSERTION);
    let Err(AccountError::TooOften(reached)) = probe(&good).await else { anyhow::bail!("the limit is not reached") };
    ensure!(reached.rate == Rate::Probing && school.google.token_requests(super::ASSERTION) == requests, "{reached:?}");
    school.clock.advance(reached.retry_after);
    probe(&good).await?;
    // The attempt that the limit stopped left nothing but its refusal.
    assert_eq!(school.tried().await?, ["works", "works", "works", "reconnect", "reconnect", "works"]);
    Ok(())
}

/// A service account that acts for nobody can write into its own calendar, and invite nobody.
#[tokio::test]
async fn an_account_that_may_not_invite_says_so_before_it_is_saved() -> anyhow::Result<()> {
    let school = School::new().await?;
    let robot = "robot@school.example";
    let key = school.google.add_service_account(robot)?;
    let (calendars, organisation) = (&school.app.calendars, school.organisation);
    let new = school.with_key(robot, key);
    let probed = service_accounts::probe(calendars, &school.admin(), organisation, &new).await?;
    let InvitationTest::Refused(failure) = probed.inviting else { anyhow::bail!("{probed:?}") };
    ensure!(failure.remedy == Remedy::NotPermitted && failure.detail.contains("domain-wide delegation"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn an_address_outside_of_the_domain_is_never_connected() -> anyhow::Result<()> {
    let school = School::new().await?;
    let (eve, below) = ("eve@elsewhere.example", "eve@sub.school.example");
    let mut outside = Vec::new();
    for address in [eve, below] {
        school.google.add_user(address, "Eve", "Europe/Rome");
        // Even if the key could.
        school.google.delegate(ROBOT, domains::of(address).context("an address")?, &super::SCOPES);
        outside.push(add(&school, address, Role::Participant).await?);
    }
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    let mut tx = school.app.db.begin().await?;
    for &person in &outside {
        jobs::enqueue(&mut tx, &Effect::ConnectPerson { organisation: school.organisation, person }).await?;
    }
    tx.commit().await?;
    school.quiet().await?;
    ensure!(school.connected(school.ann).await?.service_account.is_some());
    for person in outside {
        ensure!(school.connection(person).await?.is_none(), "somebody else's mailbox is connected");
    }
    // The operator takes the domain back: its people are no longer connected.
    domains::remove(&school.app.db, &OPERATOR, school.organisation, DOMAIN).await?;
    school.quiet().await?;
    for person in [school.ann, school.ben, school.gil] {
        ensure!(school.connection(person).await?.is_none());
    }
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn who_disconnects_is_not_connected_behind_their_back() -> anyhow::Result<()> {
    let school = School::new().await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    school.disconnect(school.ann).await?;
    // This holds for every later event: the account is saved again, the program changes, a job was enqueued already.
    school.save().await?;
    school.two_way().await?;
    let person = school.ann;
    let mut tx = school.app.db.begin().await?;
    jobs::enqueue(&mut tx, &Effect::ConnectPerson { organisation: school.organisation, person }).await?;
    tx.commit().await?;
    school.quiet().await?;
    ensure!(school.connection(school.ann).await?.is_none() && school.connection(school.ben).await?.is_some());
    school.remove().await?;
    school.save().await?;
    school.quiet().await?;
    ensure!(school.connection(school.ann).await?.is_none(), "another account is no other decision");
    // What they want themself is another matter.
    school.connect(&school.browser(), ANN).await?;
    ensure!(school.connected(school.ann).await?.service_account.is_none());
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn one_who_has_no_mailbox_stops_nobody() -> anyhow::Result<()> {
    let school = School::new().await?;
    let ghost = add(&school, "ghost@school.example", Role::Participant).await?;
    let runner = school.work().await?;
    school.save().await?;
    school.quiet().await?;
    ensure!(school.connection(ghost).await?.is_none());
    for (person, address) in [(school.ann, ANN), (school.ben, BEN), (school.gil, GIL)] {
        ensure!(school.connected(person).await?.address.as_deref() == Some(address));
    }
    let dead = school.dead().await?;
    let [letter] = &dead[..] else { anyhow::bail!("{dead:?}") };
    ensure!(
        letter.effect["person"] == ghost.to_string() && letter.error.contains("no longer has this account"),
        "{letter:?}"
    );
    runner.shutdown().await;
    Ok(())
}
