//! The `WWW-Authenticate` header of responses to refused tokens (RFC 6750 §3).

use super::{CHALLENGE, Problem};
use crate::auth::Scope;
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

/// Why a token was refused.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) enum BearerError {
    /// The token is unknown, expired or revoked.
    InvalidToken,
    /// The token lacks this scope.
    InsufficientScope(Scope),
}

/// The problem as a response that says why the token was refused.
pub(in crate::http) fn challenge(problem: Problem, error: BearerError) -> Response {
    let value = match error {
        BearerError::InvalidToken => format!("{CHALLENGE}, error=\"invalid_token\""),
        BearerError::InsufficientScope(scope) => {
            format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{scope}\"")
        }
    };
    let mut response = problem.into_response();
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
