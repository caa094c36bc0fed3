//! The SQL of `components` and `providers`.

use crate::db::{Tx, execute, fetch};

/// A provider's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct ProviderRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) active_sha256: Option<String>,
    pub(super) waiting_sha256: Option<String>,
    pub(super) granted: Option<String>,
    pub(super) revision: i64,
}

/// What a component asks for, and its version.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct ComponentRow {
    pub(super) version: String,
    pub(super) asks: String,
}

/// A component to be kept.
pub(super) struct NewComponent<'a> {
    pub(super) sha256: &'a str,
    pub(super) provider_id: &'a str,
    pub(super) version: &'a str,
    pub(super) asks: &'a str,
    pub(super) bytes: &'a [u8],
}

pub(super) async fn insert_component(tx: &mut Tx, new: NewComponent<'_>, now: i64) -> sqlx::Result<()> {
    let NewComponent { sha256, provider_id, version, asks, bytes } = new;
    execute!(
        tx,
        "insert into components (sha256, provider_id, version, asks, bytes, added_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (sha256) do nothing",
        sha256,
        provider_id,
        version,
        asks,
        bytes,
        now
    )?;
    Ok(())
}

pub(super) async fn component(tx: &mut Tx, sha256: &str) -> sqlx::Result<Option<ComponentRow>> {
    fetch!(tx, optional, ComponentRow, "select version, asks from components where sha256 = $1", sha256)
}

pub(super) async fn bytes(tx: &mut Tx, sha256: &str) -> sqlx::Result<Option<Vec<u8>>> {
    let row = fetch!(tx, optional, (Vec<u8>,), "select bytes from components where sha256 = $1", sha256)?;
    Ok(row.map(|(bytes,)| bytes))
}

pub(super) async fn provider(tx: &mut Tx, id: &str) -> sqlx::Result<Option<ProviderRow>> {
    fetch!(
        tx,
        optional,
        ProviderRow,
        "select id, name, active_sha256, waiting_sha256, granted, revision from providers where id = $1",
        id
    )
}

pub(super) async fn providers(tx: &mut Tx) -> sqlx::Result<Vec<ProviderRow>> {
    fetch!(
        tx,
        all,
        ProviderRow,
        "select id, name, active_sha256, waiting_sha256, granted, revision from providers order by id"
    )
}

/// A provider that has nothing yet. Nothing happens if somebody else was faster.
pub(super) async fn insert_provider(tx: &mut Tx, id: &str, name: &str) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into providers (id, name, revision) values ($1, $2, 0) on conflict (id) do nothing",
        id,
        name
    )?;
    Ok(())
}

/// What a provider's row becomes.
pub(super) struct Change<'a> {
    pub(super) name: &'a str,
    pub(super) active_sha256: Option<&'a str>,
    pub(super) waiting_sha256: Option<&'a str>,
    pub(super) granted: Option<&'a str>,
    /// If it is granted now; otherwise the time stays.
    pub(super) granted_at: Option<i64>,
}

/// Changes a provider as it was read; says whether nobody else has changed it since.
pub(super) async fn change(tx: &mut Tx, id: &str, revision: i64, change: Change<'_>) -> sqlx::Result<bool> {
    let Change { name, active_sha256, waiting_sha256, granted, granted_at } = change;
    let changed = execute!(
        tx,
        "update providers set name = $3, active_sha256 = $4, waiting_sha256 = $5, granted = $6,
                granted_at = coalesce($7, granted_at), revision = revision + 1
         where id = $1 and revision = $2",
        id,
        revision,
        name,
        active_sha256,
        waiting_sha256,
        granted,
        granted_at
    )?;
    Ok(changed == 1)
}

/// Turns a provider off: it has no component and no grant any more.
pub(super) async fn turn_off(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    execute!(
        tx,
        "update providers set active_sha256 = null, waiting_sha256 = null, granted = null, granted_at = null,
                revision = revision + 1
         where id = $1",
        id
    )?;
    execute!(tx, "delete from components where provider_id = $1", id)?;
    Ok(())
}

/// Fails, by a foreign key, while there are connections, or an organisation's account.
pub(super) async fn delete_provider(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    execute!(tx, "delete from offers where provider_id = $1", id)?;
    execute!(tx, "delete from oauth_clients where provider_id = $1", id)?;
    execute!(tx, "delete from providers where id = $1", id)?;
    execute!(tx, "delete from components where provider_id = $1", id)?;
    Ok(())
}

/// How many connections, of people and of organisations, go through a provider.
pub(super) async fn connections(tx: &mut Tx, id: &str) -> sqlx::Result<i64> {
    let sql = "select (select count(*) from connections where provider_id = $1)
                    + (select count(*) from service_accounts where provider_id = $1)";
    let (count,) = fetch!(tx, one, (i64,), sql, id)?;
    Ok(count)
}
