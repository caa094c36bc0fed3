//! Connecting a calendar at the service's own page.
//!
//! The host requests the least access that suffices: availability, and writing only if a program of the person's is two-way
//! (M14). Access that was given once is not narrowed without the person's knowledge.

use super::{
    access::CalendarAccess,
    approvals::{self, Applicant},
    connection::{Connection, State},
    error::ConnectError,
    establish::{NewConnection, establish},
    store::{self, StoredConnection},
};
use crate::{
    oauth::{
        REFRESH_TOKEN, SignInRef, Token, TokenResponse, clients,
        code_grant::{Authorization, AuthorizeRequest, Browser, authorize_url},
        token::{is_code_grant, scopes},
    },
    organisations::{offers, programs},
    people,
    plugins::{
        CallTarget, Remedy,
        contract::{Oauth2Code, ScopeLevel, SignInError},
        endpoints::{ResolvedSignIn, resolve},
        registry::Provider,
        sign_in::{self, ACCESS_TOKEN, SignInInput},
    },
};
use secrecy::SecretString;
use std::collections::BTreeMap;
use url::Url;

/// A sign-in that a person wants to begin.
#[derive(Debug, Clone, Copy)]
pub struct BeginRequest<'a> {
    /// The sign-in of an offered provider.
    pub sign_in: SignInRef<'a>,
    /// The address that the service sends the browser back to, exactly as it is registered there.
    pub redirect: &'a Url,
    /// Whether the service must ask for consent again, because the first attempt brought no refresh token.
    pub force_consent: bool,
}

/// Tokens that the service issued for a code.
#[derive(Debug, Clone, Copy)]
pub(super) struct IssuedToken<'a> {
    /// The sign-in.
    pub(super) granted: &'a ResolvedSignIn,
    /// Its grant.
    pub(super) code: &'a Oauth2Code,
    /// The endpoint that issued the tokens.
    pub(super) endpoint: &'a str,
    /// The tokens.
    pub(super) response: &'a TokenResponse,
}

/// Begins a sign-in and returns the address of the service's page.
pub async fn begin(
    calendars: &CalendarAccess,
    browser: &Browser,
    request: BeginRequest<'_>,
) -> Result<Url, ConnectError> {
    let BeginRequest { sign_in, redirect, force_consent } = request;
    let SignInRef { provider: id, sign_in: sign_in_id } = sign_in;
    let mut tx = calendars.db.begin_read().await?;
    let (organisation, person) = (browser.organisation, browser.person);
    let person = people::person(&mut tx, organisation, person).await?.ok_or(ConnectError::Unknown)?;
    let offered = offers::to_person(&mut tx, organisation, person.id).await?;
    let two_way = programs::any_two_way(&mut tx, organisation, person.id).await?;
    let before = store::of_person(&mut tx, organisation, person.id).await?;
    let client = clients::find(&mut tx, &calendars.keyring, sign_in).await?;
    tx.commit().await?;
    if !offered.iter().any(|offered| offered == id) {
        return Err(ConnectError::NotOffered(id.to_owned()));
    }
    let is_other = |connection: &Connection| {
        connection.provider != id || connection.sign_in != sign_in_id || connection.service_account.is_some()
    };
    if before.as_ref().is_some_and(|before| is_other(&before.connection)) {
        return Err(ConnectError::AlreadyConnected);
    }
    let provider = calendars.registry.provider(id).await?;
    let granted = provider.granted.sign_in(sign_in_id).filter(|granted| is_code_grant(granted));
    let granted = granted.ok_or_else(|| ConnectError::SignIn(sign_in_id.to_owned()))?;
    let client = client.ok_or_else(|| ConnectError::NoClient(id.to_owned()))?;
    let granted = &resolve(granted, &client.variables)?;

    let had_write = before.as_ref().and_then(|before| before.connection.token.as_ref());
    let had_write = had_write.is_some_and(|token| token.level == ScopeLevel::Write);
    let request = AuthorizeRequest {
        sign_in,
        redirect,
        granted,
        client: &client,
        level: if two_way || had_write { ScopeLevel::Write } else { ScopeLevel::Read },
        // A person whose refresh token is stored has given consent before and need not be asked again.
        prompt: force_consent || !before.as_ref().is_some_and(|before| has_refresh_token(calendars, before)),
        login_hint: &before.and_then(|before| before.connection.address).unwrap_or(person.email),
        force_consent,
        for_organisation: false,
    };
    Ok(authorize_url(calendars.oauth(), browser, request).await?)
}

fn has_refresh_token(calendars: &CalendarAccess, stored: &StoredConnection) -> bool {
    let place = store::SEALED.place(stored.connection.organisation, stored.connection.id);
    stored.connection.state == State::Connected
        && calendars.keyring.open_map(&place, &stored.sealed.bytes).is_ok_and(|map| map.contains_key(REFRESH_TOKEN))
}

/// Makes a connection from tokens.
pub(super) async fn connect(
    calendars: &CalendarAccess,
    provider: &Provider,
    authorization: &Authorization,
    issued: IssuedToken<'_>,
) -> Result<Connection, ConnectError> {
    let IssuedToken { granted: sign_in, code, endpoint, response } = issued;
    let browser = &authorization.browser;
    let requested = scopes(code, authorization.level).1;
    let granted = response.granted_scopes(requested).map_err(ConnectError::ScopesMissing)?;
    let mut tx = calendars.db.begin_read().await?;
    let person = people::person(&mut tx, browser.organisation, browser.person).await?.ok_or(ConnectError::Unknown)?;
    let before = store::of_person(&mut tx, browser.organisation, browser.person).await?;
    tx.commit().await?;

    let mut fields = response.visible_fields(&code.keep_from_token, &granted)?;
    fields.extend(sign_in.values().clone());
    let access = [(ACCESS_TOKEN.to_owned(), response.access.clone())];
    let signed_in =
        sign_in::sign_in(sign_in.sign_in(), SignInInput { server: None, fields, secrets: access.clone().into() })?;
    let mut secrets: BTreeMap<String, SecretString> = access.into();
    secrets.extend(response.refresh.clone().map(|refresh| (REFRESH_TOKEN.to_owned(), refresh)));
    let token = Token {
        level: authorization.level,
        endpoint: endpoint.to_owned(),
        variables: sign_in.values().clone(),
        expires_at: response.expires_at(calendars.now()),
    };
    let sign_in = authorization.sign_in_ref();
    let by = browser.author();
    let new = NewConnection { by, sign_in, signed_in, secrets, token: Some(token), service_account: None };
    establish(calendars, provider, person, before, new).await
}

/// The error of a refused consent, as the provider explains it. If an administrator of the mail domain must approve first,
/// that is recorded for the other people of the domain.
pub(super) async fn consent_error(
    calendars: &CalendarAccess,
    provider: &Provider,
    authorization: &Authorization,
    granted: &ResolvedSignIn,
    refusal: SignInError,
    source: approvals::Source,
) -> Result<ConnectError, ConnectError> {
    let Authorization { browser, provider: id, sign_in, .. } = authorization;
    let (db, organisation) = (&calendars.db, browser.organisation);
    let person = db.read(async |tx| people::person(tx, organisation, browser.person).await).await?;
    let person = person.ok_or(ConnectError::Unknown)?;
    let target = CallTarget {
        sign_in: sign_in.clone(),
        address: Some(person.email.clone()),
        zone: person.zone,
        ..CallTarget::default()
    };
    let access = calendars.without_credential(provider, browser.organisation, target)?;
    let mut failure = provider.plugin.explain_failure(&access, refusal).await.map_err(ConnectError::Refused)?;
    if let Remedy::NeedsAdminApproval(approval) = &mut failure.remedy {
        if approval.page.is_none() {
            approval.page = approvals::page(calendars, authorization, granted, approval.tenant.as_deref()).await?;
        }
        let applicant = Applicant { organisation, person: person.id, address: &person.email, provider: id };
        approvals::record_needed(&calendars.db, applicant, approval.page.as_deref(), source).await?;
    }
    tracing::info!(provider = id, remedy = failure.remedy.code(), code = failure.service_code, "consent was not given");
    Ok(ConnectError::Consent(Box::new(failure)))
}
