//! Tokens that end are renewed: before they do, and when the service refuses one.
//!
//! Problem: fifty calls of several hosts meet one token that has ended. Services that rotate refresh tokens take two
//! attempts at once for theft, and take everything back (R25). Decision: one attempt at a time, in a process by a lock for
//! each connection, between hosts by a lease in the connection's row, which counts by the database's clock and only for the
//! very token that was read. Who waited looks at what the other one got; who waited for a failure has failed, too, and
//! does not ask the service once more. The attempt is a task of its own: a call that runs out of time does not lose the
//! tokens that are on their way. Only what the provider explains as a lost grant ends the connection (R23): that is said
//! once, because the row changes once.
//!
//! Rejected: a transaction around the request, which locks the row while a service thinks; refreshing from a clock, which
//! keeps tokens alive that nobody uses.

use super::{
    REFRESH_TOKEN, Token, clients, code_grant,
    endpoint::{Endpoint, TokenError, TokenResponse},
    store::{self, Holder},
};
use crate::{
    connections::{CalendarAccess, Connection, State, service_accounts, store as connections, store::StoredConnection},
    ids::{OrganisationId, digest},
    jobs::{self, Effect},
    plugins::{
        CallTarget, Remedy,
        contract::{Oauth2Code, SignInError},
        registry::Provider,
        sign_in::ACCESS_TOKEN,
    },
    secrets::Sealed,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

/// So long before its end a token is not used any more.
pub(in crate::connections) const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// How long one attempt counts, in microseconds: longer than the sandbox's client waits for an answer.
const LEASE: i64 = 30_000_000;

/// How long somebody waits for the attempt of another host, and how often they look.
pub(in crate::connections) const PATIENCE: Duration = Duration::from_secs(35);
pub(in crate::connections) const LOOK: Duration = Duration::from_millis(100);

/// Why a token was not renewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The service has taken the access back.
    #[error("the calendar's service no longer accepts the sign-in; connect the calendar again")]
    Lost,
    /// There is no such connection any more.
    #[error("the calendar was disconnected meanwhile")]
    Gone,
    /// Nothing is known to be wrong for good.
    #[error("the access could not be renewed: {0}")]
    Temporary(String),
    /// The grant, the client, or what is sealed, is not as it was.
    #[error("the access cannot be renewed: {0}; connect the calendar again")]
    Unusable(String),
}

impl From<sqlx::Error> for RefreshError {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "a token is not renewed: the database failed");
        Self::Temporary("the database failed".into())
    }
}

/// The attempts of this process, by the id of the connection, or of the organisation's account.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<HashMap<String, Weak<Attempt>>>>);

/// How the last attempt failed, and when.
type Attempt = tokio::sync::Mutex<Option<(Instant, RefreshError)>>;

impl Attempts {
    fn of(&self, id: String) -> Arc<Attempt> {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = attempts.get(&id).and_then(Weak::upgrade) {
            return attempt;
        }
        attempts.retain(|_, attempt| attempt.strong_count() > 0);
        let attempt = Arc::new(Attempt::default());
        attempts.insert(id, Arc::downgrade(&attempt));
        attempt
    }

    /// Makes an attempt when nobody else of this process is at it. Who waited for one that failed has failed, too.
    pub(in crate::connections) async fn in_turn<T, F>(
        &self,
        id: impl ToString,
        attempt: impl FnOnce() -> F,
    ) -> Result<T, RefreshError>
    where
        F: Future<Output = Result<T, RefreshError>>,
    {
        let (turn, came) = (self.of(id.to_string()), Instant::now());
        let mut last = turn.lock().await;
        if let Some((_, error)) = last.as_ref().filter(|(at, _)| *at > came) {
            return Err(error.clone());
        }
        let outcome = attempt().await;
        *last = outcome.as_ref().err().map(|error| (Instant::now(), error.clone()));
        outcome
    }
}

/// Whether a connection's token ends now.
#[must_use]
pub fn is_due(connection: &Connection, now: Timestamp) -> bool {
    let ends = connection.token.as_ref().and_then(|token| token.expires_at);
    ends.is_some_and(|ends| ends.duration_since(now) < MARGIN)
}

/// The connection with a token that is good, and is not the one that was refused.
///
/// # Errors
/// If there is none.
pub async fn renew(
    calendars: &CalendarAccess,
    connection: &Connection,
    refused: Option<SecretString>,
) -> Result<StoredConnection, RefreshError> {
    let (calendars, connection) = (calendars.clone(), connection.clone());
    let attempt = tokio::spawn(async move {
        let attempt = || between_hosts(&calendars, &connection, refused.as_ref());
        calendars.attempts.in_turn(connection.id, attempt).await
    });
    attempt.await.unwrap_or_else(|error| Err(RefreshError::Temporary(format!("the attempt ended: {error}"))))
}

/// The access token of a connection.
#[must_use]
pub fn access_token(calendars: &CalendarAccess, kept: &StoredConnection) -> Option<SecretString> {
    let place = connections::SEALED.place(kept.connection.organisation, kept.connection.id);
    calendars.keyring.open_map(&place, &kept.sealed.bytes).ok()?.remove(ACCESS_TOKEN)
}

async fn between_hosts(
    calendars: &CalendarAccess,
    connection: &Connection,
    refused: Option<&SecretString>,
) -> Result<StoredConnection, RefreshError> {
    let came = Instant::now();
    // Another host tells nobody that it is done: only looking helps. The first look is at once.
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let mut tx = calendars.db.begin_read().await?;
        let kept = connections::of_person(&mut tx, connection.organisation, connection.person).await?;
        tx.commit().await?;
        let kept = kept.filter(|kept| kept.connection.id == connection.id).ok_or(RefreshError::Gone)?;
        if kept.connection.state == State::Reconnect {
            return Err(RefreshError::Lost);
        }
        let place = connections::SEALED.place(connection.organisation, connection.id);
        let secrets = calendars.keyring.open_map(&place, &kept.sealed.bytes);
        let secrets = secrets.map_err(|error| RefreshError::Unusable(error.to_string()))?;
        let same = |token: &SecretString| refused.is_some_and(|it| it.expose_secret() == token.expose_secret());
        let is_refused = secrets.get(ACCESS_TOKEN).is_none_or(same);
        if !is_refused && !is_due(&kept.connection, calendars.now()) {
            return Ok(kept);
        }
        if let Some(lease) = take(calendars, Holder::Connection(connection.id), &kept.sealed).await? {
            return attempt(calendars, kept, secrets, refused, &lease).await;
        }
        if came.elapsed() > PATIENCE {
            return Err(RefreshError::Temporary("another host has been at it for too long".into()));
        }
    }
}

/// The one attempt. Whatever comes of it, the lease is given back.
async fn attempt(
    calendars: &CalendarAccess,
    mut kept: StoredConnection,
    mut secrets: BTreeMap<String, SecretString>,
    refused: Option<&SecretString>,
    lease: &str,
) -> Result<StoredConnection, RefreshError> {
    let outcome = match kept.connection.service_account {
        Some(account) => service_accounts::token::renewed(calendars, &kept.connection, account, refused).await,
        None => ask(calendars, kept.connection.whose(), secrets.get(REFRESH_TOKEN)).await,
    };
    let id = kept.connection.id;
    let holder = Holder::Connection(id);
    let mut tx = calendars.db.begin().await?;
    let outcome = match outcome {
        Ok(given) => {
            secrets.insert(ACCESS_TOKEN.to_owned(), given.access);
            secrets.extend(given.refresh.map(|refresh| (REFRESH_TOKEN.to_owned(), refresh)));
            kept.sealed =
                calendars.keyring.seal_map(&connections::SEALED.place(kept.connection.organisation, id), &secrets);
            let ends = given.lasts.and_then(|lasts| calendars.now().checked_add(lasts).ok());
            if let Some(token) = &mut kept.connection.token {
                token.expires_at = ends;
            }
            match store::end_refresh(&mut tx, holder, lease, &kept.sealed, ends).await? {
                true => Ok(kept),
                // The person has signed in again, or disconnected, while we asked.
                false => Err(RefreshError::Temporary("the connection changed meanwhile".into())),
            }
        }
        Err(RefreshError::Lost) => {
            if store::lose(&mut tx, holder, lease).await? {
                jobs::enqueue(&mut tx, &Effect::MailReconnect { connection: id }).await?;
                tracing::warn!(connection = %id, "the service has taken the access back");
            }
            Err(RefreshError::Lost)
        }
        Err(error) => {
            tracing::warn!(connection = %id, %error, "a token was not renewed");
            store::drop_refresh(&mut tx, holder, lease).await?;
            Err(error)
        }
    };
    tx.commit().await?;
    outcome
}

/// A token that is to be renewed, by what is known of it.
pub(in crate::connections) struct Whose<'a> {
    pub(in crate::connections) organisation: OrganisationId,
    pub(in crate::connections) provider: &'a str,
    pub(in crate::connections) token: Option<&'a Token>,
    /// For the provider, which explains a refusal. Its sign-in is the token's.
    pub(in crate::connections) address: CallTarget,
}

impl Connection {
    fn whose(&self) -> Whose<'_> {
        let address = CallTarget {
            sign_in: self.sign_in.clone(),
            subject: self.subject.clone(),
            address: self.address.clone(),
            zone: self.zone.clone(),
            ..CallTarget::default()
        };
        Whose { organisation: self.organisation, provider: &self.provider, token: self.token.as_ref(), address }
    }
}

/// Asks the service, once.
pub(in crate::connections) async fn ask(
    calendars: &CalendarAccess,
    whose: Whose<'_>,
    refresh: Option<&SecretString>,
) -> Result<TokenResponse, RefreshError> {
    let unusable = |what: &str| RefreshError::Unusable(what.to_owned());
    let (id, sign_in) = (whose.provider, &*whose.address.sign_in);
    let token = whose.token.ok_or_else(|| unusable("it is no token"))?;
    let refresh = refresh.ok_or_else(|| unusable("there is no refresh token"))?;
    let mut tx = calendars.db.begin_read().await?;
    let client = clients::find(&mut tx, &calendars.keyring, (id, sign_in)).await;
    tx.commit().await?;
    let client = client.map_err(|error| RefreshError::Temporary(error.to_string()))?;
    let client = client.ok_or_else(|| RefreshError::Temporary("this host is not registered at the service".into()))?;
    let provider = calendars.registry.provider(id).await;
    let provider = provider.map_err(|error| RefreshError::Temporary(error.to_string()))?;
    let code = provider.granted.sign_in(sign_in).and_then(code_grant);
    let code = code.ok_or_else(|| unusable("the sign-in is no longer granted"))?;
    if !is_granted(code, &token.endpoint) {
        return Err(unusable("its token endpoint is no longer granted"));
    }
    let endpoint = Endpoint {
        sandbox: calendars.registry.sandbox(),
        organisation: whose.organisation.to_string(),
        provider: id,
        client: &client,
        token: &token.endpoint,
    };
    match endpoint.refresh(refresh).await {
        Ok(given) => Ok(given),
        Err(TokenError::Refused(error)) => Err(whose.explained(calendars, &provider, error).await),
        Err(error) => Err(RefreshError::Temporary(error.to_string())),
    }
}

fn is_granted(code: &Oauth2Code, endpoint: &str) -> bool {
    code.token == endpoint || code.endpoint_choices.iter().any(|choice| choice.token == endpoint)
}

impl Whose<'_> {
    /// What the provider makes of a refusal: whether the access is lost for good.
    async fn explained(self, calendars: &CalendarAccess, provider: &Provider, error: SignInError) -> RefreshError {
        let said = error.error.clone();
        let access = match calendars.without_credential(provider, self.organisation, self.address) {
            Ok(access) => access,
            Err(error) => return RefreshError::Temporary(error.to_string()),
        };
        match provider.plugin.explain_failure(&access, error).await {
            Ok(failure) if failure.remedy == Remedy::Reconnect => RefreshError::Lost,
            Ok(failure) => RefreshError::Temporary(format!("{said}: {failure}")),
            Err(error) => RefreshError::Temporary(format!("{said}: {error}")),
        }
    }
}

/// What the provider makes of a refusal for a connection.
pub(in crate::connections) async fn explained(
    calendars: &CalendarAccess,
    connection: &Connection,
    provider: &Provider,
    error: SignInError,
) -> RefreshError {
    connection.whose().explained(calendars, provider, error).await
}

/// Takes the lease for exactly this token; its name, unless somebody else has it.
pub(in crate::connections) async fn take(
    calendars: &CalendarAccess,
    holder: Holder,
    sealed: &Sealed,
) -> Result<Option<String>, RefreshError> {
    let lease = lease_name()?;
    let mut tx = calendars.db.begin().await?;
    let ours = store::begin_refresh(&mut tx, holder, sealed, &lease, LEASE).await?;
    tx.commit().await?;
    Ok(ours.then_some(lease))
}

/// A name that no other attempt has.
fn lease_name() -> Result<String, RefreshError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| RefreshError::Temporary("no random numbers".into()))?;
    Ok(digest(random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join, join_all};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// A service that is down is asked once by fifty who meet it together, and again by whoever comes later.
    #[tokio::test]
    async fn who_waits_for_a_failure_has_failed() {
        let (attempts, asked, goes_on) = (Attempts::default(), AtomicUsize::new(0), Semaphore::new(0));
        let attempt = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            goes_on.acquire().await.unwrap().forget();
            Err::<(), _>(RefreshError::Temporary("down".into()))
        };
        let fifty = join_all((0..50).map(|_| attempts.in_turn("one", attempt)));
        // All of them wait, for the service or for each other, before it answers.
        let (outcomes, ()) = join(fifty, async { goes_on.add_permits(1) }).await;
        assert_eq!(outcomes, vec![Err(RefreshError::Temporary("down".into())); 50]);
        assert_eq!(asked.load(Ordering::Relaxed), 1);

        goes_on.add_permits(2);
        let (later, another) = join(attempts.in_turn("one", attempt), attempts.in_turn("another", attempt)).await;
        assert!(later.is_err() && another.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
