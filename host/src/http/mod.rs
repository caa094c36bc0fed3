//! The API: the whole of it is the table below; [`pages`] has the table of pages for people.
//!
//! Problem: an API of which nobody can say what it has, and where one route of many forgot to ask who it is. Decision:
//! every route is a row that says its method, its address and what it needs of whoever asks; the router, the guard
//! before each route, the OpenAPI document and the tests are made from the rows. A new resource is one file of
//! handlers and its rows here; a handler parses, calls one verb of the domain and shows the result. Every answer that
//! is not a success is a problem of the table in `problem`. Rejected: routers nested per resource, whose layers apply
//! to some.

mod api;
mod input;
mod middleware;
mod pages;
mod problem;

pub use middleware::auth::RouteAuth;
pub use pages::{PAGES, Page, PageAuth};
pub use problem::{Code, Problem};

use crate::{app::App, auth::Scope};
use api::{busy, connections, health, meetings, openapi, organisations, people, programs, service_accounts, tokens};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use middleware::auth;
use std::{future::Future, io, net::SocketAddr};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

/// A route of the API.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The address; ids in braces.
    pub path: &'static str,
    /// What it needs of whoever asks.
    pub need: RouteAuth,
    handler: fn() -> UtoipaMethodRouter<App>,
}

const fn row(
    method: &'static str,
    path: &'static str,
    need: RouteAuth,
    handler: fn() -> UtoipaMethodRouter<App>,
) -> Route {
    Route { method, path, need, handler }
}

const READ: RouteAuth = RouteAuth::Scope(Scope::OrganisationRead);
const WRITE: RouteAuth = RouteAuth::Scope(Scope::OrganisationWrite);
const CONNECT: RouteAuth = RouteAuth::Scope(Scope::ConnectionWrite);
const SEE_MEETINGS: RouteAuth = RouteAuth::Scope(Scope::MeetingsRead);
const CHANGE_MEETINGS: RouteAuth = RouteAuth::Scope(Scope::MeetingsWrite);

/// Every route there is.
pub static ROUTES: &[Route] = &[
    row("GET", "/health", RouteAuth::Nothing, || routes!(health::check_liveness)),
    row("GET", "/health/ready", RouteAuth::Nothing, || routes!(health::check_readiness)),
    row("GET", "/v1/openapi.json", RouteAuth::Nothing, || routes!(openapi::get_document)),
    row("GET", "/v1/problems", RouteAuth::Nothing, || routes!(openapi::list_problems)),
    row("GET", "/v1/me", RouteAuth::Token, || routes!(people::get_current_actor)),
    row("GET", "/v1/organisations", READ, || routes!(organisations::list_organisations)),
    row("POST", "/v1/organisations", WRITE, || routes!(organisations::create_organisation)),
    row("GET", "/v1/organisations/{organisation}/account", READ, || routes!(service_accounts::list_service_accounts)),
    row("PUT", "/v1/organisations/{organisation}/account", WRITE, || routes!(service_accounts::save_service_account)),
    row("DELETE", "/v1/organisations/{organisation}/account", WRITE, || {
        routes!(service_accounts::delete_service_account)
    }),
    row("POST", "/v1/organisations/{organisation}/account/probe", WRITE, || {
        routes!(service_accounts::probe_service_account)
    }),
    row("GET", "/v1/programs", READ, || routes!(programs::list_programs)),
    row("POST", "/v1/programs", WRITE, || routes!(programs::create_program)),
    row("GET", "/v1/programs/{program}", READ, || routes!(programs::get_program)),
    row("PATCH", "/v1/programs/{program}", WRITE, || routes!(programs::update_program)),
    row("GET", "/v1/programs/{program}/members/{person}", READ, || routes!(programs::get_member)),
    row("PUT", "/v1/programs/{program}/members/{person}", WRITE, || routes!(programs::set_member)),
    row("DELETE", "/v1/programs/{program}/members/{person}", WRITE, || routes!(programs::remove_member)),
    row("GET", "/v1/people", READ, || routes!(people::list_people)),
    row("POST", "/v1/people", WRITE, || routes!(people::create_person)),
    row("GET", "/v1/people/{person}", READ, || routes!(people::get_person)),
    row("GET", "/v1/people/{person}/offers", RouteAuth::Token, || routes!(connections::list_offers)),
    row("GET", "/v1/people/{person}/connection", RouteAuth::Token, || routes!(connections::get_connection)),
    row("PUT", "/v1/people/{person}/connection", CONNECT, || routes!(connections::connect_calendar)),
    row("DELETE", "/v1/people/{person}/connection", CONNECT, || routes!(connections::disconnect_calendar)),
    row("GET", "/v1/people/{person}/busy", RouteAuth::Scope(Scope::BusyRead), || routes!(busy::get_busy_times)),
    row("GET", "/v1/meetings", SEE_MEETINGS, || routes!(meetings::list_meetings)),
    row("POST", "/v1/meetings", CHANGE_MEETINGS, || routes!(meetings::create_meeting)),
    row("GET", "/v1/meetings/{meeting}", SEE_MEETINGS, || routes!(meetings::get_meeting)),
    row("PATCH", "/v1/meetings/{meeting}", CHANGE_MEETINGS, || routes!(meetings::update_meeting)),
    row("DELETE", "/v1/meetings/{meeting}", CHANGE_MEETINGS, || routes!(meetings::cancel_meeting)),
    row("GET", "/v1/tokens", READ, || routes!(tokens::list_tokens)),
    row("POST", "/v1/tokens", WRITE, || routes!(tokens::create_token)),
    row("DELETE", "/v1/tokens/{token}", WRITE, || routes!(tokens::revoke_token)),
];

/// Answers requests until `stop` is done, then ends those under way.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve(app: App, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

fn router(app: &App) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let (_, paths, handler) = (route.handler)();
        let takes_query = paths.paths.values().any(openapi::has_query);
        let guard = auth::Guard { app: app.clone(), need: route.need, takes_query };
        let guard = from_fn_with_state(guard, auth::guard);
        router = router.route(route.path, handler.route_layer(guard));
    }
    around(router.merge(pages::router(app)))
        .layer(from_fn_with_state(app.clone(), pages::as_page))
        .with_state(app.clone())
}

/// What holds for every request, also for one that no route is for.
fn around<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(|| async { Problem::new(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        // From the inside out.
        .layer(DefaultBodyLimit::max(input::LARGEST_BODY))
        .layer(from_fn(middleware::with_timeout))
        .layer(CatchPanicLayer::custom(middleware::on_panic))
        .layer(from_fn(middleware::request_id_and_log))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, extract::Request, http::StatusCode, routing::get};
    use std::collections::BTreeSet;
    use tower::ServiceExt as _;

    #[test]
    fn the_table_and_the_handlers_agree() {
        let mut seen = BTreeSet::new();
        for route in ROUTES {
            let (_, paths, _) = (route.handler)();
            let said: Vec<_> = paths.paths.iter().flat_map(|(path, item)| openapi::methods(path, item)).collect();
            assert_eq!(said, [(route.method, route.path.to_owned())], "the handler's annotation");
            assert!(seen.insert((route.method, route.path)), "{} {} stands there twice", route.method, route.path);
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        async fn breaks() -> &'static str {
            panic!("hunter22")
        }
        let router = around(Router::<()>::new().route("/", get(breaks)));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.headers().contains_key("x-request-id"));
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter22"));
    }
}
