//! The parts of the service, opened once and handed to every request handler and job handler.
//!
//! Decision: one value with public fields that is cheap to clone. Rejected: globals, which two tests in one process would
//! share.

pub mod code;
pub mod readiness;
pub mod work;

use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    connections::{self, CalendarAccess, service_accounts},
    db::{self, Db},
    mail::Mailer,
    oauth::{self, token_lease::SingleFlight},
    plugins::{
        Sandbox, SandboxConfig, SandboxError,
        egress::{ClientError, NameResolver, TlsTrust},
        registry::Registry,
    },
    secrets::{
        Keyring, KeyringError,
        rotation::{self, SealedTable},
    },
};
use readiness::Readiness;
use std::{path::PathBuf, sync::Arc};

/// All tables with sealed secrets, for key rotation.
pub const SEALED_TABLES: [SealedTable; 4] = [
    connections::store::SEALED,
    oauth::store::SEALED_CLIENTS,
    connections::SEALED_REVOCATIONS,
    service_accounts::store::SEALED,
];

/// The service's parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// All settings.
    pub config: Arc<Config>,
    /// The database cannot be opened.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Access to connected calendars: the providers and the keys of credentials.
    pub calendars: CalendarAccess,
    /// The mail client.
    pub mailer: Mailer,
    /// Whether this host can do what it promises.
    pub readiness: Arc<Readiness>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] db::OpenError),
    /// The key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// The key file is missing, and the database has credentials that it sealed.
    #[error("the key file {0} is missing, and the database has credentials that it sealed; restore it from a copy")]
    KeysGone(PathBuf),
    /// The folder for compiled providers cannot be used.
    #[error("sandbox.cache: {0}")]
    Cache(String),
    /// The TLS trust anchors are invalid.
    #[error(transparent)]
    Tls(#[from] ClientError),
    /// The mail client cannot be set up.
    #[error("mail.smtp: {0}")]
    Mail(String),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl App {
    /// Opens all parts that the configuration names.
    ///
    /// # Errors
    /// If a part cannot be used; then nothing stays open.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, OpenError> {
        let sandbox = sandbox(&config)?;
        let mailer = Mailer::new(&config.mail, clock.clone()).map_err(|error| OpenError::Mail(error.to_string()))?;
        let db = Db::open(&config.database, clock.clone()).await?;
        // A new key could not open any credential, and would hide that the old one is missing.
        if !config.keys.exists() && rotation::any(&db, &SEALED_TABLES).await.map_err(db::OpenError::Connect)? {
            return Err(OpenError::KeysGone(config.keys));
        }
        let keyring = Arc::new(Keyring::generate_at(&config.keys)?);
        let registry = Registry::new(db.clone(), Arc::new(sandbox));
        let (budget, clock_of_calls) = (config.budget.clone(), clock.clone());
        let calendars = CalendarAccess {
            db: db.clone(),
            registry,
            keyring,
            clock: clock_of_calls,
            budget,
            refreshes: SingleFlight::default(),
        };
        Ok(Self { config: Arc::new(config), db, clock, calendars, mailer, readiness: Arc::default() })
    }
}

/// Creates the sandbox in which all providers run.
///
/// # Errors
/// If a setting cannot be met by this machine.
pub fn sandbox(config: &Config) -> Result<Sandbox, OpenError> {
    let cache = match &config.sandbox.cache {
        Some(folder) => code::private_folder(folder).map(|()| Some(folder.clone())).map_err(OpenError::Cache)?,
        None => code::cache_folder()
            .inspect_err(|why| {
                tracing::warn!("compiled providers are not cached, so every start compiles them again: {why}");
            })
            .ok(),
    };
    Ok(Sandbox::new(SandboxConfig {
        concurrent_calls: config.sandbox.concurrent_calls,
        cache,
        egress: config.egress.policy(),
        tls: TlsTrust::new(config.egress.authorities()?)?,
        names: NameResolver::System,
    })?)
}
