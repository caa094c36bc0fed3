//! Why a page cannot be shown.
//!
//! A handler returns a [`PageError`], which travels in the response's extensions until it becomes a page
//! ([`error_page`](super::error_page)).

use super::{
    super::{problem::Problem, rate_limit_headers},
    messages::Message,
};
use crate::{
    connections::{ConnectError, service_accounts::AccountError},
    plugins::Remedy,
    rate_limits::LimitReached,
};
use axum::response::{IntoResponse, Response};

/// Why a page cannot be shown, or a form was not accepted.
#[derive(Debug, Clone)]
pub(in crate::http) struct PageError {
    pub(super) message: Message,
    /// The name of the calendar service, if the message is about one.
    pub(super) service: Option<String>,
    /// A page for the person's IT administrator.
    pub(super) approval_link: Option<String>,
    /// The rate limit that was reached.
    limit: Option<LimitReached>,
}

impl PageError {
    /// With the name of the calendar service.
    pub(super) fn about(self, service: &str) -> Self {
        Self { service: Some(service.to_owned()), ..self }
    }
}

impl From<Message> for PageError {
    fn from(message: Message) -> Self {
        Self { message, service: None, approval_link: None, limit: None }
    }
}

impl From<&Problem> for PageError {
    fn from(problem: &Problem) -> Self {
        Self { limit: problem.limit(), ..Self::from(Message::from(problem)) }
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        Self::from(&problem)
    }
}

impl From<sqlx::Error> for PageError {
    fn from(error: sqlx::Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<ConnectError> for PageError {
    fn from(error: ConnectError) -> Self {
        if let ConnectError::Database(error) = error {
            return error.into();
        }
        if let ConnectError::Provider(provider) = &error
            && let Some(error) = provider.database()
        {
            return Problem::from(error).into();
        }
        tracing::info!(%error, "a calendar was not connected");
        let limit = match &error {
            ConnectError::TooOften(limit) => Some(*limit),
            _ => None,
        };
        let approval_link = match &error {
            ConnectError::Consent(failure) => match &failure.remedy {
                Remedy::NeedsAdminApproval(approval) => approval.page.clone(),
                _ => None,
            },
            _ => None,
        };
        Self { message: Message::from(&error), service: None, approval_link, limit }
    }
}

impl From<AccountError> for PageError {
    fn from(error: AccountError) -> Self {
        if let AccountError::Database(error) = error {
            return error.into();
        }
        tracing::info!(%error, "an account of an organisation was not changed");
        Message::from(&error).into()
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.message.status().into_response();
        if let Some(limit) = self.limit {
            rate_limit_headers::tell_refusal(response.headers_mut(), limit);
        }
        response.extensions_mut().insert(self);
        response
    }
}
