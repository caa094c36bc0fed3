//! For whom and with what a provider is called.
//!
//! Problem: a token ends in the middle of a call, and a provider that is told so can only give up. Decision: the
//! credential stays outside of the sandbox and may be another one from one request to the next: what the service refuses
//! (401) is renewed once by the host, and the same request is sent again, which the guest does not notice. Every other
//! part of an [`Access`] is fixed when it is made. Rejected: failing the call and making it anew, which repeats its
//! writes.

use super::{Credential, Grant, Origin, OriginError, Secrets, faults::Faults};
use crate::plugins::{contract::Connection, limits::Budget};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// For whom and with what a call is made.
#[derive(Debug)]
pub struct Access {
    /// Connections are not shared between organisations.
    pub organisation: String,
    /// Goes to the provider.
    pub connection: Connection,
    /// What the operator accepted.
    pub grant: Grant,
    /// What the call may use.
    pub budget: Budget,
    held: RwLock<Arc<Held>>,
    renewal: Option<Renewal>,
    pub(super) server: Option<Origin>,
    pub(super) secret_url: Option<url::Url>,
    pub(in crate::plugins) trial: Trial,
}

/// The credential, as it is at the moment.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) credential: Credential,
    /// What answers are searched for.
    pub(super) secrets: Secrets,
}

/// Gets a token in the place of one that the service has refused; nothing if there is none to be had.
#[derive(Clone)]
pub struct Renewal(Arc<RenewalFn>);

type RenewalFn = dyn Fn(SecretString) -> BoxFuture<'static, Option<SecretString>> + Send + Sync;

impl Renewal {
    /// A function from the refused token to another one. It may be called by several calls at once.
    pub fn new(
        renew: impl Fn(SecretString) -> BoxFuture<'static, Option<SecretString>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(renew))
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewal")
    }
}

impl Held {
    fn of(credential: Credential) -> Arc<Self> {
        let secrets = credential.secrets();
        Arc::new(Self { credential, secrets })
    }
}

/// What a test puts between a provider and the world. Empty, it changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// Makes the service fail.
    pub faults: Option<Arc<Faults>>,
    /// How far the provider's clock is ahead of the right time.
    pub clock_ahead: jiff::SignedDuration,
}

/// Why an access cannot be.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The connection's server is no origin.
    #[error("the connection's server is wrong: {0}")]
    Server(#[from] OriginError),
    /// The secret address is none. It is not repeated.
    #[error("the connection's secret address is not an https address")]
    SecretUrl,
    /// The zone is not in the time zone database.
    #[error("`{0}` is not an IANA time zone name; write for instance `Europe/Rome`, or `UTC`")]
    Zone(String),
}

impl Access {
    /// An access; the connection's parts are checked here, once.
    ///
    /// # Errors
    /// If the server, the zone or a secret address is malformed.
    pub fn new(
        organisation: impl Into<String>,
        connection: Connection,
        credential: Credential,
        grant: Grant,
        budget: Budget,
    ) -> Result<Arc<Self>, AccessError> {
        let server = connection.server.as_deref().map(str::parse).transpose()?;
        if jiff::tz::TimeZone::get(&connection.zone).is_err() {
            return Err(AccessError::Zone(connection.zone));
        }
        let secret_url = match &credential {
            Credential::Url(secret) => Some(secret.expose_secret().parse().map_err(|_| AccessError::SecretUrl)?),
            _ => None,
        };
        Ok(Arc::new(Self {
            organisation: organisation.into(),
            connection,
            grant,
            budget,
            held: RwLock::new(Held::of(credential)),
            renewal: None,
            server,
            secret_url,
            trial: Trial::default(),
        }))
    }

    /// The same, with a way to get another token when the service refuses the one at hand; it must not have been given
    /// to anybody yet.
    #[must_use]
    pub fn renewable(mut self: Arc<Self>, renewal: Renewal) -> Arc<Self> {
        if let Some(access) = Arc::get_mut(&mut self) {
            access.renewal = Some(renewal);
        }
        self
    }

    /// The credential, as it is at the moment.
    pub(super) fn held(&self) -> Arc<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one in the place of what the service has refused: what another request of the call has got since, or a
    /// new one. Nothing if there is none.
    pub(super) async fn renewed(&self, refused: &Arc<Held>) -> Option<Arc<Held>> {
        let present = self.held();
        if !Arc::ptr_eq(&present, refused) {
            return Some(present);
        }
        let token = refused.credential.token()?.clone();
        let secret = (self.renewal.as_ref()?.0)(token).await?;
        let new = Held::of(refused.credential.renewed(secret)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = new.clone();
        Some(new)
    }

    /// The same for a trial; it must not have been given to anybody yet.
    #[must_use]
    pub fn in_trial(mut self: Arc<Self>, trial: Trial) -> Arc<Self> {
        if let Some(access) = Arc::get_mut(&mut self) {
            access.trial = trial;
        }
        self
    }

    /// For a call that needs no connection.
    #[must_use]
    pub(in crate::plugins) fn offline(budget: Budget) -> Arc<Self> {
        Arc::new(Self {
            organisation: String::new(),
            connection: Connection::default(),
            grant: Grant::default(),
            budget,
            held: RwLock::default(),
            renewal: None,
            server: None,
            secret_url: None,
            trial: Trial::default(),
        })
    }
}
