//! The SQL of `oauth_clients`, of `authorizations`, and of token leases in any table that holds tokens.

use super::{
    authorization::{Authorization, Browser},
    context::SignInRef,
    token::{State, level_name, stored_level},
};
use crate::{
    db::{self, Column, Tx, execute, fetch},
    ids::OauthClientId,
    plugins::endpoints::VariableValues,
    secrets::{
        SealedValue,
        rotation::{SealedTable, sealed_table},
    },
};
use jiff::Timestamp;

/// Client secrets of the deployment.
pub const SEALED_CLIENTS: SealedTable = sealed_table!("oauth_clients", "''");

/// A client without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredClient {
    /// The id of the provider.
    pub provider: String,
    /// The id of its sign-in.
    pub sign_in: String,
    /// The client's id at the service.
    pub client_id: String,
    /// Values of the sign-in's variables.
    pub variables: VariableValues,
}

/// A row of `oauth_clients`.
#[derive(sqlx::FromRow)]
pub(super) struct ClientRow {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) sealed: Vec<u8>,
    variables: String,
}

impl ClientRow {
    /// Values of the sign-in's variables.
    pub(super) fn variables(&self) -> sqlx::Result<VariableValues> {
        db::from_json(&self.variables)
    }
}

/// All clients, without their secrets.
pub(super) async fn clients(tx: &mut Tx) -> sqlx::Result<Vec<RegisteredClient>> {
    let sql = "select provider_id, sign_in, client_id, variables from oauth_clients order by provider_id, sign_in";
    let rows = fetch!(tx, all, (String, String, String, String), sql)?;
    let client = |(provider, sign_in, client_id, variables): (String, String, String, String)| {
        Ok(RegisteredClient { provider, sign_in, client_id, variables: db::from_json(&variables)? })
    };
    rows.into_iter().map(client).collect()
}

pub(super) async fn client(tx: &mut Tx, sign_in: SignInRef<'_>) -> sqlx::Result<Option<ClientRow>> {
    let sql = "select id, client_id, sealed, variables from oauth_clients where provider_id = $1 and sign_in = $2";
    fetch!(tx, optional, ClientRow, sql, sign_in.provider, sign_in.sign_in)
}

pub(super) async fn put_client(
    tx: &mut Tx,
    id: OauthClientId,
    sign_in: SignInRef<'_>,
    client_id: &str,
    variables: &VariableValues,
    sealed: &SealedValue,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into oauth_clients (id, provider_id, sign_in, client_id, sealed, sealed_by, changed_at, variables)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (id) do update set client_id = $4, sealed = $5, sealed_by = $6, changed_at = $7, variables = $8",
        id.to_string(),
        sign_in.provider,
        sign_in.sign_in,
        client_id,
        &sealed.bytes,
        &sealed.key,
        now.as_microsecond(),
        db::to_json(variables)?,
    )?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct AuthorizationRow {
    provider_id: String,
    sign_in: String,
    level: String,
    redirect_uri: String,
    force_consent: i64,
    for_organisation: i64,
    variables: String,
    sealed: Vec<u8>,
    expires_at: i64,
}

pub(super) async fn insert_authorization(tx: &mut Tx, state_hash: &str, new: &Authorization) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into authorizations (state_hash, session_id, organisation_id, person_id, provider_id, sign_in, level,
                redirect_uri, force_consent, for_organisation, sealed, expires_at, variables)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        state_hash,
        new.browser.session.to_string(),
        new.browser.organisation.to_string(),
        new.browser.person.to_string(),
        &new.provider,
        &new.sign_in,
        level_name(new.level),
        &new.redirect,
        i64::from(new.force_consent),
        i64::from(new.for_organisation),
        &new.sealed,
        new.expires_at.as_microsecond(),
        db::to_json(&new.variables)?,
    )?;
    Ok(())
}

/// Deletes and returns a sign-in. `None` if this browser did not begin it, or if it was taken before.
pub(super) async fn take_authorization(
    tx: &mut Tx,
    state_hash: &str,
    browser: &Browser,
) -> sqlx::Result<Option<Authorization>> {
    let row = fetch!(
        tx,
        optional,
        AuthorizationRow,
        "delete from authorizations where state_hash = $1 and session_id = $2 and person_id = $3
         returning provider_id, sign_in, level, redirect_uri, force_consent, for_organisation, variables, sealed,
                   expires_at",
        state_hash,
        browser.session.to_string(),
        browser.person.to_string(),
    )?;
    row.map(|row| {
        Ok(Authorization {
            browser: browser.clone(),
            provider: row.provider_id,
            sign_in: row.sign_in,
            level: stored_level(Column::of("authorizations", "level"), &row.level)?,
            redirect: row.redirect_uri,
            force_consent: Column::of("authorizations", "force_consent").flag(row.force_consent)?,
            for_organisation: Column::of("authorizations", "for_organisation").flag(row.for_organisation)?,
            variables: db::from_json(&row.variables)?,
            sealed: row.sealed,
            expires_at: db::instant(row.expires_at),
        })
    })
    .transpose()
}

pub(super) async fn delete_expired_authorizations(tx: &mut Tx, now: i64) -> sqlx::Result<()> {
    execute!(tx, "delete from authorizations where expires_at < $1", now).map(drop)
}

/// The SQL of the lease in one table. The macro `lease_sql!` writes it.
#[derive(Debug, Clone, Copy)]
pub struct LeaseSql {
    pub(crate) acquire: &'static str,
    pub(crate) store: &'static str,
    pub(crate) release: &'static str,
    pub(crate) lose: &'static str,
}

/// Declares the [`LeaseSql`] of a table with the columns `sealed`, `state`, `token_expires_at`, `refresh_lease` and
/// `refresh_until`.
macro_rules! lease_sql {
    ($table:literal) => {
        $crate::oauth::store::LeaseSql {
            acquire: concat!(
                "update ",
                $table,
                " set refresh_lease = $3, refresh_until = $4
                  where id = $1 and sealed = $2 and state = $6
                        and (refresh_until is null or refresh_until < $5 or refresh_until > $4)"
            ),
            store: concat!(
                "update ",
                $table,
                " set sealed = $3, sealed_by = $4, token_expires_at = $5, refresh_lease = null, refresh_until = null
                  where id = $1 and refresh_lease = $2"
            ),
            release: concat!(
                "update ",
                $table,
                " set refresh_lease = null, refresh_until = null where id = $1 and refresh_lease = $2"
            ),
            lose: concat!(
                "update ",
                $table,
                " set state = $3, refresh_lease = null, refresh_until = null
                  where id = $1 and refresh_lease = $2 and state <> $3"
            ),
        }
    };
}
pub(crate) use lease_sql;

/// Takes the lease for `duration` microseconds. Returns false if another host holds it, or if the row no longer contains
/// this token. A lease that would end later than this one was written by a clock that was ahead, and does not count.
pub(super) async fn acquire_lease(
    tx: &mut Tx,
    sql: &LeaseSql,
    id: &str,
    sealed: &SealedValue,
    lease: &str,
    duration: i64,
) -> sqlx::Result<bool> {
    let (now, connected) = (tx.now().await?, State::Connected.as_str());
    let rows = execute!(tx, sql.acquire, id, &sealed.bytes, lease, now + duration, now, connected)?;
    Ok(rows == 1)
}

/// Stores new tokens and releases the lease. Returns false if the lease was lost.
pub(super) async fn store_tokens(
    tx: &mut Tx,
    sql: &LeaseSql,
    id: &str,
    lease: &str,
    sealed: &SealedValue,
    expires_at: Option<Timestamp>,
) -> sqlx::Result<bool> {
    let expires_at = expires_at.map(Timestamp::as_microsecond);
    Ok(execute!(tx, sql.store, id, lease, &sealed.bytes, &sealed.key, expires_at)? == 1)
}

/// Releases the lease after an attempt that failed.
pub(super) async fn release_lease(tx: &mut Tx, sql: &LeaseSql, id: &str, lease: &str) -> sqlx::Result<()> {
    execute!(tx, sql.release, id, lease).map(drop)
}

/// Marks the owner as disconnected by the service. Returns false if the lease was lost.
pub(super) async fn mark_lost(tx: &mut Tx, sql: &LeaseSql, id: &str, lease: &str) -> sqlx::Result<bool> {
    Ok(execute!(tx, sql.lose, id, lease, State::Reconnect.as_str())? == 1)
}
