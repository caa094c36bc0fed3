//! Lines for the operator's log.
//!
//! A line is a constant sentence and fields, so that an operator can search for the sentence and count by the fields.
//! Fields name servers, statuses, numbers and ids; never a title, a note or another text that a person wrote. The
//! host adds the provider's id and version and the id of the call, and cuts lines that are too long. Outside of a component,
//! in tests, lines are dropped.
//!
//! ```
//! chronus_sdk::log::warn("the server left out events that it was asked for", &[("asked", &50), ("got", &48)]);
//! ```

use std::fmt::Display;

use crate::bindings::chronus::calendar::log::Severity;

/// Names and values of a line.
pub type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

/// Each step, for authors of the provider.
pub fn trace(message: &str, fields: Fields<'_>) {
    write(Severity::Trace, message, fields);
}

/// Decisions, for operators who investigate a connection.
pub fn debug(message: &str, fields: Fields<'_>) {
    write(Severity::Debug, message, fields);
}

/// Rare and noteworthy events.
pub fn info(message: &str, fields: Fields<'_>) {
    write(Severity::Info, message, fields);
}

/// The service misbehaved, and the call continued.
pub fn warn(message: &str, fields: Fields<'_>) {
    write(Severity::Warn, message, fields);
}

/// A defect that only a new version of the provider can fix.
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
