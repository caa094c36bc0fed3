//! `chronus audit`: who did what, and what was sent where.

mod list;

use super::output::{CliError, Exit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the newest entries of the audit log
    List(list::Args),
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::List(args) => list::run(args, as_json).await,
    }
}
