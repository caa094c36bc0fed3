//! The conformance suite: tests a provider against the promises of the contract.
//!
//! Problem: the contract is text, and an author who understands a sentence differently finds out when a meeting is wrong.
//! Decision: every labelled sentence of the contract has cases. A case creates events at a real service through the sandbox,
//! reads them back, and reports what it expected and what the provider did, so that the author can act without reading the
//! case. Where the suite cannot write, it tests against what the account holds: against the first answer, and against the
//! events that the tester names ([`Expectation`]). A case that does not concern a provider is reported as not applicable, and
//! one that the account gave no chance to run as not tried.
//!
//! A case sees only what the host sees: it calls [`Plugin`]'s methods and never the service. It works beside existing events,
//! with keys that contain the name of the run, in a year that the run chooses, and removes its events whether it passed or
//! not. The year is in the past, because the clock changes of past years are final.
//!
//! Rejected: recorded responses of services, which prove only that a provider can read yesterday's responses; a second
//! client in the suite that asks the service directly, which would have to know every service.

mod bench;
mod busy;
mod callbacks;
mod caller;
mod cancel;
mod changes;
mod clocks;
mod content;
mod create;
mod describe;
mod expect;
mod expectation;
mod explain;
mod failures;
pub mod faults;
mod get;
mod held;
mod memo;
mod occurrence;
mod open;
mod promises;
mod push;
mod report;
mod respond;
mod round_trip;
mod series;
mod update;

pub use callbacks::{CallbackTarget, Listener, Received};
pub use expectation::{EventForm, Expectation, ExpectedEvent, ExpectedInterval, ExpectedSpan};
pub use promises::promise;
pub use report::{Counts, Outcome, Report, Row, Verdict};

use crate::plugins::{
    AccessError, Budget, CallTarget, Level, Plugin,
    contract::Abilities,
    egress::{Credential, EgressGrant},
};
use bench::Bench;
use expect::{CaseResult, CaseStop};
use std::{pin::Pin, time::Instant};

/// The account that the suite uses. It should be a test account: the suite creates events in its default calendar and removes
/// them.
#[derive(Debug, Clone)]
pub struct Target {
    /// The organisation, as in [`crate::plugins::Access`].
    pub organisation: String,
    /// The connection. Its memo is ignored: the suite begins without a memo.
    pub connection: CallTarget,
    /// The credential of the account.
    pub credential: Credential,
    /// The requests that the provider may send.
    pub grant: EgressGrant,
    /// The budget of each call.
    pub budget: Budget,
    /// The name of this run, which is part of every key and UID. Characters other than letters, digits and hyphens are left
    /// out. Two runs with one account need different names.
    pub run: String,
    /// Events that the tester put into the account by hand.
    pub expect: Option<Expectation>,
    /// Where the service can call the suite.
    pub callback: CallbackTarget,
}

/// What a case needs of the connection.
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
    /// Events that the account holds. The case is left out where the suite creates events of its own, unless the target has an
    /// [`Expectation`].
    HeldEvents,
}

/// A test of one side of a promise.
#[derive(Debug)]
pub struct Case {
    /// The label of the sentence and, after a colon, the side of it: `busy/wall-clock:spring-north`.
    pub id: &'static str,
    /// The case does not run unless the connection has all of these.
    pub needs: &'static [Ability],
    run: Run,
}

type Run = for<'a> fn(&'a Bench) -> Pin<Box<dyn Future<Output = CaseResult> + Send + 'a>>;

impl Case {
    /// The label of the tested sentence: `busy/wall-clock`.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        self.id.split(':').next().unwrap_or(self.id)
    }
}

/// Lists the cases of a file: `"label:side" [abilities] function(further arguments);`.
macro_rules! list {
    ($($id:literal [$($need:ident),*] $function:ident $(($($argument:expr),+))?;)+) => {
        pub(super) const CASES: &[$crate::conformance::Case] =
            &[$($crate::conformance::case!($id, [$($need),*], $function $(($($argument),+))?)),+];
    };
}
use list;

/// One case: `case!("label:side", [abilities], function(further arguments))`.
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
        held::CASES,
        expectation::CASES,
        series::CASES,
        create::CASES,
        round_trip::CASES,
        get::CASES,
        update::CASES,
        cancel::CASES,
        respond::CASES,
        occurrence::CASES,
        changes::CASES,
        memo::CASES,
        explain::CASES,
        push::CASES,
        failures::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Whether a filter selects a case: `text` selects ids that contain it, `!text` those that do not begin with it.
#[must_use]
pub fn selects(filter: &str, case: &Case) -> bool {
    match filter.strip_prefix('!') {
        Some(beginning) => !case.id.starts_with(beginning),
        None => case.id.contains(filter),
    }
}

/// Runs the cases that the filter [`selects`], or all cases, one after the other. It runs to the end: all failures are in the
/// report, also if the provider cannot open the account.
///
/// # Errors
/// If the target is malformed.
pub async fn run(plugin: &Plugin, target: &Target, filter: Option<&str>) -> Result<Report, AccessError> {
    let bench = Bench::begin(plugin, target).await?;
    let mut report = Report::new(plugin, bench.run());
    let selected = cases().filter(|case| filter.is_none_or(|filter| selects(filter, case)));
    for case in selected.filter(|case| concerns(&bench, case)) {
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
        Ok(Some(stop)) | Err(stop) => Err(stop),
    };
    match checked {
        Ok(()) => Outcome::Passed,
        Err(CaseStop::Failed { expected, actual }) => Outcome::Failed { expected, actual },
        Err(CaseStop::NotApplicable(why)) => Outcome::NotApplicable { why },
        Err(CaseStop::NotTried(why)) => Outcome::NotTried { why },
    }
}

/// Whether the case is one for this connection.
fn concerns(bench: &Bench, case: &Case) -> bool {
    !case.needs.contains(&Ability::HeldEvents) || !bench.can_write() || bench.caller.target().expect.is_some()
}

/// Why the connection cannot run a case: not applicable if its component cannot, or its service; not tried if another account
/// could.
fn lacks(bench: &Bench, needs: &[Ability]) -> CaseResult<Option<CaseStop>> {
    let level = bench.caller.plugin.inspection().level;
    for need in needs {
        let account = bench.account()?;
        let Abilities { read_busy, write, recurring_writes, report_changes, push, .. } = account.abilities;
        let (has, name, least) = match need {
            Ability::Open | Ability::HeldEvents => (true, "", Level::ReadOnly),
            Ability::ReadBusy => (read_busy, "read-busy", Level::ReadOnly),
            Ability::Write => (write, "write", Level::TwoWay),
            Ability::RecurringWrites => (recurring_writes, "recurring-writes", Level::TwoWay),
            Ability::ReportChanges => (report_changes, "report-changes", Level::TwoWay),
            Ability::Push => (push, "push", Level::TwoWayPush),
        };
        if !has {
            let lack = format!("`open` does not list `{name}` among the abilities");
            // Whether series can be written depends on the service, not on the account.
            let is_general = level < least || (*need == Ability::RecurringWrites && write);
            return Ok(Some(match is_general {
                true => CaseStop::NotApplicable(lack),
                false => CaseStop::NotTried(format!("{lack}; use an account, or a permission, with which it does")),
            }));
        }
        let writes = matches!(need, Ability::Write | Ability::RecurringWrites);
        if writes && !bench.can_write() {
            let lack = "no calendar of the account can be written; use an account that has such a calendar";
            return Ok(Some(CaseStop::NotTried(lack.into())));
        }
    }
    Ok(None)
}
