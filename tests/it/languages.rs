//! Providers in other languages keep the contract in the sandbox, although their runtimes import what leads nowhere, and a
//! person who connects one is busy when the service says so.
//!
//! One test does all of it for both: components of 14 and 19 MB are compiled for seconds, and again by each host's cache.

use super::read_only::{expectation, target};
use super::service::world::{Person, World};
use anyhow::{Context, anyhow, ensure};
use chronus_host::calendar::Window;
use chronus_host::conformance::{self, Outcome, Verdict};
use chronus_host::plugins::contract::BusyTargets;
use chronus_host::plugins::egress::{EgressMap, EgressPolicy, NameResolver, TlsTrust};
use chronus_host::plugins::{Access, Plugin, Sandbox, SandboxConfig};
use chronus_tests::host::Host;
use chronus_tests::peers::{self, Language, Peer, language_component};
use chronus_tests::repo_root;
use chronus_tests::store::{PASSWORD, Store};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The service as the providers know it; the map leads to where it is.
const SERVICE: &str = "https://memory.example";

/// A provider in another language, and a person who connects with it.
struct Subject {
    language: Language,
    id: &'static str,
    /// Some of the imports that its runtime has and that lead nowhere.
    inert: &'static [&'static str],
    person: &'static str,
}

const SUBJECTS: [Subject; 2] = [
    Subject {
        language: Language::JavaScript,
        id: "reader-js",
        inert: &["wasi:cli/stderr@", "wasi:filesystem/preopens@"],
        person: "ann",
    },
    Subject {
        language: Language::Python,
        id: "reader-python",
        inert: &["wasi:cli/environment@", "wasi:filesystem/types@", "wasi:sockets/tcp@"],
        person: "ben",
    },
];

/// The component of a subject.
struct Component {
    subject: &'static Subject,
    path: PathBuf,
    sha256: String,
}

/// The events of `read_only`, as these providers read them.
const TEXTS: [(&str, &str); 8] = [
    (
        "a-series",
        r#"{ "times": [["2024-05-14T07:00:00Z", "2024-05-14T08:00:00Z"],
                       ["2024-05-15T07:00:00Z", "2024-05-15T08:00:00Z"],
                       ["2024-05-16T07:00:00Z", "2024-05-16T08:00:00Z"]] }"#,
    ),
    (
        "a-weekly",
        r#"{ "times": [["2024-10-23T07:00:00Z", "2024-10-23T08:00:00Z"], ["2024-10-30T08:00:00Z", "2024-10-30T09:00:00Z"]] }"#,
    ),
    ("b-days", r#"{ "days": ["2024-05-20", "2024-05-22"] }"#),
    ("c-cancelled", r#"{ "times": [["2024-05-17T07:00:00Z", "2024-05-17T08:00:00Z"]], "status": "cancelled" }"#),
    ("d-free", r#"{ "times": [["2024-05-17T10:00:00Z", "2024-05-17T11:00:00Z"]], "free": true }"#),
    ("e-one", r#"{ "times": [["2024-05-17T13:00:00Z", "2024-05-17T15:00:00Z"]] }"#),
    ("f-other", r#"{ "times": [["2024-05-23T13:00:00Z", "2024-05-23T15:00:00Z"]] }"#),
    ("g-invitation", r#"{ "times": [["2024-05-24T13:00:00Z", "2024-05-24T15:00:00Z"]], "status": "unanswered" }"#),
];

/// A shift, and the day on which the clocks of Rome go forward.
const SHIFTS: [(&str, &str); 2] = [
    ("shift", r#"{ "times": [["2027-03-26T07:00:00Z", "2027-03-26T09:00:00Z"]] }"#),
    ("day", r#"{ "days": ["2027-03-28", "2027-03-29"] }"#),
];

#[tokio::test(flavor = "multi_thread")]
async fn providers_in_other_languages_keep_the_contract_and_work_in_a_host() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::ComponentizeJs, Peer::ComponentizePy, Peer::Radicale, Peer::Caldav])? {
        return Ok(());
    }
    // Both at once.
    let building = SUBJECTS.each_ref().map(|subject| {
        let language = subject.language;
        (subject, tokio::task::spawn_blocking(move || language_component(language)))
    });
    let (store, world) = (Store::start().await?, World::new("").await?);
    let mut components = Vec::new();
    for (subject, building) in building {
        let path = building.await??;
        let plugin = sandbox(&store)?.admit(&std::fs::read(&path)?).await?;
        imports_lead_nowhere(&plugin, subject)?;
        keeps_the_contract(&plugin, &store, subject.id).await.with_context(|| subject.id)?;
        names_what_it_cannot_read(&plugin, &store, subject.id).await.with_context(|| subject.id)?;
        components.push(Component { subject, path, sha256: plugin.inspection().sha256.clone() });
    }
    work_in_a_host(&store, &world, &components).await
}

/// It keeps compiled code where the hosts of tests do, so that the host need not compile the components again.
fn sandbox(store: &Store) -> anyhow::Result<Sandbox> {
    let map = EgressMap::new([(SERVICE, store.origin())])?;
    Ok(Sandbox::new(SandboxConfig {
        concurrent_calls: 8,
        cache: Some(repo_root().join("target/code-of-hosts")),
        egress: EgressPolicy { map, ..EgressPolicy::default() },
        tls: TlsTrust::new(Vec::new())?,
        names: NameResolver::System,
    })?)
}

fn imports_lead_nowhere(plugin: &Plugin, subject: &Subject) -> anyhow::Result<()> {
    let inert = &plugin.inspection().inert;
    for import in subject.inert {
        ensure!(inert.iter().any(|inert| inert.starts_with(import)), "{}: {import} is not in {inert:?}", subject.id);
    }
    Ok(())
}

/// The id is the user's name at the store, too.
async fn keeps_the_contract(plugin: &Plugin, store: &Store, id: &str) -> anyhow::Result<()> {
    store.add_user(id);
    for (text, data) in TEXTS {
        store.put(id, "home", text, data);
    }
    let report = conformance::run(plugin, &target(id, "", Some(expectation()?))?, None).await?;
    println!("{report}");
    ensure!(report.verdict() == Verdict::Passed, "{report}");
    let busy = |id: &str| id.starts_with("busy/") || id.ends_with(":busy");
    let passed = report.rows.iter().filter(|row| busy(row.id) && row.outcome == Outcome::Passed);
    ensure!(passed.count() == 27, "{report}");
    Ok(())
}

async fn names_what_it_cannot_read(plugin: &Plugin, store: &Store, id: &str) -> anyhow::Result<()> {
    let target = target(id, "", None)?;
    let access = Access::new("organisation", target.connection, target.credential, target.grant, target.budget);
    let access = access.context("the access to the store")?;
    let window = Window { start: "2024-05-16T12:00:00Z".parse()?, end: "2024-05-17T14:00:00Z".parse()? };
    store.put(id, "broken", "one", r#"{ "times": [["2024-05-17T13:00:00Z", "2024-05-17T15:00:00Z"]] }"#);
    let reply = plugin.busy(&access, BusyTargets::Calendars(vec!["broken".into()]), window).await?;
    let times = reply.value[0].outcome.as_ref().map_err(|failure| anyhow!("{failure}"))?;
    let problems: Vec<_> = times.problems.iter().map(|problem| problem.id.as_str()).collect();
    ensure!(problems == ["bad"] && times.intervals.len() == 1, "{times:?}");
    Ok(())
}

async fn work_in_a_host(store: &Store, world: &World, components: &[Component]) -> anyhow::Result<()> {
    let config = std::fs::read_to_string(world.config())?;
    std::fs::write(world.config(), format!("{config}{SERVICE:?} = {:?}\n", store.origin()))?;
    for Component { subject, path, sha256 } in components {
        let path = path.to_str().context("the checkout's path is text")?;
        world.command(&["plugin", "add", path, "--accept-digest", sha256, "--accept"]).await?;
        let scope = ["--organisation", &world.organisation, "--program", &world.program];
        world.command(&[&["provider", "enable", subject.id], &scope[..]].concat()).await?;
    }
    let host = world.host().await?;
    world.join(&host).await?;
    for Component { subject, .. } in components {
        let person = if subject.person == "ann" { &world.ann } else { &world.ben };
        connects_and_is_busy(store, &host, subject, person).await.with_context(|| subject.id)?;
    }
    Ok(())
}

async fn connects_and_is_busy(store: &Store, host: &Host, subject: &Subject, person: &Person) -> anyhow::Result<()> {
    let user = subject.person;
    store.add_user(user);
    for (text, data) in SHIFTS {
        store.put(user, "home", text, data);
    }
    let client = host.client(&person.token)?;
    let connection = format!("/v1/people/{}/connection", person.id);
    let sign_in = |password: &str| {
        json!({ "provider": subject.id, "sign_in": "password", "fields": { "user": user },
                "secrets": { "password": password } })
    };
    let refused = client.send(reqwest::Method::PUT, &connection, Some(&sign_in("wrong"))).await?;
    ensure!(refused.status == 422 && refused.body["code"] == "sign-in-refused", "{}", refused.body);
    let connected = client.put(&connection, &sign_in(PASSWORD)).await?;
    ensure!(connected["state"] == "connected" && connected["calendars"][0]["id"] == "home", "{connected}");

    let path = format!("/v1/people/{}/busy?from=2027-03-22T00:00:00Z&to=2027-03-29T22:00:00Z", person.id);
    let told = client.get(&path).await?;
    let intervals = told["intervals"].as_array().with_context(|| told.to_string())?;
    let times: Vec<Value> = intervals.iter().map(|one| json!([one["start"], one["end"]])).collect();
    let expected = json!([
        ["2027-03-26T07:00:00Z", "2027-03-26T09:00:00Z"],
        // The day has 23 hours in Rome.
        ["2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"],
    ]);
    ensure!(told["state"] == "known" && Value::Array(times) == expected, "{told}");
    Ok(())
}
