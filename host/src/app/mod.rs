//! The parts of the service, opened once and handed to every request handler and job handler.
//!
//! Decision: one value with public fields that is cheap to clone. Rejected: globals, which two tests in one process would
//! share.

pub mod code;
pub mod readiness;
pub mod watch;
pub mod work;

use crate::{
    audit::Author,
    clock::Clock,
    config::{Config, ConfigError},
    connections::{self, CalendarAccess, service_accounts},
    db::{self, Db},
    fairness::{Class, Joined},
    mail::Mailer,
    oauth::{self, token_lease::SingleFlight},
    plugins::{
        Sandbox, SandboxConfig, SandboxError,
        egress::{ClientError, NameResolver, TlsTrust},
        registry::Registry,
    },
    rate_limits::Limiter,
    secrets::{
        Keyring,
        key_check::{self, KeyCheckError},
        rotation::SealedTable,
    },
};
use readiness::Readiness;
use std::{
    path::Path,
    sync::{Arc, Once},
};

/// All tables with sealed secrets, for key rotation.
pub const SEALED_TABLES: [SealedTable; 5] = [
    key_check::SEALED,
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
    /// The rate limits that are counted in memory.
    pub limiter: Limiter,
    /// Warns once of a proxy that sends no client address.
    pub proxy_warning: Arc<Once>,
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
    Keys(#[from] KeyCheckError),
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
        let calendars = calendar_access(&config, Registry::new(db.clone(), Arc::new(sandbox)), &db, &clock).await?;
        let limiter = Limiter::new(config.limits);
        if let Err(error) = limiter.renew(&db).await {
            tracing::warn!(%error, "the share of the rate limits is unknown, so this host takes the whole of each until it is stored");
        }
        Ok(Self {
            config: Arc::new(config),
            db,
            clock,
            calendars,
            mailer,
            readiness: Arc::default(),
            limiter,
            proxy_warning: Arc::new(Once::new()),
        })
    }
}

/// The access to connected calendars, with the providers of a registry.
///
/// # Errors
/// If the key file cannot be used.
pub async fn calendar_access(
    config: &Config,
    registry: Registry,
    db: &Db,
    clock: &Clock,
) -> Result<CalendarAccess, KeyCheckError> {
    Ok(CalendarAccess {
        db: db.clone(),
        registry,
        keyring: Arc::new(open_keyring(db, &Author::Host, &config.keys).await?),
        clock: clock.clone(),
        budget: config.budget.clone(),
        class: Class::Interactive,
        questions: Joined::default(),
        limits: config.limits,
        links: config.links(),
        refreshes: SingleFlight::default(),
    })
}

/// Reads the key file, which belongs to this database. If neither has been used before, creates the file.
///
/// # Errors
/// If the file cannot be used, or belongs to another database.
pub async fn open_keyring(db: &Db, by: &Author, keys: &Path) -> Result<Keyring, KeyCheckError> {
    key_check::open_keyring(db, by, keys, &SEALED_TABLES).await
}

/// Creates the sandbox in which all providers run.
///
/// # Errors
/// If a setting cannot be met by this machine.
pub fn sandbox(config: &Config) -> Result<Sandbox, OpenError> {
    let configured = config.sandbox.cache.as_deref();
    let cache = match code::folder(configured) {
        Ok(folder) => Some(folder),
        Err(why) if configured.is_some() => return Err(OpenError::Cache(why)),
        Err(why) => {
            tracing::warn!("compiled providers are not cached, so every start compiles them again: {why}");
            None
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
