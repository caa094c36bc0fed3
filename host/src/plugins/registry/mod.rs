//! The providers of this deployment: which components are in use, and what the operator granted them.
//!
//! Threat: a component that was exchanged, or a new version that requests more than the operator reviewed. Decision: the
//! database, which all hosts share, holds components and grants. A component is added with a signature by a trusted key or
//! with its digest, and only after admission. The operator accepts what it requests, and a copy of that request is the grant.
//! A version that requests nothing more is used at once; any other version waits to be accepted. Each call reads the row of
//! its provider, so a change by any process takes effect without a signal, and calls under way finish with their component.
//! Rejected: a watched folder, which does not record who accepted what; a list in the configuration, which needs a restart.

mod difference;
mod grant;
mod lifecycle;
mod moves;
mod plugin_cache;
mod store;

pub use difference::{DifferenceKind, DifferenceLine, difference, needs_acceptance, step_back};
pub use grant::{GrantError, IssuingEndpoint, ProviderGrant, RequestedGrant};
pub use lifecycle::{
    NewVersion, accept, accept_in, connections, granted, has_endpoint, in_use, list, present_endpoint, remove, waiting,
};
pub use store::ProviderStamp;

use super::{
    AdmissionError, Plugin, Sandbox,
    admission::{Signature, SignatureError, TrustedKey},
    contract::SignIn,
};
use crate::{db::Db, locks};
use plugin_cache::{CacheLookup, PluginCache};
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// The providers of this deployment. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    db: Db,
    sandbox: Arc<Sandbox>,
    plugins: Arc<PluginCache>,
    /// Grants are parsed once for each state of their row.
    grants: Arc<Mutex<Grants>>,
}

/// Grants by the id of the provider, each with the state of the row that it was read from.
type Grants = HashMap<String, (ProviderStamp, Arc<ProviderGrant>)>;

/// A provider that can be called.
#[derive(Clone)]
pub struct Provider {
    /// The id of the provider.
    pub id: String,
    /// The component.
    pub plugin: Plugin,
    /// What the operator granted.
    pub granted: Arc<ProviderGrant>,
}

impl Provider {
    /// The granted sign-ins that the component in use still has.
    pub fn sign_ins(&self) -> impl Iterator<Item = &SignIn> {
        let present = &self.plugin.description().sign_ins;
        self.granted.request().sign_ins.iter().filter(|granted| present.iter().any(|one| one.id == granted.id))
    }
}

/// How the operator knows that a component is what its publisher made.
#[derive(Debug, Clone, Copy)]
pub enum Provenance<'a> {
    /// A signature and the keys that the operator trusts.
    Signature(&'a Signature, &'a [TrustedKey]),
    /// The SHA-256 in hex that the operator expects.
    Digest(&'a str),
}

/// The result of adding a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum AddOutcome {
    /// The component is in use from now on.
    Active {
        /// The id of the provider.
        id: String,
    },
    /// The component requests more than is granted, and waits until an operator accepts it.
    Waiting(PendingVersion),
    /// The component was in use already.
    Same {
        /// The id of the provider.
        id: String,
    },
}

/// A component that waits to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PendingVersion {
    /// The id of the provider.
    pub id: String,
    /// The SHA-256 of the component in hex.
    pub sha256: String,
    /// The version of the component.
    pub version: String,
    /// What the component requests beyond the grant.
    pub difference: Vec<DifferenceLine>,
}

/// A provider in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderSummary {
    /// The id of the provider.
    pub id: String,
    /// The name that people read.
    pub name: String,
    /// The state of the provider.
    pub state: ProviderState,
    /// The version in use.
    pub active: Option<VersionSummary>,
    /// The version that waits to be accepted.
    pub waiting: Option<VersionSummary>,
    /// The number of connections that use the provider.
    pub connections: i64,
}

/// A version of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionSummary {
    /// The version in the component's description.
    pub version: String,
    /// The SHA-256 of the component in hex.
    pub sha256: String,
}

/// The state of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderState {
    /// A version is in use.
    Active,
    /// No version was ever accepted.
    Waiting,
    /// The provider was removed while connections existed.
    Off,
}

/// Why a component cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The signature is not accepted.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The component has another digest than the operator expects.
    #[error("the component's SHA-256 is {found}, not the one in --accept-digest; this is a different file")]
    Digest {
        /// The digest of the component.
        found: String,
    },
    /// Admission refuses the component.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The request cannot be granted.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Other operators kept changing the provider.
    #[error("another operator is changing the provider `{0}`; try again")]
    Contended(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why a provider cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no provider with this id.
    #[error("the provider `{0}` does not exist; `chronus plugin list` lists the providers")]
    Unknown(String),
    /// No version waits to be accepted, or another one than was shown.
    #[error("this version of `{0}` is not waiting; `chronus plugin list` shows the versions that are")]
    NotWaiting(String),
    /// Connections use the provider.
    #[error(
        "{connections} connections use `{id}`; with --force, the provider is removed, and these connections fail until it is added again"
    )]
    InUse {
        /// The id of the provider.
        id: String,
        /// The number of connections.
        connections: i64,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Why a provider cannot be called.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// There is no provider with this id.
    #[error("the provider `{0}` does not exist")]
    Unknown(String),
    /// The provider was removed, or never accepted.
    #[error("the provider `{0}` is off; an operator must add and accept it")]
    Off(String),
    /// The stored grant cannot be read.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The component does not load.
    #[error("the provider `{0}` cannot be loaded: {1}")]
    Load(String, LoadError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(Arc<sqlx::Error>),
}

impl RegistryError {
    /// A stable name, for logs, the API and statistics.
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

    /// The error of the database, if that is the reason.
    #[must_use]
    pub fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) | Self::Load(_, LoadError::Database(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Why a stored component does not load.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// The component is missing in the database, or was changed there.
    #[error("the component {0} in the database is missing or damaged; add it again")]
    Damaged(String),
    /// Current host does not admit it.
    #[error("{0}")]
    Admission(Arc<AdmissionError>),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(Arc<sqlx::Error>),
}

impl Registry {
    /// The providers of this database, to be run in this sandbox.
    #[must_use]
    pub fn new(db: Db, sandbox: Arc<Sandbox>) -> Self {
        Self { db, sandbox, plugins: Arc::default(), grants: Arc::default() }
    }

    /// The sandbox in which providers run. It also carries the host's own requests for them.
    #[must_use]
    pub const fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// The provider with this id, for one call. While a new version is loaded, an older one serves.
    ///
    /// # Errors
    /// If it cannot be called.
    pub async fn provider(&self, id: &str) -> Result<Provider, RegistryError> {
        self.find(id, true).await
    }

    /// The provider with this id, in the version that is in use now, which is loaded if necessary.
    ///
    /// # Errors
    /// If it cannot be called.
    pub async fn load_provider(&self, id: &str) -> Result<Provider, RegistryError> {
        self.find(id, false).await
    }

    /// Whether the component with this digest is the one in use.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_in_use(&self, id: &str, sha256: &str) -> sqlx::Result<bool> {
        let row = self.db.read(async |tx| store::provider(tx, id).await).await?;
        Ok(row.is_some_and(|row| row.active_sha256.as_deref() == Some(sha256)))
    }

    async fn find(&self, id: &str, older_serves: bool) -> Result<Provider, RegistryError> {
        let row = self.db.read(async |tx| store::provider(tx, id).await).await?;
        let Some(row) = row else {
            self.forget(id);
            return Err(RegistryError::Unknown(id.to_owned()));
        };
        let (Some(sha256), Some(text)) = (&row.active_sha256, &row.accepted_grant) else {
            self.forget(id);
            return Err(RegistryError::Off(id.to_owned()));
        };
        let granted = self.granted(id, row.stamp(), text)?;
        let plugin = match self.plugins.find(id, &row.generation, sha256) {
            CacheLookup::Current(plugin) => plugin,
            CacheLookup::Older { plugin, load } if older_serves => {
                if load {
                    self.load_in_background(id, &row.generation, sha256);
                }
                plugin
            }
            CacheLookup::Older { .. } | CacheLookup::Missing => {
                let load = self.load(id, &row.generation, sha256).await;
                load.map_err(|error| RegistryError::Load(id.to_owned(), error))?
            }
        };
        Ok(Provider { id: id.to_owned(), plugin, granted })
    }

    fn granted(&self, id: &str, stamp: ProviderStamp, text: &str) -> Result<Arc<ProviderGrant>, GrantError> {
        let mut grants = locks::lock(&self.grants);
        if let Some((_, granted)) = grants.get(id).filter(|(of, _)| *of == stamp) {
            return Ok(granted.clone());
        }
        let granted = Arc::new(ProviderGrant::parse(text)?);
        grants.insert(id.to_owned(), (stamp, granted.clone()));
        Ok(granted)
    }

    fn forget(&self, id: &str) {
        self.plugins.remove(id);
        locks::lock(&self.grants).remove(id);
    }

    async fn load(&self, id: &str, generation: &str, sha256: &str) -> Result<Plugin, LoadError> {
        self.plugins.load(id, generation, sha256, || self.compile(sha256)).await
    }

    /// Loads a version while an older one serves.
    fn load_in_background(&self, id: &str, generation: &str, sha256: &str) {
        let (registry, id) = (self.clone(), id.to_owned());
        let (generation, sha256) = (generation.to_owned(), sha256.to_owned());
        tokio::spawn(async move {
            if let Err(error) = registry.load(&id, &generation, &sha256).await {
                tracing::error!(provider = id, sha256, %error, "the new version does not load; the previous version stays in use");
            }
        });
    }

    async fn compile(&self, sha256: &str) -> Result<Plugin, LoadError> {
        let db_error = |error: sqlx::Error| LoadError::Database(error.into());
        let bytes = self.db.read(async |tx| store::bytes(tx, sha256).await).await.map_err(db_error)?;
        let damaged = || LoadError::Damaged(sha256.to_owned());
        let bytes = bytes.ok_or_else(damaged)?;
        let plugin = self.sandbox.admit(&bytes).await.map_err(|error| LoadError::Admission(error.into()))?;
        if plugin.inspection().sha256 == sha256 { Ok(plugin) } else { Err(damaged()) }
    }
}
