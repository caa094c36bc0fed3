//! Every command that changes something.

use super::{BEN, Expected, Scene};
use crate::oauth::world::until;
use anyhow::{Context as _, ensure};
use chronus_host::{
    audit::{Act, AuthorKind, Means, SubjectKind},
    cli,
    clock::Clock,
    db::Page,
    ids::PersonId,
    jobs::{self, Effect},
    meetings::stuck,
};
use chronus_tests::{command, components};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, time::Duration};

/// Commands that change nothing of a deployment. `serve` acts for others, and its acts are those of the other tables; `plugin
/// call` acts on a calendar of the developer who calls it, without a deployment.
const READING: &[&str] = &[
    "audit list",
    "config",
    "doctor",
    "job list",
    "organisation list",
    "person list",
    "plugin call",
    "plugin conformance",
    "plugin inspect",
    "plugin list",
    "program list",
    "provider clients",
    "serve",
    "stuck list",
    "token list",
];

/// The commands without subcommands.
fn leaves() -> BTreeSet<String> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![(String::new(), cli::command())]);
    while let Some((path, command)) = waiting.pop() {
        let inner = command.get_subcommands().map(|inner| (format!("{path} {}", inner.get_name()), inner.clone()));
        let inner: Vec<_> = inner.collect();
        if inner.is_empty() || path == " plugin call" {
            found.insert(path.trim_start().to_owned());
        } else {
            waiting.extend(inner);
        }
    }
    found
}

/// A command, its further arguments, and what it leaves.
type Row<'a> = (&'static str, Vec<&'a str>, Act, SubjectKind);

impl Scene {
    async fn run(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut command = tokio::task::spawn_blocking(command).await??;
        command.env("CHRONUS_CONFIG", self.world.config_file()?).env("USER", "opal").env_remove("SUDO_USER");
        let output = command.args(arguments).arg("--json").output().await?;
        let text = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_str(&text)?)
    }

    /// A job that has failed for good.
    async fn dead_job(&self) -> anyhow::Result<String> {
        let db = &self.world.app.db;
        until("the host has nothing to do", || async {
            let count = db.read(async |tx| jobs::count(tx).await).await?;
            Ok(count.ready + count.leased == 0)
        })
        .await?;
        let effect = Effect::DeliverMeetings { person: PersonId::new(Clock::System.now()) };
        let mut tx = db.begin().await?;
        jobs::enqueue(&mut tx, &effect).await?;
        let lease =
            chronus_tests::jobs::claim(&mut tx, "a host", Duration::from_secs(60)).await?.context("it is due")?;
        ensure!(lease.effect == effect, "another job is due");
        jobs::bury(&mut tx, &lease, "the service is gone").await?;
        tx.commit().await?;
        Ok(lease.job.to_string())
    }

    /// A meeting of ben's, who has no calendar.
    async fn stuck_meeting(&self) -> anyhow::Result<String> {
        self.world.two_way().await?;
        let meeting = self.world.schedule(self.world.ben, "Alone", "2027-03-01").await?;
        until("the meeting waits", || async {
            let stuck = stuck::list(&self.world.app.db, None, &Page::all()).await?;
            Ok(stuck.iter().any(|stuck| stuck.meeting == meeting))
        })
        .await?;
        Ok(meeting.to_string())
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path of tests is text")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_acts_leaves_an_entry() -> anyhow::Result<()> {
    let mut scene = Scene::new().await?;
    let asking = tokio::task::spawn_blocking(components).await??.guest("asking")?;
    let secret_file = scene.world.folder.path().join("secret");
    std::fs::write(&secret_file, "another-client-secret")?;
    scene.secrets.push("another-client-secret".to_owned());
    let (job, meeting) = (scene.dead_job().await?, scene.stuck_meeting().await?);
    let key = scene.run(&["key", "add"]).await?["key"].as_str().context("an id")?.to_owned();
    let token = scene.run(&["token", "create", "--operator"]).await?;
    scene.secrets.extend(token["secret"].as_str().map(str::to_owned));
    let token = token["id"].as_str().context("an id")?.to_owned();
    let of = ["--organisation", "Other"];
    let person = ["--email", "cia@other.example", "--name", "Cia", "--zone", "UTC"];
    let plugin = [text(&asking.path)?, "--accept-digest", &asking.sha256];
    let client = ["google", "--sign-in", "google", "--client-id", "another", "--secret-file", text(&secret_file)?];
    let with = |first: &[&'static str], more: &[&'static str]| [first, more].concat();
    let rows: Vec<Row<'_>> = vec![
        ("organisation add", vec!["Other"], Act::OrganisationCreated, SubjectKind::Organisation),
        ("organisation domain", vec!["Other", "other.example"], Act::DomainAdded, SubjectKind::Domain),
        ("organisation domain", vec!["Other", "other.example", "--remove"], Act::DomainRemoved, SubjectKind::Domain),
        ("program add", with(&["First"], &of), Act::ProgramCreated, SubjectKind::Program),
        ("program two-way", with(&["First", "on"], &of), Act::ProgramChanged, SubjectKind::Program),
        ("person add", with(&person, &of), Act::PersonCreated, SubjectKind::Person),
        (
            "person role",
            with(&["cia@other.example", "--role", "global-admin"], &of),
            Act::RoleChanged,
            SubjectKind::Person,
        ),
        (
            "person role",
            with(&["cia@other.example", "--program", "First", "--program-role", "program-admin"], &of),
            Act::MembershipSet,
            SubjectKind::Person,
        ),
        ("token create", vec!["--operator"], Act::TokenCreated, SubjectKind::Token),
        ("token revoke", vec![&token], Act::TokenRevoked, SubjectKind::Token),
        ("plugin add", plugin.to_vec(), Act::PluginAdded, SubjectKind::Provider),
        ("provider grant", vec!["asking", "--yes"], Act::GrantAccepted, SubjectKind::Provider),
        ("provider enable", with(&["asking"], &of), Act::OfferAdded, SubjectKind::Provider),
        ("provider disable", with(&["asking"], &of), Act::OfferRemoved, SubjectKind::Provider),
        ("plugin remove", vec!["asking"], Act::PluginRemoved, SubjectKind::Provider),
        ("provider client", client.to_vec(), Act::OauthClientSet, SubjectKind::Provider),
        ("key add", vec![], Act::KeyAdded, SubjectKind::Key),
        ("key use", vec![&key], Act::KeyUsed, SubjectKind::Key),
        ("key rotate", vec![], Act::SecretsRewrapped, SubjectKind::Key),
        ("job retry", vec![&job], Act::JobRetried, SubjectKind::Job),
        ("stuck release", vec![&meeting], Act::MeetingReleased, SubjectKind::Meeting),
    ];
    let listed = rows.iter().map(|(name, ..)| (*name).to_owned()).chain(READING.iter().map(|name| (*name).to_owned()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), leaves());

    for (name, arguments, act, subject) in rows {
        let before = scene.ids().await?;
        let arguments: Vec<_> = name.split(' ').chain(arguments).collect();
        let printed = scene.run(&arguments).await?;
        scene.secrets.extend(printed["secret"].as_str().map(str::to_owned));
        let (author, means) = (AuthorKind::Operator, Means::CommandLine);
        let expected = Expected { author, means, person: None, act, subject };
        let entry = scene.has(&before, expected).await.context(name)?;
        ensure!(entry.name.as_ref().is_some_and(|name| name.starts_with("opal")), "{name}: {entry:?}");
    }

    let listed = scene.run(&["audit", "list", "--subject", &meeting]).await?;
    let acts: Vec<_> = listed["entries"].as_array().context("a list")?.iter().map(|entry| &entry["act"]).collect();
    ensure!(acts == ["meeting-scheduled", "meeting-released"], "{listed}");
    let of_other =
        scene.run(&["audit", "list", "--organisation", "Other", "--author", "operator", "--limit", "3"]).await?;
    ensure!(of_other["entries"].as_array().is_some_and(|entries| entries.len() == 3), "{of_other}");
    ensure!(!listed.to_string().contains(BEN), "{listed}");
    scene.secrets.push("cia@other.example".to_owned());
    scene.tells_nothing().await
}
