//! All parts of the service together, opened once and handed to the code that answers requests and does jobs.
//!
//! Decision: one value that is cheap to clone, with its parts in the open; a part that is not needed in a test is
//! small to make. Rejected: globals, of which two tests in one process would share one.

pub mod code;
pub mod work;

use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    connections::{self, CalendarAccess, oauth, oauth::refresh::Attempts, service_accounts},
    db::{self, Db},
    mail::Mailer,
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
use std::{path::PathBuf, sync::Arc};

/// All tables with sealed secrets, for key rotation.
pub const SEALED_TABLES: [SealedTable; 4] = [
    connections::store::SEALED,
    oauth::store::SEALED_CLIENTS,
    oauth::store::SEALED_REVOCATIONS,
    service_accounts::store::SEALED,
];

/// The service's parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Every setting.
    pub config: Arc<Config>,
    /// Where everything is kept.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// What calls people's calendars: the providers, and what opens credentials.
    pub calendars: CalendarAccess,
    /// The outgoing mail.
    pub mailer: Mailer,
}

/// Why the service cannot work.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Database(#[from] db::OpenError),
    /// The keys that seal credentials.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// They are not there, and the database has what they sealed.
    #[error("the key file {0} is not there, and the database has credentials that it sealed; put it back")]
    KeysGone(PathBuf),
    /// The folder of compiled providers.
    #[error("sandbox.cache: {0}")]
    Cache(String),
    /// TLS trust anchors.
    #[error(transparent)]
    Tls(#[from] ClientError),
    /// TLS for mail.
    #[error("mail.smtp: {0}")]
    Mail(String),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl App {
    /// Opens everything that the configuration names.
    ///
    /// # Errors
    /// If a part of it cannot be used; nothing is left open.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, OpenError> {
        let sandbox = sandbox(&config)?;
        let mailer = Mailer::new(&config.mail, clock.clone()).map_err(|error| OpenError::Mail(error.to_string()))?;
        let db = Db::open(&config.database, clock.clone()).await?;
        // A new key would open none of the credentials, and hide that the old one is not there.
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
            attempts: Attempts::default(),
        };
        Ok(Self { config: Arc::new(config), db, clock, calendars, mailer })
    }
}

/// The sandbox that all providers run in.
///
/// # Errors
/// If the machine cannot give what the configuration asks for.
pub fn sandbox(config: &Config) -> Result<Sandbox, OpenError> {
    let cache = match &config.sandbox.cache {
        Some(folder) => code::private_folder(folder).map(|()| Some(folder.clone())).map_err(OpenError::Cache)?,
        None => {
            code::cache_folder().inspect_err(|why| tracing::warn!("providers are compiled at every start: {why}")).ok()
        }
    };
    Ok(Sandbox::new(SandboxConfig {
        concurrent_calls: config.sandbox.concurrent_calls,
        cache,
        egress: config.egress.policy(),
        tls: TlsTrust::new(config.egress.authorities()?)?,
        names: NameResolver::System,
    })?)
}
