//! The OpenAPI document and the list of problems match the routes and the code.

use super::world::World;
use anyhow::{Context, ensure};
use chronus_host::http::{ROUTES, RouteAuth};
use chronus_tests::repo_root;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

#[tokio::test]
async fn the_description_has_every_route_and_every_problem() -> anyhow::Result<()> {
    let world = World::new().await?;
    let document = world.ask("GET", "/v1/openapi.json", None)?.send().await?.has_status(200)?;
    let mut operations = 0;
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let what = format!("{} {}: {operation}", route.method, route.path);
        ensure!(operation["operationId"].is_string() && operation["summary"].is_string(), "{what}");
        let wanted = match route.need {
            RouteAuth::Nothing => serde_json::json!([]),
            RouteAuth::Token => serde_json::json!([{ "token": [] }]),
            RouteAuth::Scope(scope) => serde_json::json!([{ "token": [scope] }]),
        };
        ensure!(operation["security"] == wanted, "{what}");
        let responses = operation["responses"].as_object().with_context(|| what.clone())?;
        for (status, response) in responses {
            ensure!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{status}: {what}");
            let codes = response["x-problem-codes"].as_array().is_some_and(|codes| !codes.is_empty());
            ensure!(codes != status.starts_with(['2', '3']), "{status}: {what}");
        }
        ensure!(operation["requestBody"].is_object() == matches!(route.method, "POST" | "PUT" | "PATCH"), "{what}");
        for name in route.path.split(['{', '}']).skip(1).step_by(2) {
            let parameters = operation["parameters"].as_array().with_context(|| what.clone())?;
            ensure!(parameters.iter().any(|one| one["name"] == name && one["in"] == "path"), "{name}: {what}");
        }
        operations += 1;
    }
    let described = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let described: usize = described.filter_map(Value::as_object).map(serde_json::Map::len).sum();
    ensure!(described == operations, "{described} operations are described, and there are {operations}");
    let mut dangling = BTreeSet::new();
    references(&document, &document, &mut dangling);
    ensure!(dangling.is_empty(), "the description names what it does not hold: {dangling:?}");

    let problems = world.ask("GET", "/v1/problems", None)?.send().await?.has_status(200)?;
    let problems = problems.as_array().context("no list")?;
    let codes: Vec<_> = problems.iter().map(|problem| problem["code"].clone()).collect();
    let told = &document["components"]["schemas"]["ProblemCode"];
    ensure!(told["enum"] == Value::Array(codes.clone()), "the codes differ: {told}");
    let roles = &document["components"]["schemas"]["Role"]["enum"];
    ensure!(*roles == serde_json::json!(["participant", "global-admin"]), "{roles}");
    // No code is listed that the API never uses.
    let source = source(&repo_root().join("host/src/http"))?;
    for code in codes.iter().filter_map(Value::as_str) {
        let name: String = code.split('-').map(capital).collect();
        ensure!(source.contains(&format!("Code::{name}")), "nothing says `{code}`");
    }
    Ok(())
}

/// The content of all files in a folder.
fn source(folder: &Path) -> anyhow::Result<String> {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        all += &if path.is_dir() { source(&path)? } else { std::fs::read_to_string(path)? };
    }
    Ok(all)
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Collects references to schemas that do not exist.
fn references(value: &Value, document: &Value, dangling: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let found = reference.strip_prefix('#').and_then(|path| document.pointer(path));
                if found.is_none() {
                    dangling.insert(reference.clone());
                }
            }
            fields.values().for_each(|field| references(field, document, dangling));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, document, dangling)),
        _ => {}
    }
}

#[tokio::test]
async fn what_is_nowhere_is_a_problem_too() -> anyhow::Result<()> {
    let world = World::new().await?;
    let token = Some(&*world.ours.integration);
    for address in ["/v1", "/v1/", "/v1/persons", "/v1/people/", "/v1/people/a/b", "/v1/%00", "/health/"] {
        world.ask("GET", address, token)?.send().await?.is_problem(404, "not-found")?;
    }
    for (method, address) in [("PATCH", "/v1/people"), ("DELETE", "/health"), ("POST", "/v1/me"), ("OPTIONS", "/v1/me")]
    {
        let answer = world.ask(method, address, token)?.send().await?;
        answer.is_problem(405, "method-not-allowed")?;
        ensure!(answer.headers.contains_key("allow"), "{method} {address}: which methods then?");
    }
    // Pages of other sites cannot read responses: there are no CORS headers.
    let ask = world.ask("GET", "/v1/me", token)?.header("origin", "https://other.example");
    let answer = ask.send().await?;
    answer.has_status(200)?;
    ensure!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{:?}", answer.headers);
    ensure!(answer.headers["cache-control"] == "no-store" && answer.headers["x-content-type-options"] == "nosniff");
    Ok(())
}
