//! The table `sessions`.

use super::{super::opaque::Hash, Session};
use crate::{
    db::{Column, Tx, execute, fetch, instant, parsed},
    ids::{PersonId, SessionId},
    people::Role,
};
use jiff::Timestamp;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organisation_id: String,
    person_id: String,
    role: String,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<Row> for (Session, Role) {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let session = Session {
            id: parsed(&row.id)?,
            organisation: parsed(&row.organisation_id)?,
            person: parsed(&row.person_id)?,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
        };
        Ok((session, Column::of("people", "role").word(&row.role)?))
    }
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: SessionId,
    person: PersonId,
    hash: &Hash,
    created_at: Timestamp,
    expires_at: Timestamp,
) -> sqlx::Result<()> {
    let sql = "insert into sessions (id, person_id, hash, created_at, expires_at) values ($1, $2, $3, $4, $5)";
    let (created_at, expires_at) = (created_at.as_microsecond(), expires_at.as_microsecond());
    execute!(tx, sql, id.to_string(), person.to_string(), &hash[..], created_at, expires_at).map(drop)
}

/// Deletes all expired sessions.
pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    execute!(tx, "delete from sessions where expires_at <= $1", now.as_microsecond()).map(drop)
}

/// Finds the session with this digest, unless it has expired, and the person's role in the organisation.
pub(super) async fn by_hash(tx: &mut Tx, hash: &Hash, now: Timestamp) -> sqlx::Result<Option<(Session, Role)>> {
    let sql = "select sessions.id, people.organisation_id, sessions.person_id, people.role, sessions.created_at, \
               sessions.expires_at from sessions join people on people.id = sessions.person_id \
               where sessions.hash = $1 and sessions.expires_at > $2";
    fetch!(tx, optional, Row, sql, &hash[..], now.as_microsecond())?.map(TryInto::try_into).transpose()
}

pub(super) async fn of_person(tx: &mut Tx, person: PersonId, now: Timestamp) -> sqlx::Result<Vec<Session>> {
    let sql = "select sessions.id, people.organisation_id, sessions.person_id, people.role, sessions.created_at, \
               sessions.expires_at from sessions join people on people.id = sessions.person_id \
               where sessions.person_id = $1 and sessions.expires_at > $2 order by sessions.id";
    let rows = fetch!(tx, all, Row, sql, person.to_string(), now.as_microsecond())?;
    rows.into_iter().map(|row| <(Session, Role)>::try_from(row).map(|(session, _)| session)).collect()
}

pub(super) async fn delete(tx: &mut Tx, id: SessionId) -> sqlx::Result<u64> {
    execute!(tx, "delete from sessions where id = $1", id.to_string())
}
