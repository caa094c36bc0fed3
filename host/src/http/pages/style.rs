//! The style sheet, under a name that changes with its content, so that browsers can cache it for ever.

use super::{error::PageError, messages::Message};
use crate::ids::digest;
use axum::{
    extract::Path,
    http::{HeaderName, header},
    response::IntoResponse,
};
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../templates/style.css");

/// The name changes with the content, so the response is immutable (RFC 8246).
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

static PATH: LazyLock<String> = LazyLock::new(|| format!("/style/{}.css", &digest(TEXT)[..16]));

/// The address of the style sheet.
pub(super) fn path() -> &'static str {
    &PATH
}

/// The style sheet, under its current name only.
pub(super) async fn get(Path(name): Path<String>) -> Result<impl IntoResponse, PageError> {
    if format!("/style/{name}") != *PATH {
        return Err(Message::NotFound.into());
    }
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, CACHE_CONTROL)];
    Ok((headers, TEXT))
}
