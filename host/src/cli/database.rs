//! The configuration and the database of a command that an operator gives.
//!
//! Whoever can open the database may do everything: these commands ask for no token. They read the same configuration
//! as the service, so that both mean the same database, and may be given while it runs.

use super::output::CliError;
use crate::{
    clock::Clock,
    config::{self, Config, ConfigError},
    db::{Db, OpenError},
    programs::{self, Organisation, Program},
};
use std::path::PathBuf;

/// Where the configuration is.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// The configuration file [default: CHRONUS_CONFIG, else none; `chronus config --reference` lists all keys]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Every setting, from the file and from the environment.
    pub(super) fn load(&self) -> Result<Config, CliError> {
        let file = self.config.clone().or_else(|| std::env::var_os(config::FILE).map(PathBuf::from));
        let file = file.filter(|file| !file.as_os_str().is_empty());
        // What is no text is no setting of ours; a name of ours with such a value is unreadable like any other.
        let environment = std::env::vars_os().filter_map(|(name, text)| {
            let name = name.into_string().ok()?;
            Some((name, text.to_string_lossy().into_owned()))
        });
        Ok(Config::load(file.as_deref(), environment)?)
    }
}

/// The database that the configuration names.
pub(super) async fn open(config: &Config) -> Result<Db, CliError> {
    Ok(Db::open(&config.database, Clock::System).await?)
}

/// The organisation with this id or name.
pub(super) async fn organisation(db: &Db, named: &str) -> Result<Organisation, CliError> {
    let none = || {
        CliError::input(
            "organisation",
            format!("there is no organisation `{named}`; `organisation list` tells which there are"),
        )
    };
    programs::organisation(db, named).await?.ok_or_else(none)
}

/// The program of an organisation with this id or name.
pub(super) async fn program(db: &Db, organisation: &Organisation, named: &str) -> Result<Program, CliError> {
    let none = || {
        let what = format!("`{}` has no program `{named}`; `program list` tells which it has", organisation.name);
        CliError::input("program", what)
    };
    programs::find(db, organisation.id, named).await?.ok_or_else(none)
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::input("config", error.to_string())
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Address => Self::input("database", error.to_string()),
            error => Self::machine("database", error.to_string()),
        }
    }
}

impl From<sqlx::Error> for CliError {
    fn from(error: sqlx::Error) -> Self {
        Self::machine("database", format!("the database failed: {error}"))
    }
}
