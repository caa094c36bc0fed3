//! `chronus organisation`.

use super::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::Page,
    ids::OrganisationId,
    programs::{self, Organisation, ProgramError},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make an organisation
    Add {
        /// What people call it; no other has this name
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List the organisations
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, Serialize)]
struct Out {
    id: OrganisationId,
    name: String,
    created_at: Timestamp,
}

impl From<Organisation> for Out {
    fn from(Organisation { id, name, created_at }: Organisation) -> Self {
        Self { id, name, created_at }
    }
}

/// Runs the command.
pub(super) async fn run(command: Command, as_json: bool) -> Result<Exit, CliError> {
    let line = |out: &Out| format!("{}  {}", out.id, output::line(&out.name));
    match command {
        Command::Add { name, config } => {
            let db = database::open(&config.load()?).await?;
            let out = Out::from(programs::add_organisation(&db, &name).await?);
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::List { config } => {
            let db = database::open(&config.load()?).await?;
            let found = programs::organisations(&db, &Page::all()).await?;
            let out: Vec<_> = found.into_iter().map(Out::from).collect();
            if as_json {
                output::json(&BTreeMap::from([("organisations", out)]))?;
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
