//! The way to the service's page.

use super::{
    Browser,
    clients::{self, Client},
    code_grant, scopes,
    store::{self, Authorization},
};
use crate::{
    connections::{CalendarAccess, ConnectError, Connection, oauth::REFRESH_TOKEN, store as connections},
    ids::digest,
    organisations::{offers, programs},
    people,
    plugins::contract::{Oauth2Code, ScopeLevel},
    secrets::Place,
};
use jiff::SignedDuration;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use secrecy::SecretString;
use std::collections::BTreeMap;
use url::Url;

/// How long somebody may be at the service's page.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// The name of the code verifier within what is sealed.
pub(super) const VERIFIER: &str = "code-verifier";

/// Parameters that are the host's: a component that names one of them is not listened to.
const OURS: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
];

/// Which page somebody wants to go to.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Of those that are offered.
    pub provider: &'a str,
    /// Which of its sign-ins.
    pub sign_in: &'a str,
    /// Where the service sends the browser back to, exactly as it is registered there.
    pub redirect: &'a Url,
    /// Whether the person must be asked for consent even if the service thinks that they gave it: no refresh token came.
    pub anew: bool,
}

/// Where the digest of a state is the row of the code verifier.
pub(super) fn place(browser: &Browser, state: &str) -> Place {
    Place::new(browser.organisation.to_string(), "authorizations", digest(state), "sealed")
}

/// Begins: the address to which the browser goes.
///
/// # Errors
/// If the person may not connect this, or the operator has registered no client for it.
pub async fn begin(calendars: &CalendarAccess, browser: &Browser, asked: Asked<'_>) -> Result<Url, ConnectError> {
    let Asked { provider: id, sign_in, redirect, anew } = asked;
    let mut tx = calendars.db.begin_read().await?;
    let (organisation, person) = (browser.organisation, browser.person);
    let person = people::person(&mut tx, organisation, person).await?.ok_or(ConnectError::Unknown)?;
    let offered = offers::to_person(&mut tx, organisation, person.id).await?;
    let two_way = programs::any_two_way(&mut tx, organisation, person.id).await?;
    let before = connections::of_person(&mut tx, organisation, person.id).await?;
    let client = clients::find(&mut tx, &calendars.keyring, (id, sign_in)).await?;
    tx.commit().await?;
    if !offered.iter().any(|offered| offered == id) {
        return Err(ConnectError::NotOffered(id.to_owned()));
    }
    let other = |connection: &Connection| {
        connection.provider != id || connection.sign_in != sign_in || connection.service_account.is_some()
    };
    if before.as_ref().is_some_and(|kept| other(&kept.connection)) {
        return Err(ConnectError::AlreadyConnected);
    }
    let provider = calendars.registry.provider(id).await?;
    let granted = provider.granted.sign_in(sign_in).and_then(code_grant);
    let granted = granted.ok_or_else(|| ConnectError::SignIn(sign_in.to_owned()))?;
    let client = client.ok_or_else(|| ConnectError::NoClient(id.to_owned()))?;

    // An access that was given once is not narrowed behind the person's back.
    let had_write = before.as_ref().and_then(|kept| kept.connection.token.as_ref());
    let had_write = had_write.is_some_and(|token| token.level == ScopeLevel::Write);
    let level = if two_way || had_write { ScopeLevel::Write } else { ScopeLevel::Read };
    let has_refresh_token = before.as_ref().is_some_and(|kept| {
        let place = connections::SEALED.place(organisation, kept.connection.id);
        kept.connection.state == crate::connections::State::Connected
            && calendars.keyring.open_map(&place, &kept.sealed.bytes).is_ok_and(|map| map.contains_key(REFRESH_TOKEN))
    });
    let hint = before.and_then(|kept| kept.connection.address).unwrap_or(person.email);
    let way = Way { provider: id, sign_in, redirect, granted, client: &client, level, hint: &hint };
    lead(calendars, browser, way, Consent { anew, ask: anew || !has_refresh_token, for_organisation: false }).await
}

/// A page of a service, and as what somebody goes there.
pub(in crate::connections) struct Way<'a> {
    pub(in crate::connections) provider: &'a str,
    pub(in crate::connections) sign_in: &'a str,
    pub(in crate::connections) redirect: &'a Url,
    pub(in crate::connections) granted: &'a Oauth2Code,
    pub(in crate::connections) client: &'a Client,
    pub(in crate::connections) level: ScopeLevel,
    /// The address that the page begins with.
    pub(in crate::connections) hint: &'a str,
}

/// What the person is asked for there.
pub(in crate::connections) struct Consent {
    /// Whether they are there for the second time.
    pub(in crate::connections) anew: bool,
    /// Whether they are asked even if the service thinks that they were.
    pub(in crate::connections) ask: bool,
    /// Whether it is for the organisation's shared account.
    pub(in crate::connections) for_organisation: bool,
}

/// Keeps what the way back is recognised by, and gives the address.
pub(in crate::connections) async fn lead(
    calendars: &CalendarAccess,
    browser: &Browser,
    way: Way<'_>,
    consent: Consent,
) -> Result<Url, ConnectError> {
    let Way { provider: id, sign_in, redirect, granted, client, level, hint } = way;
    let (level, scopes) = scopes(granted, level);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let state = CsrfToken::new_random();
    let mut url = Url::parse(&granted.authorize).map_err(|_| ConnectError::SignIn(sign_in.to_owned()))?;
    let extra = granted.authorize_parameters.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
    // Who has consented, and whose refresh token is here, need not be asked again.
    let extra = extra.filter(|(name, _)| name != "prompt" || consent.ask);
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.id)
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("scope", &scopes.join(" "))
        .append_pair("state", state.secret())
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", challenge.method().as_str())
        .append_pair("login_hint", hint)
        .extend_pairs(extra);

    let authorization = Authorization {
        browser: browser.clone(),
        provider: id.to_owned(),
        sign_in: sign_in.to_owned(),
        level,
        redirect: redirect.to_string(),
        anew: consent.anew,
        for_organisation: consent.for_organisation,
        sealed: seal(calendars, browser, state.secret(), &verifier),
        expires_at: calendars.now() + PATIENCE,
    };
    let mut tx = calendars.db.begin().await?;
    store::forget_authorizations(&mut tx, calendars.now().as_microsecond()).await?;
    store::insert_authorization(&mut tx, &digest(state.secret()), &authorization).await?;
    tx.commit().await?;
    Ok(calendars.registry.sandbox().for_browsers(&url))
}

fn seal(calendars: &CalendarAccess, browser: &Browser, state: &str, verifier: &PkceCodeVerifier) -> Vec<u8> {
    let secrets: BTreeMap<_, _> = [(VERIFIER.to_owned(), SecretString::from(verifier.secret().as_str()))].into();
    calendars.keyring.seal_map(&place(browser, state), &secrets).bytes
}
