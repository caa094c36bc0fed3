//! Whether the service lives, and whether it can work.

use crate::{app::App, http::problem::Problem};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// That it lives.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Live {
    #[schema(example = "live")]
    status: &'static str,
}

/// That it can work.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
    version: &'static str,
    /// Whether requests to calendar services go to stand-ins (`egress.map`).
    egress_map: bool,
}

/// Whether this process answers.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Live)))]
pub(in crate::http) async fn check_liveness() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Whether it can work: the database answers.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses((status = 200, body = Ready)))]
pub(in crate::http) async fn check_readiness(State(app): State<App>) -> Result<Json<Ready>, Problem> {
    app.db.begin_read().await?.now().await?;
    let egress_map = !app.config.egress.map.is_empty();
    Ok(Json(Ready { status: "ready", version: env!("CARGO_PKG_VERSION"), egress_map }))
}
