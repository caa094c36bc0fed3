//! Who somebody is, as far as the scopes of the token say it.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::json_answer;
use crate::google::call::Call;
use crate::google::methods::SCOPE_PREFIX;
use crate::google::state::State;

/// `GET /oauth2/v2/userinfo`.
pub(super) fn serve(state: &State, call: &Call) -> Response {
    let refused = |status: StatusCode, message: &str, name: &str| {
        json_answer(status, &json!({ "error": { "code": status.as_u16(), "message": message, "status": name } }))
    };
    let access = call.bearer().and_then(|token| state.oauth.access(token, state.now()));
    let Some(access) = access else {
        let message = "Request is missing required authentication credential.";
        return refused(StatusCode::UNAUTHORIZED, message, "UNAUTHENTICATED");
    };
    let has = |short: &str, long: &str| {
        access.scopes.contains(short) || access.scopes.contains(&format!("{SCOPE_PREFIX}{long}"))
    };
    let (email, profile) = (has("email", "userinfo.email"), has("profile", "userinfo.profile"));
    let Some(user) = state.users.get(&access.user).filter(|_| email || profile || access.scopes.contains("openid"))
    else {
        let message = "Request had insufficient authentication scopes.";
        return refused(StatusCode::FORBIDDEN, message, "PERMISSION_DENIED");
    };
    let mut body = json!({ "id": user.id });
    if email {
        body["email"] = access.user.clone().into();
        body["verified_email"] = true.into();
        if let Some((_, domain)) = access.user.split_once('@').filter(|(_, domain)| state.domains.contains_key(*domain))
        {
            body["hd"] = domain.into();
        }
    }
    if profile {
        let (given, family) = user.name.split_once(' ').unwrap_or((&user.name, ""));
        body["name"] = user.name.clone().into();
        body["given_name"] = given.into();
        body["family_name"] = family.into();
        body["picture"] = format!("https://lh3.googleusercontent.com/a/{}=s96-c", user.id).into();
    }
    json_answer(StatusCode::OK, &body)
}
