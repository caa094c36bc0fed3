//! `chronus job`: list failed jobs and retry them.

use super::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit, line},
};
use crate::{
    db::Db,
    ids::JobId,
    jobs::{self, Count, DeadLetter},
};
use serde::Serialize;

/// How many failed jobs are read per query.
const PAGE: u32 = 200;

const LIST: &str = "\
The host retries a failing job for about a day. It no longer retries the jobs
listed here; use `chronus job retry`. A job leaves the list when
a later job for the same task succeeds.

With --json: {count: {ready, leased, dead}, dead: [{job, effect, attempts, error,
created_at, since}]}; ready counts waiting jobs, leased running ones, dead failed ones.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List failed jobs, and count the waiting and running ones
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Retry failed jobs at once, and start counting their attempts again
    #[command(after_help = "With --json: {retried: [job, …]}.")]
    Retry {
        /// The id of the job, as `chronus job list` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        job: Option<String>,
        /// Retry all failed jobs; first correct the cause of the failures
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Serialize)]
struct JobsOut {
    count: Count,
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
            let listed = JobsOut { count: count(&db).await?, dead: dead(&db).await? };
            db.close().await;
            if as_json {
                output::json(&listed)?;
            } else {
                let Count { ready, leased, dead } = listed.count;
                output::note(&format!("{ready} waiting, {leased} running, {dead} failed"));
                output::text(&listed.dead.iter().map(row).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Command::Retry { job, config, .. } => {
            let job = job.map(|job| job.parse::<JobId>().map_err(|_| unknown(&job))).transpose()?;
            let db = database::open(&config.load()?).await?;
            let wanted = match job {
                Some(job) => vec![job],
                None => dead(&db).await?.into_iter().map(|letter| letter.job).collect(),
            };
            let mut retried = Vec::with_capacity(wanted.len());
            for job in wanted {
                let mut tx = db.begin().await?;
                if jobs::revive(&mut tx, job).await? {
                    retried.push(job);
                }
                tx.commit().await?;
            }
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

fn unknown(job: &str) -> CliError {
    CliError::input("job", format!("`{job}` is not a failed job; `chronus job list` lists the failed jobs"))
}
