//! What the host stores about a token besides the token itself.

use crate::{
    db::{Column, string_enum},
    plugins::{
        contract::{Method, Oauth2Code, Scope, ScopeLevel, SignIn},
        endpoints::VariableValues,
    },
};
use jiff::Timestamp;

/// Name of the refresh token among sealed secrets.
pub const REFRESH_TOKEN: &str = "refresh-token";

string_enum! {
    /// Whether the service accepts a stored credential.
    pub enum State {
        /// The service accepted it when it was used last.
        Connected = "connected",
        /// The service refused it; the owner must sign in again.
        Reconnect = "reconnect",
    }

    /// [`ScopeLevel`] as the database stores it.
    pub enum StoredLevel {
        /// Availability only.
        Read = "read",
        /// Availability and meetings.
        Write = "write",
    }
}

/// Facts about a stored token. The token itself is sealed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The level of access that was granted.
    pub level: ScopeLevel,
    /// The token endpoint that refreshes it.
    pub endpoint: String,
    /// The values of the sign-in's variables with which it was issued.
    pub variables: VariableValues,
    /// When the access token expires, if the service said so.
    pub expires_at: Option<Timestamp>,
}

impl From<ScopeLevel> for StoredLevel {
    fn from(level: ScopeLevel) -> Self {
        match level {
            ScopeLevel::Read => Self::Read,
            ScopeLevel::Write => Self::Write,
        }
    }
}

impl From<StoredLevel> for ScopeLevel {
    fn from(level: StoredLevel) -> Self {
        match level {
            StoredLevel::Read => Self::Read,
            StoredLevel::Write => Self::Write,
        }
    }
}

/// The stable name of a level, in the database and in the API.
#[must_use]
pub fn level_name(level: ScopeLevel) -> &'static str {
    StoredLevel::from(level).as_str()
}

/// Decodes a stored level.
pub fn stored_level(column: Column, word: &str) -> sqlx::Result<ScopeLevel> {
    column.word::<StoredLevel>(word).map(Into::into)
}

/// Whether a sign-in uses the authorization code grant.
#[must_use]
pub const fn is_code_grant(sign_in: &SignIn) -> bool {
    matches!(sign_in.method, Method::Oauth2Code(_))
}

/// The scopes of a level. A sign-in that lacks the level gives the scopes of the level that it has.
#[must_use]
pub fn scopes(code: &Oauth2Code, level: ScopeLevel) -> (ScopeLevel, &[Scope]) {
    let with_level = code.scopes.iter().find(|scopes| scopes.level == level);
    match with_level.or_else(|| code.scopes.first()) {
        Some(scopes) => (scopes.level, &scopes.scopes),
        None => (level, &[]),
    }
}

/// The names of scopes.
#[must_use]
pub fn names(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(|scope| scope.name.clone()).collect()
}

/// Whether a service means the same scope: services change the case, and shorten or lengthen a scope that is a URL.
///
/// RFC 6749 §3.3 compares scopes exactly, but services answer with other spellings than those that they were asked for.
#[must_use]
pub fn is_same_scope(one: &str, other: &str) -> bool {
    let last = |scope: &str| scope.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    one.eq_ignore_ascii_case(other) || one.contains('/') != other.contains('/') && last(one) == last(other)
}
