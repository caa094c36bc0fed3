//! To a calendar service's own page, and back from it.
//!
//! Only the browser in which the person signed in can do this: it begins with a form of ours and ends in the same session
//! (M12; see [`oauth`]). The query of the callback holds what the service sent, so no part of it is shown, stored or
//! redirected to again; a browser without a session is redirected to the settings and not back to the callback.

use super::{browser::oauth_browser, error::PageError, form::Form, messages::Message, paths};
use crate::{
    app::App,
    auth::sessions::Session,
    connections::{self, BeginRequest, CallbackOutcome, ConnectError},
    oauth::{SignInRef, code_grant::Callback},
};
use axum::{
    extract::{Path, RawQuery, State},
    response::Redirect,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

/// A longer query is not from a service.
const MAX_QUERY_LENGTH: usize = 16 * 1024;

/// The form of a button that leads to a service.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConnectForm {
    pub(super) provider: String,
    pub(super) sign_in: String,
}

/// Redirects to the page of the service.
pub(super) async fn begin(
    State(app): State<App>,
    session: Session,
    Form(form): Form<ConnectForm>,
) -> Result<Redirect, PageError> {
    redirect_to_service(&app, &session, &form, false).await
}

/// Receives the browser from the service.
pub(super) async fn callback(
    State(app): State<App>,
    session: Session,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Redirect, PageError> {
    let parameters = parameters(&query.unwrap_or_default()).ok_or(Message::InvalidAddress)?;
    let callback = Callback { provider, parameters };
    let service = callback.provider.clone();
    match connections::finish(&app.calendars, &oauth_browser(&session), &callback).await {
        Ok(CallbackOutcome::Connected(_)) => Ok(Redirect::to(paths::CALENDAR)),
        Ok(CallbackOutcome::Shared(_)) => Ok(Redirect::to(paths::ORGANISATION)),
        Ok(CallbackOutcome::Again { provider, sign_in }) => {
            redirect_to_service(&app, &session, &ConnectForm { provider, sign_in }, true).await
        }
        Err(error) => Err(about(&app, &service, error).await),
    }
}

async fn redirect_to_service(
    app: &App,
    session: &Session,
    form: &ConnectForm,
    force_consent: bool,
) -> Result<Redirect, PageError> {
    let ConnectForm { provider, sign_in } = form;
    let redirect = callback_url(app, provider).ok_or(Message::NotOffered)?;
    let sign_in = SignInRef { provider, sign_in };
    let request = BeginRequest { sign_in, redirect: &redirect, force_consent };
    match connections::begin(&app.calendars, &oauth_browser(session), request).await {
        Ok(page) => Ok(Redirect::to(page.as_str())),
        Err(error) => Err(about(app, provider, error).await),
    }
}

/// The address to which the service of a provider sends browsers back.
pub(super) fn callback_url(app: &App, provider: &str) -> Option<Url> {
    app.config.links().oauth_callback(provider).ok()
}

/// The page of an error, with the name of the service.
pub(super) async fn about(app: &App, provider: &str, error: ConnectError) -> PageError {
    let error = PageError::from(error);
    match app.calendars.registry.provider(provider).await {
        Ok(provider) => error.about(&provider.plugin.description().name),
        Err(_) => error,
    }
}

/// The parameters of a query; nothing if one is there twice (RFC 6749 §3.1), or if the query is too long.
pub(super) fn parameters(query: &str) -> Option<BTreeMap<String, String>> {
    if query.len() > MAX_QUERY_LENGTH {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_with_a_parameter_that_is_there_twice_is_refused() {
        assert_eq!(parameters("state=a&code=b%20c").unwrap()["code"], "b c");
        assert_eq!(parameters("code=a&code=b"), None);
        assert_eq!(parameters("").map(|found| found.len()), Some(0));
    }
}
