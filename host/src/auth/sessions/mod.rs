//! Browser sessions.
//!
//! Threat: a session that an attacker has planted in the browser (fixation), that outlives the person's account, or that
//! has more rights than the person. Decision: a session is a random secret (see `opaque`). Every sign-in starts a new one
//! and ends the browser's previous one. A session lasts [`LIFETIME`], used or not. It yields an [`Actor`] with the rights
//! of the person, whose roles are read at every request. Deleting a person deletes their sessions, by a foreign key.
//! Rejected: signed cookies, which cannot be ended; sliding expiry, with which a stolen cookie lives forever.

mod store;

use super::{
    actor::{Actor, AuthMethod, Principal},
    opaque,
    tokens::Holder,
};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    clock::Clock,
    db::{self, Db, Tx},
    ids::{OrganisationId, PersonId, SessionId},
    people,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

/// The lifetime of a session.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A browser session of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The id in logs and lists; not the cookie.
    pub id: SessionId,
    /// The person's organisation.
    pub organisation: OrganisationId,
    /// The person.
    pub person: PersonId,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// The expiry.
    pub expires_at: Timestamp,
}

impl Session {
    /// The person in this browser, as the author of audit entries.
    #[must_use]
    pub const fn author(&self) -> Author {
        Author::Browser(self.person, self.id)
    }

    /// What the person does to the session itself.
    pub(super) fn entry<'a>(&self, by: &'a Author, act: Act) -> Entry<'a> {
        Entry::new(by, act, self.id).organisation(self.organisation)
    }
}

/// Starts a session in the transaction that consumes the proof of identity, and returns the cookie's value. The browser's
/// previous session ends, whose person may be another one.
///
/// # Errors
/// If there is no such person, or if the database fails.
pub async fn begin(tx: &mut Tx, person: PersonId, replaces: Option<&str>) -> sqlx::Result<(SessionId, SecretString)> {
    let now = db::instant(tx.now().await?);
    let (id, cookie) = (SessionId::new(now), opaque::generate("")?);
    store::delete_expired(tx, now).await?;
    let replaced = match replaces {
        Some(cookie) => store::by_hash(tx, &opaque::digest(cookie), now).await?,
        None => None,
    };
    if let Some((replaced, _)) = replaced {
        end_in(tx, &replaced, &Author::Browser(person, id)).await?;
    }
    let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    store::insert(tx, id, person, &opaque::digest(cookie.expose_secret()), now, expires_at).await?;
    Ok((id, cookie))
}

/// The session and actor that a cookie authenticates, or `None` if it is unknown or expired.
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

/// Lists the person's sessions, the oldest first.
pub async fn list(db: &Db, clock: &Clock, person: PersonId) -> sqlx::Result<Vec<Session>> {
    db.read(async |tx| store::of_person(tx, person, clock.now()).await).await
}

/// Ends a session: its person signs out. Ending it again has no effect.
pub async fn end(db: &Db, session: &Session) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    end_in(&mut tx, session, &session.author()).await?;
    tx.commit().await
}

/// Ends a session, and records who ended it.
async fn end_in(tx: &mut Tx, session: &Session, by: &Author) -> sqlx::Result<()> {
    if store::delete(tx, session.id).await? == 1 {
        let before = Values::new().person(session.person);
        audit::record(tx, session.entry(by, Act::SignedOut).before(before)).await?;
    }
    Ok(())
}

pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    store::delete_expired(tx, now).await
}

/// Ends all sessions of the person except this one, and returns their number.
pub(super) async fn end_others(tx: &mut Tx, session: &Session) -> sqlx::Result<u64> {
    let now = db::instant(tx.now().await?);
    let mut ended = 0;
    for other in store::of_person(tx, session.person, now).await? {
        if other.id != session.id {
            end_in(tx, &other, &session.author()).await?;
            ended += 1;
        }
    }
    Ok(ended)
}
