//! From a header to somebody who asks.
//!
//! Threat: a route that forgot to ask who it is. Decision: what a route needs stands in its row of the table, the
//! guard is put before every row in one place, and a handler that wants the [`Actor`] cannot be built without it.

use crate::{
    app::App,
    auth::{Actor, AuthMethod, Scope, tokens},
    http::problem::{Code, Problem},
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};

/// What a route needs of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAuth {
    /// Nothing: anybody may.
    Nothing,
    /// A good token.
    Token,
    /// A good token with this scope.
    Scope(Scope),
}

/// Stands before a route.
#[derive(Clone)]
pub(in crate::http) struct Guard {
    pub(in crate::http) app: App,
    pub(in crate::http) need: RouteAuth,
    /// Whether the route has parameters in a query; if it has none, a query is a mistake.
    pub(in crate::http) takes_query: bool,
}

/// Does what the guard is for.
pub(in crate::http) async fn guard(
    State(Guard { app, need, takes_query }): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if !takes_query && request.uri().query().is_some_and(|query| !query.is_empty()) {
        return Err(Problem::detailed(Code::MalformedQuery, "this operation has no parameters in a query"));
    }
    if need != RouteAuth::Nothing {
        let token = bearer(request.headers()).ok_or(Problem::new(Code::Unauthenticated))?;
        let actor = tokens::authenticate(&app.db, &app.clock, token).await?;
        let actor = actor.ok_or(Problem::new(Code::Unauthenticated))?;
        if let RouteAuth::Scope(scope) = need {
            actor.require_scope(scope)?;
        }
        if let AuthMethod::Token(token) = actor.method {
            tracing::Span::current().record("token", tracing::field::display(token));
        }
        request.extensions_mut().insert(actor);
    }
    Ok(next.run(request).await)
}

/// The token of a request that has exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Self>().cloned();
        actor.ok_or_else(|| Problem::internal("a handler asks who it is, and its route does not"))
    }
}
