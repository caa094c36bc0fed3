//! The style sheet, under a name that changes with it, so that browsers keep it for as long as they like.

use super::super::problem::{Code, Problem};
use crate::ids::digest;
use axum::{
    extract::Path,
    http::{HeaderName, header},
    response::IntoResponse,
};
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../templates/style.css");

/// As long as a name that says what is in it may be kept (RFC 8246).
const KEEP: &str = "public, max-age=31536000, immutable";

static PATH: LazyLock<String> = LazyLock::new(|| format!("/style/{}.css", &digest(TEXT)[..16]));

/// Its address.
pub(super) fn path() -> &'static str {
    &PATH
}

/// The style sheet, by the name that it has now.
pub(super) async fn get(Path(name): Path<String>) -> Result<impl IntoResponse, Problem> {
    if format!("/style/{name}") != *PATH {
        return Err(Problem::new(Code::NotFound));
    }
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, KEEP)];
    Ok((headers, TEXT))
}
