//! Validators find nothing in the OpenAPI document, and each rule of refusal is in its operation's description.

use crate::http::world::World;
use anyhow::{Context, ensure};
use chronus_tests::{
    peers::{self, Node, Peer, Python},
    repo_root,
};
use serde_json::{Value, json};

#[tokio::test]
async fn validators_and_generators_find_nothing() -> anyhow::Result<()> {
    if peers::left_out(&[Peer::ApiPython, Peer::ApiNode])? {
        return Ok(());
    }
    let world = World::new().await?;
    let document = world.ask("GET", "/v1/openapi.json", None)?.send().await?.has_status(200)?;
    let found = Python::of(Peer::ApiPython).await?.run("api_document.py", &[], &document).await?;
    ensure!(found == json!([]), "openapi-spec-validator: {found}");
    let found = Node::of(Peer::ApiNode).await?.run("api_document.mjs", &[], &document).await?;
    ensure!(found == json!({ "redocly": [], "typescript": [] }), "{found:#}");
    Ok(())
}

#[tokio::test]
async fn each_rule_by_which_a_good_request_is_refused_is_in_a_description() -> anyhow::Result<()> {
    let world = World::new().await?;
    let document = world.ask("GET", "/v1/openapi.json", None)?.send().await?.has_status(200)?;
    let paths = document["paths"].as_object().context("no paths")?;
    let operations: Vec<&Value> =
        paths.values().filter_map(Value::as_object).flat_map(serde_json::Map::values).collect();
    for (id, codes) in rules()?.as_object().context("no rules")? {
        for (code, sentence) in codes.as_object().context("no codes")? {
            let sentence = sentence.as_str().context("no sentence")?;
            let of = operations.iter().filter(|operation| id == "*" || operation["operationId"] == **id);
            let mut operations = of.peekable();
            ensure!(operations.peek().is_some(), "no operation {id}");
            for operation in operations {
                let description = operation["description"].as_str().unwrap_or_default().replace('\n', " ");
                ensure!(description.contains(sentence), "{id} does not say of {code}: {sentence}\n{description}");
            }
        }
    }
    Ok(())
}

/// The codes by which a request that fits the document may be refused, with the sentences that say so.
pub(super) fn rules() -> anyhow::Result<Value> {
    let path = repo_root().join("tests/peers/api_rules.json");
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}
