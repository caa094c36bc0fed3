//! The values that an entry shows: one method for each, so that nothing else can get in.
//!
//! Words are `&'static str`, which no secret of a running host can be. The few texts are names of things; none takes the name
//! or the address of a person, whose id says who it is, or the text of a meeting.

use crate::ids::{ConnectionId, PersonId, ServiceAccountId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt::Display};

/// Longer texts are cut.
const LONGEST_TEXT: usize = 200;

/// Values before or after an act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Values(Map<String, Value>);

/// `/// What it is. name: type => conversion,` becomes a method that sets the value of this name.
macro_rules! values {
    ($($(#[$doc:meta])* $name:ident: $kind:ty => $conversion:path),* $(,)?) => {
        impl Values {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, value: $kind) -> Self {
                self.0.insert(stringify!($name).to_owned(), $conversion(value));
                self
            })*
        }
    };
}

values! {
    /// The name of an organisation, a program, a token or a provider.
    name: &str => text,
    /// An IANA time zone.
    zone: &str => text,
    /// The id of a provider.
    provider: &str => text,
    /// The id of a provider's sign-in.
    sign_in: &str => text,
    /// The version of a provider in use.
    version: &str => text,
    /// The SHA-256 of a provider's component in use.
    sha256: &str => text,
    /// The SHA-256 of a provider's component that waits to be accepted.
    waiting_sha256: &str => text,
    /// The id of an OAuth client at its service.
    client_id: &str => text,
    /// Values of the variables in a sign-in's addresses, such as a tenant. None of them is secret.
    variables: &BTreeMap<String, String> => texts,
    /// A role.
    role: &'static str => Value::from,
    /// A state.
    state: &'static str => Value::from,
    /// A kind.
    kind: &'static str => Value::from,
    /// The outcome of an attempt: a word of the host or of the contract, never a text of a service.
    outcome: &'static str => Value::from,
    /// The level of access to a calendar.
    level: &'static str => Value::from,
    /// The scopes of a token.
    scopes: Vec<&'static str> => Value::from,
    /// Whether a program's meetings are written to calendars.
    two_way: bool => Value::from,
    /// Whether a calendar can be read.
    readable: bool => Value::from,
    /// Whether a calendar can be written.
    writable: bool => Value::from,
    /// Whether it was done although connections were in the way.
    forced: bool => Value::from,
    /// The start of a meeting.
    start: Timestamp => shown,
    /// The end of a meeting.
    end: Timestamp => shown,
    /// The end of a token.
    expires_at: Timestamp => shown,
    /// The revision of a meeting.
    revision: i64 => Value::from,
    /// How many there were.
    count: u64 => Value::from,
    /// How many credentials were moved to another token endpoint.
    moved: u64 => Value::from,
    /// How many credentials cannot be used any more.
    lost: u64 => Value::from,
    /// The owner of a meeting or a calendar.
    owner: PersonId => shown,
    /// The people who take part in a meeting, beside its owner.
    attendees: &[PersonId] => people,
    /// The person that the act is about.
    person: PersonId => shown,
    /// The connection through which it was done.
    connection: ConnectionId => shown,
    /// The service account through which it was done.
    service_account: ServiceAccountId => shown,
}

impl Values {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value if there is one: `values.optional(level, Values::level)`.
    #[must_use]
    pub fn optional<T>(self, value: Option<T>, set: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => set(self, value),
            None => self,
        }
    }
}

/// A text that names a thing, cut and without control characters.
fn text(text: &str) -> Value {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect::<String>().into()
}

fn texts(texts: &BTreeMap<String, String>) -> Value {
    texts.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn shown(value: impl Display) -> Value {
    value.to_string().into()
}

fn people(people: &[PersonId]) -> Value {
    people.iter().map(PersonId::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_json_object() {
        let person = PersonId::new(Timestamp::UNIX_EPOCH);
        let values = Values::new()
            .name("A\u{7}B")
            .scopes(vec!["busy-read"])
            .attendees(&[person])
            .start(Timestamp::UNIX_EPOCH)
            .two_way(true)
            .optional(Some("write"), Values::level)
            .optional(None, Values::role);
        let expected = serde_json::json!({
            "name": "AB", "scopes": ["busy-read"], "attendees": [person], "start": "1970-01-01T00:00:00Z", "two_way": true,
            "level": "write",
        });
        assert_eq!(serde_json::to_value(&values).unwrap(), expected);
        assert_eq!(serde_json::to_string(&Values::new()).unwrap(), "{}");
        let long = Values::new().name(&"ž".repeat(LONGEST_TEXT + 1));
        assert_eq!(
            serde_json::to_value(&long).unwrap()["name"].as_str().map(|name| name.chars().count()),
            Some(LONGEST_TEXT)
        );
    }
}
