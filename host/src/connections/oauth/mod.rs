//! Connecting at the service's own page: the authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636).
//!
//! Threat: a code that somebody else obtained is brought to a person's browser, so that a stranger's calendar is taken
//! for theirs (or the other way round); a component that names other endpoints or wider scopes than were accepted; a
//! token that is lost between two hosts, or shown to anybody. Decision: the host does all of it, by the operator's grant.
//! What a browser begins only the same session ends ([`begin()`], [`finish()`]): the state is random, kept as a digest,
//! bound to the session and good once; the code verifier stays here. Tokens are sealed like passwords and renewed by one
//! host at a time ([`refresh`]), and revoked at the service when the person disconnects ([`revoke`]). An API key can do
//! none of it, not even the person's own: consent needs their browser (M12).
//!
//! What is asked for is the least that does: availability, and writing only where a program of the person's is two-way
//! (M14). Rejected: letting a provider do the exchange, which shows it the code and the client's secret; a state that
//! carries its data signed, which is good as often as it is brought.

pub mod approvals;
pub(super) mod begin;
pub mod clients;
pub(super) mod endpoint;
pub(super) mod finish;
pub mod refresh;
pub mod revoke;
pub mod store;

pub use begin::{Asked, begin};
pub use finish::{Callback, Finished, finish};
pub(super) use store::token;

use crate::{
    ids::{OrganisationId, PersonId},
    plugins::contract::{Method, Oauth2Code, ScopeLevel, SignIn},
};
use jiff::Timestamp;

/// The name of the secret that new tokens are got by.
pub const REFRESH_TOKEN: &str = "refresh-token";

/// Fields of a token reply that are secrets, whatever a component says of them.
pub(super) const SECRET_FIELDS: [&str; 3] = ["access_token", "id_token", "refresh_token"];

/// A person's browser, which signed in here.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Of the session, not secret.
    pub session: String,
    /// Whose person.
    pub organisation: OrganisationId,
    /// Who.
    pub person: PersonId,
}

/// What is known of a connection's token; not the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it was given for.
    pub level: ScopeLevel,
    /// Where it is refreshed.
    pub endpoint: String,
    /// When it ends, as far as the service said.
    pub expires_at: Option<Timestamp>,
}

/// The code grant of a sign-in, if it is one.
#[must_use]
pub const fn code_grant(sign_in: &SignIn) -> Option<&Oauth2Code> {
    match &sign_in.method {
        Method::Oauth2Code(code) => Some(code),
        _ => None,
    }
}

/// What a sign-in asks for at a level; what it asks for at the other, if it knows only that.
pub(super) fn scopes(code: &Oauth2Code, level: ScopeLevel) -> (ScopeLevel, &[String]) {
    let of = |level| code.scopes.iter().find(|scopes| scopes.level == level);
    match of(level).or_else(|| code.scopes.first()) {
        Some(scopes) => (scopes.level, &scopes.scopes),
        None => (level, &[]),
    }
}

/// A level's name.
#[must_use]
pub const fn level_name(level: ScopeLevel) -> &'static str {
    match level {
        ScopeLevel::Read => "read",
        ScopeLevel::Write => "write",
    }
}

/// The level of a name.
pub(super) fn level_of(name: &str) -> ScopeLevel {
    if name == level_name(ScopeLevel::Write) { ScopeLevel::Write } else { ScopeLevel::Read }
}

/// Deletes authorizations that were not finished in time.
///
/// # Errors
/// If the database fails.
pub async fn delete_expired(tx: &mut crate::db::Tx) -> sqlx::Result<()> {
    let now = tx.now().await?;
    store::forget_authorizations(tx, now).await
}
