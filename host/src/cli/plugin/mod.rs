//! `chronus plugin`: inspect components, call them, test them, and decide which of them this deployment uses.

mod add;
mod call;
mod changes;
mod conformance;
mod draft;
mod events;
mod inspect;
mod list;
mod remove;
mod session;
mod target;

use super::output::{CliError, Exit};

#[derive(Debug, clap::Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for the time of the command")]
pub(super) enum Command {
    /// Show what a component is, asks for, and whose signature it has
    Inspect(inspect::Args),
    /// Run one operation of a provider through the full sandbox
    Call(call::Args),
    /// Check that a provider keeps the promises of the contract, against a real account
    Conformance(conformance::Args),
    /// Make a component a provider of this deployment, or another version of one
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
