//! `chronus job`: list jobs that wait or failed, and retry them.

use super::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit, line},
};
use crate::{
    db::Db,
    ids::JobId,
    jobs::{self, Count, DeadLetter, WaitingJob},
};
use serde::Serialize;

/// How many failed jobs are read per query.
const PAGE: u32 = 200;

const LIST: &str = "\
The host retries a failing job for about a day, with growing pauses of up to an hour.
Waiting jobs are listed with the reason of the last failure, the 200 that are due first.
Failed jobs are no longer retried; use `chronus job retry`. A job leaves the list when a
later job for the same task succeeds.

With --json: {count: {ready, leased, dead}, waiting: [{job, effect, attempts, error,
created_at, due_at}], dead: [{job, effect, attempts, error, created_at, since}]}; ready
counts waiting jobs, leased running ones, dead failed ones.";

const RETRY: &str = "\
A waiting job is tried at once, and its count of attempts goes on. A failed job starts
counting again. With --all, a pause that a service asked for is kept.

With --json: {retried: [job, …]}.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List waiting and failed jobs with the reason of each, and count all
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Retry waiting and failed jobs at once
    #[command(after_help = RETRY)]
    Retry {
        /// The id of the job, as `chronus job list` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        job: Option<String>,
        /// Retry all jobs that failed, for now or for good; first correct the cause of the failures
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Serialize)]
struct JobsOut {
    count: Count,
    waiting: Vec<WaitingJob>,
    dead: Vec<DeadLetter>,
}

#[derive(Debug, Serialize)]
struct RetryOut {
    retried: Vec<JobId>,
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::List { config } => {
            let db = database::open(&config.load()?).await?;
            let waiting = db.read(async |tx| jobs::list_waiting(tx, PAGE).await).await?;
            let listed = JobsOut { count: count(&db).await?, waiting, dead: dead(&db).await? };
            db.close().await;
            if as_json {
                output::json(&listed)?;
            } else {
                let Count { ready, leased, dead } = listed.count;
                output::note(&format!("{ready} waiting, {leased} running, {dead} failed"));
                let lines = listed.dead.iter().map(row).chain(listed.waiting.iter().map(waiting_row));
                output::text(&lines.collect::<Vec<_>>().join("\n"))?;
            }
        }
        Command::Retry { job, config, .. } => {
            let job = job.map(|job| job.parse::<JobId>().map_err(|_| unknown(&job))).transpose()?;
            let db = database::open(&config.load()?).await?;
            let retried = jobs::retry_now(&db, &author::operator(), job).await?;
            db.close().await;
            if let Some(job) = job.filter(|job| !retried.contains(job)) {
                return Err(unknown(&job.to_string()));
            }
            if as_json {
                output::json(&RetryOut { retried })?;
            } else {
                let lines: Vec<_> = retried.iter().map(|job| format!("{job} will be retried")).collect();
                output::text(&lines.join("\n"))?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn count(db: &Db) -> sqlx::Result<Count> {
    db.read(async |tx| jobs::count(tx).await).await
}

/// Reads all failed jobs, oldest first.
async fn dead(db: &Db) -> sqlx::Result<Vec<DeadLetter>> {
    let mut all: Vec<DeadLetter> = Vec::new();
    loop {
        let page = db.read(async |tx| jobs::list_dead(tx, all.last().map(|letter| letter.job), PAGE).await).await?;
        let is_last = page.len() < PAGE as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn row(letter: &DeadLetter) -> String {
    let DeadLetter { job, effect, attempts, error, since, .. } = letter;
    format!("{job}  {}  failed at {since} after {attempts} attempts: {}", line(&effect.to_string()), line(error))
}

fn waiting_row(job: &WaitingJob) -> String {
    let WaitingJob { job, effect, attempts, error, due_at, .. } = job;
    let why = error.as_ref().map(|error| format!(" after {attempts} attempts: {}", line(error)));
    format!("{job}  {}  waits until {due_at}{}", line(&effect.to_string()), why.unwrap_or_default())
}

fn unknown(job: &str) -> CliError {
    CliError::input("job", format!("`{job}` is neither a failed job nor one that waits; `chronus job list` lists both"))
}
