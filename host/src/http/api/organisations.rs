//! `/v1/organisations`: the operator's list.

use crate::{
    app::App,
    auth::{Action, Actor},
    http::{
        input::{Body, Created, List, PageParams, QueryParams},
        problem::Problem,
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
#[schema(as = Organisation)]
pub(in crate::http) struct OrganisationOut {
    id: OrganisationId,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Organisation> for OrganisationOut {
    fn from(Organisation { id, name, created_at }: Organisation) -> Self {
        Self { id, name, created_at }
    }
}

/// A new organisation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewOrganisation {
    /// No other organisation has it.
    name: String,
}

/// The organisations of the deployment.
#[utoipa::path(get, path = "/v1/organisations", tag = "organisations", operation_id = "listOrganisations",
    params(PageParams), responses((status = 200, body = List<OrganisationOut>)))]
pub(in crate::http) async fn list_organisations(
    State(app): State<App>,
    actor: Actor,
    QueryParams(part): QueryParams<PageParams>,
) -> Result<Json<List<OrganisationOut>>, Problem> {
    actor.may(Action::ManageDeployment)?;
    let found = organisations::list(&app.db, &part.page::<OrganisationId>()?).await?;
    part.answer(found, |organisation| organisation.id.to_string(), OrganisationOut::from)
}

/// Makes an organisation.
#[utoipa::path(post, path = "/v1/organisations", tag = "organisations", operation_id = "addOrganisation",
    request_body = NewOrganisation, responses((status = 201, body = OrganisationOut)))]
pub(in crate::http) async fn create_organisation(
    State(app): State<App>,
    actor: Actor,
    Body(new): Body<NewOrganisation>,
) -> Result<Created<OrganisationOut>, Problem> {
    actor.may(Action::ManageDeployment)?;
    Ok(Created(organisations::add(&app.db, &new.name).await?.into()))
}
