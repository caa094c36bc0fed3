//! Every enum and every flag that the database stores.
//!
//! The table is compared with the CHECK constraints in `host/migrations`, with the columns of a real database, and with
//! the stores that decode them (`tidy::stored_enums_are_strict`). A new column with a closed list of words or a new flag
//! gets a row here; a test names the column that lacks one.

use chronus_host::{
    audit::{Act, AuthorKind, Means, SubjectKind},
    auth::Scope,
    connections,
    fairness::Class,
    jobs, meetings,
    oauth::token::StoredLevel,
    people::{MemberRole, Role},
};

/// How a column stores an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One word.
    Word,
    /// A JSON list of words. SQL cannot check it, so there is no constraint.
    List,
    /// 0 or 1.
    Flag,
}

/// A column that stores an enum or a flag.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// How it is stored.
    pub form: Form,
    /// The words of the enum.
    pub words: &'static [&'static str],
}

const fn word(table: &'static str, column: &'static str, words: &'static [&'static str]) -> Stored {
    Stored { table, column, form: Form::Word, words }
}

const fn flag(table: &'static str, column: &'static str) -> Stored {
    Stored { table, column, form: Form::Flag, words: &["0", "1"] }
}

/// The table, by table and column.
pub const STORED: &[Stored] = &[
    word("audit_entries", "act", Act::WORDS),
    word("audit_entries", "author", AuthorKind::WORDS),
    word("audit_entries", "means", Means::WORDS),
    word("audit_entries", "subject_kind", SubjectKind::WORDS),
    flag("authorizations", "force_consent"),
    flag("authorizations", "for_organisation"),
    word("authorizations", "level", StoredLevel::WORDS),
    word("connections", "level", StoredLevel::WORDS),
    word("connections", "state", connections::State::WORDS),
    word("event_copies", "state", meetings::plan::CopyState::WORDS),
    word("jobs", "class", Class::WORDS),
    word("jobs", "state", jobs::State::WORDS),
    word("meetings", "status", meetings::Status::WORDS),
    word("memberships", "role", MemberRole::WORDS),
    word("revocations", "place_table", connections::PlaceTable::WORDS),
    word("service_accounts", "kind", connections::service_accounts::Kind::WORDS),
    word("service_accounts", "state", connections::State::WORDS),
    word("people", "role", Role::WORDS),
    flag("needed_approvals", "confirmed"),
    flag("programs", "two_way"),
    Stored { table: "tokens", column: "scopes", form: Form::List, words: Scope::WORDS },
];
