//! Sessions: a browser in which a person has signed in.
//!
//! Threat: a session that somebody else prepared in the browser (fixation), that outlives the person, or that does more
//! than the person may. Decision: a session is opaque (see `opaque`), begins anew with every sign-in, which ends the one
//! that the browser had, and lasts [`LIFETIME`] whether used or not. It gives an [`Actor`] that can what the person can;
//! roles are read at every request. A person who is removed takes their sessions along, by the tables. Rejected: signed
//! cookies that say who it is, which nobody can end; extending what is used, by which a stolen cookie lives for ever.

mod store;

use super::{
    actor::{Actor, AuthMethod, Principal},
    opaque,
    tokens::Holder,
};
use crate::{
    clock::Clock,
    db::{self, Db, Tx},
    ids::{OrganisationId, PersonId, SessionId},
    people,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

/// How long a session lasts.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A browser in which a person is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its name in logs and lists; not the cookie.
    pub id: SessionId,
    /// Whose person.
    pub organisation: OrganisationId,
    /// Who has signed in.
    pub person: PersonId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Begins a session of the person, in the transaction that uses up what proved who it is, and gives what the browser
/// keeps. The session that the browser had ends.
///
/// # Errors
/// If there is no such person, or by the database.
pub async fn begin(tx: &mut Tx, person: PersonId, replaces: Option<&str>) -> sqlx::Result<(SessionId, SecretString)> {
    let now = db::instant(tx.now().await?);
    let (id, cookie) = (SessionId::new(now), opaque::generate("")?);
    let replaced = replaces.map(opaque::digest);
    store::tidy_up(tx, replaced.as_ref(), now).await?;
    let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    store::insert(tx, id, person, &opaque::digest(cookie.expose_secret()), now, expires_at).await?;
    Ok((id, cookie))
}

/// Whose session a cookie is, and what the person may do. Nobody's, if it is unknown or has ended.
///
/// # Errors
/// By the database.
pub async fn authenticate(db: &Db, clock: &Clock, cookie: &str) -> sqlx::Result<Option<(Session, Actor)>> {
    let Some(hash) = opaque::hash_if_well_formed("", cookie) else { return Ok(None) };
    db.read(async |tx| {
        let Some((session, role)) = store::by_hash(tx, &hash, clock.now()).await? else { return Ok(None) };
        let Session { id, organisation, person, expires_at, .. } = session;
        let programs = people::memberships(tx, person).await?;
        let scopes = Holder::Person { organisation, person }.scopes();
        let principal = Principal::Person { organisation, person, role, programs };
        Ok(Some((session, Actor { method: AuthMethod::Session(id), principal, scopes, expires_at: Some(expires_at) })))
    })
    .await
}

/// The person's sessions, the oldest first.
///
/// # Errors
/// By the database.
pub async fn list(db: &Db, clock: &Clock, person: PersonId) -> sqlx::Result<Vec<Session>> {
    db.read(async |tx| store::of_person(tx, person, clock.now()).await).await
}

/// Ends a session; one that has ended stays ended.
///
/// # Errors
/// By the database.
pub async fn end(db: &Db, session: &Session) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    store::delete(&mut tx, session.id).await?;
    tx.commit().await
}

pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    store::tidy_up(tx, None, now).await
}

/// Ends all sessions of the person except this one, and returns their number.
pub(super) async fn delete_others(tx: &mut Tx, session: &Session) -> sqlx::Result<u64> {
    store::delete_others(tx, session.person, session.id).await
}
