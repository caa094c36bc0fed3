//! `chronus plugin`: inspect components, call them, test them, and decide which of them this deployment uses.

mod add;
mod call;
mod changes;
mod conformance;
mod draft;
mod events;
mod expect;
mod inspect;
mod list;
mod remove;
mod session;
mod target;
mod watch;

use super::output::{CliError, Exit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show a component's description, the access that it requests, and its signature
    Inspect(inspect::Args),
    /// Call one operation of a provider in the full sandbox
    Call(call::Args),
    /// Test a provider against the contract, with a test account at the service
    Conformance(conformance::Args),
    /// Add a provider, or a new version of it, to this deployment
    Add(add::Args),
    /// List the providers of this deployment
    List(list::Args),
    /// Remove a provider from this deployment
    Remove(remove::Args),
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    match command {
        Command::Inspect(args) => inspect::run(args, as_json).await,
        Command::Call(args) => call::run(args).await,
        Command::Conformance(args) => conformance::run(args, as_json).await,
        Command::Add(args) => add::run(args, as_json).await,
        Command::List(args) => list::run(&args, as_json).await,
        Command::Remove(args) => remove::run(&args, as_json).await,
    }
}
