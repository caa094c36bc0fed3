//! The way back from the service's page.
//!
//! Everything that may go wrong here has its own error, since each asks something else of the person: that they begin
//! again, tick what they left out, choose another account, or ask their own IT.

use super::{
    Browser, Token, approvals, begin, clients, code_grant,
    endpoint::{Endpoint, TokenError, TokenResponse},
    revoke, scopes,
    store::{self, Authorization},
};
use crate::{
    connections::{
        CalendarAccess, ConnectError, Connection,
        establish::{NewConnection, establish},
        oauth::REFRESH_TOKEN,
        service_accounts::{self, ServiceAccount},
        store as connections,
    },
    ids::digest,
    people,
    plugins::{
        CallTarget, Remedy,
        contract::{Oauth2Code, SignInError},
        registry::Provider,
        sign_in::{self, ACCESS_TOKEN, SignInInput},
    },
};
use secrecy::SecretString;
use std::collections::BTreeMap;
use tracing::Instrument as _;

/// What the service sent with the browser, as it came.
#[derive(Debug, Clone, Default)]
pub struct Callback {
    /// The provider whose address it came to: each has its own, so that no service is taken for another (RFC 9700
    /// §4.4.2.2).
    pub provider: String,
    /// All parameters of the query.
    pub parameters: BTreeMap<String, String>,
}

/// What came of it.
#[derive(Debug)]
pub enum Finished {
    /// The calendar is connected.
    Connected(Box<Connection>),
    /// It is the organisation's shared account from now on.
    Shared(Box<ServiceAccount>),
    /// The service gave a token that lasts an hour, thinking that it had given one that lasts: the person must be sent
    /// there once more, and asked.
    Again {
        /// Which provider.
        provider: String,
        /// Which of its sign-ins.
        sign_in: String,
    },
}

impl Callback {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// Ends what this browser began: the code is exchanged, the account opened, the connection stored. That goes on when the
/// browser has gone: what the service gives for the code is stored or revoked, and not forgotten.
///
/// # Errors
/// If nothing was connected; then nothing is stored, and nothing that was connected before is changed.
pub async fn finish(
    calendars: &CalendarAccess,
    browser: &Browser,
    callback: &Callback,
) -> Result<Finished, ConnectError> {
    let (calendars, browser, callback) = (calendars.clone(), browser.clone(), callback.clone());
    let attempt = async move { redeem(&calendars, &browser, &callback).await };
    let attempt = tokio::spawn(attempt.in_current_span()).await;
    attempt.unwrap_or_else(|error| Err(ConnectError::NoToken(format!("the attempt ended: {error}"))))
}

async fn redeem(calendars: &CalendarAccess, browser: &Browser, callback: &Callback) -> Result<Finished, ConnectError> {
    let state = callback.get("state").ok_or(ConnectError::State)?;
    let mut tx = calendars.db.begin().await?;
    let began = store::take_authorization(&mut tx, &digest(state), browser).await?;
    tx.commit().await?;
    let good = |began: &Authorization| calendars.now() < began.expires_at && began.provider == callback.provider;
    let began = began.filter(good).ok_or(ConnectError::State)?;

    let provider = calendars.registry.provider(&began.provider).await?;
    let no_sign_in = || ConnectError::SignIn(began.sign_in.clone());
    let sign_in = provider.granted.sign_in(&began.sign_in).ok_or_else(no_sign_in)?;
    let code = code_grant(sign_in).ok_or_else(no_sign_in)?;
    if let Some(error) = refusal(callback) {
        return Err(explained(calendars, &provider, &began, error).await?);
    }
    let mut tx = calendars.db.begin_read().await?;
    let client = clients::find(&mut tx, &calendars.keyring, (&began.provider, &began.sign_in)).await?;
    tx.commit().await?;
    let client = client.ok_or_else(|| ConnectError::NoClient(began.provider.clone()))?;
    let mut secrets = calendars.keyring.open_map(&begin::place(browser, state), &began.sealed)?;
    let verifier = secrets.remove(begin::VERIFIER).ok_or(ConnectError::State)?;
    let endpoint = Endpoint {
        sandbox: calendars.registry.sandbox(),
        organisation: browser.organisation.to_string(),
        provider: &began.provider,
        client: &client,
        token: chosen(code, callback),
    };
    let given = endpoint.exchange(callback.get("code").ok_or(ConnectError::State)?, &verifier, &began.redirect).await;
    let given = match given {
        Ok(given) => given,
        Err(TokenError::Refused(error)) => return Err(explained(calendars, &provider, &began, error).await?),
        Err(error) => return Err(ConnectError::NoToken(error.to_string())),
    };
    let outcome = if began.for_organisation {
        service_accounts::finished(calendars, &provider, &began, (code, endpoint.token), &given).await
    } else {
        keep(calendars, &provider, &began, code, endpoint.token, &given).await
    };
    if outcome.is_err() {
        revoke::unused(calendars, &began, &given).await?;
    }
    outcome
}

/// From tokens to a connection.
async fn keep(
    calendars: &CalendarAccess,
    provider: &Provider,
    began: &Authorization,
    code: &Oauth2Code,
    endpoint: &str,
    given: &TokenResponse,
) -> Result<Finished, ConnectError> {
    let (browser, asked) = (&began.browser, scopes(code, began.level).1);
    let granted = given.scopes.clone().unwrap_or_else(|| asked.to_vec());
    let missing: Vec<_> = asked.iter().filter(|scope| !granted.contains(scope)).cloned().collect();
    if !missing.is_empty() {
        return Err(ConnectError::ScopesMissing(missing));
    }
    let mut tx = calendars.db.begin_read().await?;
    let person = people::person(&mut tx, browser.organisation, browser.person).await?.ok_or(ConnectError::Unknown)?;
    let before = connections::of_person(&mut tx, browser.organisation, browser.person).await?;
    tx.commit().await?;

    let fields = fields(&code.keep_from_token, given, &granted);
    let sign_in = provider.granted.sign_in(&began.sign_in);
    let sign_in = sign_in.ok_or_else(|| ConnectError::SignIn(began.sign_in.clone()))?;
    let access = [(ACCESS_TOKEN.to_owned(), given.access.clone())];
    let input = SignInInput { server: None, fields, secrets: access.clone().into() };
    let signed_in = sign_in::sign_in(sign_in, input)?;
    let mut secrets: BTreeMap<String, SecretString> = access.into();
    secrets.extend(given.refresh.clone().map(|refresh| (REFRESH_TOKEN.to_owned(), refresh)));
    let token = Token {
        level: began.level,
        endpoint: endpoint.to_owned(),
        expires_at: given.lasts.and_then(|lasts| calendars.now().checked_add(lasts).ok()),
    };
    let (id, sign_in, token) = (&*began.provider, &*began.sign_in, Some(token));
    let new = NewConnection { provider: id, sign_in, signed_in, secrets, token, service_account: None };
    match establish(calendars, provider, person, before, new).await {
        Ok(connection) => Ok(Finished::Connected(Box::new(connection))),
        Err(ConnectError::NoRefreshToken) if !began.anew => {
            Ok(Finished::Again { provider: began.provider.clone(), sign_in: began.sign_in.clone() })
        }
        Err(error) => Err(error),
    }
}

/// What the provider gets to see of a reply: fields of these names.
pub(in crate::connections) fn fields(
    kept: &[String],
    given: &TokenResponse,
    granted: &[String],
) -> BTreeMap<String, String> {
    let kept = kept.iter().filter_map(|name| match name.as_str() {
        "scope" => Some((name.clone(), granted.join(" "))),
        name => Some((name.to_owned(), given.fields.get(name)?.clone())),
    });
    kept.collect()
}

/// The token endpoint: of several regions the one that the callback names.
fn chosen<'a>(code: &'a Oauth2Code, callback: &Callback) -> &'a str {
    let choice = code.endpoint_choices.iter().find(|choice| callback.get(&choice.parameter) == Some(&choice.value));
    choice.map_or(&code.token, |choice| &choice.token)
}

/// An error of RFC 6749 §4.1.2.1.
fn refusal(callback: &Callback) -> Option<SignInError> {
    let error = callback.get("error")?.to_owned();
    let known = ["error", "error_description", "state", "code"];
    let others = callback.parameters.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    Some(SignInError {
        status: None,
        error,
        description: callback.get("error_description").unwrap_or_default().to_owned(),
        fields: others.map(|(name, value)| (name.clone(), value.clone())).collect(),
    })
}

/// What the provider makes of a refusal; an approval that is needed is remembered for the others of the domain.
async fn explained(
    calendars: &CalendarAccess,
    provider: &Provider,
    began: &Authorization,
    error: SignInError,
) -> Result<ConnectError, ConnectError> {
    let Authorization { browser, provider: id, sign_in, .. } = began;
    let mut tx = calendars.db.begin_read().await?;
    let person = people::person(&mut tx, browser.organisation, browser.person).await?.ok_or(ConnectError::Unknown)?;
    tx.commit().await?;
    let connection = CallTarget {
        sign_in: sign_in.clone(),
        address: Some(person.email.clone()),
        zone: person.zone,
        ..CallTarget::default()
    };
    let access = calendars.without_credential(provider, browser.organisation, connection)?;
    let failure = provider.plugin.explain_failure(&access, error).await.map_err(ConnectError::Refused)?;
    if let Remedy::NeedsAdminApproval(link) = &failure.remedy {
        approvals::note(&calendars.db, browser.organisation, id, &person.email, link.as_deref()).await?;
    }
    tracing::info!(provider = id, remedy = failure.remedy.code(), code = failure.service_code, "consent not given");
    Ok(ConnectError::Consent(Box::new(failure)))
}
