//! Lists come in pages: each response holds `next`, which the following request sends as `after`.

use crate::{
    db::Page,
    http::problem::{Code, FieldError, Problem},
    ids::OrganisationId,
};
use axum::Json;
use serde::{Deserialize, Serialize};
use std::{fmt::Display, str::FromStr};
use utoipa::IntoParams;

/// The largest page.
const LARGEST_PAGE: u32 = 200;

/// The size of a page for which the request names none.
const USUAL_PAGE: u32 = 50;

/// Parameters of an organisation's list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ListParams {
    /// The organisation; required for an operator token, and otherwise the token's own.
    #[param(value_type = Option<String>, format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    pub(in crate::http) organisation: Option<OrganisationId>,
    /// `next` of the previous page.
    #[param(format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    after: Option<String>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

impl ListParams {
    /// The part of the list.
    pub(in crate::http) fn page(self) -> PageParams {
        let Self { after, limit, .. } = self;
        PageParams { after, limit }
    }
}

/// Parameters of every list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PageParams {
    /// `next` of the previous page.
    #[param(format = "uuid", pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    pub(in crate::http) after: Option<String>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(in crate::http) limit: Option<u32>,
}

/// A page of a list. Its schema is one of `document::lists`.
#[derive(Debug, Serialize)]
pub(in crate::http) struct List<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl PageParams {
    fn limit(&self) -> Result<u32, Problem> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if (1..=LARGEST_PAGE).contains(&limit) {
            return Ok(limit);
        }
        let error = FieldError::in_query("limit", format!("must be a number from 1 to {LARGEST_PAGE}"));
        Err(Problem::with_errors(Code::MalformedQuery, vec![error]))
    }

    /// The rows to fetch: one more than the response shows, which tells whether there is a next page.
    pub(in crate::http) fn rows<Id: FromStr + Display>(&self) -> Result<Page, Problem> {
        let error = |_| {
            let error = FieldError::in_query("after", "must be the `next` of a page");
            Problem::with_errors(Code::MalformedQuery, vec![error])
        };
        let after = self.after.as_deref().map(str::parse::<Id>).transpose().map_err(error)?;
        Ok(Page::new(after, self.limit()? + 1))
    }

    /// The response, made from the rows that were fetched.
    pub(in crate::http) fn list<T, U>(
        &self,
        mut rows: Vec<T>,
        id: impl Fn(&T) -> String,
        show: impl Fn(T) -> U,
    ) -> Result<Json<List<U>>, Problem> {
        let limit = self.limit()? as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(id) } else { None };
        Ok(Json(List { items: rows.into_iter().map(show).collect(), next }))
    }
}
