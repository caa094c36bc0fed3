//! `chronus plugin conformance`: tests a provider against the contract.

use super::{
    session::{ORGANISATION, Session, TargetArgs},
    target::MatchedTarget,
};
use crate::cli::{
    input,
    output::{self, CliError, Exit},
};
use crate::conformance::{self, Counts, Report, Verdict};
use serde::Serialize;
use std::path::PathBuf;

const HELP: &str = r#"Use a test account: the cases create events in its default calendar, in a past
year, and delete them. Each case names the sentence of the contract
(wit/) that it tests. `chronus plugin call --help` describes the target file.

A provider that cannot write is tested against what the account holds: put an
event, and one of whole days, into the next 30 days of its calendar. Better, name
the events in the target. Then the exact times are tested, and more sentences:
  [expect]
  from = "2027-05-01T00:00:00Z"
  to = "2027-05-15T00:00:00Z"
  calendar = "work"              # an id; default: the default calendar
  without = ["unanswered"]       # forms that no event of the service has: series,
                                 # all-day, free, unanswered, cancelled
  [[expect.intervals]]           # once for each interval; others may be there too
  start = "2027-05-03T07:00:00Z" # a date if all-day
  end = "2027-05-03T09:00:00Z"   # the day after the last if all-day
  all-day = false                # the default
  kind = "busy"                  # the default; tentative, unanswered, out-of-office,
                                 # working-elsewhere or free
  event = "single"               # the default; series (an occurrence of one), or
                                 # cancelled (also declined): must not be found

A provider whose service sends notifications: the suite listens for them on this
machine. For a service that calls public addresses only, open a tunnel:
  [push]
  listen = "127.0.0.1:8099"              # default: a free port of 127.0.0.1
  callback = "https://tunnel.example.net" # leads to `listen`; default: `listen`

With --json: {provider, version, sha256, run, left_behind,
counts: {passed, failed, not_applicable, not_tried}, verdict,
rows: [{id, sentence, milliseconds, outcome}]}; outcome is passed, failed (with
expected and actual), not-applicable or not-tried (with why). The verdict is
passed, partly-tried or failed.

Exit codes: 0 every case that applies passed; 1 a case failed, or none applies;
4 partly tried: none failed, and some were not tried, each with what is missing.
JUnit reports both kinds as skipped, with the type not-applicable or not-tried."#;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// The component, a `.wasm` file
    file: PathBuf,
    /// A TOML file with the account: its server, sign-in and credential
    #[arg(long, value_name = "FILE")]
    target: PathBuf,
    /// Run only the cases whose id contains this text anywhere, such as `busy/`; with a leading `!`, the cases whose id does not begin with it
    #[arg(long, value_name = "PART")]
    case: Option<String>,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The name of the run, which selects the year of its events and is part of every key [default: a new name]
    #[arg(long, value_name = "NAME", value_parser = run_name)]
    run: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReportOut<'a> {
    #[serde(flatten)]
    report: &'a Report,
    counts: Counts,
    verdict: Verdict,
}

/// Runs the command.
pub(super) async fn run(args: Args, as_json: bool) -> Result<Exit, CliError> {
    let Args { file, target, case, junit, run } = args;
    let count =
        conformance::cases().filter(|known| case.as_ref().is_none_or(|part| conformance::selects(part, known))).count();
    if let (0, Some(part)) = (count, &case) {
        let what = format!("no case id contains `{part}`; run without --case to list all ids");
        return Err(CliError::input("case", what));
    }
    let session = Session::begin(&file, TargetArgs { target, memo: None }).await?;
    output::note(&format!("note: running {count} cases; this takes a minute or two over a network"));
    let MatchedTarget { connection, credential, grant, budget, expect, callback } = session.connected;
    let run = run.map_or_else(super::draft::unique, Ok)?;
    let organisation = ORGANISATION.to_owned();
    let target = conformance::Target { organisation, connection, credential, grant, budget, run, expect, callback };
    let report = conformance::run(&session.plugin, &target, case.as_deref()).await?;
    if as_json {
        output::json(&ReportOut { report: &report, counts: report.counts(), verdict: report.verdict() })?;
    } else {
        output::text(&report.to_string())?;
    }
    if let Some(path) = junit {
        let xml = report
            .junit()
            .map_err(|error| CliError::machine("junit", format!("cannot create the JUnit report: {error}")))?;
        input::write(&path, "the JUnit file", xml.as_bytes())?;
    }
    Ok(match report.verdict() {
        Verdict::Passed => Exit::Done,
        Verdict::PartlyTried => Exit::Partial,
        Verdict::Failed => Exit::Failed,
    })
}

fn run_name(text: &str) -> Result<String, String> {
    let fits = (1..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    fits.then(|| text.to_owned()).ok_or_else(|| "the name of a run has 1 to 40 letters, digits and hyphens".to_owned())
}
