//! `/health`: whether the service runs, and whether it can work.

use crate::{app::App, http::problem::Problem};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// The process responds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "live" }))]
pub(in crate::http) struct Liveness {
    /// Always `live`.
    status: &'static str,
}

/// The host can handle requests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "ready", "version": "0.1.0", "egress_map": false }))]
pub(in crate::http) struct Readiness {
    /// Always `ready`.
    status: &'static str,
    /// Version of the host.
    version: &'static str,
    /// Whether requests to calendar services go to simulated services (`egress.map`).
    egress_map: bool,
}

/// Checks that the process responds.
///
/// Allowed for: everybody.
#[utoipa::path(get, path = "/health", tag = "health", operation_id = "checkLiveness",
    responses((status = 200, description = "The process responds.", body = Liveness)))]
pub(in crate::http) async fn check_liveness() -> Json<Liveness> {
    Json(Liveness { status: "live" })
}

/// Checks that the host can handle requests.
///
/// The host can handle requests if its database responds.
///
/// Allowed for: everybody.
#[utoipa::path(get, path = "/health/ready", tag = "health", operation_id = "checkReadiness",
    responses((status = 200, description = "The host can handle requests.", body = Readiness)))]
pub(in crate::http) async fn check_readiness(State(app): State<App>) -> Result<Json<Readiness>, Problem> {
    app.db.read(async |tx| tx.now().await).await?;
    let egress_map = !app.config.egress.map.is_empty();
    Ok(Json(Readiness { status: "ready", version: env!("CARGO_PKG_VERSION"), egress_map }))
}
