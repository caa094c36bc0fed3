//! `POST /token` and `POST /revoke`.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::tokens::LIFE;
use super::{TokenRefusal, assertion, json_answer};
use crate::google::call::Call;
use crate::google::state::State;

type Form = BTreeMap<String, String>;

/// Gives tokens for a code, a refresh token or an assertion.
pub(super) fn serve(state: &mut State, call: &Call) -> Response {
    served(state, call).unwrap_or_else(TokenRefusal::answer)
}

fn served(state: &mut State, call: &Call) -> Result<Response, TokenRefusal> {
    let form = form(call)?;
    let grant = form.get("grant_type").cloned().unwrap_or_default();
    *state.oauth.counts.entry(grant.clone()).or_default() += 1;
    match grant.as_str() {
        "authorization_code" => by_code(state, call, &form),
        "refresh_token" => by_refresh_token(state, call, &form),
        assertion::GRANT => assertion::serve(state, &form),
        _ => Err(TokenRefusal::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Invalid grant_type")),
    }
}

/// The form of a request; a parameter that is there twice is invalid (RFC 6749 §3.2).
fn form(call: &Call) -> Result<Form, TokenRefusal> {
    let kind = call.header(&CONTENT_TYPE).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(TokenRefusal::invalid_request("The body is no form."));
    }
    let mut form = Form::new();
    for (name, value) in call.form() {
        if form.insert(name.clone(), value).is_some() {
            return Err(TokenRefusal::invalid_request(format!("The parameter {name} is there twice.")));
        }
    }
    Ok(form)
}

fn by_code(state: &mut State, call: &Call, form: &Form) -> Result<Response, TokenRefusal> {
    let (id, _) = state.oauth.client(call, form)?;
    let needed = |name: &str| form.get(name).ok_or_else(|| TokenRefusal::invalid_request(format!("Missing {name}")));
    let (text, redirect) = (needed("code")?, needed("redirect_uri")?);
    let code =
        state.oauth.codes.get(text).cloned().ok_or_else(|| TokenRefusal::invalid_grant("Malformed auth code."))?;
    if code.client != id {
        return Err(TokenRefusal::unauthorized("unauthorized_client"));
    }
    if let Some(grant) = code.used {
        // Somebody else has it too, so what it gave is in doubt (RFC 6749 §4.1.2).
        state.oauth.end(grant);
        return Err(TokenRefusal::invalid_grant("Bad Request"));
    }
    if !code.is_alive(state.now()) {
        return Err(TokenRefusal::invalid_grant("Bad Request"));
    }
    if code.redirect != *redirect {
        return Err(TokenRefusal::new(StatusCode::BAD_REQUEST, "redirect_uri_mismatch", "Bad Request"));
    }
    let verifier = form.get("code_verifier").ok_or_else(|| TokenRefusal::invalid_grant("Missing code verifier."))?;
    if BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
        return Err(TokenRefusal::invalid_grant("Invalid code verifier."));
    }
    let grant = state.next();
    if let Some(kept) = state.oauth.codes.get_mut(text) {
        kept.used = Some(grant);
    }
    let refresh = code.lasting.then(|| state.issue_refresh(&code.user, &code.client, code.scopes.clone(), grant));
    Ok(given(state, &code.user, &code.client, code.scopes, grant, refresh))
}

fn by_refresh_token(state: &mut State, call: &Call, form: &Form) -> Result<Response, TokenRefusal> {
    let (id, client) = state.oauth.client(call, form)?;
    let token = form.get("refresh_token").ok_or_else(|| TokenRefusal::invalid_request("Missing refresh_token"))?;
    let refresh = state.oauth.refresh(token).cloned();
    let refresh = refresh.ok_or_else(|| TokenRefusal::invalid_grant("Token has been expired or revoked."))?;
    if refresh.client != id {
        return Err(TokenRefusal::unauthorized("unauthorized_client"));
    }
    let wanted = form.get("scope").map(|scope| scope.split(' ').map(str::to_owned).collect::<BTreeSet<_>>());
    let scopes = wanted.unwrap_or_else(|| refresh.scopes.clone());
    if !scopes.is_subset(&refresh.scopes) {
        return Err(TokenRefusal::new(StatusCode::BAD_REQUEST, "invalid_scope", "Bad Request"));
    }
    let next = client.rotates.then(|| {
        state.oauth.replace(token);
        state.issue_refresh(&refresh.user, &refresh.client, refresh.scopes.clone(), refresh.grant)
    });
    Ok(given(state, &refresh.user, &refresh.client, scopes, refresh.grant, next))
}

/// The answer with an access token, and with a refresh token if there is one.
fn given(
    state: &mut State,
    user: &str,
    client: &str,
    scopes: BTreeSet<String>,
    grant: u64,
    refresh: Option<String>,
) -> Response {
    let scope = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let token = state.issue(user, client, scopes, grant);
    let mut body = json!({ "access_token": token, "expires_in": LIFE, "scope": scope, "token_type": "Bearer" });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    json_answer(StatusCode::OK, &body)
}

/// Ends what a person has granted to an application, by any token of it, in the query or in a form (RFC 7009).
pub(super) fn revoke(state: &mut State, call: &Call) -> Response {
    let form = call.form();
    let of_form = form.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
    let Some(token) = call.parameter("token").or(of_form) else {
        return TokenRefusal::invalid_request("Missing token").answer();
    };
    match state.oauth.revoke(token) {
        true => json_answer(StatusCode::OK, &json!({})),
        false => TokenRefusal::new(StatusCode::BAD_REQUEST, "invalid_token", "Token expired or revoked").answer(),
    }
}
