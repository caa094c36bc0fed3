//! The end of a sign-in at the service's own page.
//!
//! Each failure has an error of its own, because each asks the person for something else: to begin again, to tick all
//! boxes, to choose another account, or to ask their own IT. Each is recorded in the audit log, after the entry of the
//! beginning. Decision: tokens that were issued are stored or revoked even if the browser goes away meanwhile, so the whole
//! attempt is a task of its own. A sign-in makes either a connection or the organisation's service account; this file stands
//! right of both and calls the one that the sign-in was begun for.

use super::{
    access::CalendarAccess,
    approvals::Source,
    code_grant::{self, IssuedToken},
    connection::Connection,
    error::ConnectError,
    revocations, service_accounts,
    service_accounts::ServiceAccount,
};
use crate::{
    audit::{self, Act, Entry, Subject},
    oauth::{
        TokenError,
        code_grant::{Authorization, Browser, Callback, ExchangeError, exchange, take_authorization},
    },
    plugins::{
        endpoints::resolve,
        registry::{self, IssuingEndpoint, Provider},
    },
};
use tracing::Instrument as _;

/// The result of a sign-in.
#[derive(Debug)]
pub enum CallbackOutcome {
    /// The person's calendar is connected.
    Connected(Box<Connection>),
    /// The mailbox is now the organisation's service account.
    Shared(Box<ServiceAccount>),
    /// The service issued no refresh token, because the person gave consent before. The person must sign in once more, with
    /// [`force_consent`](super::BeginRequest::force_consent).
    Again {
        /// Id of the provider.
        provider: String,
        /// Id of the provider's sign-in.
        sign_in: String,
    },
}

/// Ends the sign-in that this browser began: exchanges the code, opens the account, stores the connection. After an error,
/// nothing is stored, and what was connected before is unchanged.
pub async fn finish(
    calendars: &CalendarAccess,
    browser: &Browser,
    callback: &Callback,
) -> Result<CallbackOutcome, ConnectError> {
    let (calendars, browser, callback) = (calendars.clone(), browser.clone(), callback.clone());
    let attempt = async move { redeem(&calendars, &browser, &callback).await };
    let attempt = tokio::spawn(attempt.in_current_span()).await;
    attempt.unwrap_or_else(|error| Err(ConnectError::NoToken(format!("the attempt ended: {error}"))))
}

async fn redeem(
    calendars: &CalendarAccess,
    browser: &Browser,
    callback: &Callback,
) -> Result<CallbackOutcome, ConnectError> {
    let authorization = take_authorization(calendars.oauth(), browser, callback).await?.ok_or(ConnectError::State)?;
    let outcome = conclude(calendars, &authorization, callback).await;
    if let Err(error) = &outcome {
        record_failure(calendars, &authorization, error).await?;
    }
    outcome
}

/// Records a sign-in that the service's page or the host ended without success.
async fn record_failure(
    calendars: &CalendarAccess,
    authorization: &Authorization,
    error: &ConnectError,
) -> sqlx::Result<()> {
    let Authorization { browser, provider, for_organisation, .. } = authorization;
    let by = browser.author();
    let entry = match for_organisation {
        true => Entry::new(&by, Act::ServiceAccountTried, Subject::provider(provider)),
        false => Entry::new(&by, Act::ConnectingFailed, browser.person),
    };
    let values = authorization.sign_in_ref().values().outcome(error.outcome());
    audit::record_alone(&calendars.db, entry.organisation(browser.organisation).after(values)).await
}

async fn conclude(
    calendars: &CalendarAccess,
    authorization: &Authorization,
    callback: &Callback,
) -> Result<CallbackOutcome, ConnectError> {
    let provider = calendars.registry.provider(&authorization.provider).await?;
    let unknown = || ConnectError::SignIn(authorization.sign_in.clone());
    let granted = provider.granted.sign_in(&authorization.sign_in).ok_or_else(unknown)?;
    let granted = resolve(granted, &authorization.variables)?;
    let code = granted.code().ok_or_else(unknown)?;
    if let Some(refusal) = callback.refusal() {
        return Err(
            code_grant::consent_error(calendars, &provider, authorization, &granted, refusal, Source::Browser).await?
        );
    }
    let response = match exchange(calendars.oauth(), authorization, code, callback).await {
        Ok(response) => response,
        Err(ExchangeError::Token(TokenError::Refused(refusal))) => {
            let source = Source::TokenEndpoint;
            return Err(
                code_grant::consent_error(calendars, &provider, authorization, &granted, refusal, source).await?
            );
        }
        Err(error) => return Err(error.into()),
    };
    let endpoint = callback.token_endpoint(code);
    let issued = IssuedToken { granted: &granted, code, endpoint, response: &response };
    let outcome = match store(calendars, &provider, authorization, issued).await {
        Err(ConnectError::NoRefreshToken) if !authorization.force_consent => {
            let Authorization { provider, sign_in, .. } = authorization.clone();
            return Ok(CallbackOutcome::Again { provider, sign_in });
        }
        outcome => outcome,
    };
    if outcome.is_err() {
        let mut tx = calendars.db.begin().await?;
        let issuing = IssuingEndpoint { url: endpoint, variables: &authorization.variables };
        // An operator may have accepted another endpoint since the token was requested.
        let (issued_by, sign_in) = (provider.granted.request(), &authorization.sign_in);
        let endpoint = registry::present_endpoint(&mut tx, issued_by, sign_in, issuing).await?;
        revocations::enqueue_unused(&mut tx, &calendars.keyring, authorization, endpoint, &response).await?;
        tx.commit().await?;
    }
    outcome
}

async fn store(
    calendars: &CalendarAccess,
    provider: &Provider,
    authorization: &Authorization,
    issued: IssuedToken<'_>,
) -> Result<CallbackOutcome, ConnectError> {
    if authorization.for_organisation {
        let saved = service_accounts::shared::save(calendars, provider, authorization, issued).await;
        let account = saved.map_err(|error| ConnectError::Account(Box::new(error)))?;
        return Ok(CallbackOutcome::Shared(Box::new(account)));
    }
    let connection = code_grant::connect(calendars, provider, authorization, issued).await?;
    Ok(CallbackOutcome::Connected(Box::new(connection)))
}
