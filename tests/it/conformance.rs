//! The conformance suite: it covers the contract, it finds every mistake that a provider is made to make and blames
//! nothing else for it, and it holds for the provider of CalDAV against servers of others.

use anyhow::Context;
use chronus_host::conformance::{self, Ability, CallbackTarget, Case, Outcome, Target, Verdict};
use chronus_host::plugins::egress::{Credential, EgressGrant, EgressMap, EgressPolicy};
use chronus_host::plugins::{Budget, CallTarget, Plugin};
use chronus_tests::harness::{self, SERVER};
use chronus_tests::peers::{self, Account, Cyrus, Peer, Radicale, Xandikos};
use chronus_tests::store::{PASSWORD, Store};
use chronus_tests::wit::wit_labels;
use chronus_tests::{components, repo_root};
use futures_util::{StreamExt, stream};
use std::collections::BTreeSet;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Each way in which the toy provider of `guests/examples/memory` can be wrong, and the sentences that it then breaks.
const WRONG: &[(&str, &[&str])] = &[
    ("lists-tasks", &["open/calendars"]),
    ("meetings-anywhere", &["open/meetings"]),
    ("default-missing", &["open/default"]),
    ("default-twice", &["open/default"]),
    ("calendars-named-anew", &["open/stable", "memo/optional"]),
    ("wrong-password-is-temporary", &["open/reconnect", "failure/reconnect"]),
    ("needs-its-memo", &["memo/optional"]),
    ("memo-grows", &["memo/small", "memo/optional", "open/stable"]),
    ("nothing-is-invalid", &["busy/each", "get-many/each"]),
    ("drops-unknown-calendars", &["busy/each"]),
    ("answers-in-its-own-order", &["busy/each"]),
    ("failure-is-free", &["busy/failure-is-not-free"]),
    ("edges-count", &["busy/half-open"]),
    ("not-clipped", &["busy/clipped"]),
    ("unsorted", &["busy/sorted"]),
    ("nothing-takes-a-minute", &["busy/clipped", "create/round-trip"]),
    ("the-first-is-all", &["busy/recurrence", "busy/wall-clock", "occurrence/alone", "update/series-move"]),
    ("exceptions-ignored", &["busy/recurrence", "occurrence/alone", "update/series-move"]),
    ("fixed-offset", &["busy/wall-clock"]),
    ("all-day-in-utc", &["busy/all-day"]),
    ("free-is-busy", &["busy/free"]),
    ("cancelled-is-busy", &["busy/cancelled"]),
    ("declined-is-busy", &["busy/cancelled"]),
    ("busy-uids-are-keys", &["busy/uid"]),
    ("busy-keys-are-uids", &["busy/client-key"]),
    ("one-bad-event-is-all", &["busy/one-bad-event"]),
    ("bad-events-are-nameless", &["busy/one-bad-event"]),
    ("backwards-is-free", &["busy/window"]),
    ("loses-descriptions", &["create/round-trip", "update/only-named"]),
    ("loses-locations", &["create/round-trip", "update/only-named"]),
    ("loses-urls", &["create/round-trip", "update/only-named"]),
    ("loses-newlines", &["create/round-trip"]),
    ("loses-astral", &["create/round-trip"]),
    ("loses-marks", &["create/round-trip"]),
    ("shows-escapes", &["create/round-trip"]),
    ("takes-text-for-markup", &["create/round-trip"]),
    ("loses-zones", &["create/round-trip", "update/only-named", "occurrence/there"]),
    ("knows-local-times-only", &["create/round-trip"]),
    ("days-become-times", &["create/round-trip", "occurrence/there"]),
    ("loses-kinds", &["create/round-trip"]),
    ("is-always-certain", &["create/round-trip"]),
    ("loses-names", &["create/round-trip"]),
    ("loses-roles", &["create/round-trip", "update/only-named"]),
    ("loses-rules", &["create/round-trip", "update/only-named", "series/whole"]),
    ("uid-of-its-own", &["create/uid"]),
    ("forgets-its-key", &["create/client-key"]),
    ("makes-it-twice", &["create/idempotent", "memo/optional", "failure/again"]),
    ("conflict-overwrites", &["create/conflict"]),
    ("taken-uid-is-free", &["create/taken"]),
    ("organises-every-copy", &["create/copy"]),
    ("never-sends", &["create/sent"]),
    (
        "unknown-is-temporary",
        &[
            "get/unknown",
            "get-many/each",
            "update/unknown",
            "cancel/gone",
            "unsubscribe/again",
            "failure/absent",
            "failure/again",
            "failure/never-guessed",
        ],
    ),
    ("finds-nothing", &["find/there"]),
    ("finds-or-fails", &["find/absent"]),
    ("drops-unknown-ids", &["get-many/each"]),
    ("drops-the-unnamed", &["update/only-named"]),
    ("resets-answers", &["update/only-named"]),
    ("keeps-what-is-emptied", &["update/only-named"]),
    ("answers-are-lost", &["update/answers"]),
    ("sequence-stays", &["update/sequence"]),
    ("moved-stay-moved", &["update/series-move"]),
    ("moves-past-its-rule", &["update/series-move"]),
    (
        "occurrences-are-the-series",
        &["occurrence/there", "occurrence/absent", "occurrence/alone", "series/whole", "update/series-move"],
    ),
    ("every-start-exists", &["occurrence/absent"]),
    ("changes-the-whole-series", &["occurrence/alone"]),
    ("cancels-the-whole-series", &["occurrence/absent", "occurrence/alone", "series/whole", "update/series-move"]),
    ("series-in-parts", &["series/whole"]),
    ("etag-stays", &["update/etag-new"]),
    ("etags-ignored", &["update/stale", "cancel/stale"]),
    ("update-makes", &["update/unknown"]),
    (
        "updates-once",
        &[
            "update/no-etag",
            "update/only-named",
            "update/sequence",
            "update/series-move",
            "series/whole",
            "failure/again",
        ],
    ),
    (
        "cancel-does-nothing",
        &[
            "cancel/gone",
            "cancel/stale",
            "changes/tombstone",
            "occurrence/absent",
            "occurrence/alone",
            "series/whole",
            "update/series-move",
        ],
    ),
    ("refuses-comments", &["cancel/comment", "respond/comment"]),
    ("cancels-once", &["cancel/again", "failure/again"]),
    ("answers-for-all", &["respond/own-answer"]),
    ("invites-itself", &["respond/not-invited"]),
    ("lists-no-series", &["changes/listing", "series/whole"]),
    ("never-complete", &["changes/listing"]),
    ("misses-new-ones", &["changes/new", "changes/max"]),
    ("misses-updates", &["changes/new", "series/whole"]),
    ("leaves-what-moves", &["changes/left", "changes/new", "series/whole"]),
    ("covers-too-much", &["changes/covers"]),
    ("never-tombstones", &["changes/tombstone"]),
    ("repeats-changes", &["changes/fix-point"]),
    ("max-ignored", &["changes/max"]),
    ("skips-between-pages", &["changes/max", "series/whole"]),
    ("any-cursor-is-good", &["changes/expired"]),
    ("never-goes-back", &["changes/out-of-order", "series/whole"]),
    ("loses-secrets", &["subscribe/told", "renew/told"]),
    ("renewal-loses-secrets", &["renew/told"]),
    ("unsubscribes-once", &["unsubscribe/again"]),
    ("asks-what-a-failure-means", &["explain-failure/offline", "explain-failure/lost-grant"]),
    ("every-failure-is-a-lost-grant", &["explain-failure/lost-grant"]),
    ("garbage-is-empty", &["failure/never-guessed"]),
    ("garbage-is-gone", &["failure/never-guessed"]),
    ("refusal-is-a-lost-password", &["failure/refused"]),
    ("precondition-is-a-lost-password", &["failure/precondition"]),
    ("precondition-ignored", &["update/stale", "cancel/stale", "failure/precondition"]),
    ("waits-as-it-likes", &["failure/slow-down"]),
    ("waits-no-longer-than-told", &["failure/slow-down"]),
    ("haste-is-temporary", &["failure/slow-down"]),
    ("trouble-is-a-lost-password", &["failure/temporary"]),
    ("answers-once", &["failure/again"]),
    ("knows-no-future", &["failure/clock", "update/series-move"]),
];

/// The account of this user at the store. The provider makes the mistake `wrong`.
pub(crate) fn target(user: &str, wrong: &str) -> anyhow::Result<Target> {
    Ok(Target {
        organisation: "organisation".into(),
        connection: CallTarget {
            sign_in: "password".into(),
            address: Some("owner@example.com".into()),
            zone: "Europe/Rome".into(),
            fields: vec![("user".into(), user.into()), ("wrong".into(), wrong.into())],
            ..CallTarget::default()
        },
        credential: Credential::Basic { user: user.into(), secret: PASSWORD.into() },
        grant: EgressGrant { hosts: vec!["https://memory.example".parse()?], ..EgressGrant::default() },
        budget: Budget::default(),
        run: user.into(),
        expect: None,
        callback: CallbackTarget::default(),
    })
}

async fn memory(store: &Store) -> anyhow::Result<Plugin> {
    at_the_store(store, "memory").await
}

/// A guest whose service is this store.
pub(crate) async fn at_the_store(store: &Store, guest: &'static str) -> anyhow::Result<Plugin> {
    let built = tokio::task::spawn_blocking(components).await??.guest(guest)?;
    let map = EgressMap::new([("https://memory.example", store.origin())])?;
    let sandbox = harness::sandbox(EgressPolicy { map, ..EgressPolicy::default() })?;
    Ok(sandbox.admit(&std::fs::read(&built.path)?).await?)
}

#[tokio::test]
async fn the_right_provider_fails_no_case() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = memory(&store).await?;
    store.add_user("right");
    let report = conformance::run(&plugin, &target("right", "")?, None).await?;
    println!("{report}");
    assert!(report.is_green(), "{report}");
    assert_eq!(report.verdict(), Verdict::Passed, "{report}");
    let not_seen: Vec<_> =
        report.rows.iter().filter(|row| matches!(row.outcome, Outcome::NotApplicable { .. })).collect();
    assert!(not_seen.is_empty(), "the toy service lets everything be seen: {not_seen:?}");
    assert!(report.left_behind.is_empty(), "{:?}", report.left_behind);
    assert_eq!(store.count("right", "home"), Some(0), "the suite takes away what it made");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_fails_the_sentences_that_name_it_and_no_other() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = memory(&store).await?;
    // As many at once as there are sandboxes, at most: who waits for one is not tried, but told to come back.
    let mut runs = stream::iter(WRONG)
        .map(|(wrong, sentences)| {
            store.add_user(wrong);
            let (plugin, target) = (plugin.clone(), target(wrong, wrong));
            // Making every request of every call fail takes long, and tells nothing of most mistakes.
            let filter = sentences.iter().all(|sentence| !sentence.starts_with("failure/")).then_some("!failure/");
            tokio::spawn(
                async move { anyhow::Ok((wrong, sentences, conformance::run(&plugin, &target?, filter).await?)) },
            )
        })
        .buffer_unordered(4);
    let mut surprises = Vec::new();
    // The others are left out where the suite can write; `read_only` runs them.
    let can_write = |case: &&Case| !case.needs.contains(&Ability::HeldEvents);
    let mut never_failed: BTreeSet<&str> = conformance::cases().filter(can_write).map(|case| case.id).collect();
    while let Some(run) = runs.next().await {
        let (wrong, sentences, report) = run??;
        let expected: BTreeSet<&str> = sentences.iter().copied().collect();
        never_failed.retain(|id| !report.failures().any(|row| row.id == *id));
        let broken: BTreeSet<&str> = report.failures().map(|row| row.sentence).collect();
        if broken != expected {
            let cases: Vec<_> = report.failures().map(|row| (row.id, &row.outcome)).collect();
            surprises.push(format!("{wrong}: should break {expected:?}, and breaks {cases:#?}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let expected: BTreeSet<&str> = UNBREAKABLE.iter().map(|(case, _)| *case).collect();
    assert_eq!(never_failed, expected, "cases that no mistake failed");
    Ok(())
}

/// Cases that none of these mistakes fails, and why.
const UNBREAKABLE: [(&str, &str); 6] = [
    ("create/round-trip:no-description", "nearly every event of the suite has none, so others would fail first"),
    ("create/round-trip:utc", "nearly every event of the suite is in UTC"),
    ("describe/pure", "it is not called with a connection, so that the toy provider cannot be told to be wrong"),
    ("describe/well-formed", "what is malformed is not admitted"),
    ("notification/garbage", "nor does a notification come with a connection"),
    (
        "open/abilities",
        "the toy provider has all functions, so that it can do all that can be claimed: see the next test",
    ),
];

/// Each case that creates an event and asks for busy times fails if there are none.
#[tokio::test]
async fn an_empty_answer_passes_no_case_with_an_event() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = memory(&store).await?;
    store.add_user("empty");
    let target = target("empty", "always-free")?;
    let writes = |id: &str| {
        let case = conformance::cases().find(|case| case.id == id);
        case.is_some_and(|case| [Ability::Write, Ability::RecurringWrites].iter().any(|need| case.needs.contains(need)))
    };
    for part in ["busy/", ":busy", "cancel/gone"] {
        let report = conformance::run(&plugin, &target, Some(part)).await?;
        let asks = |id: &str| id.ends_with(":busy") || id == "cancel/gone" || (id.starts_with("busy/") && writes(id));
        let rows: Vec<_> = report.rows.iter().filter(|row| asks(row.id)).collect();
        assert!(!rows.is_empty(), "{part}");
        for row in rows {
            assert!(matches!(row.outcome, Outcome::Failed { .. }), "{}: {:?}", row.id, row.outcome);
        }
    }
    Ok(())
}

/// A service that does not keep the organiser among the attendees has no answer of the owner to set.
#[tokio::test]
async fn an_organiser_who_is_no_attendee_answers_nothing() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = memory(&store).await?;
    store.add_user("organiser");
    let target = target("organiser", "organiser-is-no-attendee")?;
    for (part, cases) in [("respond", 11), ("busy/cancelled:declined", 1)] {
        let report = conformance::run(&plugin, &target, Some(part)).await?;
        let without_answer = report.rows.iter().filter(
            |row| matches!(&row.outcome, Outcome::NotApplicable { why } if why.contains("does not keep the organiser")),
        );
        assert_eq!(without_answer.count(), cases, "{report}");
        assert_eq!((report.counts().failed, report.counts().not_tried), (0, 0), "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_claimed_must_be_exported() -> anyhow::Result<()> {
    let built = tokio::task::spawn_blocking(components).await??.guest("boaster")?;
    let plugin = harness::sandbox(EgressPolicy::default())?.admit(&std::fs::read(&built.path)?).await?;
    let target = Target { grant: EgressGrant::default(), credential: Credential::None, ..target("boaster", "")? };
    let report = conformance::run(&plugin, &target, Some("open/abilities")).await?;
    let outcomes: Vec<_> = report.rows.iter().map(|row| &row.outcome).collect();
    let [Outcome::Failed { actual, .. }] = outcomes[..] else { anyhow::bail!("{outcomes:?}") };
    for ability in ["`write`", "`recurring-writes`", "`report-changes`", "`push`"] {
        assert!(actual.contains(ability), "{ability}: {actual}");
    }
    Ok(())
}

/// `plugin call … watch` prints the notification of a change that is made while it waits.
#[tokio::test]
async fn a_watch_prints_the_first_notification() -> anyhow::Result<()> {
    let store = Store::start().await?;
    store.add_user("watch");
    let folder = tempfile::tempdir()?;
    let (target, origin) = (folder.path().join("target.toml"), store.origin());
    let text = format!(
        "[fields]\nuser = \"watch\"\nwrong = \"nothing\"\n[secrets]\npassword = \"{PASSWORD}\"\n[egress.map]\n\
         \"https://memory.example\" = \"{origin}\"\n"
    );
    std::fs::write(&target, text)?;
    let component = tokio::task::spawn_blocking(components).await??.guest("memory")?.path.clone();
    let mut command = tokio::task::spawn_blocking(chronus_tests::command).await??;
    command.args(["plugin", "call"]).arg(component).args(["watch", "--target"]).arg(&target);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut running = command.spawn()?;
    let mut lines = BufReader::new(running.stderr.take().context("standard error")?).lines();
    while !lines.next_line().await?.context("the command waits")?.contains("waiting 60 s") {}
    store.put("watch", "home", "new", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    let output = running.wait_with_output().await?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((&told["notice"], &told["secret"]), (&"changed".into(), &"right".into()), "{told}");
    assert!(told["callback"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{told}");
    assert_eq!(output.status.code(), Some(0));
    Ok(())
}

#[test]
fn every_sentence_has_a_case_and_every_case_a_sentence() -> anyhow::Result<()> {
    let labels: BTreeSet<String> = wit_labels()?.into_iter().map(|label| label.name).collect();
    let sentences: BTreeSet<&str> = conformance::cases().map(Case::sentence).collect();
    let unknown: Vec<_> = sentences.iter().filter(|sentence| !labels.contains(**sentence)).collect();
    assert!(unknown.is_empty(), "cases of sentences that the contract does not have: {unknown:?}");
    let without_case: Vec<_> = labels.iter().map(String::as_str).filter(|label| !sentences.contains(label)).collect();
    assert!(without_case.is_empty(), "sentences without a case: {without_case:?}");
    for label in wit_labels()?.iter().filter(|label| sentences.contains(label.name.as_str())) {
        assert_eq!(conformance::promise(&label.name).as_ref(), Some(&label.sentence), "{}", label.name);
    }
    let ids: BTreeSet<&str> = conformance::cases().map(|case| case.id).collect();
    assert_eq!(ids.len(), conformance::cases().count(), "two cases have one id");
    Ok(())
}

/// A filter names cases by any part of their ids.
#[tokio::test]
async fn a_filter_runs_some_cases() -> anyhow::Result<()> {
    let store = Store::start().await?;
    let plugin = memory(&store).await?;
    store.add_user("filter");
    let target = target("filter", "")?;
    let report = conformance::run(&plugin, &target, Some("busy/window")).await?;
    let ids: Vec<_> = report.rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, ["busy/window:backwards", "busy/window:empty"]);
    assert!(report.is_green(), "{report}");

    let locked_out = Target { credential: Credential::None, ..target };
    let report = conformance::run(&plugin, &locked_out, Some("busy/")).await?;
    assert_eq!(report.counts().passed, 0);
    let outcome = &report.rows.first().context("there are cases")?.outcome;
    let Outcome::Failed { expected, actual } = outcome else { anyhow::bail!("{outcome:?}") };
    assert!(expected.contains("`open`") && actual.starts_with("reconnect"), "{expected}: {actual}");
    Ok(())
}

/// The whole suite against a CalDAV server; the table is printed, and JUnit's file is in `target/conformance/`.
async fn holds_for_caldav(server: &str, account: &Account) -> anyhow::Result<()> {
    let built = tokio::task::spawn_blocking(components).await??.provider("ical")?;
    let sandbox = harness::sandbox(harness::mapped_to(&account.origin)?)?;
    let plugin = sandbox.admit(&std::fs::read(&built.path)?).await?;
    let target = Target {
        organisation: "organisation".into(),
        connection: CallTarget {
            sign_in: "caldav".into(),
            server: Some(SERVER.into()),
            address: Some("alice@example.com".into()),
            zone: "Europe/Rome".into(),
            fields: vec![("username".into(), account.user.clone())],
            ..CallTarget::default()
        },
        credential: Credential::Basic { user: account.user.clone(), secret: account.password.clone().into() },
        grant: EgressGrant::default(),
        budget: Budget::default(),
        run: server.into(),
        expect: None,
        callback: CallbackTarget::default(),
    };
    let report = conformance::run(&plugin, &target, None).await?;
    println!("{report}");
    let folder = repo_root().join("target/conformance");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("ical-{server}.xml")), report.junit()?)?;
    assert!(report.is_green(), "{report}");
    assert!(report.left_behind.is_empty(), "{:?}", report.left_behind);
    Ok(())
}

/// An event in an unknown zone: read as if it had none, and named as a problem. Which window the suite looks
/// at depends on the run, so it is there every day.
const ODD: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//chronus//tests//EN\r\nBEGIN:VEVENT\r\nUID:odd\r\n\
    DTSTAMP:20130101T000000Z\r\nDTSTART;TZID=Nowhere/Never:20130101T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\n\
    SUMMARY:Odd\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[tokio::test]
async fn ical_holds_against_radicale() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Radicale])? {
        return Ok(());
    }
    let radicale = Radicale::start(&[("alice", "opensesame")]).await?;
    let account = radicale.account("alice")?;
    account.put_calendar("work").await?;
    account.put(&format!("{}odd.ics", account.put_calendar("zones").await?), ODD).await?;
    holds_for_caldav("radicale", &account).await
}

#[tokio::test]
async fn ical_holds_against_xandikos() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Xandikos])? {
        return Ok(());
    }
    let xandikos = Xandikos::start().await?;
    let account = xandikos.account();
    account.put(&format!("{}odd.ics", account.put_calendar("zones").await?), ODD).await?;
    holds_for_caldav("xandikos", &account).await
}

#[tokio::test]
async fn ical_holds_against_cyrus() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::Cyrus])? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&[("alice", "opensesame"), ("bob", "swordfish")]).await?;
    let account = cyrus.account("alice")?;
    account.put(&format!("{}odd.ics", account.put_calendar("zones").await?), ODD).await?;
    holds_for_caldav("cyrus", &account).await
}
