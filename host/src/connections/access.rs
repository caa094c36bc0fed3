//! How a provider is called for a connection.
//!
//! [`CalendarAccess`] holds the services that this takes. The operator's grant, not the component's present description,
//! says what the provider may reach and how the credential is attached.

use super::{
    connection::Connection,
    store::{self, StoredConnection},
};
use crate::{
    clock::Clock,
    db::Db,
    fairness::{Class, Joined},
    ids::{ConnectionId, OrganisationId},
    links::Links,
    oauth::{
        self, REFRESH_TOKEN,
        token_lease::{RefreshError, SingleFlight},
    },
    plugins::{
        Access, AccessError, Budget, CallError, CallTarget,
        contract::{BusyAnswer, BusyTargets, Reply},
        egress::Credential,
        endpoints::resolve,
        registry::{Provider, ProviderGrant, Registry, RegistryError},
        sign_in::{self, SignInInput},
    },
    rate_limits::Limits,
    secrets::{self, Keyring},
};
use jiff::Timestamp;
use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The services that are needed to call people's calendars. Cheap to clone.
#[derive(Clone)]
pub struct CalendarAccess {
    /// The database.
    pub db: Db,
    /// The providers and their grants.
    pub registry: Registry,
    /// Opens credentials.
    pub keyring: Arc<Keyring>,
    /// The clock.
    pub clock: Clock,
    /// Limits of one call.
    pub budget: Budget,
    /// What calls are for.
    pub class: Class,
    /// The busy times that are being asked for.
    pub questions: Joined<BusyQuestion, BusyReply>,
    /// The rate limits.
    pub limits: Limits,
    /// The URLs of this host that services are given.
    pub links: Links,
    /// The token refreshes that are running in this process.
    pub refreshes: SingleFlight,
}

/// A call for busy times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BusyQuestion {
    pub(super) connection: ConnectionId,
    /// Grows with each new sign-in, whose answer may be another.
    pub(super) revision: i64,
    /// The digest of the component.
    pub(super) sha256: String,
    /// Nobody gets the answer of a call that was made with another grant.
    pub(super) grant: GrantIdentity,
    pub(super) targets: BusyTargets,
    pub(super) window: (Timestamp, Timestamp),
}

/// A grant that is equal only to itself. It exists as long as this value, so no other takes its place.
#[derive(Debug, Clone)]
pub struct GrantIdentity(Arc<ProviderGrant>);

impl GrantIdentity {
    pub(super) const fn new(grant: Arc<ProviderGrant>) -> Self {
        Self(grant)
    }
}

impl PartialEq for GrantIdentity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for GrantIdentity {}

impl Hash for GrantIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// The outcome of a call for busy times.
pub type BusyReply = Result<Reply<Vec<BusyAnswer>>, CallError>;

/// A person's calendar cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum NotCallable {
    /// The person has connected no calendar.
    #[error("no calendar is connected")]
    NotConnected,
    /// The service has refused the credential.
    #[error("the calendar's service no longer accepts the sign-in; connect the calendar again")]
    Reconnect,
    /// The provider is not in use.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// This host cannot open the stored credential: a key is missing in its key file. Another host may have it.
    #[error("this host cannot open the stored sign-in, which its operator must mend: {0}")]
    Sealed(secrets::OpenError),
    /// The stored credential cannot be used: the grant has changed since.
    #[error("the stored sign-in cannot be used: {0}; connect the calendar again")]
    Credential(String),
    /// The token has expired and could not be refreshed.
    #[error(transparent)]
    Token(RefreshError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<RefreshError> for NotCallable {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Lost => Self::Reconnect,
            RefreshError::Gone => Self::NotConnected,
            RefreshError::Sealed(error) => Self::Sealed(error),
            error => Self::Token(error),
        }
    }
}

impl NotCallable {
    /// Stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "not-connected",
            Self::Reconnect => "reconnect",
            Self::Provider(_) => "provider-unavailable",
            Self::Sealed(_) => "credential-sealed",
            Self::Credential(_) => "credential-unusable",
            Self::Token(_) => "token-not-renewed",
            Self::Database(_) => "database",
        }
    }
}

impl CalendarAccess {
    /// The services that OAuth code needs.
    #[must_use]
    pub fn oauth(&self) -> oauth::Context<'_> {
        let Self { db, registry, keyring, clock, refreshes, .. } = self;
        oauth::Context { db, registry, keyring, clock, refreshes }
    }

    /// The same, for calls of jobs.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { class: Class::Background, ..self.clone() }
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Access with the connection's stored credential.
    pub(super) fn with_stored_credential(
        &self,
        stored: &StoredConnection,
        provider: &Provider,
    ) -> Result<Arc<Access>, NotCallable> {
        let connection = &stored.connection;
        let unusable = |why: String| NotCallable::Credential(why);
        let place = store::SEALED.place(connection.organisation, connection.id);
        let secrets = self.keyring.open_map(&place, &stored.sealed.bytes);
        let mut secrets = secrets.map_err(|error| {
            tracing::warn!(connection = %connection.id, %error, "this host cannot open a stored sign-in");
            NotCallable::Sealed(error)
        })?;
        secrets.remove(REFRESH_TOKEN);
        let granted = provider.granted.sign_in(&connection.sign_in);
        let granted = granted.ok_or_else(|| unusable(format!("`{}` is no longer granted", connection.sign_in)))?;
        // The provider sees the fields that the sign-in names now, and the values with which the token was issued.
        let variables = connection.token.as_ref().map(|token| token.variables.clone()).unwrap_or_default();
        let resolved = resolve(granted, &variables).map_err(|error| unusable(error.to_string()))?;
        let mut fields = sign_in::used_fields(granted, &connection.fields);
        fields.extend(resolved.values().clone());
        let input = SignInInput { server: connection.server.clone(), fields, secrets };
        let signed_in = sign_in::sign_in(granted, input).map_err(|error| unusable(error.to_string()))?;
        // Notes in a format that this version of the provider does not know are dropped.
        let state_format = provider.plugin.description().state_format;
        let is_readable = stored.memo_state_format.is_some_and(|format| format <= state_format);
        let target = CallTarget {
            sign_in: connection.sign_in.clone(),
            server: signed_in.server,
            subject: connection.subject.clone(),
            address: connection.address.clone(),
            zone: connection.zone.clone(),
            fields: signed_in.fields,
            memo: connection.memo.clone().filter(|_| is_readable),
        };
        let access = self.with_credential(provider, connection.organisation, target, signed_in.credential);
        let access = access.map_err(|error| unusable(error.to_string()))?;
        Ok(access.with_connection(connection.id.to_string()))
    }

    /// Access with a given credential.
    pub(super) fn with_credential(
        &self,
        provider: &Provider,
        organisation: OrganisationId,
        target: CallTarget,
        credential: Credential,
    ) -> Result<Arc<Access>, AccessError> {
        let grant = provider.granted.egress();
        let access = Access::new(organisation.to_string(), target, credential, grant, self.budget.clone())?;
        Ok(access.with_class(self.class))
    }

    /// Access for a call that sends nothing: a provider explains the reply of a service.
    pub(super) fn without_credential(
        &self,
        provider: &Provider,
        organisation: OrganisationId,
        target: CallTarget,
    ) -> Result<Arc<Access>, AccessError> {
        self.with_credential(provider, organisation, target, Credential::None)
    }
}

impl Connection {
    /// The target of a call that sends nothing.
    pub(super) fn call_target(&self) -> CallTarget {
        CallTarget {
            sign_in: self.sign_in.clone(),
            subject: self.subject.clone(),
            address: self.address.clone(),
            zone: self.zone.clone(),
            ..CallTarget::default()
        }
    }
}
