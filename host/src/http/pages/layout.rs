//! What is around the content of every page.

use super::{super::problem::Problem, style};
use crate::app::App;
use axum::{extract::FromRequestParts, http::request::Parts};

/// What the template around all others shows.
#[derive(Debug, Clone)]
pub(in crate::http) struct Layout {
    /// The address of the style sheet.
    pub(super) style: &'static str,
    /// Whether stand-ins are in the place of calendar services, which must not be overlooked.
    pub(super) egress_is_mapped: bool,
    /// Whether somebody has signed in.
    pub(super) signed_in: bool,
    /// For the forms of the page.
    pub(super) token: String,
}

impl Layout {
    /// For somebody who has not signed in.
    pub(super) fn new(app: &App, token: String) -> Self {
        Self { style: style::path(), egress_is_mapped: !app.config.egress.map.is_empty(), signed_in: false, token }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Layout {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal("a page without its guard"))
    }
}
