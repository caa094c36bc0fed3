//! What a person decides on the page of consent.
//!
//! A domain that forbids the application is `admin_policy_enforced`, one of the authorization errors that Google lists. It
//! goes back to the application here, so that what the host makes of it is seen; a real person may meet it on a page of
//! Google's and never come back, which is nothing that a host could handle.

use std::collections::BTreeSet;

use axum::response::Response;
use http::StatusCode;

use super::{IDENTITY, page, redirect};
use crate::google::call::Call;
use crate::google::state::State;

/// Where the page's form goes.
pub(super) const PATH: &str = "/o/oauth2/v2/auth/consent";

/// Takes the decision back to the application: a code, or why there is none.
pub(super) fn decide(state: &mut State, call: &Call) -> Response {
    let form = call.form();
    let of = |name: &str| form.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let invalid = |words: &str| page::error(StatusCode::BAD_REQUEST, "invalid_request", words);
    // Each page serves once.
    let Some(request) = of("request").and_then(|name| state.oauth.asked.remove(name)) else {
        return invalid("This page has been answered already.");
    };
    if of("decision") != Some("allow") {
        return redirect(&request.back(&[("error", "access_denied")]));
    }
    let Some(user) = of("account").filter(|user| state.users.contains_key(*user)) else {
        return invalid("There is no such account.");
    };
    if state.domain_of(user).is_some_and(|domain| domain.blocks_apps) {
        return redirect(&request.back(&[("error", "admin_policy_enforced")]));
    }
    let checked: BTreeSet<_> = form.iter().filter(|(name, _)| name == "scope").map(|(_, value)| value).collect();
    let is_granted = |scope: &&String| checked.contains(scope) || IDENTITY.contains(&scope.as_str());
    let mut scopes: BTreeSet<String> = request.scopes.iter().filter(is_granted).cloned().collect();
    if scopes.is_empty() {
        return redirect(&request.back(&[("error", "access_denied")]));
    }
    let consents = state.oauth.consents.entry((user.to_owned(), request.client.clone())).or_default();
    let first = consents.is_empty();
    if request.incremental {
        scopes.extend(consents.iter().cloned());
    }
    consents.extend(scopes.iter().cloned());
    let lasting = request.offline && (first || request.again);
    let granted = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let code = state.issue_code(&request, user, scopes, lasting);
    let prompt = if first || request.again { "consent" } else { "none" };
    redirect(&request.back(&[("code", &code), ("scope", &granted), ("authuser", "0"), ("prompt", prompt)]))
}
