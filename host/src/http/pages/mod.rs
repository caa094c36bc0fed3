//! The pages for people: the table below lists all of them.
//!
//! Threat: a page of another site that makes a person's browser act here; a page that forgets to check who opens it; text
//! from outside that becomes part of a page. Decision: as with the API, every page is a row that says what it requires,
//! and one guard stands before each: it checks the session and, for every POST, the origin and the token of the form
//! ([`csrf`]). Templates escape on their own. There are no scripts, and the headers of every page forbid them. When
//! something fails, a handler returns a [`error::PageError`] with a message for people ([`messages`]). Rejected: the API's
//! problems as pages, whose words are for developers; a client-side application, which needs an API that cookies open.

mod administrators;
mod approval;
mod browser;
mod calendar;
mod connect;
mod cookies;
mod csrf;
mod error;
mod error_page;
mod form;
#[cfg(test)]
mod golden;
mod layout;
mod messages;
mod organisation;
mod paths;
mod settings;
mod sign_in;
mod style;
mod view;

pub(super) use error_page::as_page;

use crate::app::App;
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use cookies::FORM;
use error::PageError;
use form::FormData;
use layout::Layout;

/// What a page requires of the browser that opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAuth {
    /// Nothing: anybody may open it.
    Nothing,
    /// A session; a browser without one is redirected to the sign-in page.
    Session,
}

/// A page, or the receiver of a form.
pub struct Page {
    /// `GET`, which also answers HEAD, or `POST`, which requires the token of a form.
    pub method: &'static str,
    /// The address.
    pub path: &'static str,
    /// The requirement.
    pub auth: PageAuth,
    handler: fn() -> MethodRouter<App>,
}

const fn row(method: &'static str, path: &'static str, auth: PageAuth, handler: fn() -> MethodRouter<App>) -> Page {
    Page { method, path, auth, handler }
}

const ANYBODY: PageAuth = PageAuth::Nothing;
const PERSON: PageAuth = PageAuth::Session;

/// Every page.
pub static PAGES: &[Page] = &[
    row("GET", "/", ANYBODY, || get(settings::home)),
    row("GET", "/style/{name}", ANYBODY, || get(style::get)),
    row("GET", "/sign-in", ANYBODY, || get(sign_in::page)),
    row("POST", "/sign-in", ANYBODY, || post(sign_in::request_link)),
    row("GET", "/sign-in/sent", ANYBODY, || get(sign_in::sent)),
    row("GET", "/sign-in/{link}", ANYBODY, || get(sign_in::show_link)),
    row("POST", "/sign-in/{link}", ANYBODY, || post(sign_in::use_link)),
    row("POST", "/sign-out", PERSON, || post(sign_in::sign_out)),
    row("GET", "/settings", PERSON, || get(settings::page)),
    row("POST", "/settings/sign-out-elsewhere", PERSON, || post(settings::sign_out_elsewhere)),
    row("GET", "/settings/calendar", PERSON, || get(calendar::page)),
    row("POST", "/settings/calendar/form", PERSON, || post(calendar::submit)),
    row("POST", "/settings/calendar/connect", PERSON, || post(connect::begin)),
    row("GET", "/connect/callback/{provider}", PERSON, || get(connect::callback)),
    row("GET", "/connect/approval/{provider}", ANYBODY, || get(approval::returned)),
    row("GET", "/settings/calendar/disconnect", PERSON, || get(calendar::confirm)),
    row("POST", "/settings/calendar/disconnect", PERSON, || post(calendar::disconnect)),
    row("GET", "/settings/administrators", PERSON, || get(administrators::page)),
    row("POST", "/settings/administrators", PERSON, || post(administrators::appoint)),
    row("GET", "/settings/organisation", PERSON, || get(organisation::page)),
    row("POST", "/settings/organisation", PERSON, || post(organisation::submit)),
    row("POST", "/settings/organisation/shared", PERSON, || post(organisation::connect_shared)),
    row("POST", "/settings/organisation/remove", PERSON, || post(organisation::remove)),
];

/// The pages, each behind its guard.
pub(super) fn router(app: &App) -> Router<App> {
    PAGES.iter().fold(Router::new(), |router, page| {
        let guard = middleware::from_fn_with_state((app.clone(), page.auth), guard);
        router.route(page.path, (page.handler)().route_layer(guard))
    })
}

/// Stands before a page: finds the session, and checks that a form is ours.
async fn guard(
    State((app, auth)): State<(App, PageAuth)>,
    mut request: Request,
    next: Next,
) -> Result<Response, PageError> {
    let origin = app.config.public_origin();
    let signed_in = browser::signed_in(&app, request.headers()).await?;
    if signed_in.is_none() && auth == PageAuth::Session {
        return Ok(redirect_to_sign_in(&request));
    }
    let mut new_form_cookie = None;
    let layout = match &signed_in {
        Some(signed_in) => signed_in.layout(&app),
        // Before there is a session, the token of forms is bound to a cookie of its own.
        None => {
            let cookie = match cookies::find(request.headers(), &FORM.name(&origin)) {
                Some(cookie) => cookie.to_owned(),
                None => new_form_cookie.insert(csrf::random()?).clone(),
            };
            Layout::new(&app, csrf::token(&cookie))
        }
    };
    if request.method() == Method::POST {
        csrf::verify_origin(request.headers(), &origin)?;
        let (parts, body) = request.into_parts();
        let form = FormData::read(&parts.headers, body).await?;
        csrf::verify_token(form.field(csrf::FIELD), &layout.token)?;
        request = Request::from_parts(parts, form.into_body());
    }
    if let Some(browser::BrowserSession { session, actor, .. }) = signed_in {
        tracing::Span::current().record("session", tracing::field::display(session.id));
        request.extensions_mut().insert(session);
        request.extensions_mut().insert(actor);
    }
    request.extensions_mut().insert(layout);
    let mut response = next.run(request).await;
    // A response that shared caches may keep is the same for everybody, so it must not carry the cookie of one browser.
    let cache_control = response.headers().get(header::CACHE_CONTROL);
    let is_shared = cache_control.is_some_and(|value| value.as_bytes().starts_with(b"public"));
    if let Some(cookie) = new_form_cookie.filter(|_| !is_shared) {
        response.headers_mut().append(header::SET_COOKIE, FORM.set(&origin, &cookie));
    }
    Ok(response)
}

/// Redirects to the sign-in page, and from there back to the wanted page. The callback of a service is not returned to:
/// what a service sent with a browser is for the session in which the sign-in began.
fn redirect_to_sign_in(request: &Request) -> Response {
    if *request.method() == Method::POST || request.uri().path().starts_with(paths::CALLBACK) {
        return Redirect::to(paths::SIGN_IN).into_response();
    }
    let wanted = request.uri().path_and_query().map_or("", |path| path.as_str());
    let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    Redirect::to(&format!("{}?return-to={query}", paths::SIGN_IN)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_page_is_in_the_table_once_and_is_shown_or_receives_a_form() {
        let mut seen = BTreeSet::new();
        for page in PAGES {
            assert!(matches!(page.method, "GET" | "POST"), "{} {}", page.method, page.path);
            assert!(seen.insert((page.method, page.path)), "{} {} is there twice", page.method, page.path);
        }
    }
}
