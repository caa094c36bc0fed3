//! JSON, read strictly and kept whole.
//!
//! An answer that was cut short must never look like a short answer, so [`read`] takes nothing but one whole value:
//! an end that is missing, or anything behind it, is a failure. What comes is kept as a [`Value`] rather than put into
//! types of ours: what a service knows and we do not has to survive when an event is changed and written back. What is
//! missing is [`Value::Null`], so `item["organizer"]["email"].as_str()` is none wherever the way breaks off.
//!
//! Rejected: derived types, which lose what they do not name, and of which each costs code of its own; a reader of our
//! own, which would save some twenty of Google's 780 KB and be one more parser to trust.

pub use serde_json::{Map, Value, json};

use crate::failure::temporary;
use crate::http::Response;
use crate::types::Failure;

/// The value that an answer holds, whatever its status.
///
/// # Errors
/// `temporary`, if it is not one whole value: a proxy's page and a cut answer are gone at the next try.
pub fn read(response: &Response) -> Result<Value, Failure> {
    serde_json::from_slice(&response.body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends in the middle",
            _ => "it is no JSON",
        };
        temporary(format!(
            "the service answered with status {}, and the answer makes no sense: {what}",
            response.status
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Remedy;

    fn of(body: &str) -> Result<Value, Failure> {
        read(&Response::new("https://api.example/", 200).with_body("application/json", body))
    }

    #[test]
    fn one_whole_value_is_read() {
        let value = of(r#"{"a": {"b": ["\u00e9", 1.5, null]}}"#).expect("a value");
        assert_eq!(value["a"]["b"][0].as_str(), Some("é"));
        assert_eq!(value["a"]["c"]["d"], Value::Null);
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        for body in ["", "{", r#"{"items": []"#, "{} {}", "<html/>", "\u{feff}{}", &"[".repeat(100_000)] {
            assert_eq!(of(body).expect_err("no value").remedy, Remedy::Temporary, "{body:.20}");
        }
    }
}
