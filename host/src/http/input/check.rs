//! Checks a value against the schema that the OpenAPI document publishes for it.
//!
//! Problem: a parser stops at the first mistake, often without naming the field, and speaks of Rust types. Decision: the
//! schema of the document is checked before parsing, so that all mistakes are listed, in the words of the document and
//! without the values found, which may be secrets. Only the structure is checked here: types, required and unknown
//! fields, closed sets, ids and times. Lengths and patterns are rules of the domain, which have codes of their own.
//! Rejected: a JSON Schema library, whose messages repeat the values.

use crate::{http::problem::FieldError, ids::PersonId};
use jiff::{Timestamp, civil};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The schema of a type, with the schemas that it refers to.
pub(super) struct Schemas {
    root: Value,
    named: Map<String, Value>,
}

/// Where a value is, and what is wrong with it.
pub(super) struct Mistake {
    /// JSON Pointer from the value that is checked.
    pub(super) pointer: String,
    pub(super) detail: String,
}

impl From<Mistake> for FieldError {
    fn from(Mistake { pointer, detail }: Mistake) -> Self {
        Self::in_body(pointer, detail)
    }
}

impl Schemas {
    /// The schema of a type.
    pub(super) fn of<T: ToSchema>() -> Self {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let json = |schema| serde_json::to_value(schema).unwrap_or_default();
        Self { root: json(T::schema()), named: named.into_iter().map(|(name, schema)| (name, json(schema))).collect() }
    }

    /// A schema that refers to no others.
    pub(super) fn inline(schema: Value) -> Self {
        Self { root: schema, named: Map::new() }
    }

    /// All mistakes of a value.
    pub(super) fn check(&self, value: &Value) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        self.check_value(value, &self.root, "", &mut mistakes);
        mistakes
    }

    fn check_value(&self, value: &Value, schema: &Value, pointer: &str, mistakes: &mut Vec<Mistake>) {
        let schema = self.resolve(schema);
        let mut wrong = |detail: String| mistakes.push(Mistake { pointer: pointer.to_owned(), detail });
        if let Some(variants) = schema["oneOf"].as_array() {
            // A value that may be null.
            let other = variants.iter().find(|variant| variant["type"] != "null");
            if let Some(other) = other
                && !value.is_null()
            {
                self.check_value(value, other, pointer, mistakes);
            }
            return;
        }
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
            if !value.as_str().is_some_and(|word| words.contains(&word)) {
                wrong(format!("must be one of {}", words.join(", ")));
            }
            return;
        }
        let types: Vec<_> = match &schema["type"] {
            Value::String(name) => vec![name.as_str()],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        if !types.iter().any(|name| is_of_type(value, name)) {
            return wrong(format!("must be {}", types.iter().map(|name| words(name)).collect::<Vec<_>>().join(" or ")));
        }
        match value {
            Value::Object(fields) => self.check_fields(fields, schema, pointer, mistakes),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_value(item, &schema["items"], &format!("{pointer}/{index}"), mistakes);
                }
            }
            Value::String(text) => {
                if let Some(detail) = schema["format"].as_str().and_then(|format| format_mistake(text, format)) {
                    wrong(detail);
                }
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                let below = schema["minimum"].as_f64().is_some_and(|least| number < least);
                let above = schema["maximum"].as_f64().is_some_and(|most| number > most);
                if below || above {
                    wrong(format!("must be a number from {} to {}", schema["minimum"], schema["maximum"]));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn check_fields(&self, fields: &Map<String, Value>, schema: &Value, pointer: &str, mistakes: &mut Vec<Mistake>) {
        let at = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        let known = &schema["properties"];
        for (name, value) in fields {
            match known.get(name).or(schema.get("additionalProperties").filter(|schema| schema.is_object())) {
                Some(schema) => self.check_value(value, schema, &at(name), mistakes),
                None if schema["additionalProperties"] == false => {
                    mistakes.push(Mistake { pointer: at(name), detail: "is not a field of this object".into() });
                }
                None => {}
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in required.filter(|name| !fields.contains_key(*name)) {
            mistakes.push(Mistake { pointer: at(name), detail: "is required".into() });
        }
    }

    /// The schema that a reference names, or the schema itself.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
        name.and_then(|name| self.named.get(name)).unwrap_or(schema)
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        // As JSON Schema says, 1.0 is an integer.
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// A type in the words of error messages.
fn words(name: &str) -> &str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

/// What is wrong with a string of this format.
fn format_mistake(text: &str, format: &str) -> Option<String> {
    let mistake = match format {
        "date-time" if text.parse::<Timestamp>().is_ok() => return None,
        "date-time" if text.contains(' ') && text.replace(' ', "+").parse::<Timestamp>().is_ok() => {
            "must have its offset written with %2B: in a query, + means a space"
        }
        "date-time" if text.parse::<civil::DateTime>().is_ok() => {
            "must have an offset, as in 2026-12-01T10:00:00+01:00"
        }
        "date-time" => "must be an RFC 3339 date and time, as in 2026-12-01T10:00:00+01:00",
        "uuid" if text.parse::<PersonId>().is_ok() => return None,
        "uuid" => "must be an id, as in 0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e6f",
        _ => return None,
    };
    Some(mistake.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(serde::Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the schema matters")]
    struct Form {
        name: String,
        count: Option<u8>,
        #[schema(value_type = Option<String>, format = DateTime)]
        at: Option<Timestamp>,
        id: Option<PersonId>,
        list: Option<Vec<bool>>,
    }

    fn mistakes(value: &Value) -> Vec<(String, String)> {
        let found = Schemas::of::<Form>().check(value);
        found.into_iter().map(|mistake| (mistake.pointer, mistake.detail)).collect()
    }

    #[test]
    fn all_mistakes_are_listed() {
        assert_eq!(mistakes(&json!({ "name": "a", "count": 1.0, "at": null, "id": null, "list": [true] })), []);
        let value = json!({ "count": "7", "at": "2026-12-01T10:00:00", "id": "x", "list": [1], "a/b": 1 });
        let found = mistakes(&value);
        let found: Vec<_> = found.iter().map(|(pointer, detail)| (pointer.as_str(), detail.as_str())).collect();
        assert_eq!(
            found,
            [
                ("/a~1b", "is not a field of this object"),
                ("/at", "must have an offset, as in 2026-12-01T10:00:00+01:00"),
                ("/count", "must be an integer or null"),
                ("/id", "must be an id, as in 0190f2a4-7c1b-7cc8-9e3b-5f2a8d1c4e6f"),
                ("/list/0", "must be true or false"),
                ("/name", "is required"),
            ]
        );
        assert_eq!(mistakes(&json!([])), [(String::new(), "must be an object".into())]);
    }

    #[test]
    fn a_plus_in_a_query_is_explained() {
        let detail = format_mistake("2026-11-29T00:00:00 01:00", "date-time").unwrap();
        assert!(detail.contains("%2B"), "{detail}");
    }
}
