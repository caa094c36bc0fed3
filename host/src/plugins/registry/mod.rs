//! The providers of this deployment: which components are used, and what the operator granted them.
//!
//! Threat: a component that was exchanged, or a new version of one that asks for more than somebody looked at.
//! Decision: everything stands in the database, which all hosts share. Bytes get in by a trusted key's signature or by
//! a digest that the operator wrote down, and only after admission. The operator accepts what a component asks for,
//! and that copy is the grant; a version that asks for nothing beyond it is used at once, any other waits. Whoever
//! makes a call asks here, every time: the row tells the digest and the grant, so that a change made by any process is
//! seen without a signal, and calls under way finish on what they have. Rejected: a folder that is watched, which says
//! nothing of who accepted what; a list in the configuration, which needs a restart.

mod difference;
mod grant;
mod lifecycle;
mod plugin_cache;
mod store;

pub use difference::{Kind, Line, difference, needs_acceptance};
pub use grant::{Asks, GrantError, Granted};
pub use lifecycle::{accept, granted, list, remove, waiting};

use super::{
    AdmissionError, Plugin, Sandbox,
    admission::{Signature, SignatureError, TrustedKey},
    contract::SignIn,
};
use crate::db::Db;
use plugin_cache::{Found, Loaded};
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The providers of this deployment. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    db: Db,
    sandbox: Arc<Sandbox>,
    loaded: Arc<Loaded>,
    /// Read from their rows once for each revision.
    grants: Arc<Mutex<Grants>>,
}

/// By the id of the provider, with the revision of its row.
type Grants = HashMap<String, (i64, Arc<Granted>)>;

/// A provider, as a call uses it.
#[derive(Clone)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// The component.
    pub plugin: Plugin,
    /// What it may do.
    pub granted: Arc<Granted>,
}

impl Provider {
    /// The sign-ins that were granted and that the component in use has.
    pub fn sign_ins(&self) -> impl Iterator<Item = &SignIn> {
        let present = &self.plugin.description().sign_ins;
        self.granted.asks().sign_ins.iter().filter(|granted| present.iter().any(|one| one.id == granted.id))
    }
}

/// Why a component is what its publisher made.
#[derive(Debug, Clone, Copy)]
pub enum Voucher<'a> {
    /// A signature, and the keys that the operator trusts.
    Signature(&'a Signature, &'a [TrustedKey]),
    /// The SHA-256 that the operator wrote down, in hex.
    Digest(&'a str),
}

/// What came of adding a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Added {
    /// It is used from now on.
    Active {
        /// The provider.
        id: String,
    },
    /// It asks for more than is granted, and waits until somebody accepts that.
    Waiting(Waiting),
    /// It was in use already.
    Same {
        /// The provider.
        id: String,
    },
}

/// A component that waits to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The provider.
    pub id: String,
    /// The component.
    pub sha256: String,
    /// Its version.
    pub version: String,
    /// What it asks for beyond the grant.
    pub difference: Vec<Line>,
}

/// A provider in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What is used.
    pub active: Option<Version>,
    /// What waits to be accepted.
    pub waiting: Option<Version>,
    /// How many connections go through it.
    pub connections: i64,
}

/// A version of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// As it says it.
    pub version: String,
    /// The component's digest, in hex.
    pub sha256: String,
}

/// How a provider stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In use.
    Active,
    /// Never accepted.
    Waiting,
    /// Removed, while connections exist.
    Off,
}

/// Why a component is not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// Nobody trusted vouches for it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It has another digest than the operator wrote down.
    #[error("the component's SHA-256 is {found}, not the one that you gave; it is another file")]
    Digest {
        /// The digest.
        found: String,
    },
    /// It cannot be a provider here.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// What it asks for cannot be granted.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Others change the provider all the time.
    #[error("somebody else is changing the provider `{0}`; try again")]
    Contended(String),
    /// The database.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why a provider is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is none.
    #[error("there is no provider `{0}`; `chronus plugin list` shows those that there are")]
    Unknown(String),
    /// There is nothing to accept, or something else than was shown.
    #[error("no such version of `{0}` waits to be accepted; `chronus plugin list` shows what does")]
    NotWaiting(String),
    /// People are connected through it.
    #[error(
        "{connections} connections go through `{id}`; remove it with --force, and they fail until it is added again"
    )]
    InUse {
        /// The provider.
        id: String,
        /// How many.
        connections: i64,
    },
    /// The database.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why there is no provider for a call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// There is none.
    #[error("there is no provider `{0}`")]
    Unknown(String),
    /// It was removed, or never accepted.
    #[error("the provider `{0}` is off; an operator adds and accepts it")]
    Off(String),
    /// Its grant cannot be read.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Its component does not load.
    #[error("the provider `{0}` cannot be loaded: {1}")]
    Load(String, LoadError),
    /// The database.
    #[error("the database failed: {0}")]
    Database(Arc<sqlx::Error>),
}

impl RegistryError {
    /// A stable name, for logs, APIs and statistics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "provider-unknown",
            Self::Off(_) => "provider-off",
            Self::Grant(_) => "provider-grant",
            Self::Load(..) => "provider-load",
            Self::Database(_) => "database",
        }
    }
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Why a component that is kept does not load.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// It is not in the database, or not what was put there.
    #[error("the component {0} in the database is missing or damaged; add it again")]
    Damaged(String),
    /// This host does not admit it.
    #[error("{0}")]
    Admission(Arc<AdmissionError>),
    /// The database.
    #[error("the database failed: {0}")]
    Database(Arc<sqlx::Error>),
}

impl Registry {
    /// The providers of this database, run in this sandbox.
    #[must_use]
    pub fn new(db: Db, sandbox: Arc<Sandbox>) -> Self {
        Self { db, sandbox, loaded: Arc::default(), grants: Arc::default() }
    }

    /// Where providers run; requests of the host's own for one pass it, too.
    #[must_use]
    pub const fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// The provider of this id, for one call.
    ///
    /// # Errors
    /// If there is none that can be called.
    pub async fn provider(&self, id: &str) -> Result<Provider, RegistryError> {
        let mut tx = self.db.begin_read().await?;
        let row = store::provider(&mut tx, id).await?;
        tx.commit().await?;
        let Some(row) = row else {
            self.forget(id);
            return Err(RegistryError::Unknown(id.to_owned()));
        };
        let (Some(sha256), Some(text)) = (&row.active_sha256, &row.granted) else {
            self.forget(id);
            return Err(RegistryError::Off(id.to_owned()));
        };
        let granted = self.granted(id, row.revision, text)?;
        let plugin = match self.loaded.find(id, sha256) {
            Found::This(plugin) => plugin,
            Found::Older(plugin, load) => {
                if load {
                    self.load_beside(id, sha256);
                }
                plugin
            }
            Found::Nothing => {
                let load = self.load(id, sha256).await;
                load.map_err(|error| RegistryError::Load(id.to_owned(), error))?
            }
        };
        Ok(Provider { id: id.to_owned(), plugin, granted })
    }

    fn granted(&self, id: &str, revision: i64, text: &str) -> Result<Arc<Granted>, GrantError> {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, granted)) = grants.get(id).filter(|(of, _)| *of == revision) {
            return Ok(granted.clone());
        }
        let granted = Arc::new(Granted::parse(text)?);
        grants.insert(id.to_owned(), (revision, granted.clone()));
        Ok(granted)
    }

    fn forget(&self, id: &str) {
        self.loaded.forget(id);
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    async fn load(&self, id: &str, sha256: &str) -> Result<Plugin, LoadError> {
        self.loaded.load(id, sha256, || self.compile(sha256)).await
    }

    /// Loads a version while an older one serves.
    fn load_beside(&self, id: &str, sha256: &str) {
        let (registry, id, sha256) = (self.clone(), id.to_owned(), sha256.to_owned());
        tokio::spawn(async move {
            if let Err(error) = registry.load(&id, &sha256).await {
                tracing::error!(provider = id, sha256, %error, "the new version does not load; the old one goes on");
            }
        });
    }

    async fn compile(&self, sha256: &str) -> Result<Plugin, LoadError> {
        let db_error = |error: sqlx::Error| LoadError::Database(error.into());
        let mut tx = self.db.begin_read().await.map_err(db_error)?;
        let bytes = store::bytes(&mut tx, sha256).await.map_err(db_error)?;
        tx.commit().await.map_err(db_error)?;
        let damaged = || LoadError::Damaged(sha256.to_owned());
        let bytes = bytes.ok_or_else(damaged)?;
        let plugin = self.sandbox.admit(&bytes).await.map_err(|error| LoadError::Admission(error.into()))?;
        if plugin.inspection().sha256 == sha256 { Ok(plugin) } else { Err(damaged()) }
    }
}
