//! `chronus plugin call`: calls one operation of a provider in the full sandbox.

use super::{
    changes, events,
    session::{Session, TargetArgs, window},
    watch,
};
use crate::cli::{
    input,
    output::{self, CliError, Exit, FailureOut},
};
use crate::{
    calendar::{Interval, Problem},
    plugins::contract::{BusyAnswer, BusyTargets, BusyTimes},
};
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

const HELP: &str = r#"Standard output is one JSON object. Instants are in UTC, in RFC 3339 format:
  account  {address, other_addresses, zone, abilities,
            calendars: [{id, name, role, is_default, takes_meetings, zone}]}
  busy     {from, to, answers: [
            {target, intervals: [{start, end, kind, all_day, client_key, uid}],
             problems} or {target, failure}]}
  events   the event; for get-many {items: [{id, event} or {id, failure}]};
           for cancel {cancelled: id}
  changes  {items: [{event} or {reference} or {gone} or {left} or {problem}],
            more, complete_listing, pages}
  watch    {callback, subscription: {id, expires}, notice, secret}; secret is
           right, wrong or missing
A failure is {remedy, service_code, detail}. Some remedies add fields: tenant and
link, id, event, max_seconds, after_ms and scope, or what. If the whole call failed, the output is
{error: {code, message}}, with the failure or trap in it. The exit code is 1 if
any part failed.

The target file (paths in it are relative to its folder):
  sign-in = "password"           # see `chronus plugin inspect`; default: the first
  server = "https://dav.example.org"       # if the sign-in has a server field
  zone = "Europe/Rome"           # of the calendar's owner; default: UTC
  address = "ann@example.org"    # the account's address, if known
  subject = "ann@example.org"    # the mailbox, if the credential has access to several
  [fields]                       # fields of the sign-in that are not secret
  username = "ann"
  [secrets]                      # secret fields, `access-token` (OAuth) or `url`
  password = { env = "NAME" }    # (secret address); each is { env = "NAME" },
                                 # { file = "path" } or the secret itself
  [grant]                        # default: what the component requests
  hosts = ["https://*.example.org"]
  read-only-posts = ["https://api.example.org/freeBusy"]
  [egress]
  networks = ["10.20.0.0/16"]    # private networks that providers can reach
  ca = "authority.pem"           # a certificate authority, besides the system's
  [egress.map]                   # send requests to other servers
  "https://dav.example.org" = "http://127.0.0.1:5232"
  [expect]                       # these two: see `chronus plugin conformance --help`
  [push]
  [budget]                       # also cpu-ms, memory-bytes, requests, log-lines,
  wall-ms = 60000                # request-, response- and result-bytes"#;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// The component, a `.wasm` file
    file: PathBuf,
    #[command(subcommand)]
    operation: Operation,
}

#[derive(Debug, clap::Subcommand)]
enum Operation {
    /// Show the target's account, with its calendars and abilities
    Account(TargetArgs),
    /// Show busy times per calendar or address
    Busy(Busy),
    /// Create, read, change and cancel events of a calendar
    #[command(subcommand)]
    Events(Box<events::Operation>),
    /// List changes in a calendar since a cursor, or all events in a window
    Changes(changes::Changes),
    /// Wait for a notification that a calendar has changed
    Watch(watch::Watch),
}

#[derive(Debug, clap::Args)]
struct Busy {
    #[command(flatten)]
    on: TargetArgs,
    /// The start of the window, in RFC 3339 format
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    from: Timestamp,
    /// The end of the window (exclusive), in RFC 3339 format
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    to: Timestamp,
    /// The id of a calendar; can be repeated [default: all calendars of the account]
    #[arg(long, value_name = "ID", conflicts_with = "address")]
    calendar: Vec<String>,
    /// The email address of another person; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> Result<Exit, CliError> {
    match args.operation {
        Operation::Account(on) => account(Session::begin(&args.file, on).await?).await,
        Operation::Busy(busy) => self::busy(&args.file, busy).await,
        Operation::Events(operation) => events::run(&args.file, *operation).await,
        Operation::Changes(changes) => changes::run(&args.file, changes).await,
        Operation::Watch(watch) => watch::run(&args.file, watch).await,
    }
}

async fn account(mut session: Session) -> Result<Exit, CliError> {
    let account = session.open().await?;
    output::json(&account)?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct BusyOut {
    from: Timestamp,
    to: Timestamp,
    answers: Vec<AnswerOut>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AnswerOut {
    Known { target: String, intervals: Vec<Interval>, problems: Vec<Problem> },
    Unknown { target: String, failure: FailureOut },
}

impl From<BusyAnswer> for AnswerOut {
    fn from(answer: BusyAnswer) -> Self {
        let target = answer.target;
        match answer.outcome {
            Ok(BusyTimes { intervals, problems }) => Self::Known { target, intervals, problems },
            Err(failure) => Self::Unknown { target, failure: failure.into() },
        }
    }
}

async fn busy(file: &Path, busy: Busy) -> Result<Exit, CliError> {
    let Busy { on, from, to, calendar, address } = busy;
    let window = window(from, to)?;
    let mut session = Session::begin(file, on).await?;
    session.fits(window, session.plugin.description().limits.busy_window)?;
    let targets = if !address.is_empty() {
        BusyTargets::Addresses(address)
    } else if !calendar.is_empty() {
        BusyTargets::Calendars(calendar)
    } else {
        BusyTargets::Calendars(session.open().await?.calendars.into_iter().map(|calendar| calendar.id).collect())
    };
    let access = session.access()?;
    let answers = session.plugin.busy(&access, targets, window).await?;
    let answers: Vec<AnswerOut> = session.keep(answers)?.into_iter().map(Into::into).collect();
    let failed = answers.iter().any(|answer| matches!(answer, AnswerOut::Unknown { .. }));
    output::json(&BusyOut { from, to, answers })?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
