//! `chronus key`: the keys that encrypt people's credentials.

use super::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    app::{self, SEALED_TABLES},
    audit::{self, Act, Entry, Subject},
    config::Config,
    secrets::{Keyring, KeyringError, key_check::KeyCheckError, rotation},
};
use std::collections::BTreeMap;

const ADD: &str = "\
`keys` in the configuration names the key file. The new key becomes the last line of
the file: it decrypts, and does not encrypt yet. To replace a key:

  1. run `chronus key add` on one host
  2. copy the key file to all other hosts; running hosts read it at once
  3. run `chronus key use KEY`, and copy the file again
  4. run `chronus key rotate`
  5. delete the old lines on all hosts";

const USE: &str = "\
The key becomes the first line of the key file. Running hosts that read this file encrypt
with it at once. First copy the file with the new key to all hosts: a host that lacks the
key cannot open what this one encrypts. Such jobs are tried again; they wait for the key.";

const ROTATE: &str = "\
Hosts can keep running. The command can be stopped at any time; run it again to
continue. When all credentials use the first key, delete the other lines of the key
file.

With --json: {rewrapped, changed_meanwhile, left, failed: [{table, id, error}]}.
The exit code is 1 if a credential still uses another key.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a new key, which decrypts and does not encrypt yet
    #[command(after_help = ADD)]
    Add(Args),
    /// Encrypt with this key from now on
    #[command(after_help = USE)]
    Use {
        /// The id of the key, the first word of its line
        key: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
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
        Command::Add(args) => add(args, as_json).await,
        Command::Use { key, config } => use_key(key, config, as_json).await,
        Command::Rotate(args) => rotate(args, as_json).await,
    }
}

async fn add(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let keys = config.keys.display();
    let (id, text) = if config.keys.exists() {
        let id = change(&config, Act::KeyAdded, || Keyring::add(&config.keys)).await?;
        let text = format!(
            "added key {id} to {keys}; copy the file to all hosts, and then encrypt with the key: chronus key use {id}"
        );
        (id, text)
    } else {
        let id = create(&config).await?.primary();
        let text = format!("created {keys} with the key {id}; copy the file to all hosts");
        (id, text)
    };
    if as_json {
        output::json(&BTreeMap::from([("key", id)]))?;
    } else {
        output::text(&text)?;
    }
    Ok(Exit::Done)
}

/// Creates the key file, unless the database is in use with another one.
async fn create(config: &Config) -> Result<Keyring, CliError> {
    if !config.database.exists() {
        return Ok(Keyring::generate_at(&config.keys)?);
    }
    let db = database::open(config).await?;
    let keyring = app::open_keyring(&db, &author::operator(), &config.keys).await?;
    db.close().await;
    Ok(keyring)
}

/// Changes the key file, and records it in the database if there is one. The file is changed before the commit, so there is
/// no entry without a change, and a change without an entry only if the database fails at that very moment.
async fn change(
    config: &Config,
    act: Act,
    change: impl FnOnce() -> Result<String, KeyringError>,
) -> Result<String, CliError> {
    if !config.database.exists() {
        return Ok(change()?);
    }
    let db = database::open(config).await?;
    let mut tx = db.begin().await?;
    let key = change()?;
    audit::record(&mut tx, Entry::new(&author::operator(), act, Subject::key(&key))).await?;
    tx.commit().await?;
    db.close().await;
    Ok(key)
}

async fn use_key(key: &str, config: &ConfigArgs, as_json: bool) -> Result<Exit, CliError> {
    let config = config.load()?;
    change(&config, Act::KeyUsed, || Keyring::use_key(&config.keys, key).map(|()| key.to_owned())).await?;
    if as_json {
        output::json(&BTreeMap::from([("key", key)]))?;
    } else {
        output::text(&format!("new credentials are encrypted with the key {key}; now run `chronus key rotate`"))?;
    }
    Ok(Exit::Done)
}

async fn rotate(args: &Args, as_json: bool) -> Result<Exit, CliError> {
    let config = args.config.load()?;
    let keyring = Keyring::read(&config.keys)?;
    let db = database::open(&config).await?;
    let rotated = rotation::rotate(&db, &author::operator(), &keyring, &SEALED_TABLES).await?;
    db.close().await;
    if as_json {
        output::json(&rotated)?;
    } else {
        output::text(&format!(
            "{} values were encrypted again with key {}, {} changed in the meantime, {} still use another key",
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

impl From<KeyCheckError> for CliError {
    fn from(error: KeyCheckError) -> Self {
        match error {
            KeyCheckError::File(error) => error.into(),
            KeyCheckError::Database(error) => error.into(),
            error => Self::input("keys", error.to_string()),
        }
    }
}
