//! `chronus organisation`.

use super::{
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::Page,
    ids::OrganisationId,
    programs::{self, Organisation, ProgramError, domains, domains::DomainError},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

const DOMAIN_HELP: &str = "\
An organisation's account at a calendar service connects whoever has an address in one of
its domains, and nobody else. Whose a domain is, is your word: make sure of it. A domain
stands for itself, not for what is below it. Whoever was connected by a domain that is
removed is disconnected.

With --json: {organisation, domains, changed}.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make an organisation
    Add {
        /// What people call it; no other has this name
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Say that a mail domain is an organisation's; without a domain, list those that are
    #[command(after_help = DOMAIN_HELP)]
    Domain {
        /// The organisation, by its id or its name
        organisation: String,
        /// The domain, as it stands after the @ of addresses
        domain: Option<String>,
        /// Take the domain from the organisation
        #[arg(long, requires = "domain")]
        remove: bool,
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

#[derive(Debug, Serialize)]
struct DomainsOut<'a> {
    organisation: OrganisationId,
    domains: &'a [String],
    changed: bool,
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
        Command::Domain { organisation, domain, remove, config } => {
            let db = database::open(&config.load()?).await?;
            let found = database::organisation(&db, &organisation).await?;
            let changed = match &domain {
                None => false,
                Some(domain) if remove => domains::remove(&db, found.id, domain).await?,
                Some(domain) => domains::add(&db, found.id, domain).await?,
            };
            if let Some(domain) = domain.filter(|_| remove && !changed) {
                let message = format!("the organisation has no domain `{}`", output::line(&domain));
                return Err(CliError::input("domain", message));
            }
            let domains = domains::list(&mut db.begin_read().await?, found.id).await?;
            db.close().await;
            if as_json {
                output::json(&DomainsOut { organisation: found.id, domains: &domains, changed })?;
            } else {
                output::text(&domains.join("\n"))?;
            }
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

impl From<DomainError> for CliError {
    fn from(error: DomainError) -> Self {
        match error {
            DomainError::Database(error) => error.into(),
            DomainError::Malformed | DomainError::NoOrganisation => Self::input("domain", error.to_string()),
            DomainError::Taken => Self::failed("domain-taken", error.to_string()),
        }
    }
}
