//! What the person filled in when they connected.

use chronus_sdk::values::Connection;

/// The value of a field of the sign-in form, if it is not empty.
pub(crate) fn field<'a>(connection: &'a Connection, name: &str) -> Option<&'a str> {
    let field = connection.fields.iter().find(|(key, _)| key == name);
    field.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}
