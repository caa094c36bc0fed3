//! For which connection, and with which rights, a provider is called.
//!
//! Problem: a token can expire in the middle of a call, and a provider that is told so can only give up. Decision: the
//! credential stays outside the sandbox and may change from one request to the next. When the service refuses a token
//! (401), the host renews it once and sends the same request again, which the provider does not notice. All other parts of
//! an [`Access`] are fixed when it is made. Rejected: failing the call and repeating it, which repeats its writes.

use super::{Credential, EgressGrant, Interceptor, Origin, OriginError, Secrets};
use crate::{
    clock::Clock,
    fairness::{Class, Share},
    locks,
    plugins::{
        contract::CallTarget,
        limits::{Budget, BudgetLimit},
    },
};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

/// For which connection, and with which rights, a call is made.
#[derive(Debug)]
pub struct Access {
    /// The owning organisation. HTTP connections are not shared between organisations.
    pub organisation: String,
    /// The part of the connection that the provider sees.
    pub target: CallTarget,
    /// Which requests the operator has granted.
    pub grant: EgressGrant,
    /// What the call may use.
    pub budget: Budget,
    credential: RwLock<Arc<CurrentCredential>>,
    renewal: Option<TokenRenewal>,
    pub(super) server: Option<Origin>,
    pub(super) secret_url: Option<url::Url>,
    pub(super) interceptor: Option<Interceptor>,
    class: Class,
    connection: Option<Arc<str>>,
    clock: Clock,
}

/// The credential at one moment.
#[derive(Debug, Default)]
pub(super) struct CurrentCredential {
    pub(super) credential: Credential,
    /// The texts that responses are searched for.
    pub(super) secrets: Secrets,
}

impl CurrentCredential {
    fn new(credential: Credential) -> Arc<Self> {
        let secrets = credential.secrets();
        Arc::new(Self { credential, secrets })
    }
}

/// Renews a token that the service has refused. Returns `None` if no other token can be obtained.
#[derive(Clone)]
pub struct TokenRenewal(Arc<TokenRenewalFn>);

type TokenRenewalFn = dyn Fn(SecretString) -> BoxFuture<'static, Option<SecretString>> + Send + Sync;

impl TokenRenewal {
    /// A function from the refused token to a new one. Several calls may use it at the same time.
    pub fn new(
        renew: impl Fn(SecretString) -> BoxFuture<'static, Option<SecretString>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(renew))
    }
}

impl fmt::Debug for TokenRenewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenRenewal")
    }
}

/// Why an access cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The connection's server is not an origin.
    #[error("the connection's server is invalid: {0}")]
    Server(#[from] OriginError),
    /// The connection's secret address is not a URL. The text does not repeat it.
    #[error("the connection's secret address is not an https address")]
    SecretUrl,
    /// The time zone is not in the time zone database.
    #[error("`{0}` is not an IANA time zone name; write for example `Europe/Rome` or `UTC`")]
    Zone(String),
}

impl Access {
    /// Checks the parts of the connection and makes an access.
    ///
    /// # Errors
    /// If the server, the time zone or a secret address is malformed.
    pub fn new(
        organisation: impl Into<String>,
        target: CallTarget,
        credential: Credential,
        grant: EgressGrant,
        budget: Budget,
    ) -> Result<Arc<Self>, AccessError> {
        let server = target.server.as_deref().map(str::parse).transpose()?;
        if jiff::tz::TimeZone::get(&target.zone).is_err() {
            return Err(AccessError::Zone(target.zone));
        }
        let secret_url = match &credential {
            Credential::Url(secret) => Some(secret.expose_secret().parse().map_err(|_| AccessError::SecretUrl)?),
            _ => None,
        };
        Ok(Arc::new(Self {
            organisation: organisation.into(),
            target,
            grant,
            budget,
            credential: RwLock::new(CurrentCredential::new(credential)),
            renewal: None,
            server,
            secret_url,
            interceptor: None,
            class: Class::Interactive,
            connection: None,
            clock: Clock::System,
        }))
    }

    /// An access for a call without a connection, which sends no requests.
    pub(in crate::plugins) fn offline(budget: Budget) -> Arc<Self> {
        Arc::new(Self {
            organisation: String::new(),
            target: CallTarget::default(),
            grant: EgressGrant::default(),
            budget,
            credential: RwLock::default(),
            renewal: None,
            server: None,
            secret_url: None,
            interceptor: None,
            class: Class::Interactive,
            connection: None,
            clock: Clock::System,
        })
    }

    /// Sets how a refused token is renewed. Has no effect on an access that is shared already.
    #[must_use]
    pub fn with_renewal(self: Arc<Self>, renewal: TokenRenewal) -> Arc<Self> {
        self.with(|access| access.renewal = Some(renewal))
    }

    /// Sets an interceptor for all requests. Has no effect on an access that is shared already.
    #[must_use]
    pub fn with_interceptor(self: Arc<Self>, interceptor: Interceptor) -> Arc<Self> {
        self.with(|access| access.interceptor = Some(interceptor))
    }

    /// Sets the clock that the provider sees. Has no effect on an access that is shared already.
    #[must_use]
    pub fn with_clock(self: Arc<Self>, clock: Clock) -> Arc<Self> {
        self.with(|access| access.clock = clock)
    }

    /// Sets what the call is for. Has no effect on an access that is shared already.
    #[must_use]
    pub fn with_class(self: Arc<Self>, class: Class) -> Arc<Self> {
        self.with(|access| access.class = class)
    }

    /// Sets the connection. Has no effect on an access that is shared already.
    #[must_use]
    pub fn with_connection(self: Arc<Self>, connection: impl Into<Arc<str>>) -> Arc<Self> {
        self.with(|access| access.connection = Some(connection.into()))
    }

    fn with(mut self: Arc<Self>, change: impl FnOnce(&mut Self)) -> Arc<Self> {
        if let Some(access) = Arc::get_mut(&mut self) {
            change(access);
        }
        self
    }

    /// On whose account a sandbox is used. A connection without a server of its own shares the provider's service.
    pub(in crate::plugins) fn share(&self, provider: &Arc<str>) -> Share {
        let own = self.secret_url.as_ref().and_then(Origin::of);
        let origin = own.as_ref().or(self.server.as_ref()).map(|origin| origin.to_string().into());
        let origin = origin.unwrap_or_else(|| provider.clone());
        Share { class: self.class, organisation: self.organisation.as_str().into(), origin }
    }

    /// The elapsed time that a call may take.
    pub(in crate::plugins) fn wall(&self) -> Duration {
        match self.class {
            Class::Background => self.budget.background_wall(),
            Class::Mail | Class::Interactive => self.budget.wall(),
        }
    }

    /// The same, as the limit that was reached.
    pub(in crate::plugins) fn wall_limit(&self) -> BudgetLimit {
        match self.class {
            Class::Background => BudgetLimit::BackgroundWall(self.wall()),
            Class::Mail | Class::Interactive => BudgetLimit::Wall(self.wall()),
        }
    }

    /// The connection, if there is one.
    pub(in crate::plugins) fn connection(&self) -> Option<Arc<str>> {
        self.connection.clone()
    }

    /// The clock that the provider sees.
    pub(in crate::plugins) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The credential at this moment.
    pub(super) fn current_credential(&self) -> Arc<CurrentCredential> {
        locks::read(&self.credential).clone()
    }

    /// The credential that replaces one that the service has refused: the one that another request of the call has
    /// obtained meanwhile, or a renewed one. `None` if there is no other.
    pub(super) async fn renewed(&self, refused: &Arc<CurrentCredential>) -> Option<Arc<CurrentCredential>> {
        let present = self.current_credential();
        if !Arc::ptr_eq(&present, refused) {
            return Some(present);
        }
        let token = refused.credential.token()?.clone();
        let secret = (self.renewal.as_ref()?.0)(token).await?;
        let new = CurrentCredential::new(refused.credential.renewed(secret)?);
        *locks::write(&self.credential) = new.clone();
        Some(new)
    }
}
