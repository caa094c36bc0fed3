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
        header::{Header, HeaderBuilder},
        path::Operation,
        schema::{ObjectBuilder, Type},
    },
};

/// The headers of responses of routes with a rate limit.
const RATE_LIMIT_HEADERS: [(&str, &str); 2] = [
    ("RateLimit-Policy", "The limit: its name, its quota (`q`), and the window in seconds (`w`)."),
    ("RateLimit", "What is left of the limit (`r`), and the seconds until the whole quota is available again (`t`)."),
];

/// Adds the headers of the rate limit of a route to its successful responses.
pub(super) fn add_rate_limit(operation: &mut Operation, route: &Route) {
    if route.need.rate().is_none() {
        return;
    }
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for (name, text) in RATE_LIMIT_HEADERS {
            response.headers.insert(name.to_owned(), RefOr::T(header(Type::String, text)));
        }
    }
}

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
            response = response.header("WWW-Authenticate", header(Type::String, "The challenge of RFC 6750."));
        }
        if status == 429 || codes.iter().any(|code| code.retry_after().is_some()) {
            response = response.header("Retry-After", header(Type::Integer, "Seconds to wait (RFC 9110)."));
        }
        if status == 429 {
            for (name, text) in RATE_LIMIT_HEADERS {
                response = response.header(name, header(Type::String, text));
            }
        }
        operation.responses.responses.insert(status.to_string(), RefOr::T(response.build()));
    }
}

fn header(kind: Type, text: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind);
    HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build()
}

/// The codes of a route: its own, and those that follow from what the route requires.
fn codes(operation: &Operation, route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::MalformedQuery];
    if operation.request_body.is_some() {
        codes.extend([Code::MalformedBody, Code::UnsupportedMediaType, Code::TooLarge]);
    }
    if route.need != RouteAuth::Nothing {
        codes.extend([Code::Unauthenticated, Code::TooManyRequests]);
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
