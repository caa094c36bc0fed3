//! The pages that people see: plain HTML that works without JavaScript and with a keyboard.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use super::authorize::Request;
use super::{IDENTITY, consent};
use crate::google::methods::SCOPE_PREFIX;
use crate::google::state::State;

/// The page of consent: who are you, and what may the application do?
pub(super) fn consent(state: &State, request: &Request, name: &str) -> Response {
    let client = state.oauth.clients.get(&request.client).map(|client| client.name.as_str()).unwrap_or_default();
    let people = state.users.iter().filter(|(address, _)| !state.oauth.service_accounts.contains_key(*address));
    let accounts: String = people
        .map(|(address, user)| {
            let checked = if request.login_hint.as_ref() == Some(address) { " checked" } else { "" };
            format!(
                "<p><label><input type=\"radio\" name=\"account\" value=\"{0}\" required{checked}> \
                 {1} ({0})</label></p>\n",
                escaped(address),
                escaped(&user.name),
            )
        })
        .collect();
    let scopes: String = request
        .scopes
        .iter()
        .map(|scope| {
            let words = escaped(scope.strip_prefix(SCOPE_PREFIX).unwrap_or(scope));
            match IDENTITY.contains(&scope.as_str()) {
                true => format!("<p>It will know who you are: {words}</p>\n"),
                false => format!(
                    "<p><label><input type=\"checkbox\" name=\"scope\" value=\"{}\" checked> {words}</label></p>\n",
                    escaped(scope),
                ),
            }
        })
        .collect();
    let body = format!(
        "<h1>{client} wants access to your account</h1>\n<form method=\"post\" action=\"{action}\">\n\
         <input type=\"hidden\" name=\"request\" value=\"{name}\">\n\
         <fieldset><legend>Choose an account</legend>\n{accounts}</fieldset>\n\
         <fieldset><legend>What {client} may do</legend>\n{scopes}</fieldset>\n\
         <p><button type=\"submit\" name=\"decision\" value=\"allow\">Allow</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"cancel\" formnovalidate>Cancel</button></p>\n</form>\n",
        client = escaped(client),
        action = consent::PATH,
    );
    html(StatusCode::OK, "Sign in", &body)
}

/// What is wrong, for the person.
pub(super) fn error(status: StatusCode, code: &str, words: &str) -> Response {
    let body = format!(
        "<h1>Access blocked: the request of this application is invalid</h1>\n<p>{}</p>\n<p>Error {}: {}</p>\n",
        escaped(words),
        status.as_u16(),
        escaped(code),
    );
    html(status, "Error", &body)
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{title} – sandbox Google</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n</head>\n<body>\n<main>\n{body}\
         <p>This is a stand-in for Google, for tests. No account of anybody is behind it.</p>\n\
         </main>\n</body>\n</html>\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
