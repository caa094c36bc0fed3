//! `chronus audit list`: prints the newest entries that fit, in the order of time.

use crate::cli::{
    database::{self, ConfigArgs},
    input,
    output::{self, CliError, Exit, line},
};
use crate::{
    audit::{self, Filter, RecordedEntry},
    db::Db,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

const HELP: &str = "\
An entry is recorded together with each change: who made it (operator, integration,
person, visitor or host), by which means (command-line, api, browser, job or host), the
act, its subject, and the values before and after. Entries name people by their ids and
hold no secrets and no texts of meetings. They are deleted after `audit.keep-days`.

With --json: {entries: [{id, at, organisation, program, author, person, name, means,
means_id, act, subject_kind, subject, before, after}]}; means_id is the id of the token,
the session or the job.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// The id or name of an organisation [default: everything]
    #[arg(long, value_name = "ORGANISATION")]
    organisation: Option<String>,
    /// The id of a person, token, session or job; or operator, integration, person, visitor or host
    #[arg(long, value_name = "ID")]
    author: Option<String>,
    /// The id of the subject, or its kind, such as meeting
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Only entries at or after this time, in RFC 3339 format
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    since: Option<Timestamp>,
    /// Only entries before this time, in RFC 3339 format
    #[arg(long, value_name = "TIME", value_parser = input::instant)]
    until: Option<Timestamp>,
    /// The maximum number of entries
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(args: Args, as_json: bool) -> Result<Exit, CliError> {
    let db = database::open(&args.config.load()?).await?;
    let limit = args.limit;
    let entries = audit::list(&db, &filter(&db, args).await?, limit).await?;
    db.close().await;
    if as_json {
        output::json(&BTreeMap::from([("entries", entries)]))?;
    } else {
        output::text(&entries.iter().map(row).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Exit::Done)
}

async fn filter(db: &Db, args: Args) -> Result<Filter, CliError> {
    let Args { organisation, author, subject, since, until, .. } = args;
    let organisation = match organisation {
        Some(named) => Some(database::organisation(db, &named).await?.id),
        None => None,
    };
    Ok(Filter { organisation, author, subject, since, until })
}

fn row(entry: &RecordedEntry) -> String {
    let RecordedEntry { at, author, person, name, means, act, subject_kind, subject, before, after, .. } = entry;
    let person = person.map(|person| format!(" {person}")).unwrap_or_default();
    let name = name.as_ref().map(|name| format!(" ({})", line(name))).unwrap_or_default();
    let subject = line(subject);
    let values = line(&format!("{before} -> {after}"));
    format!("{at}  {author}{person}{name} by {means}  {act}  {subject_kind} {subject}  {values}")
}
