//! The SQL of `components` and `providers`.

use crate::{
    db::{self, Tx, execute, fetch},
    ids::ProviderGeneration,
};

/// A provider's row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct ProviderRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) active_sha256: Option<String>,
    pub(super) waiting_sha256: Option<String>,
    pub(super) accepted_grant: Option<String>,
    pub(super) generation: String,
    pub(super) revision: i64,
}

impl ProviderRow {
    /// The state of the row, which never comes back once the row has changed.
    pub(super) fn stamp(&self) -> ProviderStamp {
        ProviderStamp { generation: self.generation.clone(), revision: self.revision }
    }
}

/// Identifies one state of a provider's row for ever: also a provider that is removed and added again, whose revisions
/// begin at 0 again, has other stamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStamp {
    generation: String,
    revision: i64,
}

/// A component's request and version.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct ComponentRow {
    pub(super) version: String,
    pub(super) requested_grant: String,
}

/// A component to be stored.
pub(super) struct NewComponent<'a> {
    pub(super) sha256: &'a str,
    pub(super) provider_id: &'a str,
    pub(super) version: &'a str,
    pub(super) requested_grant: &'a str,
    pub(super) bytes: &'a [u8],
}

pub(super) async fn insert_component(tx: &mut Tx, new: NewComponent<'_>, now: i64) -> sqlx::Result<()> {
    let NewComponent { sha256, provider_id, version, requested_grant, bytes } = new;
    execute!(
        tx,
        "insert into components (sha256, provider_id, version, requested_grant, bytes, added_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (sha256) do nothing",
        sha256,
        provider_id,
        version,
        requested_grant,
        bytes,
        now
    )?;
    Ok(())
}

pub(super) async fn component(tx: &mut Tx, sha256: &str) -> sqlx::Result<Option<ComponentRow>> {
    fetch!(tx, optional, ComponentRow, "select version, requested_grant from components where sha256 = $1", sha256)
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
        "select id, name, active_sha256, waiting_sha256, accepted_grant, generation, revision
         from providers where id = $1",
        id
    )
}

pub(super) async fn providers(tx: &mut Tx) -> sqlx::Result<Vec<ProviderRow>> {
    fetch!(
        tx,
        all,
        ProviderRow,
        "select id, name, active_sha256, waiting_sha256, accepted_grant, generation, revision
         from providers order by id"
    )
}

/// Inserts a provider without a component, unless it exists.
pub(super) async fn insert_provider(tx: &mut Tx, id: &str, name: &str) -> sqlx::Result<()> {
    let generation = new_generation(tx).await?;
    execute!(
        tx,
        "insert into providers (id, name, generation, revision) values ($1, $2, $3, 0) on conflict (id) do nothing",
        id,
        name,
        generation
    )?;
    Ok(())
}

async fn new_generation(tx: &mut Tx) -> sqlx::Result<String> {
    Ok(ProviderGeneration::new(db::instant(tx.now().await?)).to_string())
}

/// New values of a provider's row.
pub(super) struct ProviderUpdate<'a> {
    pub(super) name: &'a str,
    pub(super) active_sha256: Option<&'a str>,
    pub(super) waiting_sha256: Option<&'a str>,
    pub(super) accepted_grant: Option<&'a str>,
    /// The time of a new grant. `None` keeps the stored time.
    pub(super) accepted_at: Option<i64>,
}

/// Changes a provider. Returns false if another operator has changed it since the row was read.
pub(super) async fn change(tx: &mut Tx, row: &ProviderRow, change: ProviderUpdate<'_>) -> sqlx::Result<bool> {
    let ProviderUpdate { name, active_sha256, waiting_sha256, accepted_grant, accepted_at } = change;
    let changed = execute!(
        tx,
        "update providers set name = $4, active_sha256 = $5, waiting_sha256 = $6, accepted_grant = $7,
                accepted_at = coalesce($8, accepted_at), revision = revision + 1
         where id = $1 and generation = $2 and revision = $3",
        &row.id,
        &row.generation,
        row.revision,
        name,
        active_sha256,
        waiting_sha256,
        accepted_grant,
        accepted_at
    )?;
    Ok(changed == 1)
}

/// Turns a provider off: removes its components and its grant, and ends its generation.
pub(super) async fn turn_off(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    let generation = new_generation(tx).await?;
    execute!(
        tx,
        "update providers set active_sha256 = null, waiting_sha256 = null, accepted_grant = null, accepted_at = null,
                generation = $2, revision = 0
         where id = $1",
        id,
        generation
    )?;
    execute!(tx, "delete from components where provider_id = $1", id)?;
    Ok(())
}

/// Deletes a provider. A foreign key makes this fail while connections or service accounts use it.
pub(super) async fn delete_provider(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    execute!(tx, "delete from offers where provider_id = $1", id)?;
    execute!(tx, "delete from oauth_clients where provider_id = $1", id)?;
    execute!(tx, "delete from providers where id = $1", id)?;
    execute!(tx, "delete from components where provider_id = $1", id)?;
    Ok(())
}

/// The number of connections and service accounts that use a provider.
pub(super) async fn connections(tx: &mut Tx, id: &str) -> sqlx::Result<i64> {
    let sql = "select (select count(*) from connections where provider_id = $1)
                    + (select count(*) from service_accounts where provider_id = $1)";
    let (count,) = fetch!(tx, one, (i64,), sql, id)?;
    Ok(count)
}
