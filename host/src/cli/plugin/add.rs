//! `chronus plugin add`: adds a provider to this deployment, or a new version of one.

use crate::cli::{
    author,
    component::{LARGEST_COMPONENT, signature_file, trusted_keys},
    database::{self, ConfigArgs},
    input, machine,
    output::{self, CliError, Exit},
    provider::smoke::{self, SmokeArgs},
};
use crate::plugins::{
    admission::inspect,
    registry::{AddError, AddOutcome, Provenance},
};
use std::path::PathBuf;

const HELP: &str = "\
A version that requests nothing beyond the current grant is used at once, unless it is
older or has a lower level. Without --accept, every other version waits, and so does the
first version of a provider: `chronus provider grant` shows the access that the version
requests, and grants it with --yes. Before a version is used, it must open a few connected
accounts and give the same busy times as the version in use; nothing is written. Running
hosts switch to the new version, and no call fails during the change.

With --json: {state, …}; state is active or same (with id), or waiting (with id,
sha256, version and difference: [{kind, what}]; kind is new, changed, gone or
note).";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Args {
    /// The component, a `.wasm` file; its signature is read from `<file>.sig`
    file: PathBuf,
    /// A file with the public keys that you trust, one per line; one of them must have signed the component
    #[arg(long, value_name = "FILE")]
    trusted: Option<PathBuf>,
    /// Accept the component without a signature if this is its SHA-256, in hex
    #[arg(long, value_name = "SHA256", conflicts_with = "trusted")]
    accept_digest: Option<String>,
    /// Grant all the access that the component requests
    #[arg(long)]
    accept: bool,
    #[command(flatten)]
    smoke: SmokeArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(args: Args, as_json: bool) -> Result<Exit, CliError> {
    let bytes = input::read(&args.file, "the component", LARGEST_COMPONENT)?;
    let (signature, keys);
    let voucher = match (&args.accept_digest, &args.trusted) {
        (Some(digest), _) => Provenance::Digest(digest),
        (None, Some(trusted)) => {
            keys = trusted_keys(trusted)?;
            signature = signature_file(&args.file)?.ok_or_else(|| {
                CliError::input(
                    "signature",
                    "the component has no signature file; sign it, or accept its bytes with --accept-digest",
                )
            })?;
            Provenance::Signature(&signature, &keys)
        }
        (None, None) => {
            let what = format!(
                "this component has no proof of trust; name its publisher's key with --trusted FILE, or inspect \
                 it (`chronus plugin inspect`) and accept its bytes with --accept-digest {}",
                inspect(&bytes)?.sha256
            );
            return Err(CliError::input("signature", what));
        }
    };
    let config = args.config.load()?;
    let db = database::open_or_create(&config).await?;
    let registry = machine::registry(&config, &db)?;
    let new = registry.admit(&bytes, voucher).await?;
    if args.accept || registry.needs_no_consent(&new).await? {
        smoke::check(args.smoke, &config, &db, &registry, &new).await?;
    }
    let added = registry.store(&author::operator(), new, args.accept).await?;
    if as_json {
        output::json(&added)?;
    } else {
        output::text(&describe(&added))?;
    }
    db.close().await;
    Ok(Exit::Done)
}

fn describe(added: &AddOutcome) -> String {
    match added {
        AddOutcome::Active { id } => format!("{id} is in use"),
        AddOutcome::Same { id } => format!("{id} is already in use"),
        AddOutcome::Waiting(waiting) => {
            let id = &waiting.id;
            let head = format!("{id} {} is waiting: it requests more than is granted", output::line(&waiting.version));
            format!("{head}\n{}\nto accept: chronus provider grant {id} --yes", output::difference(&waiting.difference))
        }
    }
}

impl From<AddError> for CliError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Signature(error) => error.into(),
            AddError::Admission(error) => error.into(),
            AddError::Database(error) => error.into(),
            AddError::Digest { .. } => Self::input("signature", error.to_string()),
            AddError::Grant(_) => Self::input("component", error.to_string()),
            AddError::Contended(_) => Self::failed("contended", error.to_string()),
        }
    }
}
