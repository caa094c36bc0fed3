//! The SQL of `connections` and `organisation_refusals`.

use super::connection::{Connection, State, work_owner};
use crate::{
    db::{self, Column, Tx, execute, fetch},
    ids::{ConnectionId, OrganisationId, PersonId, ServiceAccountId},
    jobs::Owner,
    oauth::{
        SignInRef, Token,
        store::lease_sql,
        token::{level_name, stored_level},
        token_lease::LeaseSql,
    },
    plugins::{
        contract::{Account, Memo},
        endpoints::VariableValues,
    },
    secrets::{
        SealedValue,
        rotation::{SealedTable, sealed_table},
    },
};
use jiff::Timestamp;

/// Credentials of connections.
pub const SEALED: SealedTable = sealed_table!("connections", "organisation_id");

/// Leases of token refreshes.
pub(super) const LEASE: LeaseSql = lease_sql!("connections");

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organisation_id: String,
    person_id: String,
    provider_id: String,
    sign_in: String,
    server: Option<String>,
    subject: Option<String>,
    address: Option<String>,
    zone: String,
    fields: String,
    account: String,
    opened_at: i64,
    state: String,
    memo: Option<Vec<u8>>,
    memo_format: Option<i64>,
    memo_state_format: Option<i64>,
    memo_revision: i64,
    connected_at: i64,
    sealed: Vec<u8>,
    sealed_by: String,
    level: Option<String>,
    token_endpoint: Option<String>,
    variables: String,
    token_expires_at: Option<i64>,
    service_account_id: Option<String>,
}

/// A connection as it is stored.
#[derive(Debug, Clone)]
pub struct StoredConnection {
    /// The connection.
    pub connection: Connection,
    /// The sealed credential.
    pub sealed: SealedValue,
    /// The format of the provider's notes.
    pub memo_state_format: Option<u32>,
}

impl TryFrom<Row> for StoredConnection {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let number = |number: i64| u32::try_from(number).map_err(db::broken);
        let memo = match (row.memo, row.memo_format) {
            (Some(data), Some(format)) => Some(Memo { format: number(format)?, data }),
            _ => None,
        };
        let token = match (row.level, row.token_endpoint) {
            (Some(level), Some(endpoint)) => Some(Token {
                level: stored_level(Column::of("connections", "level"), &level)?,
                endpoint,
                variables: db::from_json(&row.variables)?,
                expires_at: row.token_expires_at.map(db::instant),
            }),
            _ => None,
        };
        let connection = Connection {
            id: db::parsed(&row.id)?,
            organisation: db::parsed(&row.organisation_id)?,
            person: db::parsed(&row.person_id)?,
            provider: row.provider_id,
            sign_in: row.sign_in,
            server: row.server,
            subject: row.subject,
            address: row.address,
            zone: row.zone,
            fields: db::from_json(&row.fields)?,
            account: db::from_json(&row.account)?,
            opened_at: db::instant(row.opened_at),
            state: Column::of("connections", "state").word(&row.state)?,
            memo,
            memo_revision: row.memo_revision,
            connected_at: db::instant(row.connected_at),
            token,
            service_account: row.service_account_id.as_deref().map(db::parsed).transpose()?,
        };
        let sealed = SealedValue { key: row.sealed_by, bytes: row.sealed };
        Ok(Self { connection, sealed, memo_state_format: row.memo_state_format.map(number).transpose()? })
    }
}

/// The columns of a token, all null for a connection without one.
struct TokenColumns<'a> {
    level: Option<&'static str>,
    endpoint: Option<&'a str>,
    /// An empty object for a connection without a token.
    variables: String,
    expires_at: Option<i64>,
}

impl<'a> TokenColumns<'a> {
    fn of(token: Option<&'a Token>) -> sqlx::Result<Self> {
        let none = VariableValues::new();
        Ok(Self {
            level: token.map(|token| level_name(token.level)),
            endpoint: token.map(|token| token.endpoint.as_str()),
            variables: db::to_json(token.map_or(&none, |token| &token.variables))?,
            expires_at: token.and_then(|token| token.expires_at).map(Timestamp::as_microsecond),
        })
    }
}

/// Selects connections by a condition.
macro_rules! select_where {
    ($condition:literal) => {
        concat!(
            "select id, organisation_id, person_id, provider_id, sign_in, server, subject, address, zone, fields, account,
                    opened_at, state, memo, memo_format, memo_state_format, memo_revision, connected_at, sealed,
                    sealed_by, level, token_endpoint, variables, token_expires_at, service_account_id
             from connections where ",
            $condition
        )
    };
}

/// The person's connection.
pub async fn of_person(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
) -> sqlx::Result<Option<StoredConnection>> {
    let row = fetch!(
        tx,
        optional,
        Row,
        select_where!("organisation_id = $1 and person_id = $2"),
        organisation.to_string(),
        person.to_string(),
    )?;
    row.map(StoredConnection::try_from).transpose()
}

/// True if a connection in any organisation depends on the consent that this address gave at the service. If the address
/// is not known, connections of people with the same e-mail address count: a person can belong to several organisations.
pub(super) async fn depends_on_consent(
    tx: &mut Tx,
    sign_in: SignInRef<'_>,
    address: Option<&str>,
    person: PersonId,
) -> sqlx::Result<bool> {
    let row = fetch!(
        tx,
        optional,
        (i64,),
        "select cast(1 as bigint) from connections join people on people.id = connections.person_id
         where provider_id = $1 and sign_in = $2 and service_account_id is null
               and (address = $3 or (cast($3 as text) is null
                                     and people.email = (select email from people where id = $4))) limit 1",
        sign_in.provider,
        sign_in.sign_in,
        address,
        person.to_string(),
    )?;
    Ok(row.is_some())
}

/// On whose account work for a person's calendar runs.
pub async fn owner(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<Owner> {
    let sql = "select provider_id, server from connections where organisation_id = $1 and person_id = $2";
    let row = fetch!(tx, optional, (String, Option<String>), sql, organisation.to_string(), person.to_string())?;
    Ok(match row {
        Some((provider, server)) => work_owner(organisation, &provider, server.as_deref()),
        None => Owner::organisation(organisation),
    })
}

/// A connection of any organisation.
pub async fn by_id(tx: &mut Tx, id: ConnectionId) -> sqlx::Result<Option<StoredConnection>> {
    let row = fetch!(tx, optional, Row, select_where!("id = $1"), id.to_string(),)?;
    row.map(StoredConnection::try_from).transpose()
}

/// Stores a new connection. Fails with a unique violation if the person has one already.
pub async fn insert(tx: &mut Tx, new: &StoredConnection) -> sqlx::Result<()> {
    let StoredConnection { connection, sealed, memo_state_format } = new;
    let memo = connection.memo.as_ref();
    let TokenColumns { level, endpoint, variables, expires_at } = TokenColumns::of(connection.token.as_ref())?;
    execute!(
        tx,
        "insert into connections (id, organisation_id, person_id, provider_id, sign_in, server, subject, address, zone,
                fields, sealed, sealed_by, account, opened_at, state, memo, memo_format, memo_state_format,
                memo_revision, connected_at, level, token_endpoint, token_expires_at, service_account_id,
                variables)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24, $25)",
        connection.id.to_string(),
        connection.organisation.to_string(),
        connection.person.to_string(),
        &connection.provider,
        &connection.sign_in,
        connection.server.as_deref(),
        connection.subject.as_deref(),
        connection.address.as_deref(),
        &connection.zone,
        db::to_json(&connection.fields)?,
        &sealed.bytes,
        &sealed.key,
        db::to_json(&connection.account)?,
        connection.opened_at.as_microsecond(),
        connection.state.as_str(),
        memo.map(|memo| memo.data.as_slice()),
        memo.map(|memo| i64::from(memo.format)),
        memo_state_format.map(i64::from),
        connection.memo_revision,
        connection.connected_at.as_microsecond(),
        level,
        endpoint,
        expires_at,
        connection.service_account.map(|id| id.to_string()),
        variables,
    )?;
    Ok(())
}

/// Replaces the credential after a new sign-in to the same account. Returns false if the row is gone.
pub async fn replace_credential(tx: &mut Tx, id: ConnectionId, new: &StoredConnection) -> sqlx::Result<bool> {
    let (connection, memo) = (&new.connection, new.connection.memo.as_ref());
    let TokenColumns { level, endpoint, variables, expires_at } = TokenColumns::of(connection.token.as_ref())?;
    let rows = execute!(
        tx,
        "update connections set sealed = $2, sealed_by = $3, account = $4, opened_at = $5, state = $6, memo = $7,
                memo_format = $8, memo_state_format = $9, memo_revision = memo_revision + 1, zone = $10, address = $11,
                fields = $12, level = $13, token_endpoint = $14, token_expires_at = $15, variables = $16,
                refresh_lease = null, refresh_until = null
         where id = $1",
        id.to_string(),
        &new.sealed.bytes,
        &new.sealed.key,
        db::to_json(&connection.account)?,
        connection.opened_at.as_microsecond(),
        connection.state.as_str(),
        memo.map(|memo| memo.data.as_slice()),
        memo.map(|memo| i64::from(memo.format)),
        new.memo_state_format.map(i64::from),
        &connection.zone,
        connection.address.as_deref(),
        db::to_json(&connection.fields)?,
        level,
        endpoint,
        expires_at,
        variables,
    )?;
    Ok(rows == 1)
}

/// Stores the provider's notes. Returns false if another call has stored newer notes, which are as good.
pub async fn save_memo(
    tx: &mut Tx,
    id: ConnectionId,
    revision: i64,
    memo: &Memo,
    state_format: u32,
) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "update connections set memo = $3, memo_format = $4, memo_state_format = $5, memo_revision = memo_revision + 1
         where id = $1 and memo_revision = $2",
        id.to_string(),
        revision,
        &memo.data,
        i64::from(memo.format),
        i64::from(state_format),
    )?;
    Ok(rows == 1)
}

/// Locks a connection until the transaction ends, and returns it. `None` if it does not exist.
pub(super) async fn lock(tx: &mut Tx, id: ConnectionId) -> sqlx::Result<Option<StoredConnection>> {
    execute!(tx, "update connections set opened_at = opened_at where id = $1", id.to_string())?;
    by_id(tx, id).await
}

/// Stores what the account said.
pub async fn save_account(tx: &mut Tx, id: ConnectionId, account: &Account, now: i64) -> sqlx::Result<()> {
    execute!(
        tx,
        "update connections set account = $2, opened_at = $3 where id = $1",
        id.to_string(),
        db::to_json(account)?,
        now,
    )?;
    Ok(())
}

/// Stores the account and the level of a connection that lost write access. Returns false if the account was opened
/// meanwhile.
pub(super) async fn save_lost_write(tx: &mut Tx, connection: &Connection) -> sqlx::Result<bool> {
    let TokenColumns { level, .. } = TokenColumns::of(connection.token.as_ref())?;
    let rows = execute!(
        tx,
        "update connections set account = $2, level = $3 where id = $1 and opened_at = $4",
        connection.id.to_string(),
        db::to_json(&connection.account)?,
        level,
        connection.opened_at.as_microsecond(),
    )?;
    Ok(rows == 1)
}

/// Stores the fields of a connection.
pub(super) async fn save_fields(tx: &mut Tx, connection: &Connection) -> sqlx::Result<()> {
    let sql = "update connections set fields = $2 where id = $1";
    execute!(tx, sql, connection.id.to_string(), db::to_json(&connection.fields)?).map(drop)
}

/// Marks a connection whose credential the service refused. Returns false if the credential is no longer the stored one: the
/// person has signed in again meanwhile.
pub async fn mark_refused(tx: &mut Tx, id: ConnectionId, sealed: &SealedValue) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "update connections set state = $3 where id = $1 and sealed = $2 and state <> $3",
        id.to_string(),
        &sealed.bytes,
        State::Reconnect.as_str(),
    )?;
    Ok(rows == 1)
}

/// Deletes a connection. Returns false if its credential is no longer the given one.
pub async fn delete(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
    sealed: &SealedValue,
) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "delete from connections where organisation_id = $1 and person_id = $2 and sealed = $3",
        organisation.to_string(),
        person.to_string(),
        &sealed.bytes,
    )?;
    Ok(rows == 1)
}

/// Locks a service account until the transaction ends. Returns false if it does not exist.
pub(super) async fn lock_service_account(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<bool> {
    let sql = "update service_accounts set saved_at = saved_at where id = $1";
    Ok(execute!(tx, sql, id.to_string())? == 1)
}

/// True if a service account may connect a person until the transaction ends: it exists, and the person has not refused.
pub(super) async fn may_connect(tx: &mut Tx, id: ServiceAccountId, person: PersonId) -> sqlx::Result<bool> {
    Ok(lock_service_account(tx, id).await? && !has_refused(tx, person).await?)
}

/// True if a person has disconnected a calendar that their organisation had connected.
pub(super) async fn has_refused(tx: &mut Tx, person: PersonId) -> sqlx::Result<bool> {
    let sql = "select count(*) from organisation_refusals where person_id = $1";
    let (count,) = fetch!(tx, one, (i64,), sql, person.to_string())?;
    Ok(count > 0)
}

/// Records that the person disconnected the calendar that their organisation had connected.
pub(super) async fn refuse(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
    account: ServiceAccountId,
) -> sqlx::Result<()> {
    lock_service_account(tx, account).await?;
    let now = tx.now().await?;
    execute!(
        tx,
        "insert into organisation_refusals (person_id, organisation_id, refused_at) values ($1, $2, $3)
         on conflict (person_id) do nothing",
        person.to_string(),
        organisation.to_string(),
        now,
    )?;
    Ok(())
}

/// Connections of a provider that work, the last opened first.
pub(super) async fn recently_opened(tx: &mut Tx, provider: &str, limit: u32) -> sqlx::Result<Vec<StoredConnection>> {
    let sql = select_where!("provider_id = $1 and state = 'connected' order by opened_at desc, id limit $2");
    let rows = fetch!(tx, all, Row, sql, provider, i64::from(limit))?;
    rows.into_iter().map(StoredConnection::try_from).collect()
}

/// The connections that work, and on whose account work for them runs.
pub(super) async fn connected(tx: &mut Tx) -> sqlx::Result<Vec<(ConnectionId, Owner)>> {
    let sql = "select id, organisation_id, provider_id, server from connections where state = 'connected' order by id";
    let rows = fetch!(tx, all, (String, String, String, Option<String>), sql)?;
    let owned = |(id, organisation, provider, server): &(String, String, String, Option<String>)| {
        Ok((db::parsed(id)?, work_owner(db::parsed(organisation)?, provider, server.as_deref())))
    };
    rows.iter().map(owned).collect()
}
