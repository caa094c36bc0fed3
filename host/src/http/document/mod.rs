//! The OpenAPI document, made from the table of routes and from the handlers' annotations.
//!
//! Problem: a document that is written by hand, or never given to a client, is wrong. Decision: what all operations
//! share (security, problems, the required scope) is added here from the row of the table, so that no handler can
//! declare something else; generators and validators by others read the document in the tests (`tests/it/api`).

mod responses;

use super::{
    middleware::auth::RouteAuth,
    problem::ProblemBody,
    routes::{ROUTES, Route},
};
use utoipa::{
    PartialSchema as _, ToSchema as _,
    openapi::{
        Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, ServerBuilder,
        path::{Operation, Parameter, ParameterIn, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::{Tag, TagBuilder},
    },
};

/// Name of the security scheme.
const TOKEN: &str = "token";

const TITLE: &str = "Chronus Calendar Host";

const DESCRIPTION: &str = "\
Keeps meetings and people's calendars in sync.

**Times** are RFC 3339 with an offset. **Lists** come in pages: send `next` of one page as `after` for the following one.

**Errors** are problem details (RFC 9457) with the media type `application/problem+json`. Compare their `code`, which is
stable; each operation lists the codes that it can return, and `/v1/problems` lists all of them. `errors` names
the parts of the request to correct.

**Tokens** belong to a person, to an integration of an organisation, or to an operator, and have scopes. Each operation
says which scope and which role it requires. Resources of other organisations are reported as not found.

**Rate limits** apply to busy times, to changes and to invalid tokens. `RateLimit-Policy` and `RateLimit` tell the limit and
what is left; a response with 429 has `Retry-After`.

**Input** is strict: unknown fields and query parameters are refused.";

/// Tags, with their descriptions, in the order of documentation.
const TAGS: [(&str, &str); 9] = [
    ("about", "The API's description of itself."),
    ("health", "The state of the host."),
    ("organisations", "Organisations of the deployment; for operators."),
    ("service-accounts", "Accounts with which an organisation connects the calendars of its people."),
    ("programs", "Programs of an organisation, and their members."),
    ("people", "People of an organisation, and the actor behind a token."),
    ("connections", "The connected calendar of a person."),
    ("availability", "The busy times of a person."),
    ("meetings", "Meetings, which the host writes into their owner's calendar."),
];

/// The document of the host at this origin, as JSON.
pub(super) fn json(origin: &str) -> String {
    openapi(origin).to_json().unwrap_or_default()
}

fn openapi(origin: &str) -> OpenApi {
    let mut components = Components::new();
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("chronus_…");
    let token = token.description(Some("A token of a person, of an integration or of an operator.")).build();
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
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title(TITLE)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license));
    let server = ServerBuilder::new().url(origin).description(Some("This host.")).build();
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([server]))
        .tags(Some(tags()))
        .paths(all)
        .components(Some(components))
        .build()
}

fn tags() -> Vec<Tag> {
    let tokens = [("tokens", "Tokens of people, integrations and operators.")];
    let tag = |(name, text)| TagBuilder::new().name(name).description(Some(text)).build();
    TAGS.into_iter().chain(tokens).map(tag).collect()
}

/// Adds what all operations share.
fn complete(operation: &mut Operation, route: &Route) {
    responses::add_rate_limit(operation, route);
    responses::add_problems(operation, route);
    let (requirement, sentence) = match route.need {
        RouteAuth::Nothing => (vec![], String::new()),
        RouteAuth::Token => {
            (vec![SecurityRequirement::new(TOKEN, [""; 0])], "Requires a token with any scope.".to_owned())
        }
        RouteAuth::Scope(scope) => (
            vec![SecurityRequirement::new(TOKEN, [scope.as_str()])],
            format!("Requires a token with the scope `{scope}`."),
        ),
    };
    operation.security = Some(requirement);
    let description = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{description}\n\n{sentence}").trim().to_owned());
    // A summary is a title, without a full stop.
    operation.summary = operation.summary.take().map(|summary| summary.trim_end_matches('.').to_owned());
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("GET", get), ("PUT", put), ("POST", post), ("DELETE", delete), ("PATCH", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Whether an operation of this path has query parameters.
pub(super) fn has_query(item: &PathItem) -> bool {
    operations(&mut item.clone()).any(|(_, operation)| {
        let in_query = |parameter: &RefOr<Parameter>| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
            RefOr::Ref(_) => false,
        };
        operation.parameters.iter().flatten().any(in_query)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_and_the_handlers_agree() {
        let mut seen = BTreeSet::new();
        for route in ROUTES {
            let (_, paths, _) = (route.handler)();
            let methods = |(path, item): (&String, &PathItem)| -> Vec<_> {
                operations(&mut item.clone()).map(|(method, _)| (method, path.clone())).collect()
            };
            let declared: Vec<_> = paths.paths.iter().flat_map(methods).collect();
            assert_eq!(declared, [(route.method, route.path.to_owned())], "the handler's annotation");
            assert!(seen.insert((route.method, route.path)), "{} {} is there twice", route.method, route.path);
        }
    }
}
