//! `chronus provider`: what providers may do, and who may connect through them.

mod client;
mod grant;
mod offer;

use super::output::{CliError, Exit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what a waiting provider asks for, and accept it
    Grant(grant::Args),
    /// Say as which application this host is registered at a provider's service
    Client(client::Args),
    /// Let people of an organisation, or of a program, connect by a provider
    Enable(offer::Args),
    /// Let nobody connect by it any more; who is connected stays
    Disable(offer::Args),
}

/// Runs the command.
pub(super) async fn run(command: &Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::Grant(args) => grant::run(args, as_json).await,
        Command::Client(args) => client::run(args, as_json).await,
        Command::Enable(args) => offer::run(args, true, as_json).await,
        Command::Disable(args) => offer::run(args, false, as_json).await,
    }
}
