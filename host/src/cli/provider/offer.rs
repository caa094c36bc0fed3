//! `chronus provider enable` and `disable`: where people can connect through a provider.

use crate::cli::{
    author,
    database::{self, ConfigArgs},
    output::{self, CliError, Exit},
};
use crate::{
    db::Db,
    organisations::offers::{self, Offer, OfferError},
};
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The id of the provider
    id: String,
    /// The id or name of the organisation
    #[arg(long, value_name = "ORGANISATION")]
    organisation: String,
    /// The id or name of a program of the organisation [default: the whole organisation]
    #[arg(long, value_name = "PROGRAM")]
    program: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize)]
struct OfferOut<'a> {
    provider: &'a str,
    organisation: String,
    program: Option<String>,
    enabled: bool,
    /// Whether this command changed anything.
    changed: bool,
}

/// Runs the command.
pub(super) async fn run(args: &Args, enable: bool, as_json: bool) -> Result<Exit, CliError> {
    let db = database::open(&args.config.load()?).await?;
    let offer = offer(&db, args).await?;
    let by = author::operator();
    let changed =
        if enable { offers::enable(&db, &by, &offer).await? } else { offers::disable(&db, &by, &offer).await? };
    db.close().await;
    if as_json {
        let (organisation, program) = (offer.organisation.to_string(), offer.program.map(|id| id.to_string()));
        output::json(&OfferOut { provider: &args.id, organisation, program, enabled: enable, changed })?;
    } else {
        let place = args.program.as_ref().unwrap_or(&args.organisation);
        let word = if enable { "enabled" } else { "disabled" };
        let already = if changed { "" } else { " (no change)" };
        output::text(&output::line(&format!("{} is {word} for {place}{already}", args.id)))?;
    }
    Ok(Exit::Done)
}

async fn offer(db: &Db, args: &Args) -> Result<Offer, CliError> {
    let organisation = database::organisation(db, &args.organisation).await?;
    let program = match &args.program {
        Some(named) => Some(database::program(db, &organisation, named).await?.id),
        None => None,
    };
    Ok(Offer { provider: args.id.clone(), organisation: organisation.id, program })
}

impl From<OfferError> for CliError {
    fn from(error: OfferError) -> Self {
        let message = error.to_string();
        match error {
            OfferError::NoProvider(_) => Self::input("provider", message),
            OfferError::NoOrganisation => Self::input("organisation", message),
            OfferError::NoProgram => Self::input("program", message),
            OfferError::Database(error) => error.into(),
        }
    }
}
