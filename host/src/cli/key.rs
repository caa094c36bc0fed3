//! `chronus key`: the keys that encrypt people's credentials.

use super::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    app::SEALED_TABLES,
    secrets::{Keyring, KeyringError, rotation},
};
use std::collections::BTreeMap;

const ADD: &str = "\
`keys` in the configuration names the key file. The new key becomes the first line of
the file. Running hosts that read this file use the new key for encryption at once; the
other keys still decrypt. To replace a key: run `chronus key add`, copy the file to all
hosts, run `chronus key rotate`, and then delete the old lines.";

const ROTATE: &str = "\
Hosts can keep running. The command can be stopped at any time; run it again to
continue. When all credentials use the first key, delete the other lines of the key
file.

With --json: {rewrapped, changed_meanwhile, left, failed: [{table, id, error}]}.
The exit code is 1 if a credential still uses another key.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a new key and use it for encryption from now on
    #[command(after_help = ADD)]
    Add(Args),
    /// Encrypt all stored credentials with the first key of the key file
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
        output::text(&format!("added key {id} to {}; new credentials are encrypted with it", config.keys.display()))?;
    }
    Ok(Exit::Done)
}

async fn rotate(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let keyring = Keyring::read(&config.keys)?;
    let db = database::open(&config).await?;
    let rotated = rotation::rotate(&db, &keyring, &SEALED_TABLES).await?;
    db.close().await;
    if as_json {
        output::json(&rotated)?;
    } else {
        output::text(&format!(
            "{} credentials were encrypted again with key {}, {} changed in the meantime, {} still use another key",
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
