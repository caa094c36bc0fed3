//! Pages that say why something did not work.
//!
//! A handler returns a [`PageError`]; an answer of the layers around the pages (an unknown address, a timeout) has the
//! API's [`Problem`]. Both become a page with a message of its own ([`messages`](super::messages)). The page keeps its
//! navigation and the button to sign out, and leads back to the page that it concerns.

use super::{
    super::problem::Problem,
    browser,
    error::PageError,
    layout::Layout,
    messages::{Message, Texts},
    paths, view,
};
use crate::app::App;
use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    layout: Layout,
    texts: Texts,
    approval_link: Option<&'a str>,
    back: Back,
}

/// The page that an error leads back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    Calendar,
    Organisation,
    Settings,
    SignIn,
}

impl Back {
    fn from(path: &str, message: Message, signed_in: bool) -> Self {
        let calendar = [paths::CALENDAR, paths::CALLBACK];
        if !signed_in {
            Self::SignIn
        } else if calendar.iter().any(|page| path.starts_with(page)) {
            Self::Calendar
        } else if path.starts_with(paths::ORGANISATION) && message != Message::AdministratorsOnly {
            Self::Organisation
        } else {
            Self::Settings
        }
    }
}

/// Addresses that begin with these are the API's, whose problems stay as they are.
const API: [&str; 2] = ["/v1", "/health"];

/// Renders the errors of pages, and problems outside of the API.
pub(in crate::http) async fn as_page(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let is_api =
        API.iter().any(|api| path.strip_prefix(api).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if is_api {
        return next.run(request).await;
    }
    let without_body = *request.method() == Method::HEAD;
    let headers = request.headers().clone();
    let mut response = next.run(request).await;
    let extensions = response.extensions_mut();
    let problem = extensions.remove::<Problem>().as_ref().map(PageError::from);
    let Some(error) = extensions.remove::<PageError>().or(problem) else { return response };
    let PageError { message, service, approval_link, .. } = error;
    // If even this fails, the page is shown as to a person who has not signed in.
    let signed_in = browser::signed_in(&app, &headers).await.ok().flatten();
    let layout = signed_in.as_ref().map_or_else(|| Layout::new(&app, String::new()), |one| one.layout(&app));
    let back = Back::from(&path, message, layout.signed_in);
    let texts = message.fill_in(service.as_deref());
    let page = ErrorPage { layout, texts, approval_link: approval_link.as_deref(), back };
    let Ok(text) = page.render() else { return response };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::WWW_AUTHENTICATE);
    view::secure(headers, &[]);
    *response.body_mut() = if without_body { Body::empty() } else { text.into() };
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_leads_back_to_its_page() {
        for (path, message, signed_in, back) in [
            ("/settings/calendar/form", Message::CannotOpen, true, Back::Calendar),
            ("/connect/callback/a", Message::ConsentRefused, true, Back::Calendar),
            ("/settings/organisation", Message::AdministratorsOnly, true, Back::Settings),
            ("/settings/organisation/shared", Message::NotRegistered, true, Back::Organisation),
            ("/nowhere", Message::NotFound, true, Back::Settings),
            ("/settings/calendar/form", Message::CannotOpen, false, Back::SignIn),
            ("/sign-in/a", Message::LinkUsedUp, false, Back::SignIn),
        ] {
            assert_eq!(Back::from(path, message, signed_in), back, "{path}");
        }
    }
}
