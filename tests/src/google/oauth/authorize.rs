//! The page that asks a person for consent, and what a request for it must be.
//!
//! What is wrong with the request itself is told to the person, not to the application: where would one redirect, if
//! the address is in doubt (RFC 6749 §4.1.2.1)?

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use http::StatusCode;

use super::{is_scope, page, redirect};
use crate::google::call::Call;
use crate::google::state::State;

/// Where it is.
pub(super) const PATH: &str = "/o/oauth2/v2/auth";

/// A request for consent, found to be right.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) state: String,
    pub(super) challenge: String,
    /// In the order asked.
    pub(super) scopes: Vec<String>,
    /// `access_type=offline`.
    pub(super) offline: bool,
    /// `prompt=consent`.
    pub(super) again: bool,
    /// `include_granted_scopes=true`.
    pub(super) incremental: bool,
    pub(super) login_hint: Option<String>,
}

/// What is wrong with a request: an error code and words for the person.
struct AuthorizeError(StatusCode, &'static str, String);

/// `GET /o/oauth2/v2/auth`.
pub(super) fn ask(state: &mut State, call: &Call) -> Response {
    match read(state, call) {
        Ok((request, prompts)) if prompts.contains("none") => {
            // Nobody is asked, and nobody has a session here.
            redirect(&request.back(&[("error", "interaction_required")]))
        }
        Ok((request, _)) => {
            let name = state.fresh("consent");
            let page = page::consent(state, &request, &name);
            state.oauth.asked.insert(name, request);
            page
        }
        Err(AuthorizeError(status, code, words)) => page::error(status, code, &words),
    }
}

fn read(state: &State, call: &Call) -> Result<(Request, BTreeSet<String>), AuthorizeError> {
    let wrong = |words: String| AuthorizeError(StatusCode::BAD_REQUEST, "invalid_request", words);
    let mut given: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in &call.query {
        if given.insert(name, value).is_some() {
            return Err(wrong(format!("The parameter {name} is there twice.")));
        }
    }
    let mut take = |name: &str| given.remove(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let missing = |name: &str| wrong(format!("Missing required parameter: {name}"));
    let client = take("client_id").ok_or_else(|| missing("client_id"))?;
    let known = state.oauth.clients.get(&client);
    let no_client =
        || AuthorizeError(StatusCode::UNAUTHORIZED, "invalid_client", "The OAuth client was not found.".into());
    let known = known.ok_or_else(no_client)?;
    let redirect = take("redirect_uri").ok_or_else(|| missing("redirect_uri"))?;
    if !known.redirects.contains(&redirect) {
        let words = "The redirect URI in the request is not one of those of the application.".into();
        return Err(AuthorizeError(StatusCode::BAD_REQUEST, "redirect_uri_mismatch", words));
    }
    match take("response_type").as_deref() {
        Some("code") => {}
        Some(_) => {
            let words = "Only response_type=code is served.".into();
            return Err(AuthorizeError(StatusCode::BAD_REQUEST, "unsupported_response_type", words));
        }
        None => return Err(missing("response_type")),
    }
    let scope = take("scope").ok_or_else(|| missing("scope"))?;
    let scopes: Vec<_> = scope.split(' ').map(str::to_owned).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !is_scope(scope)) {
        let words = format!("Some requested scopes were invalid: {unknown}");
        return Err(AuthorizeError(StatusCode::BAD_REQUEST, "invalid_scope", words));
    }
    let challenge = take("code_challenge").ok_or_else(|| missing("code_challenge"))?;
    if take("code_challenge_method").as_deref() != Some("S256") || challenge.len() != 43 {
        return Err(wrong("Only a code challenge by S256 is taken.".into()));
    }
    let mut choice = |name: &str, choices: [&str; 2]| match take(name) {
        None => Ok(false),
        Some(value) if value == choices[0] => Ok(false),
        Some(value) if value == choices[1] => Ok(true),
        Some(value) => Err(wrong(format!("Invalid parameter value for {name}: {value}"))),
    };
    let offline = choice("access_type", ["online", "offline"])?;
    let incremental = choice("include_granted_scopes", ["false", "true"])?;
    let prompts: BTreeSet<_> = take("prompt").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let allowed = ["none", "consent", "select_account"];
    if prompts.iter().any(|prompt| !allowed.contains(&prompt.as_str()))
        || (prompts.contains("none") && prompts.len() > 1)
    {
        return Err(wrong("Invalid parameter value for prompt.".into()));
    }
    let request = Request {
        client,
        redirect,
        state: take("state").ok_or_else(|| missing("state"))?,
        challenge,
        scopes,
        offline,
        again: prompts.contains("consent"),
        incremental,
        login_hint: take("login_hint"),
    };
    // What OpenID Connect and Google's own guide also have; nothing depends on them here.
    let unknown = given.keys().find(|name| !["nonce", "hd", "hl", "enable_granular_consent"].contains(name));
    match unknown {
        Some(name) => Err(wrong(format!("Unknown parameter: {name}"))),
        None => Ok((request, prompts)),
    }
}

impl Request {
    /// The address that the browser goes back to, with the state.
    pub(super) fn back(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", &self.state).extend_pairs(parameters);
        let join = if self.redirect.contains('?') { '&' } else { '?' };
        format!("{}{join}{}", self.redirect, query.finish())
    }
}
