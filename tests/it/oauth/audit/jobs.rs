//! What the host itself does: what it writes to calendars, what it mails, and what it revokes.

use super::{ANN, DESCRIPTION, Expected, GIL, Scene, TITLE};
use crate::oauth::{
    pages::sign_in_link,
    world::{World, until},
};
use anyhow::{Context as _, ensure};
use chronus_host::{
    app::work,
    audit::{self, Act, AuthorKind, Filter, Means, RecordedEntry, SubjectKind},
    auth::{Actor, Principal},
    connections::service_accounts::{self, AccountCredential, NewAccount},
    ids::{AuditEntryId, MeetingId},
    jobs::{self, Effect, Lease},
    meetings::{self, Change, stuck},
    people::Role,
};
use chronus_tests::{
    google::{self, Fault},
    jobs::claim,
};
use jiff::SignedDuration;
use reqwest::Method;
use std::{collections::BTreeSet, time::Duration};

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
    ensure!(written.after["revision"] == 2 && written.after["outcome"] == "present", "{written:?}");
    // A change that the service refuses.
    let before = scene.ids().await?;
    world.google.share(ANN, ANN, Some(google::Role::Reader));
    let change = Change { description: Some(String::new()), ..Change::default() };
    meetings::change(db, world.clock.now(), &actor, meeting, change).await?;
    let refused = scene.gets(&before, by_job(Act::EventNotWritten, SubjectKind::Meeting)).await?;
    ensure!(refused.subject == meeting.to_string() && refused.after["outcome"] == "waiting", "{refused:?}");
    world.google.share(ANN, ANN, None);
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
    let new = NewAccount { provider, sign_in, secret, mailbox, variables: Default::default() };
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

/// The acts on a meeting, and their outcomes.
async fn of_meeting(world: &World, meeting: MeetingId) -> anyhow::Result<Vec<(Act, Option<String>)>> {
    let filter = Filter { subject: Some(meeting.to_string()), ..Filter::default() };
    let entries = audit::list(&world.app.db, &filter, 100).await?;
    Ok(entries.into_iter().map(|entry| (entry.act, entry.after["outcome"].as_str().map(str::to_owned))).collect())
}

/// A day of attempts has passed. In the first meeting's, the service wrote the event and no answer came; in the second one's
/// there was no token to write with.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_for_ever_is_recorded_as_unknown() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    world.run_jobs().await?;
    let db = &world.app.db;
    let give_up = async |meeting: MeetingId| -> anyhow::Result<()> {
        let job = format!("effect like '%{meeting}%'");
        let last = (jobs::MAX_ATTEMPTS - 1).to_string();
        ensure!(world.database.plant(("jobs", "attempts"), &last, &job).await? == 1, "no job");
        let runner = work::start(&world.app).await?;
        until("the job is given up", || async {
            let dead = db.read(async |tx| jobs::list_dead(tx, None, 100).await).await?;
            Ok(dead.iter().any(|letter| letter.effect["meeting"] == meeting.to_string()))
        })
        .await?;
        runner.shutdown().await;
        Ok(())
    };
    let unsure = world.schedule(world.ann, TITLE, "2027-03-01").await?;
    world.google.fail_next(10, Some(Method::POST), "/calendar/v3/calendars/", Fault::DoneButCut);
    give_up(unsure).await?;
    ensure!(world.google.events(ANN).len() == 1, "the event is not written");
    let unknown = (Act::JobFailed, Some("unknown".to_owned()));
    assert_eq!(of_meeting(&world, unsure).await?, [(Act::MeetingScheduled, None), unknown]);

    world.google.clear_faults();
    let unsent = world.schedule(world.ann, TITLE, "2027-03-02").await?;
    world.clock.advance(SignedDuration::from_hours(2));
    world.google.fail_next(10, None, "/token", Fault::refuse(503, "backendError"));
    give_up(unsent).await?;
    let failed = (Act::JobFailed, Some("failed".to_owned()));
    assert_eq!(of_meeting(&world, unsent).await?, [(Act::MeetingScheduled, None), failed]);
    Ok(())
}

/// Meetings that the host tries again by itself have an entry each, and so have jobs that were given up.
#[tokio::test(flavor = "multi_thread")]
async fn meetings_that_the_host_releases_are_recorded_one_by_one() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.two_way().await?;
    world.connect(&world.browser(), ANN).await?;
    let db = &world.app.db;
    let mut refused = BTreeSet::new();
    for day in ["2027-03-01", "2027-03-02"] {
        refused.insert(world.schedule(world.ann, TITLE, day).await?.to_string());
    }
    world.run_jobs().await?;
    ensure!(world.database.plant(("event_copies", "state"), "'refused'", "state = 'present'").await? == 2);
    world.schedule(world.ann, TITLE, "2027-03-03").await?;
    let lease = async || -> anyhow::Result<Lease> {
        let mut tx = db.begin().await?;
        let lease = claim(&mut tx, "a host", Duration::from_secs(60)).await?.context("a job is due")?;
        tx.commit().await?;
        Ok(lease)
    };
    let dead = lease().await?;
    let mut tx = db.begin().await?;
    jobs::bury(&mut tx, &dead, "the service is gone").await?;
    jobs::enqueue(&mut tx, &Effect::ReleaseStuck { provider: None }).await?;
    tx.commit().await?;
    let releasing = lease().await?;
    stuck::release_all(db, &releasing, None).await?;

    let filter = Filter { author: Some(releasing.job.to_string()), ..Filter::default() };
    let mut entries = audit::list(db, &filter, 100).await?;
    let retried = entries.pop().context("an entry")?;
    ensure!((retried.act, &*retried.subject) == (Act::JobRetried, &*dead.job.to_string()), "{retried:?}");
    let place = (Some(world.organisation), Some(world.program));
    for entry in &entries {
        ensure!((entry.act, (entry.organisation, entry.program)) == (Act::MeetingReleased, place), "{entry:?}");
        ensure!(entry.before["state"] == "refused", "{entry:?}");
    }
    assert_eq!(entries.into_iter().map(|entry| entry.subject).collect::<BTreeSet<_>>(), refused);
    Ok(())
}
