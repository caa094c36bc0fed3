//! The connections' SQL.

use super::{
    Connection, State,
    oauth::{self, Token},
};
use crate::{
    db::{self, Tx, execute, fetch},
    ids::{ConnectionId, OrganisationId, PersonId},
    plugins::contract::{Account, Memo},
    secrets::{
        Sealed,
        rotation::{SealedTable, sealed_table},
    },
};
use jiff::Timestamp;

/// Credentials of connections.
pub const SEALED: SealedTable = sealed_table!("connections", "organisation_id");

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
    token_expires_at: Option<i64>,
    service_account_id: Option<String>,
}

/// A connection as it is kept: with the sealed credential, and with the layout that its notes are written in.
#[derive(Debug, Clone)]
pub struct StoredConnection {
    /// The connection.
    pub connection: Connection,
    /// The credential.
    pub sealed: Sealed,
    /// The provider's state format when the notes were written.
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
            state: if row.state == State::Connected.name() { State::Connected } else { State::Reconnect },
            memo,
            memo_revision: row.memo_revision,
            connected_at: db::instant(row.connected_at),
            token: oauth::token(row.level.as_deref(), row.token_endpoint, row.token_expires_at),
            service_account: row.service_account_id.as_deref().map(db::parsed).transpose()?,
        };
        let sealed = Sealed { key: row.sealed_by, bytes: row.sealed };
        Ok(Self { connection, sealed, memo_state_format: row.memo_state_format.map(number).transpose()? })
    }
}

/// A token's columns.
fn columns(token: Option<&Token>) -> (Option<&'static str>, Option<&str>, Option<i64>) {
    let level = token.map(|token| oauth::level_name(token.level));
    let expires_at = token.and_then(|token| token.expires_at).map(Timestamp::as_microsecond);
    (level, token.map(|token| token.endpoint.as_str()), expires_at)
}

/// Everything of those that a condition is for.
macro_rules! select_where {
    ($condition:literal) => {
        concat!(
            "select id, organisation_id, person_id, provider_id, sign_in, server, subject, address, zone, fields, account,
                    opened_at, state, memo, memo_format, memo_state_format, memo_revision, connected_at, sealed,
                    sealed_by, level, token_endpoint, token_expires_at, service_account_id
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

/// Whether somebody's connection, in any organisation, lives by the consent of this address at a service. Where the address
/// is not known, one of a person with the same address of their own may: people have one in several organisations.
pub(super) async fn lives_by(
    tx: &mut Tx,
    (provider, sign_in): (&str, &str),
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
        provider,
        sign_in,
        address,
        person.to_string(),
    )?;
    Ok(row.is_some())
}

/// A connection, whoever's it is.
pub async fn by_id(tx: &mut Tx, id: ConnectionId) -> sqlx::Result<Option<StoredConnection>> {
    let row = fetch!(tx, optional, Row, select_where!("id = $1"), id.to_string(),)?;
    row.map(StoredConnection::try_from).transpose()
}

/// Keeps a new connection. The person has none yet, or the index says so.
pub async fn insert(
    tx: &mut Tx,
    StoredConnection { connection, sealed, memo_state_format }: &StoredConnection,
) -> sqlx::Result<()> {
    let memo = connection.memo.as_ref();
    let (level, endpoint, expires_at) = columns(connection.token.as_ref());
    execute!(
        tx,
        "insert into connections (id, organisation_id, person_id, provider_id, sign_in, server, subject, address, zone,
                fields, sealed, sealed_by, account, opened_at, state, memo, memo_format, memo_state_format,
                memo_revision, connected_at, level, token_endpoint, token_expires_at, service_account_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24)",
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
        connection.state.name(),
        memo.map(|memo| memo.data.as_slice()),
        memo.map(|memo| i64::from(memo.format)),
        memo_state_format.map(i64::from),
        connection.memo_revision,
        connection.connected_at.as_microsecond(),
        level,
        endpoint,
        expires_at,
        connection.service_account.map(|id| id.to_string()),
    )?;
    Ok(())
}

/// Puts what a new sign-in to the same account brought in the place of what was there. Whether it still was.
pub async fn renew(tx: &mut Tx, id: ConnectionId, new: &StoredConnection) -> sqlx::Result<bool> {
    let (connection, memo) = (&new.connection, new.connection.memo.as_ref());
    let (level, endpoint, expires_at) = columns(connection.token.as_ref());
    let rows = execute!(
        tx,
        "update connections set sealed = $2, sealed_by = $3, account = $4, opened_at = $5, state = $6, memo = $7,
                memo_format = $8, memo_state_format = $9, memo_revision = memo_revision + 1, zone = $10, address = $11,
                fields = $12, level = $13, token_endpoint = $14, token_expires_at = $15, refresh_lease = null,
                refresh_until = null
         where id = $1",
        id.to_string(),
        &new.sealed.bytes,
        &new.sealed.key,
        db::to_json(&connection.account)?,
        connection.opened_at.as_microsecond(),
        connection.state.name(),
        memo.map(|memo| memo.data.as_slice()),
        memo.map(|memo| i64::from(memo.format)),
        new.memo_state_format.map(i64::from),
        &connection.zone,
        connection.address.as_deref(),
        db::to_json(&connection.fields)?,
        level,
        endpoint,
        expires_at,
    )?;
    Ok(rows == 1)
}

/// Keeps the provider's notes, unless somebody else has since: then theirs are as good.
pub async fn keep_memo(
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

/// Keeps what the account says now.
pub async fn keep_account(tx: &mut Tx, id: ConnectionId, account: &Account, now: i64) -> sqlx::Result<()> {
    execute!(
        tx,
        "update connections set account = $2, opened_at = $3 where id = $1",
        id.to_string(),
        db::to_json(account)?,
        now,
    )?;
    Ok(())
}

/// The service refuses this very credential. Whether it was the present one: a person who has signed in again
/// meanwhile is not asked once more.
pub async fn refuse(tx: &mut Tx, id: ConnectionId, sealed: &Sealed) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "update connections set state = $3 where id = $1 and sealed = $2 and state <> $3",
        id.to_string(),
        &sealed.bytes,
        State::Reconnect.name(),
    )?;
    Ok(rows == 1)
}

/// Forgets a connection and its credential, if it still is this one. Whether it was.
pub async fn delete(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
    sealed: &Sealed,
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

/// The ids of the connections that work.
pub(super) async fn connected(tx: &mut Tx) -> sqlx::Result<Vec<ConnectionId>> {
    let rows = fetch!(tx, all, (String,), "select id from connections where state = 'connected' order by id")?;
    rows.iter().map(|(id,)| db::parsed(id)).collect()
}
