//! The operator's commands for providers, keys and jobs, each test on a database of its own.

use super::{CommandOutput, Run, SECRET};
use anyhow::{Context, ensure};
use chronus_host::{
    clock::Clock,
    ids::PersonId,
    jobs::{self, Effect},
};
use chronus_tests::{components, database::Database, repo_root};
use serde_json::{Value, json};
use std::{
    iter,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// A new deployment.
pub(super) struct Deployment {
    pub(super) database: Database,
    folder: TempDir,
}

impl Deployment {
    pub(super) async fn new() -> anyhow::Result<Self> {
        // The first caller builds the components, which must not block the runtime.
        tokio::task::spawn_blocking(components).await??;
        Ok(Self { database: Database::fresh().await?, folder: TempDir::new()? })
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("chronus.keys")
    }

    /// A file in a temporary folder that is deleted with this value.
    fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<Run> {
        let database = self.database.address();
        let database = database.strip_prefix("sqlite://").unwrap_or(&database);
        let keys = self.keys();
        let run = Run::new()?.variable("CHRONUS_DATABASE", database);
        Ok(run.variable("CHRONUS_KEYS", keys.to_str().context("a temporary path is text")?).arguments(arguments))
    }

    /// Runs a command that must end with this exit code, and returns its JSON.
    pub(super) fn json(&self, code: i32, arguments: &[&str]) -> anyhow::Result<Value> {
        let run = self.run(arguments)?.arguments(&["--json"]).end()?;
        run.has_code(code).with_context(|| arguments.join(" "))?;
        run.json()
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path of tests is text")
}

#[tokio::test]
async fn a_provider_is_added_accepted_offered_and_removed() -> anyhow::Result<()> {
    let deployment = Deployment::new().await?;
    let (ical, trusted) = (&components()?.provider("ical")?.path, repo_root().join("plugins-build/out/trusted.pub"));
    let add = ["plugin", "add", text(ical)?, "--trusted", text(&trusted)?];
    let waiting = deployment.json(0, &add)?;
    ensure!(waiting["state"] == "waiting" && waiting["id"] == "ical", "{waiting}");
    let host = json!({ "kind": "new", "what": "host https://caldav.icloud.com" });
    ensure!(waiting["difference"].as_array().is_some_and(|lines| lines.contains(&host)), "{waiting}");
    ensure!(deployment.json(0, &["plugin", "list"])?["providers"][0]["state"] == "waiting");

    let shown = deployment.run(&["provider", "grant", "ical"])?.end()?;
    shown.has_code(1)?;
    ensure!(shown.stdout().contains("\n+ host https://caldav.icloud.com\n"), "{}", shown.stdout());
    ensure!(shown.stderr().contains("chronus provider grant ical --yes"), "{}", shown.stderr());
    ensure!(deployment.json(0, &["provider", "grant", "ical", "--yes"])?["accepted"] == true);
    let listed = deployment.json(0, &["plugin", "list"])?;
    ensure!(listed["providers"][0]["active"]["sha256"] == *components()?.provider("ical")?.sha256, "{listed}");
    ensure!(deployment.json(1, &["provider", "grant", "ical"])?["error"]["code"] == "not-waiting");
    ensure!(deployment.json(0, &add)? == json!({ "state": "same", "id": "ical" }));

    deployment.json(0, &["organisation", "add", "One"])?;
    let enable = ["provider", "enable", "ical", "--organisation", "One"];
    ensure!(deployment.json(0, &enable)?["changed"] == true && deployment.json(0, &enable)?["changed"] == false);
    let disable = ["provider", "disable", "ical", "--organisation", "One"];
    ensure!(deployment.json(0, &disable)?["changed"] == true && deployment.json(0, &disable)?["changed"] == false);

    ensure!(deployment.json(0, &["plugin", "remove", "ical"])? == json!({ "removed": "ical" }));
    ensure!(deployment.json(0, &["plugin", "list"])? == json!({ "providers": [] }));
    // With its digest, and accepted in the same command.
    let idle = components()?.guest("idle")?;
    let added =
        deployment.json(0, &["plugin", "add", text(&idle.path)?, "--accept-digest", &idle.sha256, "--accept"])?;
    ensure!(added == json!({ "state": "active", "id": "idle" }), "{added}");
    Ok(())
}

#[tokio::test]
async fn malformed_arguments_are_refused_with_advice_and_change_nothing() -> anyhow::Result<()> {
    let deployment = Deployment::new().await?;
    deployment.json(0, &["organisation", "add", "One"])?;
    let idle = components()?.guest("idle")?;
    let (path, trusted) = (text(&idle.path)?, repo_root().join("plugins-build/out/trusted.pub"));
    let trusted = text(&trusted)?;
    let misspelt = deployment.file("misspelt.toml", &format!("databse = '{SECRET}'\n"))?;
    let foreign = deployment.file("foreign.toml", &format!("databse = 'x'\n[egress.map]\na = '{SECRET}'\n"))?;
    let broken = deployment.file("broken.toml", &format!("database = {SECRET}\n"))?;
    let nothing = deployment.file("nothing.wasm", "")?;
    let digest = "0".repeat(64);
    let cases: &[(&[&str], &str)] = &[
        (&["plugin", "add"], "<FILE>"),
        (&["plugin", "add", "nowhere.wasm", "--trusted", trusted], "nowhere.wasm"),
        (&["plugin", "add", text(&nothing)?, "--accept-digest", &digest], "cargo plugins"),
        (&["plugin", "add", text(&nothing)?], "cargo plugins"),
        (&["plugin", "add", path], &idle.sha256),
        (&["plugin", "add", path, "--accept"], "--trusted FILE"),
        (&["plugin", "add", path, "--trusted", "nowhere.pub"], "nowhere.pub"),
        (&["plugin", "add", path, "--trusted", text(&misspelt)?], "trusted.pub"),
        (&["plugin", "add", path, "--trusted", trusted], "has no signature file"),
        (&["plugin", "add", path, "--trusted", trusted, "--accept-digest", &digest], "cannot be used with"),
        (&["plugin", "add", path, "--accept-digest", &digest, "--accept"], "different file"),
        (&["plugin", "remove", "nobody"], "chronus plugin list"),
        (&["plugin", "remove", "nobody", "--force"], "chronus plugin list"),
        (&["plugin", "remove"], "<ID>"),
        (&["plugin", "list", "--config", "nowhere.toml"], "nowhere.toml"),
        (&["plugin", "list", "--config", text(&misspelt)?], "did you mean `database`"),
        (&["plugin", "list", "--config", text(&foreign)?], "did you mean `database`"),
        (&["plugin", "list", "--config", text(&broken)?], "line 1"),
        (&["provider", "grant", "nobody", "--yes"], "chronus plugin list"),
        (&["provider", "grant"], "<ID>"),
        (&["provider", "enable", "nobody"], "--organisation"),
        (&["provider", "enable", "nobody", "--organisation", "One"], "chronus plugin list"),
        (&["provider", "enable", "nobody", "--organisation", "Two"], "organisation list"),
        (&["provider", "enable", "nobody", "--organisation", "One", "--program", "A"], "program list"),
        (&["provider", "disable", "nobody", "--organisation", "Two"], "organisation list"),
        (&["provider", "fly"], "'fly'"),
        (&["key", "rotate"], "chronus key add"),
        (&["key", "turn"], "'turn'"),
        (&["job", "retry"], "<JOB>"),
        (&["job", "retry", "nobody"], "chronus job list"),
        (&["job", "retry", "01900000-0000-7000-8000-000000000000"], "chronus job list"),
        (&["job", "retry", "01900000-0000-7000-8000-000000000000", "--all"], "cannot be used with"),
        (&["job", "do"], "'do'"),
    ];
    for (arguments, advice) in cases {
        let run = deployment.run(arguments)?.arguments(&["--json"]).end()?;
        refuses(&run, advice).with_context(|| arguments.join(" "))?;
    }
    let foreign = Run::new()?.variable("CHRONUS_DATABASE", "mysql://ann:hunter22@db.example/x");
    refuses(&foreign.arguments(&["plugin", "list", "--json"]).end()?, "postgres://")?;
    ensure!(deployment.json(0, &["plugin", "list"])? == json!({ "providers": [] }), "something was added");
    ensure!(!deployment.keys().exists(), "a key file was made");
    Ok(())
}

#[tokio::test]
async fn work_that_was_given_up_is_listed_and_tried_again() -> anyhow::Result<()> {
    let deployment = Deployment::new().await?;
    let db = deployment.database.open(&Clock::System).await?;
    let mut given_up = Vec::new();
    for _ in 0..3 {
        let effect = Effect::DeliverMeetings { person: PersonId::new(Clock::System.now()) };
        let mut tx = db.begin().await?;
        jobs::enqueue(&mut tx, &effect).await?;
        let lease =
            chronus_tests::jobs::claim(&mut tx, "a host", Duration::from_secs(60)).await?.context("it is due")?;
        jobs::bury(&mut tx, &lease, "the service is\u{7} gone").await?;
        tx.commit().await?;
        given_up.push((lease.job.to_string(), serde_json::to_value(&effect)?));
    }
    db.close().await;

    let listed = deployment.json(0, &["job", "list"])?;
    ensure!(listed["count"] == json!({ "ready": 0, "leased": 0, "dead": 3 }), "{listed}");
    for ((job, effect), dead) in iter::zip(&given_up, listed["dead"].as_array().context("a list")?) {
        ensure!(dead["job"] == **job && dead["effect"] == *effect && dead["attempts"] == 1, "{dead}");
        ensure!(dead["error"] == "the service is\u{7} gone" && dead["since"].is_string(), "{dead}");
    }
    let shown = deployment.run(&["job", "list"])?.end()?;
    shown.has_code(0)?;
    ensure!(shown.stdout().lines().count() == 3 && shown.stdout().contains(&given_up[0].0), "{}", shown.stdout());
    ensure!(!shown.stdout().contains('\u{7}') && shown.stderr().contains("3 failed"), "{}", shown.stderr());

    let (first, _) = &given_up[0];
    ensure!(deployment.json(0, &["job", "retry", first])? == json!({ "retried": [first] }));
    ensure!(deployment.json(2, &["job", "retry", first])?["error"]["code"] == "job", "it is no dead letter any more");
    let rest: Vec<_> = given_up.iter().skip(1).map(|(job, _)| job).collect();
    ensure!(deployment.json(0, &["job", "retry", "--all"])? == json!({ "retried": rest }));
    let listed = deployment.json(0, &["job", "list"])?;
    ensure!(
        listed["count"] == json!({ "ready": 3, "leased": 0, "dead": 0 }) && listed["dead"] == json!([]),
        "{listed}"
    );
    ensure!(listed["waiting"].as_array().is_some_and(|waiting| waiting.len() == 3), "{listed}");
    ensure!(listed["waiting"][0]["error"] == Value::Null && listed["waiting"][0]["due_at"].is_string(), "{listed}");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn keys_are_added_and_what_is_wrong_with_their_file_is_said_without_them() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let deployment = Deployment::new().await?;
    let mode = |mode| std::fs::set_permissions(deployment.keys(), std::fs::Permissions::from_mode(mode));
    deployment.json(0, &["organisation", "add", "One"])?;
    let ids = || -> anyhow::Result<Vec<String>> {
        let kept = std::fs::read_to_string(deployment.keys())?;
        Ok(kept.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
    };
    let first = deployment.json(0, &["key", "add"])?;
    let second = deployment.json(0, &["key", "add"])?;
    // A new key opens first, and seals only when it is to be used.
    ensure!(first["key"] == ids()?[0] && second["key"] == ids()?[1] && ids()?.len() == 2, "{:?}", ids()?);
    let key = second["key"].as_str().context("an id")?.to_owned();
    refuses(&deployment.run(&["key", "use", "k0"])?.arguments(&["--json"]).end()?, "chronus key add")?;
    ensure!(deployment.json(0, &["key", "use", &key])? == json!({ "key": key }));
    ensure!(second["key"] == ids()?[0] && first["key"] == ids()?[1] && ids()?.len() == 2, "{:?}", ids()?);
    // The database holds the key check and nothing else.
    let rotated = deployment.json(0, &["key", "rotate"])?;
    ensure!(rotated == json!({ "rewrapped": 1, "changed_meanwhile": 0, "failed": [], "left": 0 }), "{rotated}");
    mode(0o644)?;
    for arguments in [["key", "add"], ["key", "rotate"]] {
        refuses(&deployment.run(&arguments)?.arguments(&["--json"]).end()?, "chmod 600")?;
    }
    for (text, advice) in [(format!("a {SECRET}\n"), "line 1"), ("# none\n".to_owned(), "has no key")] {
        std::fs::write(deployment.keys(), &text)?;
        mode(0o600)?;
        for arguments in [["key", "add"], ["key", "rotate"]] {
            refuses(&deployment.run(&arguments)?.arguments(&["--json"]).end()?, advice)?;
        }
        ensure!(std::fs::read_to_string(deployment.keys())? == text, "the broken file was changed");
    }
    Ok(())
}

/// Checks for advice, and that no secret appears.
pub(super) fn refuses(run: &CommandOutput, advice: &str) -> anyhow::Result<()> {
    run.refuses(advice).and_then(|()| run.tells_no_secret())
}
