//! `/v1/openapi.json` and `/v1/problems`: the API describes itself.

use crate::http::{
    input::PathIds,
    problem::{Code, Problem, ProblemBody},
};
use askama::Template;
use axum::{
    Extension, Json,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use std::sync::Arc;

/// The OpenAPI document as JSON. It stays the same for as long as the host runs.
#[derive(Debug, Clone)]
pub(in crate::http) struct Document(Arc<str>);

impl From<String> for Document {
    fn from(json: String) -> Self {
        Self(json.into())
    }
}

/// Gets this OpenAPI document.
///
/// Allowed for: everybody.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "about", operation_id = "getOpenApiDocument",
    responses((status = 200, description = "The OpenAPI 3.1 document of this API.", body = Object)))]
pub(in crate::http) async fn get_document(Extension(document): Extension<Document>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.0.as_ref().to_owned()).into_response()
}

/// Lists all problems.
///
/// Allowed for: everybody.
#[utoipa::path(get, path = "/v1/problems", tag = "about", operation_id = "listProblems",
    responses((status = 200, description = "All problems, each with its code, status and advice.",
        body = Vec<ProblemBody>)))]
pub(in crate::http) async fn list_problems() -> Json<Vec<ProblemBody>> {
    Json(Code::ALL.iter().map(|code| ProblemBody::from(&Problem::new(*code))).collect())
}

/// Gets a problem by its code.
///
/// The `type` of every problem links to this. Browsers get a page.
///
/// Allowed for: everybody.
#[utoipa::path(get, path = "/v1/problems/{code}", tag = "about", operation_id = "getProblem",
    params(("code" = Code, Path, description = "Code of the problem.")),
    responses((status = 200, description = "The problem.", content(
        (ProblemBody = "application/json"), (String = "text/html")))))]
pub(in crate::http) async fn get_problem(
    PathIds(code): PathIds<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let code = Code::from_name(&code).ok_or(Problem::new(Code::NotFound))?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accept.contains("text/html") {
        let page = CodePage { name: code.name(), code }.render().map_err(Problem::internal)?;
        let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        ([policy], Html(page)).into_response()
    } else {
        Json(ProblemBody::from(&Problem::new(code))).into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// The page that explains a code.
#[derive(Template)]
#[template(path = "problem_code.html")]
struct CodePage {
    name: &'static str,
    code: Code,
}
