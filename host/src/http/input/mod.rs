//! What comes in: bodies, queries, ids in addresses, and pages of lists.
//!
//! Threat: a misspelt field that is ignored, so that the caller believes something was set; an error that repeats a
//! password which stood in the wrong place. Decision: types refuse what they do not know, and what the parser says is
//! told without the values that it found. An id that is malformed names nothing, so it is not found, like one that
//! nothing has.

mod idempotency_key;
pub(in crate::http) mod queries;

pub(in crate::http) use idempotency_key::IdempotencyKey;

use crate::{
    db::Page,
    http::problem::{Code, Problem},
};
use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr};
use utoipa::{IntoParams, ToSchema};

/// The largest body, in bytes.
pub(in crate::http) const LARGEST_BODY: usize = 256 << 10;

/// The longest page, and the usual one.
const PAGES: (u32, u32) = (200, 50);

/// A body of JSON.
pub(in crate::http) struct Body<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error {
            BytesRejection::FailedToBufferBody(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(Code::TooLarge)
            }
            _ => Problem::detailed(Code::MalformedBody, "the body ended early"),
        })?;
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| Problem::detailed(Code::MalformedBody, without_values(&error.to_string())))
    }
}

/// The parameters of a query.
pub(in crate::http) struct QueryParams<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let parsed = Query::try_from_uri(&parts.uri);
        let wrong = |said: String| Problem::detailed(Code::MalformedQuery, without_values(&said));
        parsed.map(|Query(asked)| Self(asked)).map_err(|error| wrong(error.body_text()))
    }
}

/// The ids in an address: one, or a tuple in their order.
pub(in crate::http) struct PathIds<T>(pub(in crate::http) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathIds<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parsed = Path::from_request_parts(parts, state).await;
        parsed.map(|Path(ids)| Self(ids)).map_err(|_| Problem::new(Code::NotFound))
    }
}

/// Which part of an organisation's list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListParams {
    /// Whose; an operator must say it, everybody else's token does.
    #[param(value_type = Option<String>)]
    pub(in crate::http) organisation: Option<crate::ids::OrganisationId>,
    /// What comes after this id: `next` of the page before.
    after: Option<String>,
    /// The most items: 1 to 200, and 50 if it is not said.
    limit: Option<u32>,
}

impl ListParams {
    /// Which part.
    pub(in crate::http) fn part(self) -> PageParams {
        let Self { after, limit, .. } = self;
        PageParams { after, limit }
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PageParams {
    /// What comes after this id: `next` of the page before.
    pub(in crate::http) after: Option<String>,
    /// The most items: 1 to 200, and 50 if it is not said.
    pub(in crate::http) limit: Option<u32>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct List<T> {
    items: Vec<T>,
    /// Give this as `after` for what comes next; null at the end.
    next: Option<String>,
}

impl PageParams {
    /// How many items a page of this request has.
    fn limit(&self) -> Result<u32, Problem> {
        let (longest, usual) = PAGES;
        let limit = self.limit.unwrap_or(usual);
        let error = || Problem::detailed(Code::MalformedQuery, format!("limit is a number from 1 to {longest}"));
        if (1..=longest).contains(&limit) { Ok(limit) } else { Err(error()) }
    }

    /// The page to fetch: one more than is shown, which tells whether there is a next one.
    pub(in crate::http) fn page<Id: FromStr + Display>(&self) -> Result<Page, Problem> {
        let malformed = |_| Problem::detailed(Code::MalformedQuery, "after is no id that a page before gave as next");
        let after = self.after.as_deref().map(str::parse::<Id>).transpose().map_err(malformed)?;
        Ok(Page::new(after, self.limit()? + 1))
    }

    /// The answer, from what was fetched.
    pub(in crate::http) fn answer<T, U>(
        &self,
        mut found: Vec<T>,
        id: impl Fn(&T) -> String,
        shown: impl Fn(T) -> U,
    ) -> Result<Json<List<U>>, Problem> {
        let limit = self.limit()? as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(id) } else { None };
        Ok(Json(List { items: found.into_iter().map(shown).collect(), next }))
    }
}

/// 201, and what was made.
pub(in crate::http) struct Created<T>(pub(in crate::http) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

/// What a parser says, without the values that it found: there may be a secret among them.
fn without_values(said: &str) -> String {
    // `invalid type: string "…", expected …`, and `unknown variant `…`, expected …`: what was found comes before the
    // first comma that the parser wrote itself, which is the last one that `expected` follows.
    let told = ["invalid type: ", "invalid value: ", "unknown variant "].iter().find_map(|kind| {
        let (before, rest) = said.split_once(kind)?;
        let (_, expected) = rest.rsplit_once(", expected ")?;
        Some(format!("{before}{kind}…, expected {expected}"))
    });
    told.unwrap_or_else(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Role;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Form {
        name: String,
        role: Option<Role>,
        count: Option<u8>,
        id: Option<crate::ids::PersonId>,
        at: Option<jiff::Timestamp>,
    }

    proptest::proptest! {
        #[test]
        fn no_error_repeats_any_value(before in ".*", after in ".*", field in "role|count|id|at|name") {
            let value = serde_json::json!(format!("{before}hunter22{after}"));
            let value = if field == "name" { serde_json::json!([value]) } else { value };
            let body = serde_json::json!({ "name": "a", field: value }).to_string();
            let error = serde_json::from_str::<Form>(&body).unwrap_err().to_string();
            let told = without_values(&error);
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
            let error = serde_json::from_str::<Form>(body).unwrap_err().to_string();
            let told = without_values(&error);
            assert!(!told.contains("hunter22"), "{body}: {told}");
        }
        let error = serde_json::from_str::<Form>(r#"{"nam": "a"}"#).unwrap_err().to_string();
        assert_eq!(without_values(&error), error);
    }
}
