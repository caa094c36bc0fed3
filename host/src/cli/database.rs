//! The configuration and the database of an operator's command.
//!
//! These commands need no token: a person who can open the database can do everything anyway. They read the same
//! configuration as the service, so that both use the same database, and can run beside it.

use super::output::CliError;
use crate::{
    clock::Clock,
    config::{self, Config, ConfigError},
    db::{DatabaseUrl, Db, OpenError},
    organisations::{
        self, Organisation,
        programs::{self, Program},
    },
    people::{self, Person},
    plugins::registry::RegistryError,
};
use std::path::PathBuf;

/// Selects the configuration file.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ConfigArgs {
    /// The configuration file [default: CHRONUS_CONFIG; `chronus config --reference` prints all keys]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Loads every setting from the file and the environment.
    pub(super) fn load(&self) -> Result<Config, CliError> {
        let file = self.config.clone().or_else(|| std::env::var_os(config::FILE).map(PathBuf::from));
        let file = file.filter(|file| !file.as_os_str().is_empty());
        // A name that is not UTF-8 cannot be ours; a value that is not UTF-8 is reported like any invalid value.
        let environment = std::env::vars_os().filter_map(|(name, text)| {
            let name = name.into_string().ok()?;
            Some((name, text.to_string_lossy().into_owned()))
        });
        Ok(Config::load(file.as_deref(), environment)?)
    }
}

/// Opens the configured database, which exists: a command that reads must not make an empty service in a wrong place.
pub(super) async fn open(config: &Config) -> Result<Db, CliError> {
    match &config.database {
        DatabaseUrl::File(path) if !path.exists() => Err(CliError::input(
            "database",
            format!(
                "the database file {} does not exist; check `database` in the configuration. `chronus serve`, `chronus \
                 organisation add` and `chronus plugin add` create it",
                path.display()
            ),
        )),
        _ => open_or_create(config).await,
    }
}

/// Opens the configured database, and creates the file if it does not exist.
pub(super) async fn open_or_create(config: &Config) -> Result<Db, CliError> {
    Ok(Db::open(&config.database, Clock::System).await?)
}

/// Finds an organisation by id or name.
pub(super) async fn organisation(db: &Db, named: &str) -> Result<Organisation, CliError> {
    let unknown = || {
        CliError::input(
            "organisation",
            format!("the organisation `{named}` does not exist; `chronus organisation list` lists the organisations"),
        )
    };
    organisations::find(db, named).await?.ok_or_else(unknown)
}

/// Finds a program of an organisation by id or name.
pub(super) async fn program(db: &Db, organisation: &Organisation, named: &str) -> Result<Program, CliError> {
    let unknown = || {
        let what =
            format!("`{}` has no program `{named}`; `chronus program list` lists its programs", organisation.name);
        CliError::input("program", what)
    };
    programs::find(db, organisation.id, named).await?.ok_or_else(unknown)
}

/// Finds a person of an organisation by id or email address.
pub(super) async fn person(db: &Db, organisation: &Organisation, named: &str) -> Result<Person, CliError> {
    let unknown = || {
        let what = format!("`{}` has no person `{named}`; `chronus person list` lists its people", organisation.name);
        CliError::input("person", what)
    };
    people::find(db, organisation.id, named).await?.ok_or_else(unknown)
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::input("config", error.to_string())
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Address(_) | OpenError::NoTls => Self::input("database", error.to_string()),
            error => Self::machine("database", error.to_string()),
        }
    }
}

impl From<sqlx::Error> for CliError {
    fn from(error: sqlx::Error) -> Self {
        failed(&error)
    }
}

impl From<RegistryError> for CliError {
    fn from(error: RegistryError) -> Self {
        match error.database() {
            Some(database) => failed(database),
            None => Self::failed(error.code(), error.to_string()),
        }
    }
}

fn failed(error: &sqlx::Error) -> CliError {
    CliError::machine(
        "database",
        format!("the database failed: {error}; check `database` in the configuration, and that the server runs"),
    )
}
