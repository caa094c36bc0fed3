//! `chronus config`: checks the configuration, or prints all its keys.

use super::{
    database::ConfigArgs,
    output::{self, CliError, Exit},
};
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: ConfigArgs,
    /// Print every key with its default and meaning, as a configuration file
    #[arg(long)]
    reference: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    if args.reference {
        output::text(&config::reference())?;
    } else {
        args.from.load()?;
        output::text("the configuration is valid; `chronus config --reference` prints all keys")?;
    }
    Ok(Exit::Done)
}
