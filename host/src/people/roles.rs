//! Roles: what a person is in an organisation and in its programs.
//!
//! Each is a closed list of words that are the same in the database, in JSON and on the command line.

use crate::db::string_enum;

string_enum! {
    /// The role of a person in their organisation.
    pub enum Role {
        /// Takes part in programs.
        Participant = "participant",
        /// Administers the organisation and all its programs.
        GlobalAdmin = "global-admin",
    }

    /// The role of a person in a program.
    pub enum MemberRole {
        /// Takes part.
        Participant = "participant",
        /// Administers it.
        ProgramAdmin = "program-admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = "admin".parse::<Role>().unwrap_err().to_string();
        assert_eq!(error, "write one of participant, global-admin");
    }
}
