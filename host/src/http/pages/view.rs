//! From a template to an answer, and what a browser may do with it.
//!
//! A page may load our style sheet and send forms to us, and nothing else: no script, no picture, no frame around it
//! (CSP Level 3). A form whose answer leads to another site, as the button to sign in at a service does, names that site
//! ([`View::form_action_origins`]): browsers hold the whole way of a form against the policy, and not only its first step.

use super::super::problem::Problem;
use crate::plugins::egress::Origin;
use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use std::fmt::Write as _;

/// A page, filled in.
pub(in crate::http) struct View<T> {
    template: T,
    status: StatusCode,
    form_action_origins: Vec<Origin>,
}

impl<T: Template> View<T> {
    pub(in crate::http) const fn new(template: T) -> Self {
        Self { template, status: StatusCode::OK, form_action_origins: Vec::new() }
    }

    /// With another status.
    pub(in crate::http) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Where forms of the page may lead to, beside here.
    pub(in crate::http) fn form_action_origins(self, form_action_origins: Vec<Origin>) -> Self {
        Self { form_action_origins, ..self }
    }
}

impl<T: Template> IntoResponse for View<T> {
    fn into_response(self) -> Response {
        let Self { template, status, form_action_origins } = self;
        match template.render() {
            Ok(text) => {
                let mut response = (status, Html(text)).into_response();
                secure(response.headers_mut(), &form_action_origins);
                response
            }
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// Puts the headers of a page on it.
pub(super) fn secure(headers: &mut HeaderMap, form_action_origins: &[Origin]) {
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    for origin in form_action_origins {
        // Writing to a string cannot fail.
        let _ = write!(policy, " {origin}");
    }
    // An origin holds nothing that a header could not.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        // To ourselves it is told, or forms would come from nowhere (Fetch §3.2).
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_here_and_where_the_page_says() {
        let mut headers = HeaderMap::new();
        secure(&mut headers, &["https://service.example".parse().unwrap()]);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.ends_with("; form-action 'self' https://service.example"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("script"), "{policy}");
    }
}
