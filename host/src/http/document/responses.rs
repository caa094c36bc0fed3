//! The error responses of an operation: one for each status, with the codes that the operation can answer with.

use crate::http::{
    middleware::auth::RouteAuth,
    problem::{Code, ProblemBody},
    routes::Route,
};
use std::collections::BTreeMap;
use utoipa::{
    ToSchema as _,
    openapi::{
        Content, Ref, RefOr, ResponseBuilder,
        extensions::ExtensionsBuilder,
        header::HeaderBuilder,
        path::Operation,
        schema::{ObjectBuilder, Type},
    },
};

/// Adds the error responses of a route to its operation.
pub(super) fn add_problems(operation: &mut Operation, route: &Route) {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes(operation, route) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let lines = codes.iter().map(|code| format!("- `{}`: {}", code.name(), code.title()));
        let content = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
        let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
        let mut response = ResponseBuilder::new()
            .description(lines.collect::<Vec<_>>().join("\n"))
            .content("application/problem+json", content)
            .extensions(Some(ExtensionsBuilder::new().add("x-problem-codes", names).build()));
        if status == 401 {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let header = HeaderBuilder::new().schema(Some(text)).description(Some("The challenge of RFC 6750."));
            response = response.header("WWW-Authenticate", header.build());
        }
        if codes.iter().any(|code| code.retry_after().is_some()) {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            let header = HeaderBuilder::new().schema(Some(number)).description(Some("Seconds to wait (RFC 9110)."));
            response = response.header("Retry-After", header.build());
        }
        operation.responses.responses.insert(status.to_string(), RefOr::T(response.build()));
    }
}

/// The codes of a route: its own, and those that follow from what the route requires.
fn codes(operation: &Operation, route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::MalformedQuery];
    if operation.request_body.is_some() {
        codes.extend([Code::MalformedBody, Code::UnsupportedMediaType, Code::TooLarge]);
    }
    if route.need != RouteAuth::Nothing {
        codes.push(Code::Unauthenticated);
    }
    if matches!(route.need, RouteAuth::Scope(_)) {
        codes.push(Code::ScopeMissing);
    }
    if route.path.contains('{') {
        codes.push(Code::NotFound);
    }
    codes.extend(route.codes);
    codes.extend([Code::Timeout, Code::Unavailable, Code::Internal]);
    codes.sort_unstable();
    codes.dedup();
    codes
}
