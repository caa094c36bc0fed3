//! `chronus config`: what can be set, and whether what is set is right.

use super::{
    database::ConfigArgs,
    output::{self, CliError, Exit},
};
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: ConfigArgs,
    /// Print every key with its default and what it is for, as a configuration file
    #[arg(long)]
    reference: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    if args.reference {
        output::text(&config::reference())?;
    } else {
        args.from.load()?;
        output::text("the configuration is right; `chronus config --reference` lists all keys")?;
    }
    Ok(Exit::Done)
}
