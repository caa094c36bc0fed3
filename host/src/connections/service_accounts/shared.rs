//! A shared mailbox, connected at its service's own page.
//!
//! It goes as when a person connects their own (`oauth`): the same browser of the same administrator begins and ends it.
//! What comes back is asked for availability alone and becomes the organisation's account, not the administrator's
//! connection; the mailbox that was signed in to must be in a domain of the organisation's, so that nobody's private account
//! stands for it by mistake.

use super::{
    Kind, ServiceAccount,
    probe::{AccountError, Asked, access, granted, in_domain, offered, refused},
    save::keep,
};
use crate::{
    auth::Forbidden,
    connections::{
        CalendarAccess, ConnectError, State,
        oauth::{
            Browser, Finished, REFRESH_TOKEN, Token,
            begin::{Consent, Way, lead},
            clients, code_grant,
            endpoint::TokenResponse,
            finish::fields,
            scopes,
            store::Authorization,
        },
    },
    ids::ServiceAccountId,
    people::{self, Role},
    plugins::{
        contract::{Oauth2Code, ScopeLevel},
        registry::Provider,
        sign_in::ACCESS_TOKEN,
    },
};
use url::Url;

/// Begins: the address to which the administrator's browser goes.
///
/// # Errors
/// If it is no administrator's, or the provider has no such page, or the operator has registered no client for it.
pub async fn begin(
    calendars: &CalendarAccess,
    browser: &Browser,
    (provider_id, sign_in): (&str, &str),
    redirect: &Url,
) -> Result<Url, AccountError> {
    let organisation = browser.organisation;
    let administrator = administrator(calendars, browser).await?;
    let provider = offered(calendars, organisation, provider_id).await?;
    let granted = provider.granted.sign_in(sign_in).and_then(code_grant);
    let granted = granted.ok_or_else(|| AccountError::SignIn(sign_in.to_owned()))?;
    let mut tx = calendars.db.begin_read().await?;
    let client = clients::find(&mut tx, &calendars.keyring, (provider_id, sign_in)).await?;
    tx.commit().await?;
    let client = client.ok_or_else(|| AccountError::NoClient(provider_id.to_owned()))?;
    let (level, hint) = (ScopeLevel::Read, administrator.email);
    let way = Way { provider: provider_id, sign_in, redirect, granted, client: &client, level, hint: &hint };
    let consent = Consent { anew: true, ask: true, for_organisation: true };
    lead(calendars, browser, way, consent).await.map_err(|error| match error {
        ConnectError::Database(error) => error.into(),
        error => AccountError::NoToken(error.to_string()),
    })
}

/// The administrator whose browser it is. Their role is read now: it may have ended while they were at the page.
async fn administrator(calendars: &CalendarAccess, browser: &Browser) -> Result<people::Person, AccountError> {
    let mut tx = calendars.db.begin_read().await?;
    let person = people::person(&mut tx, browser.organisation, browser.person).await?;
    let person = person.filter(|person| person.role == Role::GlobalAdmin);
    Ok(person.ok_or(Forbidden::Role("a global administrator of the organisation"))?)
}

/// From a finished code grant to the organisation's account.
pub(in crate::connections) async fn finished(
    calendars: &CalendarAccess,
    provider: &Provider,
    began: &Authorization,
    (code, endpoint): (&Oauth2Code, &str),
    given: &TokenResponse,
) -> Result<Finished, ConnectError> {
    let account = account(calendars, provider, began, (code, endpoint), given).await;
    account.map(|account| Finished::Shared(Box::new(account))).map_err(|error| ConnectError::Account(Box::new(error)))
}

async fn account(
    calendars: &CalendarAccess,
    provider: &Provider,
    began: &Authorization,
    (code, endpoint): (&Oauth2Code, &str),
    given: &TokenResponse,
) -> Result<ServiceAccount, AccountError> {
    let (organisation, sign_in) = (began.browser.organisation, &*began.sign_in);
    let administrator = administrator(calendars, &began.browser).await?;
    offered(calendars, organisation, &began.provider).await?;
    let asked = scopes(code, began.level).1;
    let fields = fields(&code.keep_from_token, given, granted(given, asked)?);
    let refresh = given.refresh.clone().ok_or(AccountError::NoRefreshToken)?;
    let of = |mailbox, token| {
        let subject = (organisation, sign_in, mailbox);
        access(calendars, provider, subject, fields.clone(), token)
    };
    let asked = || Asked { client: None, scopes: asked.to_vec() };
    let opened = provider.plugin.open(&of(None, given.access.clone())?).await;
    let own = opened.map_err(|error| refused(error, asked()))?.value;
    let mailbox = people::email(own.address.as_deref().unwrap_or_default())?;
    in_domain(calendars, organisation, &mailbox).await?;
    // As it will be asked for people: that it can tell free/busy of a mailbox by its address.
    let trial = of(Some(&*mailbox), given.access.clone())?;
    provider.plugin.open(&trial).await.map_err(|error| refused(error, asked()))?;

    let now = calendars.now();
    let expires_at = given.lasts.and_then(|lasts| now.checked_add(lasts).ok());
    let account = ServiceAccount {
        id: ServiceAccountId::new(now),
        organisation,
        provider: began.provider.clone(),
        sign_in: sign_in.to_owned(),
        kind: Kind::Shared,
        mailbox,
        client: None,
        fields: fields.into_iter().collect(),
        state: State::Connected,
        token: Some(Token { level: ScopeLevel::Read, endpoint: endpoint.to_owned(), expires_at }),
        saved_by: administrator.id,
        saved_at: now,
    };
    let secrets = [(ACCESS_TOKEN.to_owned(), given.access.clone()), (REFRESH_TOKEN.to_owned(), refresh)];
    keep(calendars, account, &secrets.into()).await
}
