//! To a service's own page, and back from it.
//!
//! Only the browser in which the person signed in gets anywhere here: the way begins with a form of ours and ends in the
//! same session (M12; see [`oauth`]). What the service sent is in the address, so nothing of the address is shown, kept or
//! led to again; who comes back without a session is led to the settings and not to here.

use super::{
    super::problem::{Code, Problem},
    FormData,
    calendar::PATH,
    organisation,
};
use crate::{
    app::App,
    auth::sessions::Session,
    connections::oauth::{self, Asked, Browser, Callback, Finished},
};
use axum::{
    extract::{Path, RawQuery, State},
    response::Redirect,
};
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

/// Where services send browsers back to, followed by the provider's id.
pub(super) const CALLBACK: &str = "/connect/callback/";

/// More than any service sends; what is longer is not from one.
const LONGEST_QUERY: usize = 16 * 1024;

/// To the service's page.
pub(super) async fn begin(State(app): State<App>, session: Session, filled: FormData) -> Result<Redirect, Problem> {
    let text = |name: &str| filled.text(name).unwrap_or_default();
    lead(&app, &session, text("provider"), text("sign-in"), false).await
}

/// Back from it.
pub(super) async fn back(
    State(app): State<App>,
    session: Session,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Problem> {
    let parameters = parameters(&query.unwrap_or_default()).ok_or(Problem::new(Code::MalformedQuery))?;
    let callback = Callback { provider, parameters };
    match oauth::finish(&app.calendars, &browser(&session), &callback).await? {
        Finished::Connected(_) => Ok(Redirect::to(PATH)),
        Finished::Shared(_) => Ok(Redirect::to(organisation::PATH)),
        Finished::Again { provider, sign_in } => lead(&app, &session, &provider, &sign_in, true).await,
    }
}

async fn lead(app: &App, session: &Session, provider: &str, sign_in: &str, anew: bool) -> Result<Redirect, Problem> {
    let redirect = Url::parse(&format!("{}{CALLBACK}{provider}", app.config.public_origin()));
    let redirect = redirect.map_err(|_| Problem::new(Code::NotOffered))?;
    let asked = Asked { provider, sign_in, redirect: &redirect, anew };
    let page = oauth::begin(&app.calendars, &browser(session), asked).await?;
    Ok(Redirect::to(page.as_str()))
}

pub(super) fn browser(session: &Session) -> Browser {
    Browser { session: session.id.to_string(), organisation: session.organisation, person: session.person }
}

/// The parameters of a query; nothing if one is there twice (RFC 6749 §3.1), or if it is too long.
fn parameters(query: &str) -> Option<BTreeMap<String, String>> {
    if query.len() > LONGEST_QUERY {
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
    fn a_parameter_that_is_there_twice_is_nobodys() {
        assert_eq!(parameters("state=a&code=b%20c").unwrap()["code"], "b c");
        assert_eq!(parameters("code=a&code=b"), None);
        assert_eq!(parameters("").map(|found| found.len()), Some(0));
    }
}
