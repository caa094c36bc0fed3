//! Lines for the operator's log.
//!
//! A line is a constant sentence and fields, so that an operator can search for the sentence and count by the fields.
//! Fields name servers, statuses, numbers and ids; never a title, a note or another text that a person wrote. The
//! host adds the provider's id and version and the id of the call, and cuts what is too much. Natively, in tests,
//! lines go nowhere.
//!
//! ```
//! chronus_sdk::log::warn("the server left out events that it was asked for", &[("asked", &50), ("got", &48)]);
//! ```

use std::fmt::Display;

use crate::bindings::chronus::calendar::log::Severity;

/// Names and values that go with a line.
pub type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// Every step: for whoever mends a provider.
pub fn trace(message: &str, fields: Fields<'_>) {
    write(Severity::Trace, message, fields);
}

/// What was decided: for whoever mends a connection.
pub fn debug(message: &str, fields: Fields<'_>) {
    write(Severity::Debug, message, fields);
}

/// What is good to know and rare.
pub fn info(message: &str, fields: Fields<'_>) {
    write(Severity::Info, message, fields);
}

/// The service did something that it should not, and the call went on.
pub fn warn(message: &str, fields: Fields<'_>) {
    write(Severity::Warn, message, fields);
}

/// Something is wrong that only a change of the provider mends.
pub fn error(message: &str, fields: Fields<'_>) {
    write(Severity::Error, message, fields);
}

#[cfg(target_arch = "wasm32")]
fn write(severity: Severity, message: &str, fields: Fields<'_>) {
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).into(), value.to_string())).collect();
    crate::bindings::chronus::calendar::log::write(severity, message, &fields);
}

#[cfg(not(target_arch = "wasm32"))]
fn write(_: Severity, _: &str, _: Fields<'_>) {}
