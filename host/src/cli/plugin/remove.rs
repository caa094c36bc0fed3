//! `chronus plugin remove`: removes a provider from this deployment.

use crate::cli::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::plugins::registry::{self, ChangeError};
use std::collections::BTreeMap;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The id of the provider
    id: String,
    /// Remove the provider even if people are connected; their calendars are unreachable until the provider is added
    /// again
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let db = database::open(&args.config.load()?).await?;
    registry::remove(&db, &author::operator(), &args.id, args.force).await?;
    db.close().await;
    if as_json {
        output::json(&BTreeMap::from([("removed", &args.id)]))?;
    } else {
        output::text(&format!("removed {}", args.id))?;
    }
    Ok(Exit::Done)
}

impl From<ChangeError> for CliError {
    fn from(error: ChangeError) -> Self {
        let message = error.to_string();
        match error {
            ChangeError::Unknown(_) => Self::input("provider", message),
            ChangeError::NotWaiting(_) => Self::failed("not-waiting", message),
            ChangeError::InUse { .. } => Self::failed("in-use", message),
            ChangeError::Database(error) => error.into(),
        }
    }
}
