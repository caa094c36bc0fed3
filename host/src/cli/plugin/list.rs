//! `chronus plugin list`: lists the providers of this deployment.

use crate::cli::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit, line},
};
use crate::plugins::registry::{self, ProviderState, ProviderSummary, VersionSummary};
use std::collections::BTreeMap;

const JSON: &str = "\
With --json: {providers: [{id, name, state, active, waiting, connections}]}; state
is active, waiting (no version accepted yet) or off (removed while people are
connected); active and waiting are {version, sha256} or null.";

#[derive(Debug, clap::Args)]
#[command(after_help = JSON)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let db = database::open(&args.config.load()?).await?;
    let providers = registry::list(&db).await?;
    db.close().await;
    if as_json {
        output::json(&BTreeMap::from([("providers", &providers)]))?;
    } else if providers.is_empty() {
        output::note("no providers; add one with `chronus plugin add`");
    } else {
        output::text(&providers.iter().map(row).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Exit::Done)
}

fn row(provider: &ProviderSummary) -> String {
    let ProviderSummary { id, name, state, active, waiting, connections } = provider;
    let version = |version: &VersionSummary| line(&version.version);
    let state = match state {
        ProviderState::Active => format!("active {}", active.as_ref().map(version).unwrap_or_default()),
        ProviderState::Waiting => "not accepted yet".to_owned(),
        ProviderState::Off => "off".to_owned(),
    };
    let waiting = waiting.as_ref().map(|waiting| format!(", {} waiting to be accepted", version(waiting)));
    format!("{id:<16}  {state}{}, {connections} connections ({})", waiting.unwrap_or_default(), line(name))
}
