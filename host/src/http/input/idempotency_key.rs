//! The `Idempotency-Key` header, which makes it safe to send a request twice.

use crate::http::problem::{Code, Problem};
use axum::{
    extract::FromRequestParts,
    http::{HeaderName, request::Parts},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes.
const LONGEST_KEY: usize = 200;

/// The key of a request, if it has one.
pub(in crate::http) struct IdempotencyKey(pub(in crate::http) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().ok().filter(|text| (1..=LONGEST_KEY).contains(&text.len()));
        match (text, values.next()) {
            (Some(text), None) => Ok(Self(Some(text.to_owned()))),
            _ => {
                let detail = "Idempotency-Key: once, 1 to 200 visible ASCII characters";
                Err(Problem::detailed(Code::MalformedHeader, detail))
            }
        }
    }
}
