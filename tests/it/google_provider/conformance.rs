//! The conformance suite, at each level of what people give.

use super::{ANN, AVAILABILITY, TWO_WAY, World, grant};
use chronus_host::plugins::Budget;
use chronus_host::plugins::Connection;
use chronus_host::plugins::conformance::{self, Outcome, Report, Target};
use chronus_tests::repo_root;

/// Runs the suite; the table is printed, and JUnit's file is in `target/conformance/`.
async fn run(world: &World, name: &str, connection: Connection, scopes: &[&str]) -> anyhow::Result<Report> {
    let target = Target {
        organisation: "organisation".into(),
        connection,
        credential: world.credential(ANN, scopes),
        grant: grant()?,
        budget: Budget::default(),
        run: name.into(),
    };
    let filter = std::env::var("CHRONUS_CASE").ok();
    let report = conformance::run(&world.plugin, &target, filter.as_deref()).await?;
    println!("{report}");
    let folder = repo_root().join("target/conformance");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("google-{name}.xml")), report.junit()?)?;
    assert!(report.is_green(), "{report}");
    assert!(report.left_behind.is_empty(), "{:?}", report.left_behind);
    assert_eq!(world.google.violations(), Vec::<String>::new(), "not as Google's document says");
    Ok(report)
}

/// The cases that could not be seen.
fn unseen(report: &Report) -> Vec<&str> {
    let unseen = |row: &&conformance::Row| matches!(row.outcome, Outcome::NotApplicable { .. });
    report.rows.iter().filter(unseen).map(|row| row.id).collect()
}

/// What Google's events cannot be: kinds that are types of events, a chair, somebody who is only informed; their UIDs are
/// Google's own choice, what is made cancelled is not made.
const NOT_AT_GOOGLE: [&str; 6] = [
    "busy/cancelled",
    "create/taken",
    "create/round-trip:tentative",
    "create/round-trip:out-of-office",
    "create/round-trip:working-elsewhere",
    "create/round-trip:attendees-roles",
];

#[tokio::test(flavor = "multi_thread")]
async fn holds_with_events_alone() -> anyhow::Result<()> {
    let world = World::new().await?;
    let report = run(&world, "two-way", World::connection(ANN, &TWO_WAY), &TWO_WAY).await?;
    let mut expected = NOT_AT_GOOGLE.to_vec();
    expected.push("busy/one-bad-event");
    let mut unseen = unseen(&report);
    unseen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(unseen, expected);
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
