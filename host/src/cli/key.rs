//! `chronus key add` and `rotate`: the keys that seal people's credentials.

use super::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    connections::sealing,
    secrets::{Keyring, KeyringError},
};
use std::collections::BTreeMap;

const ADD: &str = "\
The file is `keys` of the configuration. A new key goes on its first line and seals
from then on, also in running hosts; the others still open. Bring the file to all
hosts, then run `chronus key rotate`, then take the old lines away.";

const ROTATE: &str = "\
Hosts may run meanwhile, and the command may be stopped at any time: it goes on
where it was. Once nothing is left, the other lines of the key file can go.

With --json: {rewrapped, changed_meanwhile, left, failed: [{table, id, error}]}.
The exit code is 1 if something is left.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a new key, which seals from now on
    #[command(after_help = ADD)]
    Add(Args),
    /// Seal everything by the first key of the file
    #[command(after_help = ROTATE)]
    Rotate(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(command: &Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::Add(args) => add(args, as_json),
        Command::Rotate(args) => rotate(args, as_json).await,
    }
}

fn add(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let id = Keyring::add(&config.keys)?;
    if as_json {
        output::json(&BTreeMap::from([("key", id)]))?;
    } else {
        output::text(&format!("the key {id} seals from now on, in {}", config.keys.display()))?;
    }
    Ok(Exit::Done)
}

async fn rotate(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let keyring = Keyring::read(&config.keys)?;
    let db = database::open(&config).await?;
    let rotated = sealing::rotate(&db, &keyring).await?;
    db.close().await;
    if as_json {
        output::json(&rotated)?;
    } else {
        output::text(&format!(
            "{} credentials are sealed anew by {}, {} were renewed meanwhile, {} are left",
            rotated.rewrapped,
            keyring.primary(),
            rotated.changed_meanwhile,
            rotated.left
        ))?;
    }
    for failed in &rotated.failed {
        output::note(&format!("{} {}: {}", failed.table, failed.id, failed.error));
    }
    Ok(if rotated.left == 0 { Exit::Done } else { Exit::Failed })
}

impl From<KeyringError> for CliError {
    fn from(error: KeyringError) -> Self {
        let message = error.to_string();
        match error {
            KeyringError::Write { .. } => Self::machine("keys", message),
            _ => Self::input("keys", message),
        }
    }
}
