//! The one function that refreshes tokens: before they expire, and when the service refuses one.
//!
//! Problem: fifty calls on several hosts meet one expired token. Services that rotate refresh tokens take two attempts at
//! once for theft, and revoke everything (R25). Decision: one attempt at a time for each token. Within a process,
//! [`SingleFlight`] makes callers wait for the running attempt; between hosts, a lease in the owner's row does. The lease
//! counts by the database's clock and is given only for the very token that was read. A caller that waited reads the token
//! that the other attempt stored; a caller that waited for an attempt that failed gets its error, and does not ask the
//! service again. The attempt is a task of its own, so that a caller that times out does not lose the new tokens. Only a
//! refusal that the provider explains as a lost grant ends the access (R23), and that is announced once, because the row
//! changes once.
//!
//! Two kinds of owner hold tokens: a connection and a service account. Both implement [`TokenOwner`], which says where the
//! token is stored and how a new one is requested; everything else is here.
//!
//! Rejected: a transaction around the request, which would lock the row while the service thinks; refreshing by a timer,
//! which would keep tokens alive that nobody uses.

pub use super::{
    single_flight::{RefreshError, SingleFlight},
    store::LeaseSql,
};

use super::{
    context::Context,
    endpoint::TokenResponse,
    store,
    token::{REFRESH_TOKEN, State},
};
use crate::{
    db::Tx,
    ids::digest,
    plugins::sign_in::ACCESS_TOKEN,
    secrets::{Place, SealedValue},
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tracing::Instrument as _;

/// Tokens are refreshed this long before they expire.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// Duration of a lease in microseconds: longer than the sandbox's client waits for a reply.
const LEASE: i64 = 30_000_000;

/// How long a caller waits for another host's attempt, and how often it looks.
const MAX_WAIT: Duration = Duration::from_secs(35);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Something that holds a token: a connection or a service account.
pub trait TokenOwner: Clone + Send + Sync + 'static {
    /// The owner as it is stored.
    type Row: Send + Sync + 'static;

    /// The services that a refresh needs.
    fn context(&self) -> Context<'_>;

    /// Id of the owner's row.
    fn id(&self) -> String;

    /// The SQL of the lease in the owner's table.
    fn lease_sql(&self) -> &'static LeaseSql;

    /// Reads the owner. `None` if it was deleted.
    fn load(&self, tx: &mut Tx) -> impl Future<Output = sqlx::Result<Option<StoredToken<Self::Row>>>> + Send;

    /// Requests a new token from the service, once. `refused` is the token that the service refused, if that is why.
    fn request(
        &self,
        row: &Self::Row,
        refresh_token: Option<&SecretString>,
        refused: Option<&SecretString>,
    ) -> impl Future<Output = Result<TokenResponse, RefreshError>> + Send;

    /// Runs in the transaction that stores a new token: stores what else the service said with it.
    fn token_stored(
        &self,
        tx: &mut Tx,
        row: &mut Self::Row,
        response: &TokenResponse,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Runs in the transaction that marks the owner as [`State::Reconnect`].
    fn access_lost(&self, tx: &mut Tx) -> impl Future<Output = sqlx::Result<()>> + Send;
}

/// An owner with its token, as stored.
#[derive(Debug)]
pub struct StoredToken<R> {
    /// The owner.
    pub row: R,
    /// Whether the service accepts the credential.
    pub state: State,
    /// Where the secrets are sealed.
    pub place: Place,
    /// The sealed secrets.
    pub sealed: SealedValue,
    /// When the access token expires, if known.
    pub expires_at: Option<Timestamp>,
}

/// An owner with a usable token.
#[derive(Debug)]
pub struct RefreshedToken<R> {
    /// The owner as it was read.
    pub row: R,
    /// The access token.
    pub access: SecretString,
    /// When the access token expires, if known.
    pub expires_at: Option<Timestamp>,
    /// The sealed secrets that are stored now.
    pub sealed: SealedValue,
}

/// Whether a token must be refreshed before it is used.
#[must_use]
pub fn is_due(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|expires_at| expires_at.duration_since(now) < MARGIN)
}

/// Returns the owner with a usable token: one that does not expire now and is not the one that the service refused.
pub async fn refresh<O: TokenOwner>(
    owner: &O,
    refused: Option<SecretString>,
) -> Result<RefreshedToken<O::Row>, RefreshError> {
    let owner = owner.clone();
    let attempt = async move {
        let flights = owner.context().refreshes.clone();
        flights.run(owner.id(), || refresh_with_lease(&owner, refused.as_ref())).await
    };
    let attempt = tokio::spawn(attempt.in_current_span()).await;
    attempt.unwrap_or_else(|error| Err(RefreshError::Temporary(format!("the attempt ended: {error}"))))
}

/// Waits until another host's attempt brings a usable token, or takes the lease and makes the attempt itself.
async fn refresh_with_lease<O: TokenOwner>(
    owner: &O,
    refused: Option<&SecretString>,
) -> Result<RefreshedToken<O::Row>, RefreshError> {
    let (context, started) = (owner.context(), Instant::now());
    // Hosts do not notify each other, so this one polls. The first tick comes at once.
    let mut poll = tokio::time::interval(POLL_INTERVAL);
    let mut is_reread = false;
    loop {
        poll.tick().await;
        let stored = context.db.read(async |tx| owner.load(tx).await).await?;
        let stored = stored.ok_or(RefreshError::Gone)?;
        if stored.state == State::Reconnect {
            return Err(RefreshError::Lost);
        }
        let secrets = context.keyring.open_map(&stored.place, &stored.sealed.bytes);
        let secrets = secrets.map_err(RefreshError::Sealed)?;
        if !is_due(stored.expires_at, context.clock.now())
            && let Some(access) = secrets.get(ACCESS_TOKEN).filter(|token| !is_same(token, refused))
        {
            let (access, StoredToken { row, sealed, expires_at, .. }) = (access.clone(), stored);
            return Ok(RefreshedToken { row, access, expires_at, sealed });
        }
        if let Some(lease) = acquire_lease(owner, &stored.sealed).await? {
            match attempt(owner, stored, secrets, refused, &lease).await {
                // An operator accepted another grant after the row was read. The same transaction has moved or marked the row.
                Err(RefreshError::NotGranted) if !is_reread => is_reread = true,
                outcome => return outcome,
            }
        }
        if started.elapsed() > MAX_WAIT {
            return Err(RefreshError::Temporary("another host has been refreshing the token for too long".into()));
        }
    }
}

/// Takes the lease for exactly this token. Returns the lease's name, or `None` if another host holds the lease.
async fn acquire_lease<O: TokenOwner>(owner: &O, sealed: &SealedValue) -> Result<Option<String>, RefreshError> {
    let lease = lease_name()?;
    let mut tx = owner.context().db.begin().await?;
    let acquired = store::acquire_lease(&mut tx, owner.lease_sql(), &owner.id(), sealed, &lease, LEASE).await?;
    tx.commit().await?;
    Ok(acquired.then_some(lease))
}

/// Makes one attempt under the lease, and releases the lease whatever the outcome is.
async fn attempt<O: TokenOwner>(
    owner: &O,
    stored: StoredToken<O::Row>,
    mut secrets: BTreeMap<String, SecretString>,
    refused: Option<&SecretString>,
    lease: &str,
) -> Result<RefreshedToken<O::Row>, RefreshError> {
    let outcome = owner.request(&stored.row, secrets.get(REFRESH_TOKEN), refused).await;
    let (context, sql, id) = (owner.context(), owner.lease_sql(), owner.id());
    let mut tx = context.db.begin().await?;
    let outcome = match outcome {
        Ok(response) => {
            let expires_at = response.expires_at(context.clock.now());
            secrets.insert(ACCESS_TOKEN.to_owned(), response.access.clone());
            secrets.extend(response.refresh.clone().map(|refresh| (REFRESH_TOKEN.to_owned(), refresh)));
            let sealed = context.keyring.seal_map(&stored.place, &secrets);
            match store::store_tokens(&mut tx, sql, &id, lease, &sealed, expires_at).await? {
                true => {
                    let mut row = stored.row;
                    owner.token_stored(&mut tx, &mut row, &response).await?;
                    Ok(RefreshedToken { row, access: response.access, expires_at, sealed })
                }
                // The owner signed in again or was deleted during the request.
                false => Err(RefreshError::Temporary("the sign-in changed meanwhile".into())),
            }
        }
        Err(RefreshError::Lost) => {
            if store::mark_lost(&mut tx, sql, &id, lease).await? {
                owner.access_lost(&mut tx).await?;
                tracing::warn!(owner = id, "the service has revoked the access");
            }
            Err(RefreshError::Lost)
        }
        Err(error) => {
            tracing::warn!(owner = id, %error, "a token was not refreshed");
            store::release_lease(&mut tx, sql, &id, lease).await?;
            Err(error)
        }
    };
    tx.commit().await?;
    outcome
}

fn is_same(token: &SecretString, refused: Option<&SecretString>) -> bool {
    refused.is_some_and(|refused| refused.expose_secret() == token.expose_secret())
}

/// A name that no other attempt has.
fn lease_name() -> Result<String, RefreshError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| RefreshError::Temporary("no random numbers".into()))?;
    Ok(digest(random))
}
