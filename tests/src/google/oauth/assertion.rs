//! Tokens for what a service account has signed (RFC 7523), for itself or for somebody of a domain that trusts it.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::tokens::LIFE;
use super::{TokenRefusal, is_scope, json_answer};
use crate::google::state::State;

/// The name of this grant.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Who an assertion must be for, wherever the endpoint was moved to.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// The longest that an assertion may be good for, in seconds.
const LONGEST: i64 = 3600;

/// How much clocks may differ, in seconds.
const SKEW: i64 = 60;

/// Gives an access token for an assertion.
pub(super) fn serve(state: &mut State, form: &BTreeMap<String, String>) -> Result<Response, TokenRefusal> {
    let jwt = form.get("assertion").map(String::as_str).unwrap_or_default();
    let (header, claims) = parts(jwt).ok_or_else(|| TokenRefusal::invalid_grant("Invalid JWT: it cannot be read."))?;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    let issuer = claim("iss");
    let account = state.oauth.service_accounts.get(&issuer).cloned();
    let account = account.ok_or_else(|| TokenRefusal::invalid_grant("Invalid grant: account not found"))?;
    if header["alg"] != "RS256" || !account.has_signed(jwt) {
        return Err(TokenRefusal::invalid_grant("Invalid JWT Signature."));
    }
    if claim("aud") != AUDIENCE {
        return Err(TokenRefusal::invalid_grant("Invalid JWT: Failed audience check."));
    }
    let (now, issued, expires) = (state.now().as_second(), claims["iat"].as_i64(), claims["exp"].as_i64());
    let in_time = issued.zip(expires).is_some_and(|(issued, expires)| {
        issued <= now + SKEW && expires > now - SKEW && expires > issued && expires - issued <= LONGEST
    });
    if !in_time {
        let words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check \
                     your iat and exp values in the JWT claim.";
        return Err(TokenRefusal::invalid_grant(words));
    }
    let scopes: BTreeSet<_> = claim("scope").split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() || !scopes.iter().all(|scope| is_scope(scope)) {
        let words = "Invalid OAuth scope or ID token audience provided.";
        return Err(TokenRefusal::new(StatusCode::BAD_REQUEST, "invalid_scope", words));
    }
    let user = match claim("sub") {
        subject if subject.is_empty() || subject == issuer => issuer,
        subject => {
            let domain = subject.split_once('@').map(|(_, domain)| domain).unwrap_or_default();
            let delegated = account.delegated.get(domain);
            if !delegated.is_some_and(|delegated| scopes.is_subset(delegated)) {
                let words = "Client is unauthorized to retrieve access tokens using this method, or client not \
                             authorized for any of the scopes requested.";
                return Err(TokenRefusal::new(StatusCode::UNAUTHORIZED, "unauthorized_client", words));
            }
            if !state.is_user(&subject) {
                return Err(TokenRefusal::invalid_grant("Invalid email or User ID"));
            }
            subject
        }
    };
    let grant = state.next();
    let token = state.issue(&user, &account.client, scopes, grant);
    Ok(json_answer(StatusCode::OK, &json!({ "access_token": token, "expires_in": LIFE, "token_type": "Bearer" })))
}

/// The header and the claims of a JWT (RFC 7519).
fn parts(jwt: &str) -> Option<(Value, Value)> {
    let [header, claims, _] = jwt.split('.').collect::<Vec<_>>().try_into().ok()?;
    let read = |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some((read(header)?, read(claims)?))
}
