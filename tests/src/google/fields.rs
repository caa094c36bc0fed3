//! The parameter `fields`: an answer without what nobody asked for.
//!
//! The grammar is that of Google's partial responses: names separated by commas, a path by slashes, parts of an object
//! or of each item of a list in brackets, `*` for all: `nextPageToken,items(id,start/dateTime)`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::call::{Answer, Call};
use super::errors::{ApiResult, Refusal};

/// What is wanted of each name; nothing below a name means all of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mask(BTreeMap<String, Mask>);

/// The answer with the fields that the call asks for.
pub(super) fn select(call: &Call, mut answer: Answer) -> ApiResult {
    let Some(text) = call.parameter("fields").filter(|_| answer.status.is_success()) else { return Ok(answer) };
    let invalid = || {
        let message = format!("Invalid field selection {text}");
        Refusal::bad_request("invalidParameter", message).at("parameter", "fields")
    };
    let mut rest = text;
    let mask = Mask::read(&mut rest).filter(|_| rest.is_empty()).ok_or_else(invalid)?;
    answer.body = answer.body.map(|body| mask.of(body));
    Ok(answer)
}

impl Mask {
    /// Reads until the end of the text or a bracket that closes.
    fn read(rest: &mut &str) -> Option<Self> {
        let mut mask = Self::default();
        loop {
            let (name, below) = Self::path(rest)?;
            mask.0.entry(name).or_default().0.extend(below.0);
            match rest.strip_prefix(',') {
                Some(after) => *rest = after,
                None => return Some(mask),
            }
        }
    }

    fn path(rest: &mut &str) -> Option<(String, Self)> {
        let end = rest.find(['/', ',', '(', ')']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        *rest = after;
        if name.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix('/') {
            *rest = after;
            let (below, deeper) = Self::path(rest)?;
            return Some((name.to_owned(), Self([(below, deeper)].into())));
        }
        if let Some(after) = rest.strip_prefix('(') {
            *rest = after;
            let below = Self::read(rest)?;
            *rest = rest.strip_prefix(')')?;
            return Some((name.to_owned(), below));
        }
        Some((name.to_owned(), Self::default()))
    }

    fn of(&self, value: Value) -> Value {
        match value {
            _ if self.0.is_empty() => value,
            Value::Array(items) => items.into_iter().map(|item| self.of(item)).collect(),
            Value::Object(object) => {
                let wanted = |name: &str| self.0.get(name).or_else(|| self.0.get("*"));
                let kept = object.into_iter().filter_map(|(name, value)| {
                    let value = wanted(&name)?.of(value);
                    Some((name, value))
                });
                Value::Object(kept.collect::<Map<_, _>>())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mask;
    use serde_json::json;

    #[test]
    fn what_is_asked_for_is_left() {
        let body = json!({ "a": 1, "b": { "c": 2, "d": 3 }, "items": [{ "id": 1, "x": { "y": 4, "z": 5 } }] });
        let of = |text: &str| {
            let mut rest = text;
            let mask = Mask::read(&mut rest).filter(|_| rest.is_empty())?;
            Some(mask.of(body.clone()))
        };
        assert_eq!(of("a,items(id,x/y)").unwrap(), json!({ "a": 1, "items": [{ "id": 1, "x": { "y": 4 } }] }));
        assert_eq!(of("b").unwrap(), json!({ "b": { "c": 2, "d": 3 } }));
        assert_eq!(of("b/*").unwrap(), json!({ "b": { "c": 2, "d": 3 } }));
        for wrong in ["", "a,", "items(id", "a)", "b//c"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
