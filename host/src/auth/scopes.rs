//! Scopes: what a token may be used for.
//!
//! A role says what a person is, a scope what a token is for; a request needs both. Rejected: scopes as free text, where
//! a misspelt scope grants nothing and nobody notices.

use crate::db::string_enum;
use std::collections::BTreeSet;

string_enum! {
    /// A scope of a token.
    pub enum Scope {
        /// See the organisation, its programs and its people.
        OrganisationRead = "organisation-read",
        /// Create and change programs, people, memberships and tokens.
        OrganisationWrite = "organisation-write",
        /// See when people are busy.
        BusyRead = "busy-read",
        /// See meetings.
        MeetingsRead = "meetings-read",
        /// Create, change and cancel meetings.
        MeetingsWrite = "meetings-write",
        /// See connections, and the calendar services that people may connect.
        ConnectionRead = "connection-read",
        /// Connect and disconnect the person's own calendar.
        ConnectionWrite = "connection-write",
    }
}

/// The scopes of a token.
pub type Scopes = BTreeSet<Scope>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
            assert_eq!(serde_json::to_string(scope).unwrap(), format!("\"{scope}\""));
        }
    }
}
