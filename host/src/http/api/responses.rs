//! Success responses with headers of their own.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 201 with the resource that was created.
pub(in crate::http) struct Created<T> {
    resource: T,
    location: Option<String>,
    etag: Option<String>,
    replayed: bool,
}

impl<T> Created<T> {
    /// A resource without a path of its own.
    pub(in crate::http) const fn new(resource: T) -> Self {
        Self { resource, location: None, etag: None, replayed: false }
    }

    /// A resource at this path.
    pub(in crate::http) fn at(location: String, resource: T) -> Self {
        Self { location: Some(location), ..Self::new(resource) }
    }

    /// The same with an entity tag.
    pub(in crate::http) fn with_etag(self, etag: &str) -> Self {
        Self { etag: Some(etag.to_owned()), ..self }
    }

    /// The same, which an earlier request with the same `Idempotency-Key` created.
    pub(in crate::http) fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = with_etag(self.etag.as_deref(), (StatusCode::CREATED, Json(self.resource)));
        let headers = response.headers_mut();
        if let Some(location) = self.location.and_then(|path| HeaderValue::try_from(path).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if self.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A response with an entity tag, which is put into quotes.
pub(in crate::http) fn with_etag(etag: Option<&str>, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if let Some(etag) = etag.and_then(|etag| HeaderValue::try_from(format!("\"{etag}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
