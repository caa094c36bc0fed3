//! `chronus program`.

use super::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::Page,
    ids::{OrganisationId, ProgramId},
    programs::{self, Program},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a program
    Add {
        /// What people call it; no other program of the organisation has this name
        name: String,
        /// Whose: the organisation's id or name
        #[arg(long, value_name = "ORGANISATION")]
        organisation: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Let the meetings of a program be written into people's calendars, or not
    TwoWay {
        /// The program, by its id or its name
        program: String,
        /// Whether they are
        #[arg(action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new(), value_name = "on|off")]
        on: bool,
        /// Whose: the organisation's id or name
        #[arg(long, value_name = "ORGANISATION")]
        organisation: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the programs of an organisation
    List {
        /// Whose: the organisation's id or name
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
            let out = Out::from(programs::add(&db, organisation.id, &name).await?);
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::TwoWay { program, on, organisation, config } => {
            let db = database::open(&config.load()?).await?;
            let organisation = database::organisation(&db, &organisation).await?;
            let program = database::program(&db, &organisation, &program).await?;
            let changed = programs::set_two_way(&db, organisation.id, program.id, on).await?;
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
