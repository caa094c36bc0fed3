//! `chronus provider`: what providers may access, and where people can connect through them.

mod client;
mod clients;
mod grant;
mod offer;
pub(in crate::cli) mod smoke;

use super::output::{CliError, Exit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the access that a waiting version requests, and grant it
    Grant(grant::Args),
    /// Set a provider's OAuth client id and secret
    Client(client::Args),
    /// List the OAuth clients of providers
    Clients(clients::Args),
    /// Enable a provider for an organisation or one of its programs
    Enable(offer::Args),
    /// Disable a provider for an organisation or one of its programs; existing connections stay
    Disable(offer::Args),
}

/// Runs the command.
pub(super) async fn run(command: &Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::Grant(args) => grant::run(args, as_json).await,
        Command::Client(args) => client::run(args, as_json).await,
        Command::Clients(args) => clients::run(args, as_json).await,
        Command::Enable(args) => offer::run(args, true, as_json).await,
        Command::Disable(args) => offer::run(args, false, as_json).await,
    }
}
