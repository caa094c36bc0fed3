//! Everything that the API says when it cannot do what it was asked (RFC 9457).
//!
//! Problem: clients that compare sentences, and sentences that nobody can change any more because of them. Decision:
//! each kind of problem has a stable code, a status and an advice in one table, which the API itself publishes; the
//! detail is for people and may change. What is our own fault is logged and not told. Rejected: a list of codes beside
//! the code, which is true on the day on which it is written.

mod codes;
mod from_auth;
mod from_connections;
mod from_meetings;

pub use codes::Code;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// What the API says when it cannot do what it was asked.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
}

/// The body of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Where all problems are told.
    r#type: String,
    code: Code,
    title: &'static str,
    status: u16,
    /// What is special about this case; for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do.
    advice: &'static str,
}

impl Problem {
    /// A problem that needs no more words.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None }
    }

    /// A problem, and what is special about this case. No secret, and nothing of another organisation.
    #[must_use]
    pub fn detailed(code: Code, detail: impl ToString) -> Self {
        Self { code, detail: Some(detail.to_string()) }
    }

    /// Our own fault: the operator learns it, the caller does not.
    #[must_use]
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(Code::Internal)
    }

    /// What kind of problem it is.
    pub(super) const fn code(&self) -> Code {
        self.code
    }

    /// The status of an answer that is this.
    pub(super) const fn status(&self) -> StatusCode {
        self.code.facts().1
    }

    fn body(code: Code, detail: Option<String>) -> ProblemBody {
        let (name, status, title, advice) = code.facts();
        ProblemBody { r#type: format!("/v1/problems#{name}"), code, title, status: status.as_u16(), detail, advice }
    }
}

/// Every problem that there is.
pub(super) fn all() -> Vec<ProblemBody> {
    Code::ALL.iter().map(|code| Problem::body(*code, None)).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (_, status, ..) = self.code.facts();
        let mut response = (status, Json(Self::body(self.code, self.detail.clone()))).into_response();
        // For pages, which tell it to people.
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"chronus\""));
        }
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                tracing::error!(%error, "the database does not answer");
                Self::new(Code::Unavailable)
            }
            error => Self::internal(error),
        }
    }
}
