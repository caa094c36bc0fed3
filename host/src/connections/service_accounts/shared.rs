//! A shared mailbox, connected at its service's own page.
//!
//! The sign-in works like that of a person's calendar: the same browser of the same administrator begins and ends it. The
//! host requests availability only, and the mailbox becomes the organisation's service account, not the administrator's
//! connection. The mailbox must be in one of the organisation's mail domains, so that no private account is used by
//! mistake.

use super::{
    account::{Kind, ServiceAccount},
    mailbox::{self, call_target, check_domain, offered_provider},
    probe::open_error,
    save::store_account,
};
use crate::{
    auth::Forbidden,
    connections::{
        access::CalendarAccess,
        code_grant::IssuedToken,
        error::{AccountError, RequestedAccess},
    },
    ids::ServiceAccountId,
    oauth::{
        REFRESH_TOKEN, SignInRef, State, clients,
        code_grant::{Authorization, AuthorizeRequest, Browser, authorize_url},
        token::{is_code_grant, names, scopes},
    },
    people::{self, Role},
    plugins::{contract::ScopeLevel, endpoints::resolve, registry::Provider, sign_in::ACCESS_TOKEN},
};
use url::Url;

/// Begins the sign-in and returns the address of the service's page. The browser must be a global administrator's.
pub async fn begin(
    calendars: &CalendarAccess,
    browser: &Browser,
    sign_in: SignInRef<'_>,
    redirect: &Url,
) -> Result<Url, AccountError> {
    let administrator = administrator(calendars, browser).await?;
    let provider = offered_provider(calendars, browser.organisation, sign_in.provider).await?;
    let granted = provider.granted.sign_in(sign_in.sign_in).filter(|granted| is_code_grant(granted));
    let granted = granted.ok_or_else(|| AccountError::SignIn(sign_in.sign_in.to_owned()))?;
    let mut tx = calendars.db.begin_read().await?;
    let client = clients::find(&mut tx, &calendars.keyring, sign_in).await?;
    tx.commit().await?;
    let client = client.ok_or_else(|| AccountError::NoClient(sign_in.provider.to_owned()))?;
    let granted = &resolve(granted, &client.variables).map_err(AccountError::ClientVariable)?;
    let request = AuthorizeRequest {
        sign_in,
        redirect,
        granted,
        client: &client,
        level: ScopeLevel::Read,
        login_hint: &administrator.email,
        prompt: true,
        force_consent: true,
        for_organisation: true,
    };
    Ok(authorize_url(calendars.oauth(), browser, request).await?)
}

/// Makes a service account from the tokens of a shared mailbox.
pub(in crate::connections) async fn save(
    calendars: &CalendarAccess,
    provider: &Provider,
    authorization: &Authorization,
    issued: IssuedToken<'_>,
) -> Result<ServiceAccount, AccountError> {
    let IssuedToken { granted: resolved, code, endpoint, response } = issued;
    let (organisation, sign_in) = (authorization.browser.organisation, &*authorization.sign_in);
    let administrator = administrator(calendars, &authorization.browser).await?;
    offered_provider(calendars, organisation, &authorization.provider).await?;
    let scopes = scopes(code, authorization.level).1;
    let granted = response.granted_scopes(scopes).map_err(AccountError::ScopesMissing)?;
    let mut fields = response.visible_fields(&code.keep_from_token, &granted)?;
    fields.extend(resolved.values().clone());
    let refresh = response.refresh.clone().ok_or(AccountError::NoRefreshToken)?;
    let access = |mailbox: Option<&str>| {
        let target = call_target(sign_in, mailbox);
        mailbox::access(calendars, provider, organisation, target, fields.clone(), response.access.clone())
    };
    let requested = || RequestedAccess { client: None, scopes: names(scopes) };
    let opened = provider.plugin.open(&access(None)?).await.map_err(|error| open_error(error, requested()))?;
    let mailbox = people::email(opened.value.address.as_deref().unwrap_or_default())?;
    check_domain(calendars, organisation, &mailbox).await?;
    // The second call verifies that the token can read free/busy times of a mailbox by its address.
    let other = access(Some(&mailbox))?;
    provider.plugin.open(&other).await.map_err(|error| open_error(error, requested()))?;

    let now = calendars.now();
    let account = ServiceAccount {
        id: ServiceAccountId::new(now),
        organisation,
        provider: authorization.provider.clone(),
        sign_in: sign_in.to_owned(),
        kind: Kind::Shared,
        mailbox,
        client: None,
        fields: fields.into_iter().collect(),
        state: State::Connected,
        endpoint: endpoint.to_owned(),
        variables: resolved.values().clone(),
        expires_at: response.expires_at(now),
        saved_by: administrator.id,
        saved_at: now,
    };
    let secrets = [(ACCESS_TOKEN.to_owned(), response.access.clone()), (REFRESH_TOKEN.to_owned(), refresh)];
    store_account(calendars, &authorization.browser.author(), account, &secrets.into()).await
}

/// The administrator whose browser it is. Reads the role again, because it may have ended during the sign-in.
async fn administrator(calendars: &CalendarAccess, browser: &Browser) -> Result<people::Person, AccountError> {
    let (db, organisation) = (&calendars.db, browser.organisation);
    let person = db.read(async |tx| people::person(tx, organisation, browser.person).await).await?;
    let person = person.filter(|person| person.role == Role::GlobalAdmin);
    Ok(person.ok_or(Forbidden::Role("a global administrator of the organisation"))?)
}
