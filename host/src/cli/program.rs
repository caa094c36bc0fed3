//! `chronus program`: creates and lists programs, and turns two-way sync on or off.

use super::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::Page,
    ids::{OrganisationId, ProgramId},
    organisations::programs::{self, Program, ProgramError},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a program
    Add {
        /// The name, which must be unique in the organisation
        name: String,
        /// The id or name of the organisation
        #[arg(long, value_name = "ORGANISATION")]
        organisation: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Turn on or off two-way sync, which writes meetings to people's calendars
    TwoWay {
        /// The id or name of the program
        program: String,
        /// The new value: on or off
        #[arg(action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new(), value_name = "on|off", hide_possible_values = true)]
        on: bool,
        /// The id or name of the organisation
        #[arg(long, value_name = "ORGANISATION")]
        organisation: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the programs of an organisation
    List {
        /// The id or name of the organisation
        #[arg(long, value_name = "ORGANISATION")]
        organisation: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Serialize)]
struct Out {
    id: ProgramId,
    organisation: OrganisationId,
    name: String,
    two_way: bool,
    created_at: Timestamp,
}

impl From<Program> for Out {
    fn from(Program { id, organisation, name, two_way, created_at }: Program) -> Self {
        Self { id, organisation, name, two_way, created_at }
    }
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    let two_way = |out: &Out| if out.two_way { "  two-way" } else { "" };
    let line = |out: &Out| format!("{}  {}{}", out.id, output::line(&out.name), two_way(out));
    match command {
        Command::Add { name, organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = database::organisation(&db, &organisation).await?;
            let out = Out::from(programs::add(&db, &author::operator(), organisation.id, &name).await?);
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::TwoWay { program, on, organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = database::organisation(&db, &organisation).await?;
            let program = database::program(&db, &organisation, &program).await?;
            let changed = programs::set_two_way(&db, &author::operator(), organisation.id, program.id, on).await?;
            let out = Out::from(changed.unwrap_or(program));
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::List { organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = database::organisation(&db, &organisation).await?;
            let found = programs::list(&db, organisation.id, None, &Page::all()).await?;
            let out: Vec<_> = found.into_iter().map(Out::from).collect();
            if as_json {
                output::json(&BTreeMap::from([("programs", out)]))?;
            } else {
                output::text(&out.iter().map(line).collect::<Vec<_>>().join("\n"))?;
            }
        }
    }
    Ok(Exit::Done)
}

impl From<ProgramError> for CliError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Database(error) => error.into(),
            ProgramError::Name(_) => Self::input("name", error.to_string()),
            ProgramError::NoOrganisation => Self::input("organisation", error.to_string()),
            ProgramError::Taken(_) => Self::failed("name-taken", error.to_string()),
        }
    }
}
