//! What requests may hold: bodies, query parameters, ids in paths, headers and pages of lists.
//!
//! Threat: a misspelt field that is ignored, so that the client believes something was set; an error that repeats a
//! password from the wrong field. Decision: unknown fields and parameters are refused; all mistakes of a request are
//! listed in the words of the OpenAPI document ([`check`]) and without values. A malformed id in a path names nothing,
//! so the response is "not found", the same as for an unknown id.

mod check;
mod headers;
mod page;
pub(in crate::http) mod queries;

pub(in crate::http) use headers::{IdempotencyKey, IfMatch, IfNoneMatch};
pub(in crate::http) use page::{List, ListParams, PageParams};

use crate::http::problem::{Code, FieldError, Problem};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{header, request::Parts},
};
use check::Schemas;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, error::Category};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema, openapi::Required};

/// The largest body, in bytes.
pub(in crate::http) const LARGEST_BODY: usize = 256 << 10;

/// A JSON body.
pub(in crate::http) struct Body<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned + ToSchema> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|media_type| media_type.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error {
            BytesRejection::FailedToBufferBody(error) if error.status().as_u16() == 413 => Problem::new(Code::TooLarge),
            _ => malformed_body("the connection ended before the body was complete"),
        })?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| malformed_body(syntax_error(&error)))?;
        let mistakes = Schemas::of::<T>().check(&value);
        if !mistakes.is_empty() {
            let errors = mistakes.into_iter().map(FieldError::from).collect();
            return Err(Problem::with_errors(Code::MalformedBody, errors));
        }
        // From the bytes again: a value has lost the fields that are there twice.
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|_| malformed_body("a field appears twice, or its value is out of range"))
    }
}

fn malformed_body(detail: impl Into<String>) -> Problem {
    Problem::with_errors(Code::MalformedBody, vec![FieldError::in_body("", detail)])
}

/// Why a text is not JSON, without the text.
fn syntax_error(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("the JSON value is incomplete: it ends at {place}"),
        Category::Io | Category::Syntax | Category::Data => format!("not valid JSON at {place}"),
    }
}

/// Query parameters.
pub(in crate::http) struct QueryParams<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let errors = query_mistakes::<T>(parts.uri.query().unwrap_or_default());
        if !errors.is_empty() {
            return Err(Problem::with_errors(Code::MalformedQuery, errors));
        }
        let parsed = Query::try_from_uri(&parts.uri);
        parsed.map(|Query(parameters)| Self(parameters)).map_err(|_| Problem::new(Code::MalformedQuery))
    }
}

/// All mistakes of a query.
fn query_mistakes<T: IntoParams>(query: &str) -> Vec<FieldError> {
    let parameters = T::into_params(|| None);
    let (mut errors, mut seen) = (Vec::new(), BTreeSet::new());
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            errors.push(FieldError::in_query(name, "is not a parameter of this operation"));
            continue;
        };
        if !seen.insert(name.clone()) {
            errors.push(FieldError::in_query(name, "must be given only once"));
            continue;
        }
        let schema = serde_json::to_value(&parameter.schema).unwrap_or_default();
        let number = text.parse::<i64>().map(Value::from);
        let is_number = schema["type"].to_string().contains("integer");
        let value = number.ok().filter(|_| is_number).unwrap_or_else(|| text.clone().into_owned().into());
        let mistakes = Schemas::inline(schema).check(&value);
        errors.extend(mistakes.into_iter().map(|mistake| FieldError::in_query(name.clone(), mistake.detail)));
    }
    let required = parameters.iter().filter(|parameter| parameter.required == Required::True);
    for parameter in required.filter(|parameter| !seen.contains(parameter.name.as_str())) {
        errors.push(FieldError::in_query(&parameter.name, "is required"));
    }
    errors
}

/// The ids in a path: one, or a tuple in their order.
pub(in crate::http) struct PathIds<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathIds<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parsed = Path::from_request_parts(parts, state).await;
        parsed.map(|Path(ids)| Self(ids)).map_err(|_| Problem::new(Code::NotFound))
    }
}

/// Reads an integer that may be written as 1.0, which JSON Schema takes for one.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "compared with the original")]
pub(in crate::http) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole =
        number.as_f64().map(|number| (number, number as i64)).filter(|(number, whole)| *whole as f64 == *number);
    let integer = number.as_i64().or(whole.map(|(_, whole)| whole));
    integer.map(Some).ok_or_else(|| serde::de::Error::custom("out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::PersonId, people::Role};
    use axum::{body, http};

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Form {
        name: String,
        role: Option<Role>,
        count: Option<u8>,
        id: Option<PersonId>,
        #[schema(value_type = Option<String>, format = DateTime)]
        at: Option<jiff::Timestamp>,
        #[serde(default, deserialize_with = "integer")]
        revision: Option<i64>,
    }

    async fn read(text: &str) -> Result<Form, Problem> {
        let request = http::Request::post("/").header("content-type", "application/json");
        let request = request.body(body::Body::from(text.to_owned())).unwrap();
        Body::from_request(request, &()).await.map(|Body(form)| form)
    }

    fn detail(text: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(text)).unwrap_err().detail().unwrap_or_default().to_owned()
    }

    proptest::proptest! {
        #[test]
        fn no_error_repeats_any_value(before in ".*", after in ".*", field in "role|count|id|at|name") {
            let value = serde_json::json!(format!("{before}hunter22{after}"));
            let value = if field == "name" { serde_json::json!([value]) } else { value };
            let told = detail(&serde_json::json!({ "name": "a", field: value }).to_string());
            proptest::prop_assert!(!told.contains("hunter22"), "{told}");
        }
    }

    #[test]
    fn no_error_repeats_a_value() {
        for body in [
            r#""hunter22""#,
            r#"{"name": ["hunter22"]}"#,
            r#"{"name": {"hunter22": 1}}"#,
            r#"{"name": "a", "role": "hunter22"}"#,
            r#"{"name": "a", "role": "a`, expected hunter22"}"#,
            r#"{"name": "a", "count": "hunter22, expected \" hunter22"}"#,
            r#"{"name": "a", "id": "hunter22"}"#,
            r#"{"name": "hunter22""#,
            r#"{"name": "hunter22" "#,
            r"hunter22",
        ] {
            let told = detail(body);
            assert!(!told.contains("hunter22"), "{body}: {told}");
        }
        assert_eq!(detail(r#"{"nam": "a"}"#), "nam: is not a field of this object; name: is required");
        assert_eq!(detail(r#"{"name": "a""#), "the body: the JSON value is incomplete: it ends at line 1, column 12");
        assert_eq!(
            detail(r#"{"name": "a", "name": "b"}"#),
            "the body: a field appears twice, or its value is out of range"
        );
    }

    #[tokio::test]
    async fn a_whole_number_may_be_written_with_a_point() {
        for (text, number) in [("1", Some(1)), ("1.0", Some(1)), ("-2e0", Some(-2)), ("null", None)] {
            let form = read(&format!(r#"{{"name": "a", "revision": {text}}}"#)).await.unwrap();
            assert_eq!(form.revision, number, "{text}");
        }
        for text in ["1.5", "1e300", "\"1\""] {
            assert!(read(&format!(r#"{{"name": "a", "revision": {text}}}"#)).await.is_err(), "{text}");
        }
    }
}
