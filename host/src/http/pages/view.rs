//! Renders a template as a response, with the security headers of a page.
//!
//! A page can load our style sheet and send forms to us, and nothing else: no scripts, no images, no framing (CSP
//! Level 3). A form that is redirected to another site, such as the button to sign in at a service, needs the origin of
//! that site ([`View::form_action_origins`]), because browsers check redirects of a form against the policy, too.

use super::super::problem::Problem;
use crate::plugins::egress::Origin;
use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

/// A page that is ready to be rendered.
pub(in crate::http) struct View<T> {
    template: T,
    status: StatusCode,
    form_action_origins: Vec<Origin>,
}

impl<T: Template> View<T> {
    pub(in crate::http) const fn new(template: T) -> Self {
        Self { template, status: StatusCode::OK, form_action_origins: Vec::new() }
    }

    /// Sets the status.
    pub(in crate::http) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Adds origins to which forms of the page are redirected.
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

/// Sets the security headers of a page.
pub(super) fn secure(headers: &mut HeaderMap, form_action_origins: &[Origin]) {
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    for origin in form_action_origins {
        policy.push_str(&format!(" {origin}"));
    }
    // An origin has only characters that a header can have.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        // With `no-referrer`, browsers would send `Origin: null` with our own forms (Fetch §3.2).
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
    fn a_form_leads_to_this_host_and_the_origins_of_the_page() {
        let mut headers = HeaderMap::new();
        secure(&mut headers, &["https://service.example".parse().unwrap()]);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.ends_with("; form-action 'self' https://service.example"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("script"), "{policy}");
    }
}
