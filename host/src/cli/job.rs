//! `chronus job`: work that was given up, and the operator's word to try it once more.

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

/// How many dead letters are read at once.
const PAGE: u32 = 200;

const LIST: &str = "\
What fails is tried again by itself for about a day; what is listed here was given
up, and waits for `chronus job retry`. It disappears when the same work is done.

With --json: {count: {ready, leased, dead}, dead: [{job, effect, attempts, error,
created_at, since}]}; ready is what waits to be done, leased what is being done.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the work that was given up, and say how much there is to do
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Let work that was given up be tried again, as if for the first time
    #[command(after_help = "With --json: {retried: [job, …]}.")]
    Retry {
        /// Which: `job list` tells them
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        job: Option<String>,
        /// All of it: once what it failed of is mended
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Serialize)]
struct Listed {
    count: Count,
    dead: Vec<DeadLetter>,
}

#[derive(Debug, Serialize)]
struct Retried {
    retried: Vec<JobId>,
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::List { config } => {
            let db = database::open(&config.load()?).await?;
            let listed = Listed { count: count(&db).await?, dead: dead(&db).await? };
            db.close().await;
            if as_json {
                output::json(&listed)?;
            } else {
                let Count { ready, leased, dead } = listed.count;
                output::note(&format!("{ready} wait, {leased} are being done, {dead} were given up"));
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
                output::json(&Retried { retried })?;
            } else {
                let lines: Vec<_> = retried.iter().map(|job| format!("{job} is tried again")).collect();
                output::text(&lines.join("\n"))?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn count(db: &Db) -> sqlx::Result<Count> {
    let mut tx = db.begin_read().await?;
    let count = jobs::count(&mut tx).await?;
    tx.commit().await?;
    Ok(count)
}

/// All of them, oldest first.
async fn dead(db: &Db) -> sqlx::Result<Vec<DeadLetter>> {
    let mut all: Vec<DeadLetter> = Vec::new();
    loop {
        let mut tx = db.begin_read().await?;
        let page = jobs::list_dead(&mut tx, all.last().map(|letter| letter.job), PAGE).await?;
        tx.commit().await?;
        let is_last = page.len() < PAGE as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn row(letter: &DeadLetter) -> String {
    let DeadLetter { job, effect, attempts, error, since, .. } = letter;
    format!("{job}  {}  given up at {since} after {attempts} attempts: {}", line(&effect.to_string()), line(error))
}

fn unknown(job: &str) -> CliError {
    CliError::input("job", format!("no work `{job}` was given up; `chronus job list` tells what was"))
}
