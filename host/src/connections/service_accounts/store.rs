//! The tables `service_accounts` and `organisation_refusals`, and what they have to do with people and connections.

use super::{Kind, ServiceAccount};
use crate::{
    connections::{State, oauth::Token},
    db::{self, Tx, execute, fetch},
    ids::{OrganisationId, PersonId, ServiceAccountId},
    plugins::contract::ScopeLevel,
    secrets::{
        Sealed,
        rotation::{SealedTable, sealed_table},
    },
};
use jiff::Timestamp;

/// Keys and tokens of service accounts.
pub const SEALED: SealedTable = sealed_table!("service_accounts", "organisation_id");

/// An account with its sealed secret.
#[derive(Debug, Clone)]
pub(super) struct StoredServiceAccount {
    pub(super) account: ServiceAccount,
    pub(super) sealed: Sealed,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organisation_id: String,
    provider_id: String,
    sign_in: String,
    kind: String,
    mailbox: String,
    client: Option<String>,
    fields: String,
    state: String,
    sealed: Vec<u8>,
    sealed_by: String,
    token_endpoint: Option<String>,
    token_expires_at: Option<i64>,
    saved_by: String,
    saved_at: i64,
}

impl TryFrom<Row> for StoredServiceAccount {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let expires_at = row.token_expires_at.map(db::instant);
        let token = |endpoint| Token { level: ScopeLevel::Read, endpoint, expires_at };
        let account = ServiceAccount {
            id: db::parsed(&row.id)?,
            organisation: db::parsed(&row.organisation_id)?,
            provider: row.provider_id,
            sign_in: row.sign_in,
            kind: if row.kind == Kind::Delegated.name() { Kind::Delegated } else { Kind::Shared },
            mailbox: row.mailbox,
            client: row.client,
            fields: db::from_json(&row.fields)?,
            state: if row.state == State::Connected.name() { State::Connected } else { State::Reconnect },
            token: row.token_endpoint.map(token),
            saved_by: db::parsed(&row.saved_by)?,
            saved_at: db::instant(row.saved_at),
        };
        Ok(Self { account, sealed: Sealed { key: row.sealed_by, bytes: row.sealed } })
    }
}

/// The accounts of an organisation, the one that was saved first at the front.
pub(super) async fn accounts(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<StoredServiceAccount>> {
    let rows = fetch!(
        tx,
        all,
        Row,
        "select id, organisation_id, provider_id, sign_in, kind, mailbox, client, fields, state, sealed, sealed_by,
                token_endpoint, token_expires_at, saved_by, saved_at
         from service_accounts where organisation_id = $1 order by id",
        organisation.to_string(),
    )?;
    rows.into_iter().map(StoredServiceAccount::try_from).collect()
}

/// The account of an organisation at a provider.
pub(super) async fn of_provider(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
) -> sqlx::Result<Option<StoredServiceAccount>> {
    Ok(accounts(tx, organisation).await?.into_iter().find(|kept| kept.account.provider == provider))
}

/// An account by its id.
pub(super) async fn find(
    tx: &mut Tx,
    organisation: OrganisationId,
    id: ServiceAccountId,
) -> sqlx::Result<Option<StoredServiceAccount>> {
    Ok(accounts(tx, organisation).await?.into_iter().find(|kept| kept.account.id == id))
}

/// Whether an organisation's shared account, whosever it is, lives by the consent of this mailbox. Where the mailbox is not
/// known, one of this organisation's may.
pub(in crate::connections) async fn shares(
    tx: &mut Tx,
    organisation: OrganisationId,
    (provider, sign_in): (&str, &str),
    mailbox: Option<&str>,
) -> sqlx::Result<bool> {
    let row = fetch!(
        tx,
        optional,
        (i64,),
        "select cast(1 as bigint) from service_accounts
         where provider_id = $1 and sign_in = $2 and kind = 'shared'
               and (mailbox = $3 or (cast($3 as text) is null and organisation_id = $4)) limit 1",
        provider,
        sign_in,
        mailbox,
        organisation.to_string(),
    )?;
    Ok(row.is_some())
}

/// Keeps an account, in the place of what the organisation had at the provider.
pub(super) async fn put(
    tx: &mut Tx,
    StoredServiceAccount { account, sealed }: &StoredServiceAccount,
) -> sqlx::Result<()> {
    let token = account.token.as_ref();
    execute!(
        tx,
        "insert into service_accounts (id, organisation_id, provider_id, sign_in, kind, mailbox, client, fields,
                state, sealed, sealed_by, token_endpoint, token_expires_at, saved_by, saved_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (id) do update set sign_in = $4, kind = $5, mailbox = $6, client = $7, fields = $8, state = $9,
                sealed = $10, sealed_by = $11, token_endpoint = $12, token_expires_at = $13, saved_by = $14,
                saved_at = $15, refresh_lease = null, refresh_until = null",
        account.id.to_string(),
        account.organisation.to_string(),
        &account.provider,
        &account.sign_in,
        account.kind.name(),
        &account.mailbox,
        account.client.as_deref(),
        db::to_json(&account.fields)?,
        account.state.name(),
        &sealed.bytes,
        &sealed.key,
        token.map(|token| token.endpoint.as_str()),
        token.and_then(|token| token.expires_at).map(Timestamp::as_microsecond),
        account.saved_by.to_string(),
        account.saved_at.as_microsecond(),
    )?;
    Ok(())
}

/// Lets nobody else connect, refuse or remove by this account until the transaction ends. Whether it is there.
pub(super) async fn lock(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<bool> {
    let sql = "update service_accounts set saved_at = saved_at where id = $1";
    Ok(execute!(tx, sql, id.to_string())? == 1)
}

/// Forgets an account and whatever it connected; gives how many people that were.
pub(super) async fn delete(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<u64> {
    let people = execute!(tx, "delete from connections where service_account_id = $1", id.to_string())?;
    execute!(tx, "delete from service_accounts where id = $1", id.to_string())?;
    Ok(people)
}

/// How many people an account connects.
pub(super) async fn count(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<i64> {
    let sql = "select count(*) from connections where service_account_id = $1";
    let (count,) = fetch!(tx, one, (i64,), sql, id.to_string())?;
    Ok(count)
}

/// Whoever may be connected by an account, or is and perhaps should not: with an address in a domain of the organisation's,
/// or with a connection that it made.
pub(super) async fn people(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<PersonId>> {
    // No domain has a character that `like` takes for more than itself.
    let rows = fetch!(
        tx,
        all,
        (String,),
        "select id from people where organisation_id = $1 and (
           exists (select 1 from organisation_domains
                   where organisation_domains.organisation_id = $1 and people.email like '%@' || domain)
           or exists (select 1 from connections
                      where person_id = people.id and service_account_id is not null))
         order by id",
        organisation.to_string(),
    )?;
    rows.into_iter().map(|(id,)| db::parsed(&id)).collect()
}

/// Whether an account may connect a person at this moment, and until the transaction ends: it is there, and they have not
/// refused it.
pub(in crate::connections) async fn may_connect(
    tx: &mut Tx,
    id: ServiceAccountId,
    person: PersonId,
) -> sqlx::Result<bool> {
    Ok(lock(tx, id).await? && !has_refused(tx, person).await?)
}

/// Whether a person has disconnected what their organisation had connected.
pub(super) async fn has_refused(tx: &mut Tx, person: PersonId) -> sqlx::Result<bool> {
    let sql = "select count(*) from organisation_refusals where person_id = $1";
    let (count,) = fetch!(tx, one, (i64,), sql, person.to_string())?;
    Ok(count > 0)
}

/// The person disconnects what the organisation had connected, and is not connected by it again.
pub(in crate::connections) async fn refuse(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
    account: ServiceAccountId,
) -> sqlx::Result<()> {
    lock(tx, account).await?;
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
