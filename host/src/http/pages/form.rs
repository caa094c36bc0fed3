//! Forms that pages receive.
//!
//! Threat: a password that ends in a log or an error; a field that is sent twice, so that one part of the code reads the
//! first value and another part the last. Decision: the guard reads the body once and refuses a form with a field that is
//! there twice; handlers take a typed [`Form`], whose rejection repeats no value. Rejected: looking fields up by name in
//! handlers, where a misspelt name is an empty value.

use super::{super::input::LARGEST_BODY, error::PageError, messages::Message};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A form that was received, before a handler gives it a type.
pub(super) struct FormData {
    bytes: Bytes,
    fields: BTreeMap<String, String>,
}

impl FormData {
    /// Reads a body.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, PageError> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Message::ForeignForm.into());
        }
        let bytes = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|_| PageError::from(Message::TooLarge))?;
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(&bytes).into_owned() {
            if fields.insert(name, value).is_some() {
                return Err(Message::MalformedForm.into());
            }
        }
        Ok(Self { bytes, fields })
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The body as it was received, for the handler.
    pub(super) fn into_body(self) -> Body {
        self.bytes.into()
    }
}

/// The fields of a form, by type.
pub(in crate::http) struct Form<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(_) => Err(Message::MalformedForm.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &'static str, body: &'static str) -> Result<FormData, PageError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        FormData::read(&headers, body.into()).await
    }

    #[tokio::test]
    async fn a_form_is_read_and_a_field_that_is_there_twice_is_refused() {
        let kind = "application/x-www-form-urlencoded; charset=UTF-8";
        let Ok(form) = read(kind, "a=1+%C5%BE&c=").await else { panic!("refused") };
        assert_eq!((form.field("a"), form.field("b"), form.field("c")), (Some("1 ž"), None, Some("")));
        assert!(read(kind, "a=1&b=2&b=3").await.is_err());
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=a"] {
            assert!(read(kind, "a=1").await.is_err(), "{kind}");
        }
    }

    #[tokio::test]
    async fn a_form_has_its_type() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Fields {
            a: u8,
        }
        let form = async |body: &'static str| {
            let request = Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            Form::<Fields>::from_request(request.body(body.into()).unwrap(), &()).await
        };
        assert_eq!(form("a=1&form-token=b").await.map(|form| form.0).ok(), Some(Fields { a: 1 }));
        assert!(form("a=hunter22").await.is_err() && form("b=1").await.is_err());
    }
}
