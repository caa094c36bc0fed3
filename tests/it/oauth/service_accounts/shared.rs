//! One mailbox that people share their free/busy with: availability, and nothing else.

use super::{
    super::world::{ANN, BEN, Choice, GOOGLE, REDIRECT, until},
    DOMAIN, School, dentist,
};
use anyhow::{Context as _, ensure};
use chronus_host::{
    auth::Forbidden,
    availability::Busy,
    connections::{
        CallbackOutcome, ConnectError, State, revoke,
        service_accounts::{self, AccountError, Kind, ServiceAccount},
    },
    db,
    jobs::{Effect, Lease, LeaseError, Outcome},
    oauth::code_grant::Browser,
    plugins::contract::ScopeLevel,
    secrets::Keyring,
};
use chronus_tests::google::Role;
use jiff::SignedDuration;
use std::time::Duration;

/// The mailbox that people share with.
const ROOMS: &str = "rooms@school.example";

impl School {
    /// The way of an administrator to the service's page.
    async fn page(&self, browser: &Browser) -> Result<url::Url, AccountError> {
        let redirect = REDIRECT.parse().map_err(|_| AccountError::NoRefreshToken)?;
        service_accounts::begin(&self.app.calendars, browser, GOOGLE, &redirect).await
    }

    /// The whole way: signs in as this user.
    async fn share_by(&self, user: &str) -> anyhow::Result<Result<ServiceAccount, ConnectError>> {
        let page = self.page(&self.browser_of_gil()).await?;
        let callback = self.at_google(&page, user, Choice::All).await?;
        Ok(match self.finish(&self.browser_of_gil(), &callback).await {
            Ok(CallbackOutcome::Shared(account)) => Ok(*account),
            Ok(other) => anyhow::bail!("{other:?}"),
            Err(error) => Err(error),
        })
    }

    async fn with_rooms() -> anyhow::Result<Self> {
        let school = Self::new().await?;
        school.google.add_user(ROOMS, "Rooms", "Europe/Rome");
        school.google.share(ANN, ROOMS, Some(Role::FreeBusyReader));
        Ok(school)
    }
}

#[tokio::test]
async fn people_share_when_they_are_free_and_nothing_is_ever_written() -> anyhow::Result<()> {
    let school = School::with_rooms().await?;
    school.two_way().await?;
    school.put_event(ANN, &dentist()).await?;
    let runner = school.work().await?;
    let page = school.page(&school.browser_of_gil()).await?;
    let scope = page.query_pairs().find(|(name, _)| name == "scope").context("it asks for scopes")?.1.into_owned();
    ensure!(scope.contains("calendar.freebusy") && !scope.contains("calendar.events"), "{scope}");
    let account = school.share_by(ROOMS).await??;
    ensure!((account.kind, &*account.mailbox) == (Kind::Shared, ROOMS), "{account:?}");
    ensure!(school.connection(school.gil).await?.is_none(), "it is not the administrator's own");
    school.quiet().await?;
    let ann = school.connected(school.ann).await?;
    ensure!(ann.subject.as_deref() == Some(ANN) && ann.service_account == Some(account.id), "{ann:?}");
    ensure!(ann.token.as_ref().is_some_and(|token| token.level == ScopeLevel::Read), "{ann:?}");
    ensure!(!ann.account.abilities.write && ann.home().is_none(), "a shared account writes: {ann:?}");
    assert_eq!(school.starts(school.ann).await?, ["2026-12-01T09:00:00Z"]);
    // Ben shares nothing with it: his job says so, and nobody takes him for free.
    ensure!(matches!(school.busy_on_that_day(school.ben).await?, Busy::NotConnected));
    let dead = school.dead().await?;
    ensure!(dead.iter().any(|letter| letter.effect["person"] == school.ben.to_string()), "{dead:?}");
    ensure!(dead.iter().all(|letter| letter.error.contains("does not share its free/busy")), "{dead:?}");
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_one_token_of_all_is_renewed_once_and_revoked_at_the_end() -> anyhow::Result<()> {
    let school = School::with_rooms().await?;
    school.google.add_domain(DOMAIN);
    let runner = school.work().await?;
    school.share_by(ROOMS).await??;
    school.quiet().await?;
    let both = [school.ann, school.ben];
    school.all_know(&both).await?;
    let asked = school.google.token_requests("refresh_token");
    school.clock.advance(SignedDuration::from_hours(2));
    school.all_know(&both).await?;
    assert_eq!(school.google.token_requests("refresh_token"), asked + 1, "by time");
    school.google.expire_access_tokens(ROOMS);
    school.all_know(&both).await?;
    assert_eq!(school.google.token_requests("refresh_token"), asked + 2, "when it is refused");

    // One goes, and the others see nothing of it.
    school.disconnect(school.ben).await?;
    school.quiet().await?;
    assert_eq!(school.google.lasting_consents(ROOMS), 1);
    ensure!(matches!(school.busy_on_that_day(school.ann).await?, Busy::Known { .. }));
    school.remove().await?;
    until("it is taken back", || async { Ok(school.google.lasting_consents(ROOMS) == 0) }).await?;
    ensure!(school.connection(school.ann).await?.is_none());
    runner.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_lost_grant_is_noticed_once_and_mended_by_saving_again() -> anyhow::Result<()> {
    let school = School::with_rooms().await?;
    school.google.add_domain(DOMAIN);
    let runner = school.work().await?;
    let first = school.share_by(ROOMS).await??;
    school.quiet().await?;
    let before = school.connected(school.ann).await?;
    school.google.revoke_everything(ROOMS);
    school.clock.advance(SignedDuration::from_hours(2));
    let asked = school.google.token_requests("refresh_token");
    for person in [school.ann, school.ben, school.ann] {
        let busy = school.busy_on_that_day(person).await?;
        ensure!(matches!(busy, Busy::Unknown { reason: "reconnect", .. }), "{busy:?}");
    }
    assert_eq!(school.google.token_requests("refresh_token"), asked + 1);
    let accounts = service_accounts::accounts(&school.app.calendars, &school.admin(), school.organisation).await?;
    ensure!(accounts[0].account.state == State::Reconnect, "{accounts:?}");

    let again = school.share_by(ROOMS).await??;
    ensure!(again.id == first.id);
    until("ann is connected again", || async { Ok(school.connected(school.ann).await?.state == State::Connected) })
        .await?;
    ensure!(school.connected(school.ann).await?.id == before.id, "it is the same connection");
    ensure!(matches!(school.busy_on_that_day(school.ann).await?, Busy::Known { .. }));
    runner.shutdown().await;
    Ok(())
}

/// The administrator removes the account at a host that lacks the key of its credential.
#[tokio::test]
async fn the_token_of_a_removed_account_is_revoked_when_its_key_is_back() -> anyhow::Result<()> {
    let school = School::with_rooms().await?;
    school.share_by(ROOMS).await??;
    let keys = &school.app.config.keys;
    let first = std::fs::read(keys)?;
    let other = school.folder.path().join("other.keys");
    Keyring::generate_at(&other)?;
    std::fs::write(keys, std::fs::read(&other)?)?;
    school.remove().await?;
    std::fs::write(keys, &first)?;
    ensure!(school.google.lasting_consents(ROOMS) == 1);
    let runner = school.work().await?;
    until("the access is taken back", || async { Ok(school.google.lasting_consents(ROOMS) == 0) }).await?;
    runner.shutdown().await;
    Ok(())
}

/// Ann signs in with the shared mailbox and disconnects. Whether the organisation's account needs the same consent is
/// unknown, so the consent is not revoked.
#[tokio::test]
async fn a_consent_is_not_revoked_because_the_kind_of_an_account_is_unknown() -> anyhow::Result<()> {
    let school = School::with_rooms().await?;
    school.share_by(ROOMS).await??;
    school.connect(&school.browser(), ROOMS).await?;
    let consents = school.google.lasting_consents(ROOMS);
    let row = format!("organisation_id = '{}'", school.organisation);
    let kind = ("service_accounts", "kind");
    ensure!(school.database.plant(kind, "'perhaps'", &row).await? == 1);
    school.disconnect(school.ann).await?;
    let revocation = claim_revocation(&school).await?;
    let Effect::RevokeToken { revocation: id } = revocation.effect else { anyhow::bail!("{revocation:?}") };
    let error = revoke::revoke(&school.app.calendars, &revocation, id).await.err().context("it is revoked")?;
    let LeaseError::Database(error) = error else { anyhow::bail!("{error}") };
    let unknown = db::unknown_word(&error).with_context(|| error.to_string())?;
    ensure!((unknown.table, unknown.column, &*unknown.word) == (kind.0, kind.1, "perhaps"), "{unknown:?}");
    ensure!(school.google.lasting_consents(ROOMS) == consents, "the consent was revoked");
    ensure!(school.database.plant(kind, "'shared'", &row).await? == 1);
    ensure!(revoke::revoke(&school.app.calendars, &revocation, id).await? == Outcome::Done);
    ensure!(school.google.lasting_consents(ROOMS) == consents, "the organisation's account needs the consent");
    Ok(())
}

/// Takes the leases of all jobs that are due, and gives the one that revokes a token.
async fn claim_revocation(school: &School) -> anyhow::Result<Lease> {
    loop {
        let mut tx = school.app.db.begin().await?;
        let lease = chronus_tests::jobs::claim(&mut tx, "a host", Duration::from_secs(60))
            .await?
            .context("no token is revoked")?;
        tx.commit().await?;
        if matches!(lease.effect, Effect::RevokeToken { .. }) {
            return Ok(lease);
        }
    }
}

#[tokio::test]
async fn only_an_administrator_and_only_a_mailbox_of_the_domain() -> anyhow::Result<()> {
    let school = School::with_rooms().await?;
    let private = "private@elsewhere.example";
    school.google.add_user(private, "Private", "Europe/Rome");
    let runner = school.work().await?;
    let refused = school.page(&school.browser()).await;
    ensure!(matches!(refused, Err(AccountError::NotAllowed(Forbidden::Role(_)))), "{refused:?}");
    // Begun by the administrator, ended in somebody else's browser.
    let page = school.page(&school.browser_of_gil()).await?;
    let callback = school.at_google(&page, ROOMS, Choice::All).await?;
    let stolen = school.finish(&school.browser(), &callback).await;
    ensure!(matches!(stolen, Err(ConnectError::State)), "{stolen:?}");

    let error = school.share_by(private).await?.err().context("it works")?;
    let ConnectError::Account(error) = error else { anyhow::bail!("{error:?}") };
    ensure!(matches!(*error, AccountError::Domain(_)), "{error:?}");
    ensure!(service_accounts::accounts(&school.app.calendars, &school.admin(), school.organisation).await?.is_empty());
    until("what was given in vain is taken back", || async { Ok(school.google.lasting_consents(private) == 0) })
        .await?;
    ensure!(school.connection(school.ben).await?.is_none(), "{BEN} is connected");
    runner.shutdown().await;
    Ok(())
}
