//! A value against a schema of the document: every field is one that the schema has, and of its type.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::{Map, Value};

/// What a value is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    /// A request in which null takes a field away.
    Patch,
    Answer,
}

/// Checks values against the schemas of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checker<'a> {
    pub(super) schemas: &'a Map<String, Value>,
    pub(super) direction: Direction,
}

impl Checker<'_> {
    /// A value against the schema of this name.
    pub(super) fn named(&self, name: &str, value: &Value) -> Result<(), String> {
        let schema = self.schemas.get(name).ok_or_else(|| format!("the document has no schema {name}"))?;
        self.value(schema, value, name)
    }

    fn value(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        if let Some(name) = schema["$ref"].as_str() {
            let inner = self.schemas.get(name).ok_or_else(|| format!("the document has no schema {name}"))?;
            return self.value(inner, value, place);
        }
        let wrong = |wanted: &str| Err(format!("{place} is {value}, and should be {wanted}"));
        match (schema["type"].as_str().unwrap_or_default(), value) {
            (_, Value::Null) if self.direction == Direction::Patch => Ok(()),
            ("any", _) | ("boolean", Value::Bool(_)) => Ok(()),
            ("object", Value::Object(object)) => self.object(schema, object, place),
            ("array", Value::Array(items)) => {
                let mut numbered = items.iter().enumerate();
                numbered.try_for_each(|(at, item)| self.value(&schema["items"], item, &format!("{place}[{at}]")))
            }
            ("string", Value::String(text)) => match text_wrong(schema, text, self.direction == Direction::Answer) {
                Some(wanted) => wrong(wanted),
                None => Ok(()),
            },
            ("integer", Value::Number(number)) => match number.as_i64() {
                Some(number) if schema["format"] != "int32" || i32::try_from(number).is_ok() => Ok(()),
                _ => wrong("a whole number of 32 bits"),
            },
            ("number", Value::Number(_)) => Ok(()),
            (wanted, _) => wrong(&format!("of the type {wanted}")),
        }
    }

    fn object(&self, schema: &Value, object: &Map<String, Value>, place: &str) -> Result<(), String> {
        for (name, value) in object {
            let place = format!("{place}.{name}");
            let known = &schema["properties"][name];
            let schema = if known.is_null() { &schema["additionalProperties"] } else { known };
            if schema.is_null() {
                return Err(format!("{place} does not exist"));
            }
            self.value(schema, value, &place)?;
        }
        // A request may leave the offset of a time to the zone beside it; nothing else may.
        let time = object.get("dateTime").and_then(Value::as_str);
        match time {
            Some(time)
                if time.parse::<Timestamp>().is_err() && !object.get("timeZone").is_some_and(Value::is_string) =>
            {
                Err(format!("{place}.dateTime is {time}, without an offset and without a timeZone"))
            }
            _ => Ok(()),
        }
    }
}

/// A query parameter's text against its description.
pub(super) fn parameter(description: &Value, text: &str) -> Result<(), String> {
    let number = || text.parse::<i64>().map_err(|_| "not a number".to_owned());
    let bound = |name: &str| description[name].as_str().and_then(|bound| bound.parse::<i64>().ok());
    match description["type"].as_str() {
        Some("boolean") if text != "true" && text != "false" => Err("neither true nor false".to_owned()),
        Some("integer") => {
            let number = number()?;
            let is_32 = description["format"] != "int32" || i32::try_from(number).is_ok();
            let within = bound("minimum").is_none_or(|least| number >= least)
                && bound("maximum").is_none_or(|most| number <= most);
            if is_32 && within { Ok(()) } else { Err("out of its range".to_owned()) }
        }
        Some("string") => match text_wrong(description, text, true) {
            Some(wanted) => Err(format!("should be {wanted}")),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What a text should have been, if it is not. `offset` says whether a time needs one.
fn text_wrong(schema: &Value, text: &str, offset: bool) -> Option<&'static str> {
    let right = match schema["format"].as_str() {
        Some("date-time") => text.parse::<Timestamp>().is_ok() || (!offset && text.parse::<DateTime>().is_ok()),
        // A date alone, which the parser would also find within a time.
        Some("date") => text.len() == 10 && text.parse::<Date>().is_ok(),
        Some("int64") => text.parse::<i64>().is_ok(),
        Some("uint64") => text.parse::<u64>().is_ok(),
        _ => true,
    };
    if !right {
        return Some(match schema["format"].as_str() {
            Some("date-time") => "a time (RFC 3339)",
            Some("date") => "a date (RFC 3339)",
            _ => "a number as text",
        });
    }
    let choices = schema["enum"].as_array();
    choices.is_some_and(|choices| !choices.iter().any(|choice| choice == text)).then_some("one of the listed values")
}
