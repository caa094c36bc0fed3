//! Roles and scopes: the words for what somebody may do.
//!
//! A role says what a person is, a scope what a token is for; a request needs both. Each is a closed list of words
//! that are the same in the database, in JSON, in tokens and on the command line. Rejected: scopes as free text, of
//! which a misspelt one grants nothing and tells nobody.

use crate::db::string_enum;
use std::collections::BTreeSet;

string_enum! {
    /// What a person is in the organisation.
    pub enum Role {
        /// Takes part in programs.
        Participant = "participant",
        /// Administers the organisation and all its programs.
        GlobalAdmin = "global-admin",
    }

    /// What a person is in a program.
    pub enum MemberRole {
        /// Takes part.
        Participant = "participant",
        /// Administers it.
        ProgramAdmin = "program-admin",
    }

    /// What a token is for.
    pub enum Scope {
        /// See the organisation, its programs and its people.
        OrganisationRead = "organisation-read",
        /// Make and change programs, people, memberships and tokens.
        OrganisationWrite = "organisation-write",
        /// See when people are busy.
        BusyRead = "busy-read",
        /// See meetings.
        MeetingsRead = "meetings-read",
        /// Make, change and cancel meetings.
        MeetingsWrite = "meetings-write",
        /// Connect and disconnect the person's own calendar.
        ConnectionWrite = "connection-write",
    }
}

/// What a token is for, all of it.
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
        let error = "admin".parse::<Role>().unwrap_err().to_string();
        assert_eq!(error, "write one of participant, global-admin");
    }
}
