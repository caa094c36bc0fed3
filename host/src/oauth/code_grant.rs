//! Sign-in at the service's own page: the authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636).
//!
//! Threat: a code that a stranger obtained is brought to a person's browser, so that the stranger's calendar counts as
//! theirs, or the other way round. Decision: only the browser session that began a sign-in can end it. The state is random,
//! stored as a digest, bound to the session, and valid once and for minutes; the code verifier never leaves the host. Each
//! provider has its own redirect address, so that one service's reply is never taken for another's (RFC 9700 §4.4.2.2). An
//! API key cannot sign in, not even a person's own: consent needs their browser (M12). Rejected: a signed state that carries
//! its data, which would be valid as often as it is presented.

pub use super::authorization::{Authorization, Browser};

use super::{
    clients::{self, Client, ClientError},
    context::{Context, SignInRef},
    endpoint::{TokenEndpoint, TokenError, TokenResponse},
    store,
    token::{Token, level_name, names, scopes},
};
use crate::{
    audit::{self, Act, Entry, Values},
    db::Tx,
    ids::{OrganisationId, digest},
    plugins::{
        contract::{Oauth2Code, ScopeLevel, SignInError},
        endpoints::{ResolvedSignIn, resolve},
        registry::RegistryError,
    },
    secrets::{OpenError, Place},
};
use jiff::SignedDuration;
use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use url::Url;

/// How long a sign-in may take.
const AUTHORIZATION_TTL: SignedDuration = SignedDuration::from_mins(15);

/// Name of the code verifier among sealed secrets.
const VERIFIER: &str = "code-verifier";

/// Parameters that the host sets. If a component names one of them, its value is ignored.
const RESERVED_PARAMS: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
];

/// Parameters of an authorization request.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizeRequest<'a> {
    /// The sign-in.
    pub sign_in: SignInRef<'a>,
    /// The address that the service sends the browser back to, exactly as it is registered there.
    pub redirect: &'a Url,
    /// The sign-in that the operator accepted, with the client's values of its variables.
    pub granted: &'a ResolvedSignIn,
    /// The client that the operator registered.
    pub client: &'a Client,
    /// The level of access to request.
    pub level: ScopeLevel,
    /// The e-mail address that the service's page suggests.
    pub login_hint: &'a str,
    /// Whether the service asks for consent even if the person gave it before.
    pub prompt: bool,
    /// Whether this is the second attempt, made because the first brought no refresh token.
    pub force_consent: bool,
    /// Whether the token is for the organisation's service account.
    pub for_organisation: bool,
}

/// The query parameters with which the service sent the browser back.
#[derive(Debug, Clone, Default)]
pub struct Callback {
    /// The provider whose redirect address was called.
    pub provider: String,
    /// All parameters.
    pub parameters: BTreeMap<String, String>,
}

/// An authorization request could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The granted sign-in has no authorization endpoint, or it is not a URL.
    #[error("the sign-in `{0}` has no authorization endpoint")]
    Endpoint(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A code could not be exchanged for tokens.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The callback has no code, or the code verifier is missing.
    #[error("the callback does not belong to a sign-in that was started here")]
    State,
    /// The operator has registered no client.
    #[error("this host is not registered with the service of `{0}`")]
    NoClient(String),
    /// The client could not be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The code verifier could not be opened.
    #[error(transparent)]
    Sealed(#[from] OpenError),
    /// The service issued no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A token could not be refreshed with its refresh token.
#[derive(Debug, thiserror::Error)]
pub enum RefreshRequestError {
    /// The provider is not in use.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// The operator has registered no client.
    #[error("this host is not registered with the service")]
    NoClient,
    /// The client could not be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The operator's grant does not have the sign-in with the token's endpoint and variables.
    #[error("its sign-in or its token endpoint is no longer granted")]
    NotGranted,
    /// The token cannot be refreshed any more.
    #[error("{0}")]
    Unusable(&'static str),
    /// The service issued no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Callback {
    /// A parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The error that the service sent in place of a code (RFC 6749 §4.1.2.1).
    #[must_use]
    pub fn refusal(&self) -> Option<SignInError> {
        let error = self.get("error")?.to_owned();
        let standard = ["error", "error_description", "state", "code"];
        let others = self.parameters.iter().filter(|(name, _)| !standard.contains(&name.as_str()));
        Some(SignInError {
            status: None,
            error,
            description: self.get("error_description").unwrap_or_default().to_owned(),
            fields: others.map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }

    /// The token endpoint of the sign-in; if it has several regions, that of the region which the callback names.
    #[must_use]
    pub fn token_endpoint<'a>(&self, code: &'a Oauth2Code) -> &'a str {
        let choice = code.endpoint_choices.iter().find(|choice| self.get(&choice.parameter) == Some(&choice.value));
        choice.map_or(&code.token, |choice| &choice.token)
    }
}

/// Begins a sign-in: stores what ends it, and returns the address of the service's page.
pub async fn authorize_url(
    context: Context<'_>,
    browser: &Browser,
    request: AuthorizeRequest<'_>,
) -> Result<Url, AuthorizeError> {
    let AuthorizeRequest { sign_in, redirect, granted, client, level, login_hint, prompt, .. } = request;
    let no_endpoint = || AuthorizeError::Endpoint(sign_in.sign_in.to_owned());
    let code = granted.code().ok_or_else(no_endpoint)?;
    let (level, scopes) = scopes(code, level);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let state = CsrfToken::new_random();
    let mut url = Url::parse(&code.authorize).map_err(|_| no_endpoint())?;
    let extra = code.authorize_parameters.iter().filter(|(name, _)| !RESERVED_PARAMS.contains(&name.as_str()));
    let extra = extra.filter(|(name, _)| name != "prompt" || prompt);
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.id)
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("scope", &names(scopes).join(" "))
        .append_pair("state", state.secret())
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", challenge.method().as_str())
        .append_pair("login_hint", login_hint)
        .extend_pairs(extra);

    let secrets = [(VERIFIER.to_owned(), SecretString::from(verifier.secret().as_str()))];
    let now = context.clock.now();
    let authorization = Authorization {
        browser: browser.clone(),
        provider: sign_in.provider.to_owned(),
        sign_in: sign_in.sign_in.to_owned(),
        level,
        redirect: redirect.to_string(),
        force_consent: request.force_consent,
        for_organisation: request.for_organisation,
        variables: granted.values().clone(),
        sealed: context.keyring.seal_map(&verifier_place(browser, state.secret()), &secrets.into()).bytes,
        expires_at: now + AUTHORIZATION_TTL,
    };
    let mut tx = context.db.begin().await?;
    store::delete_expired_authorizations(&mut tx, now.as_microsecond()).await?;
    store::insert_authorization(&mut tx, &digest(state.secret()), &authorization).await?;
    let by = browser.author();
    let values = Values::new().provider(sign_in.provider).sign_in(sign_in.sign_in).level(level_name(level));
    let entry = Entry::new(&by, Act::ConnectionBegun, browser.person).organisation(browser.organisation);
    audit::record(&mut tx, entry.after(values)).await?;
    tx.commit().await?;
    Ok(context.registry.sandbox().for_browsers(&url))
}

/// Takes the sign-in that a callback ends. `None` if this browser did not begin it, if it has expired, or if it was taken
/// before.
pub async fn take_authorization(
    context: Context<'_>,
    browser: &Browser,
    callback: &Callback,
) -> sqlx::Result<Option<Authorization>> {
    let Some(state) = callback.get("state") else { return Ok(None) };
    let mut tx = context.db.begin().await?;
    let authorization = store::take_authorization(&mut tx, &digest(state), browser).await?;
    tx.commit().await?;
    let now = context.clock.now();
    Ok(authorization.filter(|begun| now < begun.expires_at && begun.provider == callback.provider))
}

/// Exchanges the code of a callback for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
pub async fn exchange(
    context: Context<'_>,
    authorization: &Authorization,
    granted: &Oauth2Code,
    callback: &Callback,
) -> Result<TokenResponse, ExchangeError> {
    let browser = &authorization.browser;
    let mut tx = context.db.begin_read().await?;
    let client = clients::find(&mut tx, context.keyring, authorization.sign_in_ref()).await?;
    tx.commit().await?;
    let client = client.ok_or_else(|| ExchangeError::NoClient(authorization.provider.clone()))?;
    let state = callback.get("state").ok_or(ExchangeError::State)?;
    let mut secrets = context.keyring.open_map(&verifier_place(browser, state), &authorization.sealed)?;
    let verifier = secrets.remove(VERIFIER).ok_or(ExchangeError::State)?;
    let code = callback.get("code").ok_or(ExchangeError::State)?;
    let endpoint = TokenEndpoint {
        sandbox: context.registry.sandbox(),
        organisation: browser.organisation.to_string(),
        provider: &authorization.provider,
        client: &client,
        url: callback.token_endpoint(granted),
        keep_claims: &granted.keep_claims,
    };
    Ok(request_token(&endpoint, code, &verifier, &authorization.redirect).await?)
}

/// Refreshes a token of this grant (RFC 6749 §6), if the operator's grant still allows it.
pub async fn refresh(
    context: Context<'_>,
    organisation: OrganisationId,
    sign_in: SignInRef<'_>,
    token: Option<&Token>,
    refresh_token: Option<&SecretString>,
) -> Result<TokenResponse, RefreshRequestError> {
    let token = token.ok_or(RefreshRequestError::Unusable("the credential is not a token"))?;
    let refresh_token = refresh_token.ok_or(RefreshRequestError::Unusable("there is no refresh token"))?;
    let mut tx = context.db.begin_read().await?;
    let client = clients::find(&mut tx, context.keyring, sign_in).await;
    tx.commit().await?;
    let client = client?.ok_or(RefreshRequestError::NoClient)?;
    let provider = context.registry.provider(sign_in.provider).await?;
    let granted = provider.granted.sign_in(sign_in.sign_in).and_then(|granted| resolve(granted, &token.variables).ok());
    let code = granted.as_ref().and_then(ResolvedSignIn::code);
    let code = code.filter(|code| has_token_endpoint(code, &token.endpoint)).ok_or(RefreshRequestError::NotGranted)?;
    let endpoint = TokenEndpoint {
        sandbox: context.registry.sandbox(),
        organisation: organisation.to_string(),
        provider: sign_in.provider,
        client: &client,
        url: &token.endpoint,
        keep_claims: &code.keep_claims,
    };
    Ok(request_refresh(&endpoint, refresh_token).await?)
}

/// Where tokens of this endpoint are revoked. `None` if the sign-in does not have the endpoint, or it has no revocation endpoint.
#[must_use]
pub fn revocation_endpoint<'a>(code: &'a Oauth2Code, token_endpoint: &str) -> Option<&'a str> {
    let choices = code.endpoint_choices.iter().map(|choice| (&choice.token, &choice.revoke));
    let places = [(&code.token, &code.revoke)].into_iter().chain(choices);
    places.into_iter().find(|(token, _)| *token == token_endpoint)?.1.as_deref()
}

/// Deletes sign-ins that were not ended in time.
pub async fn delete_expired(tx: &mut Tx) -> sqlx::Result<()> {
    let now = tx.now().await?;
    store::delete_expired_authorizations(tx, now).await
}

async fn request_token(
    endpoint: &TokenEndpoint<'_>,
    code: &str,
    verifier: &SecretString,
    redirect: &str,
) -> Result<TokenResponse, TokenError> {
    let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|_| TokenError::Unusable("redirect address"))?;
    let (client, http) = (endpoint.client()?.set_redirect_uri(redirect), endpoint.http());
    let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
    let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
    endpoint.response(request.request_async(&http).await, &http)
}

async fn request_refresh(
    endpoint: &TokenEndpoint<'_>,
    refresh_token: &SecretString,
) -> Result<TokenResponse, TokenError> {
    let (client, http) = (endpoint.client()?, endpoint.http());
    let refresh_token = RefreshToken::new(refresh_token.expose_secret().to_owned());
    endpoint.response(client.exchange_refresh_token(&refresh_token).request_async(&http).await, &http)
}

fn has_token_endpoint(code: &Oauth2Code, endpoint: &str) -> bool {
    code.token == endpoint || code.endpoint_choices.iter().any(|choice| choice.token == endpoint)
}

/// The place of the code verifier. The row's id is the digest of the state.
fn verifier_place(browser: &Browser, state: &str) -> Place {
    Place::new(browser.organisation.to_string(), "authorizations", digest(state), "sealed")
}
