//! Authentication of API requests.
//!
//! Threat: a route that forgets to check who sends the request. Decision: what a route requires is in its row of the
//! table, one guard runs before every route, and a handler cannot extract the [`Actor`] unless the guard has run.

use crate::{
    app::App,
    auth::{Actor, AuthMethod, Principal, Scope, tokens},
    http::{
        client::ClientAddress,
        problem::{
            Code, FieldError, Problem,
            challenge::{BearerError, challenge},
        },
        rate_limit_headers,
    },
    rate_limits::Rate,
};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};

/// What a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteAuth {
    /// Nothing: the route is public.
    Nothing,
    /// A valid token.
    Token,
    /// A valid token with this scope.
    Scope(Scope),
}

impl RouteAuth {
    /// The rate limit of the route, which follows from its scope. `None` if the route has no limit.
    pub(in crate::http) const fn rate(self) -> Option<Rate> {
        match self {
            Self::Scope(Scope::BusyRead) => Some(Rate::Search),
            Self::Scope(Scope::OrganisationWrite | Scope::MeetingsWrite | Scope::ConnectionWrite) => Some(Rate::Write),
            Self::Scope(Scope::OrganisationRead | Scope::MeetingsRead | Scope::ConnectionRead)
            | Self::Token
            | Self::Nothing => None,
        }
    }
}

/// What the limits of routes count by: a person or an integration can have many tokens.
fn subject(actor: &Actor) -> String {
    match &actor.principal {
        Principal::Operator => "operators".to_owned(),
        Principal::Integration(organisation) => organisation.to_string(),
        Principal::Person { person, .. } => person.to_string(),
    }
}

/// State of the guard of one route.
#[derive(Clone)]
pub(in crate::http) struct Guard {
    pub(in crate::http) app: App,
    pub(in crate::http) need: RouteAuth,
    /// Whether the route has query parameters. If it has none, every query is refused.
    pub(in crate::http) takes_query: bool,
}

/// Rejects requests without the required token or scope.
pub(in crate::http) async fn guard(
    State(Guard { app, need, takes_query }): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if !takes_query && request.uri().query().is_some_and(|query| !query.is_empty()) {
        let name = request.uri().query().and_then(|query| query.split(['=', '&']).next()).unwrap_or_default();
        let error = FieldError::in_query(name, "this operation has no query parameters");
        return Err(Problem::with_errors(Code::MalformedQuery, vec![error]));
    }
    if need != RouteAuth::Nothing {
        let unauthenticated = Problem::new(Code::Unauthenticated);
        let Some(token) = bearer(request.headers()) else {
            // RFC 6750 §3.1: no error code for a request without credentials.
            let has_credentials = request.headers().contains_key(header::AUTHORIZATION);
            return if has_credentials {
                Ok(challenge(unauthenticated, BearerError::InvalidToken))
            } else {
                Err(unauthenticated)
            };
        };
        let Some(actor) = tokens::authenticate(&app.db, &app.clock, token).await? else {
            // After the token was looked for: others with the same address may have valid ones.
            let client = ClientAddress::of(&app, request.extensions(), request.headers())?;
            app.limiter.take(Rate::BadTokens, &client.subject())?;
            return Ok(challenge(unauthenticated, BearerError::InvalidToken));
        };
        if let RouteAuth::Scope(scope) = need
            && let Err(refused) = actor.require_scope(scope)
        {
            return Ok(challenge(refused.into(), BearerError::InsufficientScope(scope)));
        }
        if let AuthMethod::Token(token) = actor.method {
            tracing::Span::current().record("token", tracing::field::display(token));
        }
        let standing = match need.rate() {
            Some(rate) => Some(app.limiter.take(rate, &subject(&actor))?),
            None => None,
        };
        request.extensions_mut().insert(actor);
        let mut response = next.run(request).await;
        if let Some(standing) = standing {
            rate_limit_headers::tell_standing(response.headers_mut(), standing);
        }
        return Ok(response);
    }
    Ok(next.run(request).await)
}

/// The bearer token of a request with exactly one `Authorization` header.
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
        actor.ok_or_else(|| Problem::internal("a handler extracts the actor on a route without authentication"))
    }
}
