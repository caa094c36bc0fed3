//! A problem as a page, with the words that the API has for it.

use super::{super::problem::Problem, layout::Layout, view};
use crate::app::App;
use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};

#[derive(Template)]
#[template(path = "error.html")]
struct ProblemPage<'a> {
    layout: Layout,
    title: &'a str,
    detail: Option<&'a str>,
    advice: &'a str,
}

/// What begins like this is the API, whose problems stay as they are.
const API: [&str; 2] = ["/v1", "/health"];

/// Makes a page of a problem, unless it is the API that was asked.
pub(in crate::http) async fn as_page(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api =
        API.iter().any(|api| path.strip_prefix(api).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let without_body = *request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>().filter(|_| !is_api) else { return response };
    // Whoever reads it may not have signed in, so that nothing stands around it that would need it.
    let layout = Layout::new(&app, String::new());
    let page = ProblemPage { layout, title: problem.title(), detail: problem.detail(), advice: problem.advice() };
    let Ok(text) = page.render() else { return response };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::WWW_AUTHENTICATE);
    view::secure(headers, &[]);
    *response.body_mut() = if without_body { Body::empty() } else { text.into() };
    response
}
