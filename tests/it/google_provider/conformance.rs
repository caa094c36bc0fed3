//! The conformance suite, with each set of scopes that people may grant.

use super::{ANN, AVAILABILITY, BEN, TWO_WAY, World, grant};
use chronus_host::conformance::{self, CallbackTarget, Outcome, Report, Target};
use chronus_host::plugins::{Budget, CallTarget};
use chronus_tests::google::Role;
use chronus_tests::repo_root;

/// Runs the suite; the table is printed, and JUnit's file is in `target/conformance/`.
async fn run(world: &World, name: &str, connection: CallTarget, scopes: &[&str]) -> anyhow::Result<Report> {
    let target = Target {
        organisation: "organisation".into(),
        connection,
        credential: world.credential(ANN, scopes),
        grant: grant()?,
        budget: Budget::default(),
        run: name.into(),
        expect: None,
        callback: CallbackTarget::default(),
    };
    let report = conformance::run(&world.plugin, &target, None).await?;
    println!("{report}");
    let folder = repo_root().join("target/conformance");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("google-{name}.xml")), report.junit()?)?;
    assert!(report.is_green(), "{report}");
    assert!(report.left_behind.is_empty(), "{:?}", report.left_behind);
    assert_eq!(world.google.violations(), Vec::<String>::new(), "not as Google's document says");
    Ok(report)
}

/// The cases that were not applicable, sorted.
fn unseen(report: &Report) -> Vec<&str> {
    let unseen = |row: &&conformance::Row| matches!(row.outcome, Outcome::NotApplicable { .. });
    let mut ids: Vec<&str> = report.rows.iter().filter(unseen).map(|row| row.id).collect();
    ids.sort_unstable();
    ids
}

/// What Google's events cannot be: kinds that are types of events, a chair, somebody who is only informed; their UIDs are
/// Google's own choice, what is made cancelled is not made, and Google holds no event that cannot be read. Sorted.
fn not_at_google() -> [&'static str; 8] {
    [
        "busy/cancelled",
        "busy/one-bad-event",
        "create/copy",
        "create/round-trip:attendees-roles",
        "create/round-trip:out-of-office",
        "create/round-trip:tentative",
        "create/round-trip:working-elsewhere",
        "create/taken",
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_with_events_alone() -> anyhow::Result<()> {
    let world = World::new().await?;
    let report = run(&world, "two-way", World::connection(ANN, &TWO_WAY), &TWO_WAY).await?;
    assert_eq!(unseen(&report), not_at_google());
    Ok(())
}

/// An account with several calendars, some of them read-only, and a service account that acts for its owner.
#[tokio::test(flavor = "multi_thread")]
async fn holds_with_everything_and_for_a_service_account() -> anyhow::Result<()> {
    let world = World::new().await?;
    world.google.add_calendar(ANN, "Choir", "America/New_York");
    world.google.share(BEN, ANN, Some(Role::FreeBusyReader));
    let everything = ["email", "calendar"];
    let report = run(&world, "everything", World::connection(ANN, &everything), &everything).await?;
    assert_eq!(unseen(&report), not_at_google());

    let delegated = ["calendar.events", "calendar.freebusy"];
    let connection = CallTarget {
        sign_in: "service-account".into(),
        subject: Some(ANN.into()),
        address: None,
        fields: Vec::new(),
        ..World::connection(ANN, &delegated)
    };
    let report = run(&world, "service-account", connection, &delegated).await?;
    assert_eq!(unseen(&report), not_at_google());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_with_free_busy_alone() -> anyhow::Result<()> {
    let world = World::new().await?;
    let report = run(&world, "availability", World::connection(ANN, &AVAILABILITY), &AVAILABILITY).await?;
    let seen = |id: &str| report.rows.iter().any(|row| row.id == id && matches!(row.outcome, Outcome::Passed));
    for id in [
        "open/calendars",
        "open/reconnect",
        "busy/each",
        "busy/failure-is-not-free:unknown-calendar",
        "memo/optional:lost",
    ] {
        assert!(seen(id), "{id}: {report}");
    }
    Ok(())
}
