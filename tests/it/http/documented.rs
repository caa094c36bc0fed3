//! Whether an answer of the API is one that its OpenAPI document lists for the operation.

use anyhow::{Context, ensure};
use serde_json::Value;

/// The answer to a request with this status and problem code is in the document. Requests that no operation matches are
/// left out.
pub(super) fn is_documented(
    document: &Value,
    method: &str,
    address: &str,
    status: u16,
    code: Option<&str>,
) -> anyhow::Result<()> {
    let path = address.split('?').next().unwrap_or_default();
    let paths = document["paths"].as_object().context("the document has no paths")?;
    // A path without an id in braces goes before one with it, as in the router.
    let mut templates: Vec<_> = paths.keys().filter(|template| matches(template, path)).collect();
    templates.sort_by_key(|template| template.matches('{').count());
    let Some(operation) = templates.first().and_then(|template| paths[*template].get(method.to_lowercase())) else {
        return Ok(());
    };
    let response = &operation["responses"][status.to_string()];
    ensure!(response.is_object(), "{method} {path}: the document does not list {status}");
    if let Some(code) = code {
        let codes = response["x-problem-codes"].as_array().context("a problem without codes")?;
        ensure!(codes.iter().any(|one| one == code), "{method} {path}: the document does not list {status} {code}");
    }
    Ok(())
}

/// Whether a path is one of a template with ids in braces.
fn matches(template: &str, path: &str) -> bool {
    let (wanted, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(one, other)| if one.starts_with('{') { !other.is_empty() } else { one == other })
}
