//! `/health`: whether the service runs, and whether it can work.

use crate::{
    app::App,
    http::problem::{Code, Problem},
};
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
#[schema(example = json!({ "status": "ready", "version": "0.1.0", "egress_map": false, "oldest_due_job_seconds": null }))]
pub(in crate::http) struct Readiness {
    /// Always `ready`.
    status: &'static str,
    /// Version of the host.
    version: &'static str,
    /// Whether requests to calendar services go to simulated services (`egress.map`).
    egress_map: bool,
    /// For how many seconds the oldest job has been due that no host has begun; null if there is none.
    oldest_due_job_seconds: Option<u64>,
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
/// The host can handle requests if its database accepts a write, its key file can be read, its clock agrees with the
/// database's, and jobs that are due are begun. All of this is tried within a second.
///
/// Allowed for: everybody.
#[utoipa::path(get, path = "/health/ready", tag = "health", operation_id = "checkReadiness",
    responses((status = 200, description = "The host can handle requests.", body = Readiness)))]
pub(in crate::http) async fn check_readiness(State(app): State<App>) -> Result<Json<Readiness>, Problem> {
    let report = app.readiness.check(&app).await;
    if !report.faults.is_empty() {
        let faults: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
        return Err(Problem::detailed(Code::NotReady, faults.join("; ")));
    }
    Ok(Json(Readiness {
        status: "ready",
        version: env!("CARGO_PKG_VERSION"),
        egress_map: !app.config.egress.map.is_empty(),
        oldest_due_job_seconds: report.oldest_due.map(|age| age.as_secs()),
    }))
}
