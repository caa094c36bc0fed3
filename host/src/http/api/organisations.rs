//! `/v1/organisations`: organisations of the deployment.

use super::responses::Created;
use crate::{
    app::App,
    auth::{Action, Actor},
    http::{
        input::{Body, List, PageParams, QueryParams},
        problem::Problem,
        schema::list_schema,
    },
    ids::OrganisationId,
    organisations::{self, Organisation},
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An organisation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organisation, example = json!({
    "id": "0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e65", "name": "Example", "created_at": "2026-11-23T09:00:00Z"
}))]
pub(in crate::http) struct OrganisationOut {
    id: OrganisationId,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

list_schema!(OrganisationList of OrganisationOut);

impl From<Organisation> for OrganisationOut {
    fn from(Organisation { id, name, created_at }: Organisation) -> Self {
        Self { id, name, created_at }
    }
}

/// A new organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Example" }))]
pub(in crate::http) struct NewOrganisation {
    /// Unique in the deployment; one line without a space at either end.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
    )]
    name: String,
}

/// Lists the organisations of the deployment.
///
/// Allowed for: operators.
#[utoipa::path(get, path = "/v1/organisations", tag = "organisations", operation_id = "listOrganisations",
    params(PageParams),
    responses((status = 200, description = "A page of organisations, the oldest first.", body = OrganisationList)))]
pub(in crate::http) async fn list_organisations(
    State(app): State<App>,
    actor: Actor,
    QueryParams(page): QueryParams<PageParams>,
) -> Result<Json<List<OrganisationOut>>, Problem> {
    actor.may(Action::ManageDeployment)?;
    let rows = organisations::list(&app.db, &page.rows::<OrganisationId>()?).await?;
    page.list(rows, |organisation| organisation.id.to_string(), OrganisationOut::from)
}

/// Creates an organisation.
///
/// No other organisation may have the same name.
///
/// Allowed for: operators.
#[utoipa::path(post, path = "/v1/organisations", tag = "organisations", operation_id = "createOrganisation",
    request_body = NewOrganisation,
    responses((status = 201, description = "The organisation was created.", body = OrganisationOut)))]
pub(in crate::http) async fn create_organisation(
    State(app): State<App>,
    actor: Actor,
    Body(new): Body<NewOrganisation>,
) -> Result<Created<OrganisationOut>, Problem> {
    actor.may(Action::ManageDeployment)?;
    Ok(Created::new(organisations::add(&app.db, &actor.author(), &new.name).await?.into()))
}
