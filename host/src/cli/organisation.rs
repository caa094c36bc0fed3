//! `chronus organisation`: creates and lists organisations, and sets their email domains.

use super::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::Page,
    ids::OrganisationId,
    organisations::{
        self, Organisation, OrganisationError,
        domains::{self, DomainError},
    },
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

const DOMAIN_HELP: &str = "\
A service account of the organisation connects only people with an email address in
one of these domains. The host does not verify who owns a domain: check that yourself.
Subdomains are not included. Removing a domain disconnects the people in it that a
service account connected.

With --json: {organisation, domains, changed}.";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create an organisation
    Add {
        /// The name, which must be unique
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Add, remove or list the email domains of an organisation
    #[command(after_help = DOMAIN_HELP)]
    Domain {
        /// The id or name of the organisation
        organisation: String,
        /// The domain, the part of an email address after the @ [default: list the domains]
        domain: Option<String>,
        /// Remove the domain
        #[arg(long, requires = "domain")]
        remove: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List organisations
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
            let db = database::open_or_create(&config.load()?).await?;
            let out = Out::from(organisations::add(&db, &author::operator(), &name).await?);
            if as_json { output::json(&out)? } else { output::text(&line(&out))? }
        }
        Command::Domain { organisation, domain, remove, config } => {
            let db = database::open(&config.load()?).await?;
            let found = database::organisation(&db, &organisation).await?;
            let changed = match &domain {
                None => false,
                Some(domain) if remove => domains::remove(&db, &author::operator(), found.id, domain).await?,
                Some(domain) => domains::add(&db, &author::operator(), found.id, domain).await?,
            };
            if let Some(domain) = domain.filter(|_| remove && !changed) {
                let message = format!(
                    "the organisation has no domain `{}`; `chronus organisation domain` lists its domains",
                    output::line(&domain)
                );
                return Err(CliError::input("domain", message));
            }
            let domains = db.read(async |tx| domains::list(tx, found.id).await).await?;
            db.close().await;
            if as_json {
                output::json(&DomainsOut { organisation: found.id, domains: &domains, changed })?;
            } else {
                output::text(&domains.join("\n"))?;
            }
        }
        Command::List { config } => {
            let db = database::open(&config.load()?).await?;
            let found = organisations::list(&db, &Page::all()).await?;
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

impl From<OrganisationError> for CliError {
    fn from(error: OrganisationError) -> Self {
        match error {
            OrganisationError::Database(error) => error.into(),
            OrganisationError::Name(_) => Self::input("name", error.to_string()),
            OrganisationError::Taken(_) => Self::failed("name-taken", error.to_string()),
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
