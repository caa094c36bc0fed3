//! The command line.
//!
//! Problem: operators, authors of providers and scripts use the same commands, and each needs to know whether a failure
//! is theirs to fix. Decision: only results go to standard output, so that it can be piped; messages for people go to
//! standard error; the exit code says who must act. A resource is a folder or a file here, and each verb a file in it.
//! Commands share how input is read (`input`), how output is written (`output`), how a component and its signature are
//! found (`component`) and how a sandbox is created (`machine`). Rejected: interactive questions, which scripts cannot
//! answer, and secrets as arguments, which every user of the machine can read.

mod audit;
mod author;
mod component;
mod database;
mod doctor;
mod input;
mod job;
mod key;
mod machine;
mod organisation;
mod output;
mod person;
mod plugin;
mod program;
mod provider;
mod serve;
mod settings;
mod stuck;
mod token;

use clap::{Parser, Subcommand};
use output::{CliError, Exit};
use std::{io::IsTerminal as _, process::ExitCode};
use tracing_subscriber::{EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _};

/// The environment variable that `--log` overrides.
const LOG: &str = "CHRONUS_LOG";

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  the command ran and failed: the service refused a request, the provider
     failed, or a check did not pass
  2  the input is invalid: a file, a target, a time, a component or an argument;
     the message says how to correct it
  3  this machine cannot run the command: no address space for the sandbox, no
     certificates, or a file that cannot be written

Error messages go to standard error. With --json, and always with `chronus plugin
call`, {\"error\": {\"code\": …, \"message\": …}} is printed to standard output as well.
Codes are stable; messages may change.";

/// Keep meetings and people's calendars in sync, through sandboxed calendar providers.
#[derive(Debug, Parser)]
#[command(name = "chronus", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    /// Print JSON to standard output
    #[arg(long, global = true)]
    json: bool,
    /// The log filter for standard error, such as `info` or `warn,provider=debug` [default: CHRONUS_LOG, else `warn`; for
    /// `serve`, the `log` key of the configuration]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host until it receives SIGTERM or SIGINT
    Serve(database::ConfigArgs),
    /// Check the configuration, or print all its keys with their defaults
    Config(settings::Args),
    /// Create and list organisations, and set their email domains
    #[command(subcommand)]
    Organisation(organisation::Command),
    /// Create and list the programs of an organisation, and turn two-way sync on or off
    #[command(subcommand)]
    Program(program::Command),
    /// Create and list the people of an organisation
    #[command(subcommand)]
    Person(person::Command),
    /// Create, list and revoke API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Inspect, call, test, add and remove calendar providers
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Grant providers access, enable or disable them, and set their OAuth clients
    #[command(subcommand)]
    Provider(provider::Command),
    /// Add, use and rotate the keys that encrypt people's credentials
    #[command(subcommand)]
    Key(key::Command),
    /// Inspect and retry jobs that wait or failed
    #[command(subcommand)]
    Job(job::Command),
    /// List meetings that do not get to their owner's calendar, and try them again
    #[command(subcommand)]
    Stuck(stuck::Command),
    /// List who did what, and what was sent where
    #[command(subcommand)]
    Audit(audit::Command),
    /// Check that this machine can run the host
    Doctor(doctor::Args),
}

/// The arguments and help of every command.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // `plugin call` always prints JSON, also for errors.
    let json = cli.json || matches!(cli.command, Command::Plugin(plugin::Command::Call(_)));
    run(cli.command, cli.json, cli.log).unwrap_or_else(|error| error.report(json)).into()
}

fn run(command: Command, json: bool, log: Option<String>) -> Result<Exit, CliError> {
    // The host logs as its configuration says, which includes CHRONUS_LOG.
    let config = match &command {
        Command::Serve(args) => Some(args.load()?),
        _ => None,
    };
    start_log(log.as_deref().or(config.as_ref().map(|config| config.log.as_str())))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        CliError::machine("runtime", format!("cannot start threads: {error}; raise the limit of processes (ulimit -u)"))
    })?;
    runtime.block_on(async {
        match command {
            Command::Plugin(command) => plugin::run(command, json).await,
            Command::Provider(command) => provider::run(&command, json).await,
            Command::Key(command) => key::run(&command, json).await,
            Command::Job(command) => job::run(command, json).await,
            Command::Stuck(command) => stuck::run(command, json).await,
            Command::Audit(command) => audit::run(command, json).await,
            Command::Doctor(args) => doctor::run(&args, json),
            Command::Serve(_) => serve::run(config.unwrap_or_default(), json).await,
            Command::Config(args) => settings::run(&args),
            Command::Organisation(command) => organisation::run(command, json).await,
            Command::Program(command) => program::run(command, json).await,
            Command::Person(command) => person::run(command, json).await,
            Command::Token(command) => token::run(command, json).await,
        }
    })
}

/// Prints help and version as results, and everything else that clap reports as an error of the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    let text = error.to_string();
    if !error.use_stderr() {
        return output::text(&text).map_or_else(|error| error.report(false), |()| Exit::Done).into();
    }
    output::note(text.trim_end());
    let arguments: Vec<_> = std::env::args_os().collect();
    if arguments.iter().any(|argument| argument == "--json")
        || arguments.windows(2).any(|two| two == ["plugin", "call"])
    {
        let message = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                "the command is missing; `chronus --help` lists the commands"
            }
            _ => text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: "),
        };
        CliError::input("usage", message).print();
    }
    Exit::Input.into()
}

/// Sends log lines to standard error.
fn start_log(filter: Option<&str>) -> Result<(), CliError> {
    let from_environment = std::env::var(LOG).ok().filter(|text| !text.is_empty());
    let filter = filter.map(str::to_owned).or(from_environment).unwrap_or_else(|| "warn".to_owned());
    let wanted = EnvFilter::try_new(&filter).map_err(|error| {
        CliError::input(
            "log",
            format!("`{filter}` is not a log filter ({error}); use, for example, `warn,provider=debug`"),
        )
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(wanted)
        .with_filter(filter_fn(may_be_written));
    // This fails only if a subscriber is set already, which only a test of this function could do.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
    Ok(())
}

/// Whether a log line may be written. The libraries that carry requests and calls see credentials and calendars, so their
/// debug and trace lines are never written, whatever the filter says.
pub fn may_be_written(line: &tracing::Metadata<'_>) -> bool {
    line.target().starts_with("chronus") || line.target() == "provider" || *line.level() <= tracing::Level::INFO
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
