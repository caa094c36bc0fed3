//! What the host itself does: what it writes to calendars, what it mails, and what it revokes.

use super::{ANN, DESCRIPTION, Expected, GIL, Scene, TITLE};
use crate::oauth::{
    pages::sign_in_link,
    world::{World, until},
};
use anyhow::ensure;
use chronus_host::{
    audit::{self, Act, AuthorKind, Filter, Means, RecordedEntry, SubjectKind},
    auth::{Actor, Principal},
    connections::service_accounts::{self, AccountCredential, NewAccount},
    ids::AuditEntryId,
    meetings::{self, Change},
    people::Role,
};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// What the host does for a job.
fn by_job(act: Act, subject: SubjectKind) -> Expected {
    Expected { author: AuthorKind::Host, means: Means::Job, person: None, act, subject }
}

impl Scene {
    /// Waits for an entry.
    async fn gets(&self, before: &BTreeSet<AuditEntryId>, expected: Expected) -> anyhow::Result<RecordedEntry> {
        let what = format!("{expected:?}");
        until(&what, || async { Ok(self.has(before, expected).await.is_ok()) }).await?;
        self.has(before, expected).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_recorded() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let world = &scene.world;
    let (db, ann) = (&world.app.db, world.ann);
    world.two_way().await?;
    let connection = world.connect(&world.browser(), ANN).await?;

    // A meeting in her calendar, moved, and removed again.
    let before = scene.ids().await?;
    let meeting = world.schedule(ann, TITLE, "2027-03-01").await?;
    let written = scene.gets(&before, by_job(Act::EventWritten, SubjectKind::Meeting)).await?;
    ensure!(written.subject == meeting.to_string() && written.after["owner"] == ann.to_string(), "{written:?}");
    ensure!(written.after["connection"] == connection.id.to_string() && written.after["revision"] == 1, "{written:?}");
    let before = scene.ids().await?;
    let actor = world.actor_in_program(ann);
    let change = Change { description: Some(DESCRIPTION.into()), ..Change::default() };
    meetings::change(db, world.clock.now(), &actor, meeting, change).await?;
    let written = scene.gets(&before, by_job(Act::EventWritten, SubjectKind::Meeting)).await?;
    ensure!(written.after["revision"] == 2, "{written:?}");
    let before = scene.ids().await?;
    meetings::cancel(db, world.clock.now(), &actor, meeting, None).await?;
    let removed = scene.gets(&before, by_job(Act::EventRemoved, SubjectKind::Meeting)).await?;
    ensure!(removed.subject == meeting.to_string(), "{removed:?}");

    // A mail.
    let before = scene.ids().await?;
    sign_in_link(&scene.host, ANN).await?;
    let mailed = scene.gets(&before, by_job(Act::MailSent, SubjectKind::Person)).await?;
    ensure!(mailed.subject == ann.to_string() && mailed.after["kind"] == "mail-sign-in", "{mailed:?}");

    // A token that is revoked.
    let before = scene.ids().await?;
    world.disconnect(ann).await?;
    let revoked = scene.gets(&before, by_job(Act::CredentialRevoked, SubjectKind::Revocation)).await?;
    ensure!(revoked.before["person"] == ann.to_string(), "{revoked:?}");

    // A service account connects people, and is refused later on.
    let before = scene.ids().await?;
    let (organisation, person, role) = (world.organisation, scene.gil, Role::GlobalAdmin);
    let principal = Principal::Person { organisation, person, role, programs: vec![] };
    let admin = Actor { principal, ..world.actor(scene.gil) };
    let secret = AccountCredential::Key(scene.key.to_string().into());
    let (provider, sign_in, mailbox) = ("google".into(), "service-account".into(), GIL.into());
    let new = NewAccount { provider, sign_in, secret, mailbox };
    service_accounts::save(&world.app.calendars, &admin, organisation, &new).await?;
    let connected = scene.gets(&before, by_job(Act::CalendarConnected, SubjectKind::Connection)).await?;
    ensure!(connected.after["service_account"].is_string(), "{connected:?}");
    scene.tells_nothing().await
}

/// Nobody asked for this: the service no longer accepts the credential.
#[tokio::test]
async fn a_credential_that_is_refused_is_recorded() -> anyhow::Result<()> {
    let world = World::new().await?;
    let connection = world.connect(&world.browser(), ANN).await?;
    world.google.revoke_everything(ANN);
    world.clock.advance(SignedDuration::from_hours(2));
    let opened = world.app.calendars.open_session(world.organisation, world.ann).await;
    ensure!(opened.is_err(), "the credential is accepted");
    let filter = Filter { subject: Some(connection.id.to_string()), ..Filter::default() };
    let entries = audit::list(&world.app.db, &filter, 100).await?;
    let acts: Vec<_> = entries.iter().map(|entry| (entry.act, entry.author)).collect();
    ensure!(
        acts == [(Act::CalendarConnected, AuthorKind::Person), (Act::CredentialLost, AuthorKind::Host)],
        "{entries:?}"
    );
    Ok(())
}
