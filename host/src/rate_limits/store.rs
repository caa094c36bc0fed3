//! The tables `rate_limit_slots` and `rate_limit_hosts`.

use super::shares::{self, Leases};
use crate::db::{
    Tx,
    dialect::{Dialect, skip_locked},
    execute, fetch, instant,
};
use jiff::Timestamp;

/// The time in which a slot that is taken now counts: after the one instant, and at the latest at the other. A slot that was
/// taken later was taken by a clock that was wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) after: Timestamp,
    pub(super) until: Timestamp,
}

/// Takes the first slot of a subject that is free, of those with a number below `most`. The primary key lets no two
/// transactions take the same one. `None` if all are taken, or if another transaction has just taken this one.
pub(super) async fn take_slot(
    tx: &mut Tx,
    subject: &str,
    most: u32,
    now: Timestamp,
    period: Period,
) -> sqlx::Result<Option<i64>> {
    let sql = "insert into rate_limit_slots (subject, slot, taken_at) \
               select $1, min(free.slot), $3 from \
               (select 0 as slot union all select slot + 1 from rate_limit_slots \
                where subject = $1 and taken_at > $4 and taken_at <= $5) as free \
               where free.slot < $2 and not exists (select 1 from rate_limit_slots as held \
                where held.subject = $1 and held.slot = free.slot and held.taken_at > $4 and held.taken_at <= $5) \
               having min(free.slot) is not null \
               on conflict (subject, slot) do update set taken_at = excluded.taken_at \
               where rate_limit_slots.taken_at <= $4 or rate_limit_slots.taken_at > $5 returning slot";
    let [after, until] = [period.after, period.until].map(Timestamp::as_microsecond);
    let row = fetch!(tx, optional, (i64,), sql, subject, i64::from(most), now.as_microsecond(), after, until)?;
    Ok(row.map(|(slot,)| slot))
}

/// The slots of a subject that are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct TakenSlots {
    pub(super) count: i64,
    /// When the first was taken.
    pub(super) first: Option<Timestamp>,
}

pub(super) async fn taken(tx: &mut Tx, subject: &str, most: u32, period: Period) -> sqlx::Result<TakenSlots> {
    let sql = "select count(*), min(taken_at) from rate_limit_slots \
               where subject = $1 and slot < $2 and taken_at > $3 and taken_at <= $4";
    let [after, until] = [period.after, period.until].map(Timestamp::as_microsecond);
    let (count, first) = fetch!(tx, one, (i64, Option<i64>), sql, subject, i64::from(most), after, until)?;
    Ok(TakenSlots { count, first: first.map(instant) })
}

/// Frees a slot that was taken at this instant, unless it has been taken again since.
pub(super) async fn free_slot(tx: &mut Tx, subject: &str, slot: i64, taken_at: Timestamp) -> sqlx::Result<()> {
    let sql = "delete from rate_limit_slots where subject = $1 and slot = $2 and taken_at = $3";
    execute!(tx, sql, subject, slot, taken_at.as_microsecond()).map(drop)
}

/// Slots that another transaction is taking again are skipped: it may hold some and wait for others.
const DELETE_SLOTS: Dialect = skip_locked!(
    "delete from rate_limit_slots where (subject, slot) in (select subject, slot from rate_limit_slots where taken_at <= $1",
    ")"
);

/// Deletes the slots of all subjects that were taken by this instant.
pub(super) async fn delete_slots(tx: &mut Tx, by: Timestamp) -> sqlx::Result<()> {
    let sql = tx.sql_for(DELETE_SLOTS);
    execute!(tx, sql, by.as_microsecond()).map(drop)
}

/// The leases of all hosts, as [`shares::renew`] knows them.
pub(super) async fn leases(tx: &mut Tx) -> sqlx::Result<Leases> {
    let rows = fetch!(tx, all, (String, i64), "select host, lease_until from rate_limit_hosts order by host")?;
    Ok(rows.into_iter().collect())
}

/// Stores the lease of a host, and deletes those that [`shares::renew`] dropped.
pub(super) async fn put_lease(tx: &mut Tx, host: &str, now: i64) -> sqlx::Result<()> {
    let sql = "delete from rate_limit_hosts where lease_until <= $1 or lease_until > $2";
    execute!(tx, sql, now, shares::latest_end(now))?;
    let sql = "insert into rate_limit_hosts (host, lease_until) values ($1, $2) \
               on conflict (host) do update set lease_until = excluded.lease_until";
    execute!(tx, sql, host, now + shares::LEASE).map(drop)
}
