//! Google's own description of its API, applied to every request and every answer.
//!
//! A stand-in that we write knows what we believe. The discovery document is what Google generates its clients from:
//! the methods, their parameters, the schemas of bodies. Read strictly, it finds a field that does not exist, a
//! parameter that a method does not have, a number in place of a text, in the component's requests as in our own
//! answers. Google's server ignores some of that today; a request that means nothing is a mistake all the same.
//!
//! It also says which methods there are and which scopes open them, against which the table of `methods` is held when
//! the document is read. Rejected: a library for JSON Schema. The document is not JSON Schema, and what it uses of it
//! is a page of code.

mod schema;

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use self::schema::{Checker, Direction};
use super::call::{Answer, Call};
use super::methods::{BASE, METHODS, SCOPE_PREFIX, find, matched};

/// The document, ready to be applied.
#[derive(Debug)]
pub(super) struct Discovery {
    methods: Vec<DiscoveryMethod>,
    /// Parameters of all methods.
    globals: Map<String, Value>,
    schemas: Map<String, Value>,
}

/// A method of the document.
#[derive(Debug)]
struct DiscoveryMethod {
    id: String,
    verb: String,
    path: String,
    parameters: Map<String, Value>,
    /// The names of the schemas.
    request: Option<String>,
    response: Option<String>,
    scopes: Vec<String>,
}

impl Discovery {
    /// Reads that of Google's client, which is installed if need be.
    pub(super) async fn installed() -> anyhow::Result<Self> {
        Self::read(crate::peers::calendar_description().await?)
    }

    /// Reads a document, and holds our table of methods against it.
    fn read(document: Value) -> anyhow::Result<Self> {
        let object = |name: &str| document[name].as_object().cloned().with_context(|| format!("it has no {name}"));
        let mut discovery = Self { methods: Vec::new(), globals: object("parameters")?, schemas: object("schemas")? };
        discovery.add(&object("resources")?)?;
        for method in &METHODS {
            let described = discovery.methods.iter().find(|described| described.id == method.id);
            let described = described.with_context(|| format!("it has no {}", method.id))?;
            let scopes: Vec<_> = method.scopes.iter().map(|scope| format!("{SCOPE_PREFIX}{scope}")).collect();
            if (described.verb.as_str(), described.path.as_str()) != (method.verb, method.path)
                || described.scopes != scopes
            {
                bail!("the table of methods does not say of {} what the document says: {described:?}", method.id);
            }
        }
        Ok(discovery)
    }

    fn add(&mut self, resources: &Map<String, Value>) -> anyhow::Result<()> {
        for resource in resources.values() {
            for method in resource["methods"].as_object().into_iter().flat_map(Map::values) {
                let text = |name: &str| method[name].as_str().map(str::to_owned);
                let schema = |name: &str| method[name]["$ref"].as_str().map(str::to_owned);
                let scopes = method["scopes"].as_array().into_iter().flatten();
                self.methods.push(DiscoveryMethod {
                    id: text("id").context("a method has no id")?,
                    verb: text("httpMethod").context("a method has no verb")?,
                    path: text("path").context("a method has no path")?,
                    parameters: method["parameters"].as_object().cloned().unwrap_or_default(),
                    request: schema("request"),
                    response: schema("response"),
                    scopes: scopes.filter_map(|scope| scope.as_str().map(str::to_owned)).collect(),
                });
            }
            if let Some(inner) = resource["resources"].as_object() {
                self.add(inner)?;
            }
        }
        Ok(())
    }

    fn method(&self, call: &Call) -> Option<&DiscoveryMethod> {
        let path = call.path.strip_prefix(BASE)?;
        self.methods.iter().find(|method| method.verb == call.verb.as_str() && matched(&method.path, path).is_some())
    }

    /// Looks at a request; one that is not of this API passes.
    pub(super) fn request(&self, call: &Call) -> Result<(), String> {
        if !call.path.starts_with("/calendar/") {
            return Ok(());
        }
        let line = format!("{} {}", call.verb, call.path);
        let Some(method) = self.method(call) else { return Err(format!("{line}: there is no such method")) };
        if find(&call.verb, &call.path).is_none() {
            return Err(format!("{line}: {} is not served here", method.id));
        }
        self.parameters(method, call).map_err(|wrong| format!("{line}: {wrong}"))?;
        self.body(method, call).map_err(|wrong| format!("{line}: {wrong}"))
    }

    fn parameters(&self, method: &DiscoveryMethod, call: &Call) -> Result<(), String> {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, value) in &call.query {
            let own = method.parameters.get(name).filter(|parameter| parameter["location"] == "query");
            let Some(parameter) = own.or_else(|| self.globals.get(name)) else {
                return Err(format!("{} has no parameter {name}", method.id));
            };
            schema::parameter(parameter, value).map_err(|wrong| format!("{name}={value}: {wrong}"))?;
            let times = seen.entry(name).or_default();
            *times += 1;
            if *times > 1 && parameter["repeated"] != true {
                return Err(format!("{name} is there twice"));
            }
        }
        let missing = method.parameters.iter().find(|(name, parameter)| {
            parameter["required"] == true && parameter["location"] == "query" && !seen.contains_key(name.as_str())
        });
        missing.map_or(Ok(()), |(name, _)| Err(format!("{name} is missing")))
    }

    fn body(&self, method: &DiscoveryMethod, call: &Call) -> Result<(), String> {
        let Some(schema) = &method.request else {
            return if call.body.is_empty() { Ok(()) } else { Err(format!("{} has no body", method.id)) };
        };
        let json = call.header(&CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
        if !json {
            return Err("the body is not said to be application/json".to_owned());
        }
        let body: Value = serde_json::from_slice(&call.body).map_err(|error| format!("the body: {error}"))?;
        let direction = if call.verb == http::Method::PATCH { Direction::Patch } else { Direction::Request };
        Checker { schemas: &self.schemas, direction }.named(schema, &body)?;
        let properties = self.schemas.get(schema).and_then(|schema| schema["properties"].as_object());
        for (name, property) in properties.into_iter().flatten() {
            let wanted = property["annotations"]["required"].as_array().into_iter().flatten();
            if wanted.into_iter().any(|id| id == method.id.as_str()) && body.get(name).is_none_or(Value::is_null) {
                return Err(format!("the body has no {name}, which {} needs", method.id));
            }
        }
        Ok(())
    }

    /// Looks at an answer of ours.
    pub(super) fn answer(&self, call: &Call, answer: &Answer) -> Result<(), String> {
        let line = format!("the answer {} to {} {}", answer.status, call.verb, call.path);
        let checked = match (&answer.body, self.method(call)) {
            (body, _) if !answer.status.is_success() && !answer.status.is_redirection() => {
                refusal(answer, body.as_ref())
            }
            (Some(body), Some(DiscoveryMethod { response: Some(schema), .. })) => {
                Checker { schemas: &self.schemas, direction: Direction::Answer }.named(schema, body)
            }
            (None, Some(DiscoveryMethod { response: Some(_), .. })) if answer.status.is_success() => {
                Err("no body".to_owned())
            }
            (Some(_), _) => Err("a body that the method does not have".to_owned()),
            (None, _) => Ok(()),
        };
        checked.map_err(|wrong| format!("{line}: {wrong}"))
    }
}

/// The form of refusals, which the document does not describe: code, message, and at least one error with a domain, a
/// reason and a message.
fn refusal(answer: &Answer, body: Option<&Value>) -> Result<(), String> {
    let error = &body.ok_or("no body")?["error"];
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let errors = error["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let whole = |one: &Value| ["domain", "reason", "message"].into_iter().all(|name| is_text(&one[name]));
    let right = error["code"] == answer.status.as_u16()
        && is_text(&error["message"])
        && !errors.is_empty()
        && errors.iter().all(whole);
    if right { Ok(()) } else { Err(format!("not the form of a refusal: {error}")) }
}

#[cfg(test)]
mod tests;
