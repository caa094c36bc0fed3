//! What a form was filled in with.
//!
//! Threat: a password that stays in a log or in an error; a field given twice, of which one part of us reads the first
//! and another the last. Decision: it is not printed, and a field that is there twice is not there.

use super::super::{
    input::LARGEST_BODY,
    problem::{Code, Problem},
};
use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use std::sync::Arc;

/// The fields of a form that was sent. Cheap to clone, and not printed.
#[derive(Clone)]
pub(in crate::http) struct FormData(Arc<Vec<(String, String)>>);

impl FormData {
    /// Reads a body.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::new(Code::ForeignForm));
        }
        let bytes = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|_| Problem::new(Code::TooLarge))?;
        Ok(Self(Arc::new(url::form_urlencoded::parse(&bytes).into_owned().collect())))
    }

    /// A field; none if it is not there, or twice.
    pub(in crate::http) fn text(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| &**value);
        let (value, None) = (found.next()?, found.next()) else { return None };
        Some(value)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FormData {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::internal("a page that is not sent to has no form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn filled(kind: &'static str, body: &'static str) -> Result<FormData, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        FormData::read(&headers, body.into()).await
    }

    #[tokio::test]
    async fn a_form_is_read_and_what_is_double_is_not_there() {
        let form = filled("application/x-www-form-urlencoded; charset=UTF-8", "a=1+%C5%BE&b=2&b=3&c=").await;
        let Ok(form) = form else { panic!("refused") };
        assert_eq!((form.text("a"), form.text("b"), form.text("c")), (Some("1 ž"), None, Some("")));
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=a"] {
            assert!(filled(kind, "a=1").await.is_err(), "{kind}");
        }
    }
}
