//! What a provider must do right, as calls and answers.
//!
//! The contract is text, and a provider whose author read a sentence differently is found when somebody's meeting is
//! wrong. So every labelled sentence of the contract has cases here. A case makes events at a real service through the
//! sandbox, asks for them, and says what it expected and what came, so that the author of the provider can act on it
//! without reading the case. Where a connection cannot do what a sentence speaks of, the case says so and counts
//! neither way.
//!
//! A case sees only what the host sees: it goes through [`Plugin`]'s methods and never asks the service itself. It
//! works beside whatever is in the calendar, with keys that hold the name of the run, in a year that the run chooses,
//! and takes away what it made, whether it passed or not. The past is used on purpose: the rules of its clocks do not
//! change any more.
//!
//! Rejected: recorded answers of services, which prove that a provider can read yesterday's answer; and a second,
//! direct client in the suite, which would have to know every service.

mod bench;
mod busy;
mod caller;
mod cancel;
mod changes;
mod clocks;
mod content;
mod create;
mod describe;
mod expect;
mod explain;
mod failures;
mod get;
mod memo;
mod open;
mod promises;
mod push;
mod report;
mod respond;
mod round_trip;
mod series;
mod update;

pub use promises::promise;
pub use report::{Counts, Outcome, Report, Row};

use crate::plugins::{
    AccessError, Budget, Connection, Plugin,
    contract::Abilities,
    egress::{Credential, Grant},
};
use bench::Bench;
use expect::{Checked, Stop};
use std::{pin::Pin, time::Instant};

/// What the suite is run against: an account at a service. It should be one for tests: events are made in its default
/// calendar, and taken away again.
#[derive(Debug, Clone)]
pub struct Target {
    /// As in [`crate::plugins::Access`].
    pub organisation: String,
    /// Its memo is ignored: the suite begins without one.
    pub connection: Connection,
    /// What opens the account.
    pub credential: Credential,
    /// What the provider may reach.
    pub grant: Grant,
    /// What each call may use.
    pub budget: Budget,
    /// The name of this run, part of every key and UID: letters, digits and hyphens, others are left out. Two runs
    /// against one account must not have the same.
    pub run: String,
}

/// What a connection must be able to do for a case to make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// The account opens.
    Open,
    /// `read-busy`
    ReadBusy,
    /// `write`, and a calendar that can be written.
    Write,
    /// `recurring-writes`
    RecurringWrites,
    /// `report-changes`
    ReportChanges,
    /// `push`
    Push,
}

/// One thing that a provider must do right.
#[derive(Debug)]
pub struct Case {
    /// The label of its sentence, and after a colon which side of it: `busy/wall-clock:spring-north`.
    pub id: &'static str,
    /// Without all of these it is not applicable.
    pub needs: &'static [Ability],
    run: Run,
}

type Run = for<'a> fn(&'a Bench) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

impl Case {
    /// The label of the sentence that it tests: `busy/wall-clock`.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        self.id.split(':').next().unwrap_or(self.id)
    }
}

/// Lists the cases of a file: `"label:side" [what it needs] function(further arguments);`.
macro_rules! list {
    ($($id:literal [$($need:ident),*] $function:ident $(($($argument:expr),+))?;)+) => {
        pub(super) const CASES: &[$crate::conformance::Case] =
            &[$($crate::conformance::case!($id, [$($need),*], $function $(($($argument),+))?)),+];
    };
}
use list;

/// One case: `case!("label:side", [what it needs], function(further arguments))`.
macro_rules! case {
    ($id:expr, [$($need:ident),*], $function:ident $(($($argument:expr),+))?) => {
        $crate::conformance::Case {
            id: $id,
            needs: &[$($crate::conformance::Ability::$need),*],
            run: |bench| Box::pin($function(bench $($(, $argument)+)?)),
        }
    };
}
use case;

/// All cases, in the order in which they run.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        describe::CASES,
        open::CASES,
        busy::CASES,
        series::CASES,
        create::CASES,
        round_trip::CASES,
        get::CASES,
        update::CASES,
        cancel::CASES,
        respond::CASES,
        changes::CASES,
        memo::CASES,
        explain::CASES,
        push::CASES,
        failures::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Whether a filter names a case: by a part of its id, or, with `!` before it, by how its id does not begin.
#[must_use]
pub fn selects(filter: &str, case: &Case) -> bool {
    match filter.strip_prefix('!') {
        Some(beginning) => !case.id.starts_with(beginning),
        None => case.id.contains(filter),
    }
}

/// Runs the cases that the filter [`selects`] (all, if there is none), one after the other. It never stops early: what
/// is wrong is in the report, and so is a provider that cannot even open the account.
///
/// # Errors
/// If the target is malformed.
pub async fn run(plugin: &Plugin, target: &Target, filter: Option<&str>) -> Result<Report, AccessError> {
    let bench = Bench::begin(plugin, target).await?;
    let mut report = Report::new(plugin, bench.run());
    for case in cases().filter(|case| filter.is_none_or(|filter| selects(filter, case))) {
        let began = Instant::now();
        let outcome = perform(&bench, case).await;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.left_behind.extend(bench.clean_up().await);
        report.rows.push(Row { id: case.id, sentence: case.sentence(), milliseconds, outcome });
    }
    Ok(report)
}

async fn perform(bench: &Bench, case: &Case) -> Outcome {
    let checked = match lacks(bench, case.needs) {
        Ok(None) => (case.run)(bench).await,
        Ok(Some(lack)) => Err(Stop::NotApplicable(lack)),
        Err(stop) => Err(stop),
    };
    match checked {
        Ok(()) => Outcome::Passed,
        Err(Stop::Failed { expected, came }) => Outcome::Failed { expected, came },
        Err(Stop::NotApplicable(why)) => Outcome::NotApplicable { why },
    }
}

/// What of its needs the connection lacks.
fn lacks(bench: &Bench, needs: &[Ability]) -> Checked<Option<String>> {
    for need in needs {
        let account = bench.account()?;
        let Abilities { read_busy, write, recurring_writes, report_changes, push, .. } = account.abilities;
        let (has, name) = match need {
            Ability::Open => (true, ""),
            Ability::ReadBusy => (read_busy, "read-busy"),
            Ability::Write => (write, "write"),
            Ability::RecurringWrites => (recurring_writes, "recurring-writes"),
            Ability::ReportChanges => (report_changes, "report-changes"),
            Ability::Push => (push, "push"),
        };
        if !has {
            return Ok(Some(format!("`open` does not list `{name}` among the abilities")));
        }
        let writes = matches!(need, Ability::Write | Ability::RecurringWrites);
        if writes && !account.calendars.iter().any(|calendar| calendar.role.writes()) {
            return Ok(Some("no calendar of the account can be written".into()));
        }
    }
    Ok(None)
}
