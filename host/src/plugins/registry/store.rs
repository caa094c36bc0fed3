//! The SQL of `components` and `providers`, and what a grant changes in tables of credentials.

use crate::{
    db::{self, Tx, dialect::Dialect, execute, fetch},
    ids::{ConnectionId, OrganisationId, ProviderGeneration, ServiceAccountId},
    plugins::endpoints::VariableValues,
};
use std::{collections::BTreeMap, str::FromStr};

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

/// The accepted grant of a provider, which does not change until the transaction ends.
pub(super) async fn locked_grant(tx: &mut Tx, id: &str) -> sqlx::Result<Option<String>> {
    // SQLite has one writer at a time.
    const SELECT: Dialect = Dialect {
        sqlite: "select accepted_grant from providers where id = $1",
        postgres: "select accepted_grant from providers where id = $1 for share",
    };
    let sql = tx.sql_for(SELECT);
    let row = fetch!(tx, optional, (Option<String>,), sql, id)?;
    Ok(row.and_then(|(grant,)| grant))
}

/// What holds a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// A connection.
    Connection,
    /// A service account.
    ServiceAccount,
    /// A token without an owner, which waits to be revoked.
    Revocation,
}

/// Credentials of a provider that work and were made by the same sign-in for the same endpoint, with the same values of
/// variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CredentialGroup {
    pub(super) holder: Holder,
    pub(super) sign_in: String,
    /// The token endpoint; `None` for passwords.
    pub(super) endpoint: Option<String>,
    pub(super) variables: VariableValues,
    pub(super) count: u64,
}

/// Statements on a table with the columns `provider_id`, `sign_in`, `token_endpoint` and `variables`.
struct CredentialSql {
    holder: Holder,
    count: &'static str,
    move_endpoints: Dialect,
}

macro_rules! credential_sql {
    ($holder:expr, $table:literal, $condition:literal) => {
        CredentialSql {
            holder: $holder,
            count: concat!(
                "select sign_in, token_endpoint, variables, count(*) from ",
                $table,
                " where provider_id = $1 ",
                $condition,
                " group by sign_in, token_endpoint, variables order by sign_in, token_endpoint, variables"
            ),
            move_endpoints: Dialect {
                sqlite: concat!(
                    "update ",
                    $table,
                    " set token_endpoint = (select value from json_each($4) where key = token_endpoint)
                      where provider_id = $1 and sign_in = $2 and variables = $3
                            and token_endpoint in (select key from json_each($4))"
                ),
                postgres: concat!(
                    "update ",
                    $table,
                    " set token_endpoint = cast($4 as json) ->> token_endpoint
                      where provider_id = $1 and sign_in = $2 and variables = $3
                            and token_endpoint in (select json_object_keys(cast($4 as json)))"
                ),
            },
        }
    };
}

const CREDENTIALS: [CredentialSql; 3] = [
    credential_sql!(Holder::Connection, "connections", "and state = 'connected'"),
    credential_sql!(Holder::ServiceAccount, "service_accounts", "and state = 'connected'"),
    credential_sql!(Holder::Revocation, "revocations", ""),
];

/// The statement that marks credentials in a table with the columns `state` and those of a lease.
macro_rules! lose_sql {
    ($table:literal) => {
        concat!(
            "update ",
            $table,
            " set state = 'reconnect', refresh_lease = null, refresh_until = null
              where provider_id = $1 and sign_in = $2 and coalesce(token_endpoint, '') = $3 and variables = $4
                    and state = 'connected'
              returning id, organisation_id"
        )
    };
}

const LOSE_CONNECTIONS: &str = lose_sql!("connections");
const LOSE_SERVICE_ACCOUNTS: &str = lose_sql!("service_accounts");

/// The credentials of a provider.
pub(super) async fn credentials(tx: &mut Tx, provider: &str) -> sqlx::Result<Vec<CredentialGroup>> {
    let mut groups = Vec::new();
    for CredentialSql { holder, count: sql, .. } in CREDENTIALS {
        for (sign_in, endpoint, variables, count) in
            fetch!(tx, all, (String, Option<String>, String, i64), sql, provider)?
        {
            groups.push(CredentialGroup {
                holder,
                sign_in,
                endpoint,
                variables: db::from_json(&variables)?,
                count: u64::try_from(count).map_err(db::broken)?,
            });
        }
    }
    Ok(groups)
}

/// Replaces token endpoints of a sign-in with these values by those that `endpoints` names for them.
pub(super) async fn move_endpoints(
    tx: &mut Tx,
    provider: &str,
    sign_in: &str,
    variables: &VariableValues,
    endpoints: &BTreeMap<&str, &str>,
) -> sqlx::Result<()> {
    let (variables, endpoints) = (db::to_json(variables)?, db::to_json(endpoints)?);
    for CredentialSql { move_endpoints, .. } in CREDENTIALS {
        let sql = tx.sql_for(move_endpoints);
        execute!(tx, sql, provider, sign_in, &variables, &endpoints)?;
    }
    Ok(())
}

/// Marks connections whose owners must sign in again, and returns them with their organisations.
pub(super) async fn lose_connections(
    tx: &mut Tx,
    provider: &str,
    group: &CredentialGroup,
) -> sqlx::Result<Vec<(ConnectionId, OrganisationId)>> {
    lose(tx, LOSE_CONNECTIONS, provider, group).await
}

/// Marks service accounts that must be saved again, and returns them with their organisations.
pub(super) async fn lose_service_accounts(
    tx: &mut Tx,
    provider: &str,
    group: &CredentialGroup,
) -> sqlx::Result<Vec<(ServiceAccountId, OrganisationId)>> {
    lose(tx, LOSE_SERVICE_ACCOUNTS, provider, group).await
}

async fn lose<I: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    tx: &mut Tx,
    sql: &'static str,
    provider: &str,
    CredentialGroup { sign_in, endpoint, variables, .. }: &CredentialGroup,
) -> sqlx::Result<Vec<(I, OrganisationId)>> {
    let (endpoint, variables) = (endpoint.as_deref().unwrap_or_default(), db::to_json(variables)?);
    let rows = fetch!(tx, all, (String, String), sql, provider, sign_in, endpoint, variables)?;
    rows.iter().map(|(id, organisation)| Ok((db::parsed(id)?, db::parsed(organisation)?))).collect()
}
