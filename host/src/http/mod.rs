//! The HTTP server: the API, whose routes are in [`routes`], and the pages for people, in [`pages`].
//!
//! Every request passes the same middleware, also one that no route matches, and every error response of the API is a
//! problem of the table in `problem`.

mod api;
mod client;
mod document;
mod input;
mod middleware;
mod pages;
mod problem;
mod rate_limit_headers;
mod routes;
mod schema;
mod server;

pub use middleware::auth::RouteAuth;
pub use pages::{PAGES, Page, PageAuth};
pub use problem::{Code, Problem};
pub use routes::{ROUTES, Route};

use crate::app::App;
use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use middleware::auth;
use std::{future::Future, io};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// Serves requests until `stop` completes, then finishes those under way.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve(app: App, listener: TcpListener, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let serving = server::serve(router(&app), listener, &app.config.proxies, stop);
    tokio::select! {
        served = serving => served,
        () = app.limiter.keep_share(&app.db) => Ok(()),
    }
}

fn router(app: &App) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let (_, paths, handler) = (route.handler)();
        let takes_query = paths.paths.values().any(document::has_query);
        let guard = auth::Guard { app: app.clone(), need: route.need, takes_query };
        let guard = from_fn_with_state(guard, auth::guard);
        router = router.route(route.path, handler.route_layer(guard));
    }
    let document = api::about::Document::from(document::json(&app.config.public_origin().to_string()));
    with_middleware(router.layer(Extension(document)).merge(pages::router(app)))
        .layer(from_fn_with_state(app.clone(), pages::as_page))
        .with_state(app.clone())
}

/// Adds the middleware of every request, also of one that no route matches.
fn with_middleware<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(|| async { Problem::new(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        // The last layer is the outermost.
        .layer(DefaultBodyLimit::max(input::LARGEST_BODY))
        .layer(from_fn(middleware::with_timeout))
        .layer(CatchPanicLayer::custom(middleware::on_panic))
        .layer(from_fn(middleware::request_id_and_log))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, extract::Request, http::StatusCode, routing::get};
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        async fn breaks() -> &'static str {
            panic!("hunter22")
        }
        let router = with_middleware(Router::<()>::new().route("/", get(breaks)));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.headers().contains_key("x-request-id"));
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter22"));
    }
}
