//! The command line.
//!
//! Who uses it: authors of providers, who try one operation after the other; operators, who look at a component
//! before they enable it; scripts and tests of both. Decision: results go to standard output and nothing else does,
//! so that output can be piped; what is said to people goes to standard error; the exit code tells who must act. Each
//! command is a file; what they share is how input is read (`input`), how output is written (`output`), what a target
//! is (`target`) and how a sandbox is set up here (`machine`). Rejected: interactive questions, which scripts cannot
//! answer, and secrets as arguments, which every user of the machine can read.

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
mod token;

use clap::{Parser, Subcommand};
use output::{CliError, Exit};
use std::{io::IsTerminal as _, process::ExitCode};
use tracing_subscriber::{EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _};

/// The environment variable that `--log` goes before.
const LOG: &str = "CHRONUS_LOG";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it ran, and the answer is no: the service refused, the provider failed,
     a check did not pass
  2  the input is wrong: a file, a target, a time, a component, an argument;
     the message says what to do
  3  this machine cannot do it: no address space for the sandbox, no
     certificates, a file that cannot be written

Errors are sentences on standard error. With --json, and always with
`plugin call`, there is {\"error\": {\"code\": …, \"message\": …}} on standard
output, too. Codes are stable, messages are not.";

/// Keeps meetings and people's calendars in step, through sandboxed calendar providers.
#[derive(Debug, Parser)]
#[command(name = "chronus", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    /// Print JSON to standard output
    #[arg(long, global = true)]
    json: bool,
    /// What to log to standard error: `info`, or `warn,provider=debug` [default: CHRONUS_LOG, else `warn`; for `serve`
    /// what the configuration says]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for the time of the command")]
enum Command {
    /// Run the service, until it is told to end
    Serve(database::ConfigArgs),
    /// Show what can be set, and how
    Config(settings::Args),
    /// Make and list organisations
    #[command(subcommand)]
    Organisation(organisation::Command),
    /// Make and list the programs of an organisation
    #[command(subcommand)]
    Program(program::Command),
    /// Make and list the people of an organisation
    #[command(subcommand)]
    Person(person::Command),
    /// Make, list and revoke the tokens by which programs ask the API
    #[command(subcommand)]
    Token(token::Command),
    /// Look at calendar providers, call them, test them
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Decide what providers may do, and who may connect by them
    #[command(subcommand)]
    Provider(provider::Command),
    /// Look after the keys that seal people's credentials
    #[command(subcommand)]
    Key(key::Command),
    /// Look after the work that was given up
    #[command(subcommand)]
    Job(job::Command),
    /// Check what the host needs of this machine
    Doctor(doctor::Args),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // A call's answer is JSON whatever was asked for, and so is the answer that there is none.
    let json = cli.json || matches!(cli.command, Command::Plugin(plugin::Command::Call(_)));
    run(cli.command, cli.json, cli.log).unwrap_or_else(|error| error.report(json)).into()
}

fn run(command: Command, json: bool, log: Option<String>) -> Result<Exit, CliError> {
    // What the service logs stands in its configuration, which has the variable in it.
    let config = match &command {
        Command::Serve(args) => Some(args.load()?),
        _ => None,
    };
    start_log(log.as_deref().or(config.as_ref().map(|config| config.log.as_str())))?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::machine("runtime", format!("threads cannot be started: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Plugin(command) => plugin::run(command, json).await,
            Command::Provider(command) => provider::run(&command, json).await,
            Command::Key(command) => key::run(&command, json).await,
            Command::Job(command) => job::run(command, json).await,
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

/// Help and version are answers; everything else that clap has to say is about the arguments.
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
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing; --help lists them",
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
            format!("`{filter}` is no log filter ({error}); write for instance `warn,provider=debug`"),
        )
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(wanted)
        .with_filter(filter_fn(may_be_written));
    // It fails if there is a subscriber already, which only a test of this very function could have set.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
    Ok(())
}

/// Below us, the libraries that carry requests and calls see credentials and other people's calendars; what they have to
/// say in detail is never written, whatever filter asks for it.
pub fn may_be_written(line: &tracing::Metadata<'_>) -> bool {
    line.target().starts_with("chronus") || line.target() == "provider" || *line.level() <= tracing::Level::INFO
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }
}
