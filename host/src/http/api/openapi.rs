//! The description of the API, made from the table and from the handlers' own annotations.
//!
//! Decision: whatever all operations share (the token, the problems) is added here from the row, so that no handler
//! can say it differently from what is so.

use crate::{
    http::{
        ROUTES, Route,
        middleware::auth::RouteAuth,
        problem::{self, ProblemBody},
    },
    ids::{ConnectionId, JobId, MeetingId, OrganisationId, PersonId, ProgramId, ServiceAccountId, TokenId},
};
use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use std::sync::LazyLock;
use utoipa::{
    PartialSchema as _, ToSchema as _,
    openapi::{
        Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, ResponseBuilder,
        path::{Operation, Parameter, ParameterIn, PathItem},
        schema::{ObjectBuilder, Schema, SchemaFormat, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

/// The name of the one way to say who asks.
const TOKEN: &str = "token";

/// It is the same for as long as the program runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| openapi().to_json().unwrap_or_default());

/// The description of this API, in OpenAPI 3.1.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "about", operation_id = "openapi",
    responses((status = 200, content_type = "application/json")))]
pub(in crate::http) async fn get_document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// Every problem that this API tells, with what to do about it.
#[utoipa::path(get, path = "/v1/problems", tag = "about", operation_id = "problems",
    responses((status = 200, body = Vec<ProblemBody>)))]
pub(in crate::http) async fn list_problems() -> Json<Vec<ProblemBody>> {
    Json(problem::all())
}

/// The document.
fn openapi() -> OpenApi {
    let mut components = Components::new();
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("`chronus_…`")).build();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token));
    let mut all = Paths::new();
    for route in ROUTES {
        let (own, paths, _) = (route.handler)();
        schemas.extend(own);
        for (path, mut item) in paths.paths {
            for (_, operation) in operations(&mut item) {
                complete(operation, route);
            }
            match all.paths.get_mut(&path) {
                Some(there) => there.merge_operations(item),
                None => drop(all.paths.insert(path, item)),
            }
        }
    }
    components.schemas.extend(schemas);
    let info = InfoBuilder::new().title("Chronus Calendar Host").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Keeps meetings and people's calendars in step. Times are RFC 3339 with an offset. Lists come in pages: \
             give `next` of one page as `after` for the following one. Errors are application/problem+json; their \
             `code` is stable.",
    ));
    OpenApiBuilder::new().info(info.build()).paths(all).components(Some(components)).build()
}

/// What all operations share.
fn complete(operation: &mut Operation, route: &Route) {
    let content = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
    let response = ResponseBuilder::new().description("A problem").content("application/problem+json", content);
    operation.responses.responses.insert("default".into(), RefOr::T(response.build()));
    let scopes = match route.need {
        RouteAuth::Nothing => return,
        RouteAuth::Token => Vec::new(),
        RouteAuth::Scope(scope) => vec![scope.as_str()],
    };
    operation.security = Some(vec![SecurityRequirement::new(TOKEN, scopes)]);
}

/// The operations of an address, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("GET", get), ("PUT", put), ("POST", post), ("DELETE", delete), ("PATCH", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Whether an operation of this address has parameters in a query.
pub(in crate::http) fn has_query(item: &PathItem) -> bool {
    operations(&mut item.clone()).any(|(_, operation)| {
        let in_query = |parameter: &RefOr<Parameter>| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
            RefOr::Ref(_) => false,
        };
        operation.parameters.iter().flatten().any(in_query)
    })
}

#[cfg(test)]
pub(in crate::http) fn methods(path: &str, item: &PathItem) -> Vec<(&'static str, String)> {
    operations(&mut item.clone()).map(|(method, _)| (method, path.to_owned())).collect()
}

macro_rules! ids {
    ($($name:ident)*) => {$(
        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let format = SchemaFormat::Custom("uuid".into());
                ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! { ConnectionId JobId MeetingId ServiceAccountId OrganisationId PersonId ProgramId TokenId }
