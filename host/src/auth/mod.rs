//! Authentication and authorisation: who sends a request, and what they may do.
//!
//! Threat: a role or an identity that is believed because the request says so. Decision: a request is authenticated by
//! an API token ([`tokens`]) or by a browser session ([`sessions`], which a [`sign_in`] starts); both yield an
//! [`Actor`], whose roles are read from the database at every request. [`actor`] decides what an actor may do.

pub mod actor;
mod opaque;
pub mod scopes;
pub mod sessions;
pub mod sign_in;
pub mod sign_out;
pub mod tokens;

pub use actor::{Action, Actor, AuthMethod, Forbidden, Principal};
pub use scopes::{Scope, Scopes};

use crate::db::{self, Tx};

/// Deletes expired sessions and sign-in links, and sign-in requests that are too old to be answered.
///
/// # Errors
/// If the database fails.
pub async fn delete_expired(tx: &mut Tx) -> sqlx::Result<()> {
    let now = db::instant(tx.now().await?);
    sessions::delete_expired(tx, now).await?;
    sign_in::delete_expired(tx, now).await
}
