//! JSON, read strictly and kept whole.
//!
//! An answer that was cut short must never look like a short answer, so [`read`] accepts exactly one complete value. The value
//! stays a [`Value`]: fields that the provider does not know must survive when an event is changed and written back. A
//! missing field is [`Value::Null`], so `item["organizer"]["email"].as_str()` is `None` if either field is missing.
//!
//! Rejected: derived types, which lose unknown fields and add code for each type; a parser of our own, which would save
//! 20 of the Google provider's 780 KB and be one more parser to trust.

pub use serde_json::{Map, Value, json};

use crate::failure::temporary;
use crate::http::Response;
use crate::values::Failure;

/// The value in an answer's body, whatever the status.
///
/// # Errors
/// `temporary`, if the body is not one complete value: a proxy's page or a cut answer may be gone at the next try.
pub fn read(response: &Response) -> Result<Value, Failure> {
    serde_json::from_slice(&response.body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "it ends in the middle",
            _ => "it is not JSON",
        };
        temporary(format!(
            "the service answered with status {}, and the answer cannot be read: {what}",
            response.status
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Remedy;

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
