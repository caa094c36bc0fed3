//! Roles and scopes: the words for what somebody may do.
//!
//! A role says what a person is, a scope what a token is for; a request needs both. Each is a closed list of words
//! that are the same in the database, in JSON, in tokens and on the command line. Rejected: scopes as free text, of
//! which a misspelt one grants nothing and tells nobody.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};
use utoipa::ToSchema;

/// Not one of the words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write one of {}", .0.join(", "))]
pub struct NotAWord(Vec<&'static str>);

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        // For the document of the API, which does not see what a macro wrote; a test compares the two.
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = NotAWord;

            fn from_str(text: &str) -> Result<Self, NotAWord> {
                let found = Self::ALL.iter().find(|one| one.as_str() == text);
                found.copied().ok_or_else(|| NotAWord(Self::ALL.iter().map(|one| one.as_str()).collect()))
            }
        }
    )*};
}

words! {
    /// What a person is in the organisation.
    Role {
        /// Takes part in programs.
        Participant = "participant"
        /// Administers the organisation and all its programs.
        GlobalAdmin = "global-admin"
    }

    /// What a person is in a program.
    MemberRole {
        /// Takes part.
        Participant = "participant"
        /// Administers it.
        ProgramAdmin = "program-admin"
    }

    /// What a token is for.
    Scope {
        /// See the organisation, its programs and its people.
        OrganisationRead = "organisation-read"
        /// Make and change programs, people, memberships and tokens.
        OrganisationWrite = "organisation-write"
        /// See when people are busy.
        BusyRead = "busy-read"
        /// See meetings.
        MeetingsRead = "meetings-read"
        /// Make, change and cancel meetings.
        MeetingsWrite = "meetings-write"
        /// Connect and disconnect the person's own calendar.
        ConnectionWrite = "connection-write"
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
