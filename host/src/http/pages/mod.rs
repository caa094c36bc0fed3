//! The pages for people: the whole of them is the table below.
//!
//! Threat: a page of another site that has a person's browser do something here; a page that forgot to ask who it is; a
//! text from outside that becomes part of a page. Decision: as with the API, every page is a row that says what it
//! needs, and one guard stands before each: the session, and for every POST where it came from and the token of its form
//! ([`csrf`]). Templates escape by themselves. There is no script at all, and the headers of every page say so. A
//! handler that cannot do what it was asked gives the API's [`Problem`], which becomes a page with the same words.
//! Rejected: a second set of errors for people; a client-side application, which needs an API that cookies open.

mod calendar;
mod client;
mod connect;
mod cookies;
mod csrf;
mod error;
mod form_data;
mod layout;
mod organisation;
mod settings;
mod sign_in;
mod style;
mod view;

pub(super) use error::as_page;
pub(super) use form_data::FormData;
pub(super) use layout::Layout;
pub(super) use view::View;

use super::problem::Problem;
use crate::{
    app::App,
    auth::{
        Actor,
        sessions::{self, Session},
    },
};
use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use cookies::{Cookie, FORM, SESSION};

/// What a page needs of whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAuth {
    /// Nothing: anybody may.
    Nothing,
    /// A browser in which somebody has signed in; without one it is led to the sign-in page.
    Session,
}

/// A page, or what the form of one sends.
pub struct Page {
    /// `GET`, which answers HEAD too, or `POST`, which needs the token of a form.
    pub method: &'static str,
    /// The address.
    pub path: &'static str,
    /// What it needs of whoever opens it.
    pub need: PageAuth,
    handler: fn() -> MethodRouter<App>,
}

const fn row(method: &'static str, path: &'static str, need: PageAuth, handler: fn() -> MethodRouter<App>) -> Page {
    Page { method, path, need, handler }
}

const ANYBODY: PageAuth = PageAuth::Nothing;
const PERSON: PageAuth = PageAuth::Session;

/// Every page there is.
pub static PAGES: &[Page] = &[
    row("GET", "/", ANYBODY, || get(settings::front)),
    row("GET", "/style/{name}", ANYBODY, || get(style::get)),
    row("GET", "/sign-in", ANYBODY, || get(sign_in::page)),
    row("POST", "/sign-in", ANYBODY, || post(sign_in::ask)),
    row("GET", "/sign-in/sent", ANYBODY, || get(sign_in::sent)),
    row("GET", "/sign-in/{link}", ANYBODY, || get(sign_in::look)),
    row("POST", "/sign-in/{link}", ANYBODY, || post(sign_in::use_up)),
    row("POST", "/sign-out", PERSON, || post(sign_in::out)),
    row("GET", "/settings", PERSON, || get(settings::page)),
    row("POST", "/settings/sign-out-elsewhere", PERSON, || post(settings::sign_out_elsewhere)),
    row("GET", "/settings/calendar", PERSON, || get(calendar::page)),
    row("POST", "/settings/calendar/form", PERSON, || post(calendar::fill_in)),
    row("POST", "/settings/calendar/connect", PERSON, || post(connect::begin)),
    row("GET", "/connect/callback/{provider}", PERSON, || get(connect::back)),
    row("GET", "/settings/calendar/disconnect", PERSON, || get(calendar::confirm)),
    row("POST", "/settings/calendar/disconnect", PERSON, || post(calendar::disconnect)),
    row("GET", "/settings/organisation", PERSON, || get(organisation::page)),
    row("POST", "/settings/organisation", PERSON, || post(organisation::fill_in)),
    row("POST", "/settings/organisation/shared", PERSON, || post(organisation::share)),
    row("POST", "/settings/organisation/remove", PERSON, || post(organisation::remove)),
];

/// Where somebody who has signed in begins.
const HOME: &str = "/settings";
/// Where somebody who has not does.
const SIGN_IN: &str = "/sign-in";

/// The pages, each behind its guard.
pub(super) fn router(app: &App) -> Router<App> {
    PAGES.iter().fold(Router::new(), |router, page| {
        let guard = middleware::from_fn_with_state((app.clone(), page.need), guard);
        router.route(page.path, (page.handler)().route_layer(guard))
    })
}

/// Stands before a page: finds out who it is, and whether a form is one of ours.
async fn guard(
    State((app, need)): State<(App, PageAuth)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let here = app.config.public_origin();
    let cookie = |kind: Cookie, headers: &HeaderMap| cookies::find(headers, &kind.name(&here)).map(str::to_owned);
    let mut session = None;
    if let Some(kept) = cookie(SESSION, request.headers()) {
        session =
            sessions::authenticate(&app.db, &app.clock, &kept).await?.map(|(session, actor)| (kept, session, actor));
    }
    if session.is_none() && need == PageAuth::Session {
        return Ok(to_sign_in(&request));
    }
    // What the forms' token is bound to: the session, or before there is one a cookie of its own.
    let (bound, new) = match (&session, cookie(FORM, request.headers())) {
        (Some((kept, ..)), _) => (kept.clone(), false),
        (None, Some(kept)) => (kept, false),
        (None, None) => (csrf::random()?, true),
    };
    let token = csrf::token(&bound);
    if request.method() == Method::POST {
        csrf::same_origin(request.headers(), &here)?;
        let (parts, body) = request.into_parts();
        let filled = FormData::read(&parts.headers, body).await?;
        csrf::verify_token(filled.text(csrf::FIELD), &token)?;
        request = Request::from_parts(parts, axum::body::Body::empty());
        request.extensions_mut().insert(filled);
    }
    let mut layout = Layout::new(&app, token);
    if let Some((_, session, actor)) = session {
        tracing::Span::current().record("session", tracing::field::display(session.id));
        layout.signed_in = true;
        request.extensions_mut().insert(session);
        request.extensions_mut().insert(actor);
    }
    request.extensions_mut().insert(layout);
    let mut response = next.run(request).await;
    // What anybody may keep is the same for all, and no cookie of one browser's goes with it.
    let anybodys = response.headers().get(header::CACHE_CONTROL).is_some_and(|it| it.as_bytes().starts_with(b"public"));
    if new && !anybodys {
        response.headers_mut().append(header::SET_COOKIE, FORM.set(&here, &bound));
    }
    Ok(response)
}

/// To the sign-in page, and from there back to where it was wanted to go, as far as that is a page to look at. What a
/// service sent with a browser is for this session and no other.
fn to_sign_in(request: &Request) -> Response {
    if *request.method() == Method::POST || request.uri().path().starts_with(connect::CALLBACK) {
        return Redirect::to(SIGN_IN).into_response();
    }
    let wanted = request.uri().path_and_query().map_or("", |path| path.as_str());
    let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    Redirect::to(&format!("{SIGN_IN}?return-to={query}")).into_response()
}

/// A path of this host's to go to after signing in, or where everybody begins: an address of another host in a link to
/// our sign-in page must not become one that we lead to.
fn local(wanted: &str) -> &str {
    let fits = wanted.starts_with('/') && !wanted.starts_with("//") && wanted.len() <= 500;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~?=&%".contains(&byte);
    let is_sign_in = wanted.starts_with(SIGN_IN) || wanted == "/sign-out";
    if fits && wanted.bytes().all(plain) && !is_sign_in { wanted } else { HOME }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| Problem::internal("a page without a session asks for it"))
    }
}

/// Who asks, of whose browser this is; a page that anybody may open has nobody.
struct Somebody(Option<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for Somebody {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Actor>().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_page_stands_in_the_table_once_and_is_looked_at_or_sent_to() {
        let mut seen = BTreeSet::new();
        for page in PAGES {
            assert!(matches!(page.method, "GET" | "POST"), "{} {}", page.method, page.path);
            assert!(seen.insert((page.method, page.path)), "{} {} stands there twice", page.method, page.path);
        }
    }

    #[test]
    fn only_paths_of_this_host_are_returned_to() {
        for good in ["/settings/calendar", "/settings?a=b&c=%2F", "/"] {
            assert_eq!(local(good), good);
        }
        let long = format!("/{}", "a".repeat(500));
        for bad in [
            "",
            "settings",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nset-cookie: b",
            "/ü",
            "/sign-in",
            "/sign-in/abc",
            "/sign-out",
            "/\t/evil.example",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(local(bad), HOME, "{bad:?}");
        }
    }
}
