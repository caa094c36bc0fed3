//! What surrounds the content of every page.

use super::{super::problem::Problem, style};
use crate::app::App;
use axum::{extract::FromRequestParts, http::request::Parts};

/// The values of the template that all others extend.
#[derive(Debug, Clone)]
pub(in crate::http) struct Layout {
    /// The address of the style sheet.
    pub(super) style: &'static str,
    /// Whether requests to calendar services go to other servers, which people must be able to see.
    pub(super) egress_is_mapped: bool,
    /// Whether a person has signed in.
    pub(super) signed_in: bool,
    /// The token of the page's forms.
    pub(super) token: String,
}

impl Layout {
    /// The layout for a browser without a session.
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

#[cfg(test)]
pub(super) mod testing {
    use super::Layout;

    /// The layout of a page of a person who has signed in.
    pub(in super::super) fn signed_in() -> Layout {
        Layout { style: "/style/STYLE.css", egress_is_mapped: false, signed_in: true, token: "TOKEN".into() }
    }
}
