//! `chronus provider grant`: shows what a waiting version requests, and accepts it.

use super::smoke::{self, SmokeArgs};
use crate::cli::{
    author,
    database::{self, ConfigArgs},
    machine,
    output::{self, CliError, Exit},
};
use crate::plugins::registry::{self, PendingVersion};
use serde::Serialize;

const HELP: &str = "\
A line begins with + (requested, not granted yet), ~ (granted differently), - (granted,
no longer requested) or nothing (for information). Without --yes nothing changes, and
the exit code is 1. Before the version is used, it must open a few connected accounts and
give the same busy times as the version in use; nothing is written.

If a token endpoint changes, the difference says how many connections and service
accounts go to the new one without a new sign-in, and how many must be connected again.

With --json: {accepted, id, version, sha256, difference: [{kind, what}]}.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// The id of the provider
    id: String,
    /// Grant the requested access
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    smoke: SmokeArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct GrantOut<'a> {
    accepted: bool,
    #[serde(flatten)]
    waiting: &'a PendingVersion,
}

/// Runs the command.
pub(super) async fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let db = database::open(&config).await?;
    let waiting = registry::waiting(&db, &args.id).await?;
    if args.yes {
        let registry = machine::registry(&config, &db)?;
        let new = registry.load_waiting(&waiting).await?;
        smoke::check(args.smoke, &config, &db, &registry, &new).await?;
        registry::accept(&db, &author::operator(), &args.id, &waiting.sha256).await?;
    }
    db.close().await;
    if as_json {
        output::json(&GrantOut { accepted: args.yes, waiting: &waiting })?;
    } else {
        let what = if args.yes { "is in use; granted:" } else { "requests:" };
        let version = output::line(&waiting.version);
        output::text(&format!("{} {version} {what}\n{}", args.id, output::difference(&waiting.difference)))?;
    }
    if args.yes {
        return Ok(Exit::Done);
    }
    output::note(&format!("nothing was granted; to accept: chronus provider grant {} --yes", args.id));
    Ok(Exit::Failed)
}
