//! The browser that a request comes from: its session, the person who signed in there, and what handlers need of it.

use super::{
    super::problem::Problem,
    cookies::{self, SESSION},
    csrf,
    layout::Layout,
};
use crate::{
    app::App,
    auth::{
        Actor,
        sessions::{self, Session},
    },
    oauth::code_grant::Browser,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

/// A browser with a session.
pub(super) struct BrowserSession {
    pub(super) cookie: String,
    pub(super) session: Session,
    pub(super) actor: Actor,
}

impl BrowserSession {
    /// The layout of this browser's pages.
    pub(super) fn layout(&self, app: &App) -> Layout {
        Layout { signed_in: true, ..Layout::new(app, csrf::token(&self.cookie)) }
    }
}

/// Finds the session of a browser.
pub(super) async fn signed_in(app: &App, headers: &HeaderMap) -> sqlx::Result<Option<BrowserSession>> {
    let Some(cookie) = cookies::find(headers, &SESSION.name(&app.config.public_origin())) else { return Ok(None) };
    let found = sessions::authenticate(&app.db, &app.clock, cookie).await?;
    Ok(found.map(|(session, actor)| BrowserSession { cookie: cookie.to_owned(), session, actor }))
}

/// The browser of a session, for a sign-in at a calendar service.
pub(super) fn oauth_browser(session: &Session) -> Browser {
    Browser { session: session.id, organisation: session.organisation, person: session.person }
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| Problem::internal("a page without a session needs one"))
    }
}

/// The person who signed in, or nobody on a page that anybody may open.
pub(super) struct OptionalActor(pub(super) Option<Actor>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalActor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Actor>().cloned()))
    }
}
