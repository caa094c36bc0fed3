//! Error responses of the API: problem details as of RFC 9457.
//!
//! Problem: clients that compare sentences, and sentences that can no longer be improved because of them. Decision: each
//! kind of problem has a stable code, a status, a title and an advice in one table ([`codes`]), which the API publishes
//! at `/v1/problems`; the detail says what is special about one case. `errors` names each field that must be corrected,
//! in the words of the OpenAPI document. Internal errors are logged and not disclosed. Rejected: a list of codes apart
//! from the code, which becomes wrong with the next change; a parser's own messages as details, which name Rust types.

pub(super) mod challenge;
pub(super) mod codes;
mod from_auth;
mod from_connections;
mod from_meetings;

pub use codes::Code;

use super::rate_limit_headers;
use crate::db::Outage;
use crate::rate_limits::LimitReached;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// `WWW-Authenticate` of responses to requests without a token.
const CHALLENGE: &str = "Bearer realm=\"chronus\"";

/// An error response.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    /// The rate limit that was reached.
    limit: Option<LimitReached>,
}

/// An error response: problem details as of RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/v1/problems/invalid-meeting", "code": "invalid-meeting", "title": "Invalid meeting", "status": 422,
    "detail": "title: must be one line of text",
    "errors": [{ "pointer": "/title", "detail": "must be one line of text" }],
    "advice": "Correct the field that `errors` names."
}))]
pub(super) struct ProblemBody {
    /// Link to a page that explains the code.
    #[schema(format = "uri-reference")]
    r#type: String,
    code: Code,
    /// The problem in one phrase.
    title: &'static str,
    /// The HTTP status code.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is special about this case; for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The parts of the request to correct; left out if no part is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// The step to take next.
    advice: &'static str,
}

/// A part of the request that must be corrected. It has one of `pointer`, `parameter` and `header`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct FieldError {
    /// JSON Pointer to a value in the body (RFC 6901); empty for the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<String>,
    /// Name of a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<String>,
    /// Name of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    header: Option<String>,
    /// What the value must be.
    detail: String,
}

impl FieldError {
    /// An error in the value of the body that a JSON Pointer names.
    pub(super) fn in_body(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), detail: detail.into(), ..Self::default() }
    }

    /// An error in a query parameter.
    pub(super) fn in_query(parameter: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { parameter: Some(parameter.into()), detail: detail.into(), ..Self::default() }
    }

    /// An error in a header.
    pub(super) fn in_header(header: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { header: Some(header.into()), detail: detail.into(), ..Self::default() }
    }

    /// The error as one sentence for people.
    fn sentence(&self) -> String {
        let part = match (&self.pointer, &self.parameter, &self.header) {
            (Some(pointer), ..) if pointer.is_empty() => "the body",
            (Some(pointer), ..) => pointer.trim_start_matches('/'),
            (_, Some(name), _) | (_, _, Some(name)) => name,
            (None, None, None) => return self.detail.clone(),
        };
        format!("{part}: {}", self.detail)
    }
}

impl Problem {
    /// A problem without further details.
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new(), limit: None }
    }

    /// A problem with a detail, which must not hold a secret or data of another organisation.
    pub fn detailed(code: Code, detail: impl ToString) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(code) }
    }

    /// A problem with parts of the request. The detail lists them in words.
    pub(super) fn with_errors(code: Code, errors: Vec<FieldError>) -> Self {
        let detail: Vec<_> = errors.iter().map(FieldError::sentence).collect();
        Self { detail: Some(detail.join("; ")), errors, ..Self::new(code) }
    }

    /// The same problem, which also names a part of the request.
    pub(super) fn at(mut self, error: FieldError) -> Self {
        self.errors.push(error);
        self
    }

    /// An internal error: it is logged for the operator and not disclosed to the client.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "internal error while handling a request");
        Self::new(Code::Internal)
    }

    /// The code.
    pub(super) const fn code(&self) -> Code {
        self.code
    }

    /// The rate limit that was reached.
    pub(super) const fn limit(&self) -> Option<LimitReached> {
        self.limit
    }

    /// The same problem, because of a rate limit, which the headers tell.
    pub(super) fn because_of(self, limit: LimitReached) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// What is special about this case.
    #[cfg(test)]
    pub(super) fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The HTTP status.
    pub(super) const fn status(&self) -> StatusCode {
        self.code.status()
    }
}

impl From<&Problem> for ProblemBody {
    fn from(Problem { code, detail, errors, limit: _ }: &Problem) -> Self {
        Self {
            r#type: code.link(),
            code: *code,
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail.clone(),
            errors: errors.clone(),
            advice: code.advice(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(ProblemBody::from(&self))).into_response();
        // For pages, which show the problem as HTML.
        response.extensions_mut().insert(self.clone());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        if let Some(limit) = self.limit {
            rate_limit_headers::tell_refusal(headers, limit);
        }
        if let Some(seconds) = self.code.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<LimitReached> for Problem {
    fn from(limit: LimitReached) -> Self {
        Self::detailed(Code::TooManyRequests, limit).because_of(limit)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for Problem {
    fn from(error: &sqlx::Error) -> Self {
        let Some(outage) = Outage::of(error) else { return Self::internal(error) };
        tracing::error!(%error, "{outage}");
        Self::new(Code::Unavailable)
    }
}
