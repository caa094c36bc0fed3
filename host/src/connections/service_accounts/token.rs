//! Tokens for people whom an organisation connects.
//!
//! Problem: a delegated account gets a token for each mailbox, a shared one has a single token, and one refresh token, for
//! everybody; thousands of connections ask at once when it ends. Decision: each connection has a token of its own and
//! renews it in its turn, like every other (`oauth::refresh`), and only where it is asked for differs: by an assertion for
//! its mailbox, or from the shared account, which renews its own once for all, by the same rules: a lock in the process, a
//! lease in the row, and an attempt that nobody's impatience ends. Rejected: connections that have no token and look up
//! the account's at each call, which makes every caller know of accounts.

use super::{
    Grant, ServiceAccount,
    key::ServiceKey,
    probe::address,
    store::{self, StoredServiceAccount},
};
use crate::{
    connections::{
        CalendarAccess, Connection, State,
        oauth::{
            REFRESH_TOKEN,
            clients::Client,
            endpoint::{Endpoint, TokenError, TokenResponse},
            refresh::{self, LOOK, MARGIN, PATIENCE, RefreshError, Whose},
            store::{self as leases, Holder},
        },
    },
    ids::{OrganisationId, ServiceAccountId},
    plugins::sign_in::ACCESS_TOKEN,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The name of an application's secret within what is sealed.
pub(super) const CLIENT_SECRET: &str = "client-secret";

/// Asks for a token for a mailbox, by a key or as an application.
pub(super) async fn ask(
    calendars: &CalendarAccess,
    (organisation, provider): (OrganisationId, &str),
    (grant, client): (Grant<'_>, &str),
    mut secrets: BTreeMap<String, SecretString>,
    mailbox: &str,
) -> Result<TokenResponse, TokenError> {
    let secret = secrets.remove(CLIENT_SECRET);
    let named = Client { id: client.to_owned(), secret };
    let endpoint = Endpoint {
        sandbox: calendars.registry.sandbox(),
        organisation: organisation.to_string(),
        provider,
        client: &named,
        token: grant.endpoint(),
    };
    match grant {
        Grant::Assertion(grant) => {
            let key = ServiceKey::kept(client, secrets).map_err(|_| TokenError::Unusable("stored key"))?;
            let assertion = key.assertion(grant, mailbox, calendars.now());
            endpoint.assert(&assertion.map_err(|_| TokenError::Unusable("stored key"))?).await
        }
        Grant::Client(grant) => endpoint.client_credentials(&grant.scopes).await,
        Grant::Code(_) => Err(TokenError::Unusable("sign-in")),
    }
}

/// Another token for a connection that an organisation's account made.
pub(in crate::connections) async fn renewed(
    calendars: &CalendarAccess,
    connection: &Connection,
    id: ServiceAccountId,
    refused: Option<&SecretString>,
) -> Result<TokenResponse, RefreshError> {
    let unusable = |what: &str| RefreshError::Unusable(what.to_owned());
    let mut tx = calendars.db.begin_read().await?;
    let kept = store::find(&mut tx, connection.organisation, id).await?;
    tx.commit().await?;
    let kept = kept.ok_or(RefreshError::Gone)?;
    // It was saved anew with another sign-in, and the job that connects this person by that is on its way.
    let same = kept.account.sign_in == connection.sign_in;
    let provider = calendars.registry.provider(&connection.provider).await;
    let provider = provider.map_err(|error| RefreshError::Temporary(error.to_string()))?;
    let grant = provider.granted.sign_in(&connection.sign_in).and_then(Grant::of).filter(|_| same);
    let grant = grant.ok_or_else(|| unusable("the sign-in is no longer granted"))?;
    if let Grant::Code(_) = grant {
        return shared(calendars, &kept.account, refused).await;
    }
    let mailbox = connection.subject.as_deref().ok_or_else(|| unusable("it is for no mailbox"))?;
    let secrets = calendars.keyring.open_map(&store::SEALED.place(kept.account.organisation, id), &kept.sealed.bytes);
    let secrets = secrets.map_err(|error| RefreshError::Unusable(error.to_string()))?;
    let client = kept.account.client.as_deref().unwrap_or_default();
    let whose = (kept.account.organisation, &*kept.account.provider);
    match ask(calendars, whose, (grant, client), secrets, mailbox).await {
        Ok(given) => Ok(given),
        Err(TokenError::Refused(error)) => Err(refresh::explained(calendars, connection, &provider, error).await),
        Err(error) => Err(RefreshError::Temporary(error.to_string())),
    }
}

/// The token of a shared account, which is not the one that was refused.
pub(super) async fn shared(
    calendars: &CalendarAccess,
    account: &ServiceAccount,
    refused: Option<&SecretString>,
) -> Result<TokenResponse, RefreshError> {
    let (calendars, account, refused) = (calendars.clone(), account.clone(), refused.cloned());
    let attempt = tokio::spawn(async move {
        calendars.attempts.in_turn(account.id, || between_hosts(&calendars, &account, refused.as_ref())).await
    });
    attempt.await.unwrap_or_else(|error| Err(RefreshError::Temporary(format!("the attempt ended: {error}"))))
}

async fn between_hosts(
    calendars: &CalendarAccess,
    account: &ServiceAccount,
    refused: Option<&SecretString>,
) -> Result<TokenResponse, RefreshError> {
    let came = Instant::now();
    // The first look is at once.
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let mut tx = calendars.db.begin_read().await?;
        let kept = store::find(&mut tx, account.organisation, account.id).await?;
        tx.commit().await?;
        let kept = kept.ok_or(RefreshError::Gone)?;
        if kept.account.state == State::Reconnect {
            return Err(RefreshError::Lost);
        }
        let secrets =
            calendars.keyring.open_map(&store::SEALED.place(account.organisation, account.id), &kept.sealed.bytes);
        let mut secrets = secrets.map_err(|error| RefreshError::Unusable(error.to_string()))?;
        let ends = kept.account.token.as_ref().and_then(|token| token.expires_at);
        let left = ends.map(|ends| ends.duration_since(calendars.now()));
        let is_good = |token: &SecretString| {
            refused.is_none_or(|refused| refused.expose_secret() != token.expose_secret())
                && left.is_none_or(|left| left >= MARGIN)
        };
        if let Some(access) = secrets.remove(ACCESS_TOKEN).filter(is_good) {
            return Ok(given(access, left.and_then(|left| Duration::try_from(left).ok())));
        }
        if let Some(lease) = refresh::take(calendars, Holder::Account(account.id), &kept.sealed).await? {
            return attempt(calendars, kept, secrets, &lease).await;
        }
        if came.elapsed() > PATIENCE {
            return Err(RefreshError::Temporary("another host has been at it for too long".into()));
        }
    }
}

/// The one attempt. Whatever comes of it, the lease is given back.
async fn attempt(
    calendars: &CalendarAccess,
    mut kept: StoredServiceAccount,
    mut secrets: BTreeMap<String, SecretString>,
    lease: &str,
) -> Result<TokenResponse, RefreshError> {
    let outcome = refresh::ask(calendars, whose(&kept.account), secrets.get(REFRESH_TOKEN)).await;
    let id = kept.account.id;
    let holder = Holder::Account(id);
    let mut tx = calendars.db.begin().await?;
    let outcome = match outcome {
        Ok(new) => {
            secrets.insert(ACCESS_TOKEN.to_owned(), new.access.clone());
            secrets.extend(new.refresh.map(|refresh| (REFRESH_TOKEN.to_owned(), refresh)));
            kept.sealed = calendars.keyring.seal_map(&store::SEALED.place(kept.account.organisation, id), &secrets);
            let ends = new.lasts.and_then(|lasts| calendars.now().checked_add(lasts).ok());
            match leases::end_refresh(&mut tx, holder, lease, &kept.sealed, ends).await? {
                true => Ok(given(new.access, new.lasts)),
                // It was saved anew, or removed, while we asked.
                false => Err(RefreshError::Temporary("the organisation's account changed meanwhile".into())),
            }
        }
        Err(error) => {
            tracing::warn!(account = %id, %error, "the token of an organisation's account was not renewed");
            match error {
                RefreshError::Lost => drop(leases::lose(&mut tx, holder, lease).await?),
                _ => leases::drop_refresh(&mut tx, holder, lease).await?,
            }
            Err(error)
        }
    };
    tx.commit().await?;
    outcome
}

/// What connections get of it: never the refresh token.
fn given(access: SecretString, lasts: Option<Duration>) -> TokenResponse {
    TokenResponse { access, refresh: None, lasts, scopes: None, fields: BTreeMap::new() }
}

/// A shared account as the one who has the token.
fn whose(account: &ServiceAccount) -> Whose<'_> {
    let ServiceAccount { organisation, provider, sign_in, mailbox, token, .. } = account;
    let address = address(sign_in, mailbox);
    Whose { organisation: *organisation, provider, token: token.as_ref(), address }
}
