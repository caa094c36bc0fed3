//! Tries a new version of a provider with live connections before a command uses it.

use crate::{
    app,
    cli::output::CliError,
    clock::Clock,
    config::Config,
    connections::smoke::{self, SmokeDifference},
    db::Db,
    plugins::registry::{NewVersion, Registry},
};

/// Whether other answers than those of the version in use are accepted.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct SmokeArgs {
    /// Use the version although it answers differently from the version in use, for example because that is what it mends
    #[arg(long)]
    accept_answers: bool,
}

/// Tries the version with a few live connections.
pub(in crate::cli) async fn check(
    args: SmokeArgs,
    config: &Config,
    db: &Db,
    registry: &Registry,
    new: &NewVersion,
) -> Result<(), CliError> {
    let connections = crate::plugins::registry::connections(db, new.id()).await?;
    if args.accept_answers || connections == 0 {
        return Ok(());
    }
    let calendars = app::calendar_access(config, registry.clone(), db, &Clock::System).await?;
    let provider = new.provider().map_err(|error| CliError::input("component", error.to_string()))?;
    let report = smoke::try_version(&calendars, &provider).await?;
    if report.differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = report
        .differences
        .iter()
        .map(|SmokeDifference { connection, what }| format!("connection {connection}: {what}"))
        .collect();
    Err(CliError::failed(
        "smoke",
        format!(
            "the new version answers differently from the version in use for {} of {} connections, so nothing was changed: {}; \
             if its answers are the right ones, add --accept-answers",
            report.differences.len(),
            report.tried,
            lines.join("; ")
        ),
    ))
}
