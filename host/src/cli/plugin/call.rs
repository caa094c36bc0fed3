//! `chronus plugin call`: one operation of a provider, through the full sandbox.

use super::{
    changes, events,
    session::{On, Session, window},
};
use crate::cli::{
    input,
    output::{self, CliError, Exit, FailureOut},
};
use crate::{
    calendar::{Interval, Problem},
    plugins::contract::{BusyAnswer, BusyTimes, Whose},
};
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

const HELP: &str = r#"Standard output is one JSON object; instants are in UTC, by RFC 3339:
  account  {address, other_addresses, zone, abilities,
            calendars: [{id, name, role, is_default, zone}]}
  busy     {from, to, calendars: [
            {calendar, intervals: [{start, end, kind, all_day}], problems}
            or {calendar, failure}]}
  events   the event; for get-many {items: [{id, event} or {id, failure}]};
           for cancel {cancelled: id}
  changes  {items: [{event} or {reference} or {gone} or {problem}], more,
            complete_listing, pages}
A failure is {remedy, service_code, detail} and what the remedy carries: link,
id, event, max_seconds, after_ms or what. If nothing could be answered, there is
{error: {code, message}}, with failure or trap in it. The exit code is 1 if any
part failed.

The target file; paths in it are relative to it:
  sign-in = "password"           # see `plugin inspect`; the first if left out
  server = "https://dav.example.org"       # where the sign-in asks for one
  zone = "Europe/Rome"           # of the calendar's owner; UTC if left out
  address = "ann@example.org"    # the account's address, if known
  subject = "ann@example.org"    # the mailbox, if the credential opens many
  [fields]                       # what the sign-in asks for and is no secret
  username = "ann"
  [secrets]                      # what is; `access-token` for OAuth sign-ins,
  password = { env = "NAME" }    # `url` for secret addresses. Also possible:
                                 # { file = "path" }, or the password itself
  [grant]                        # what the component asks for if left out
  hosts = ["https://*.example.org"]
  read-posts = ["https://api.example.org/freeBusy"]
  [egress]
  networks = ["10.20.0.0/16"]    # opened although they are not public
  ca = "authority.pem"           # trusted as well as the system's
  [egress.map]                   # stand-ins
  "https://dav.example.org" = "http://127.0.0.1:5232"
  [budget]                       # also cpu-ms, memory-bytes, requests, log-lines,
  wall-ms = 60000                # request-, response- and result-bytes"#;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The component: a `.wasm` file
    file: PathBuf,
    #[command(subcommand)]
    operation: Operation,
}

#[derive(Debug, clap::Subcommand)]
enum Operation {
    /// The account behind the target, its calendars, and what can be done with it
    Account(On),
    /// The times that events take, for each calendar or address
    Busy(Busy),
    /// Events of one calendar
    #[command(subcommand)]
    Events(events::Operation),
    /// What has changed in a calendar since a cursor, or everything in a window
    Changes(changes::Changes),
}

#[derive(Debug, clap::Args)]
struct Busy {
    #[command(flatten)]
    on: On,
    /// The first instant asked for, by RFC 3339
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    from: Timestamp,
    /// The first instant not asked for
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    to: Timestamp,
    /// A calendar, by its id; may be given again [default: all of the account]
    #[arg(long, value_name = "ID", conflicts_with = "address")]
    calendar: Vec<String>,
    /// Somebody else's address; may be given again
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> Result<Exit, CliError> {
    match args.operation {
        Operation::Account(on) => account(Session::begin(&args.file, on).await?).await,
        Operation::Busy(busy) => self::busy(&args.file, busy).await,
        Operation::Events(operation) => events::run(&args.file, operation).await,
        Operation::Changes(changes) => changes::run(&args.file, changes).await,
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
    calendars: Vec<CalendarOut>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum CalendarOut {
    Known { calendar: String, intervals: Vec<Interval>, problems: Vec<Problem> },
    Unknown { calendar: String, failure: FailureOut },
}

impl From<BusyAnswer> for CalendarOut {
    fn from(answer: BusyAnswer) -> Self {
        let calendar = answer.calendar;
        match answer.outcome {
            Ok(BusyTimes { intervals, problems }) => Self::Known { calendar, intervals, problems },
            Err(failure) => Self::Unknown { calendar, failure: failure.into() },
        }
    }
}

async fn busy(file: &Path, busy: Busy) -> Result<Exit, CliError> {
    let Busy { on, from, to, calendar, address } = busy;
    let window = window(from, to)?;
    let mut session = Session::begin(file, on).await?;
    session.fits(window, session.plugin.description().limits.busy_window)?;
    let whose = if !address.is_empty() {
        Whose::Addresses(address)
    } else if !calendar.is_empty() {
        Whose::Calendars(calendar)
    } else {
        Whose::Calendars(session.open().await?.calendars.into_iter().map(|calendar| calendar.id).collect())
    };
    let access = session.access()?;
    let answers = session.plugin.busy(&access, whose, window).await?;
    let calendars: Vec<CalendarOut> = session.keep(answers)?.into_iter().map(Into::into).collect();
    let failed = calendars.iter().any(|calendar| matches!(calendar, CalendarOut::Unknown { .. }));
    output::json(&BusyOut { from, to, calendars })?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
