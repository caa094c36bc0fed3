//! The SQL of `service_accounts`.

use super::account::{Kind, ServiceAccount};
use crate::{
    db::{self, Column, Tx, execute, fetch},
    ids::{OrganisationId, PersonId, ServiceAccountId},
    oauth::{SignInRef, store::lease_sql, token_lease::LeaseSql},
    secrets::{
        SealedValue,
        rotation::{SealedTable, sealed_table},
    },
};
use jiff::Timestamp;

/// Keys and tokens of service accounts.
pub const SEALED: SealedTable = sealed_table!("service_accounts", "organisation_id");

/// Leases of token refreshes.
pub(super) const LEASE: LeaseSql = lease_sql!("service_accounts");

const KIND: Column = Column::of("service_accounts", "kind");

/// A service account as it is stored.
#[derive(Debug, Clone)]
pub(super) struct StoredServiceAccount {
    pub(super) account: ServiceAccount,
    pub(super) sealed: SealedValue,
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
    token_endpoint: String,
    variables: String,
    token_expires_at: Option<i64>,
    saved_by: String,
    saved_at: i64,
}

impl TryFrom<Row> for StoredServiceAccount {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let account = ServiceAccount {
            id: db::parsed(&row.id)?,
            organisation: db::parsed(&row.organisation_id)?,
            provider: row.provider_id,
            sign_in: row.sign_in,
            kind: KIND.word(&row.kind)?,
            mailbox: row.mailbox,
            client: row.client,
            fields: db::from_json(&row.fields)?,
            state: Column::of("service_accounts", "state").word(&row.state)?,
            endpoint: row.token_endpoint,
            variables: db::from_json(&row.variables)?,
            expires_at: row.token_expires_at.map(db::instant),
            saved_by: db::parsed(&row.saved_by)?,
            saved_at: db::instant(row.saved_at),
        };
        Ok(Self { account, sealed: SealedValue { key: row.sealed_by, bytes: row.sealed } })
    }
}

/// The service accounts of an organisation, the oldest first.
pub(super) async fn accounts(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<StoredServiceAccount>> {
    let rows = fetch!(
        tx,
        all,
        Row,
        "select id, organisation_id, provider_id, sign_in, kind, mailbox, client, fields, state, sealed, sealed_by,
                token_endpoint, variables, token_expires_at, saved_by, saved_at
         from service_accounts where organisation_id = $1 order by id",
        organisation.to_string(),
    )?;
    rows.into_iter().map(StoredServiceAccount::try_from).collect()
}

/// The service account of an organisation at a provider.
pub(super) async fn of_provider(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
) -> sqlx::Result<Option<StoredServiceAccount>> {
    Ok(accounts(tx, organisation).await?.into_iter().find(|kept| kept.account.provider == provider))
}

/// A service account by its id.
pub(super) async fn find(
    tx: &mut Tx,
    organisation: OrganisationId,
    id: ServiceAccountId,
) -> sqlx::Result<Option<StoredServiceAccount>> {
    Ok(accounts(tx, organisation).await?.into_iter().find(|kept| kept.account.id == id))
}

/// True if a shared account of any organisation depends on the consent of this mailbox. If the mailbox is not known, the
/// shared accounts of this organisation count. An unknown kind is an error, so that no consent is revoked that an account
/// may depend on.
pub(in crate::connections) async fn depends_on_consent(
    tx: &mut Tx,
    organisation: OrganisationId,
    sign_in: SignInRef<'_>,
    mailbox: Option<&str>,
) -> sqlx::Result<bool> {
    let kinds = fetch!(
        tx,
        all,
        (String,),
        "select distinct kind from service_accounts
         where provider_id = $1 and sign_in = $2
               and (mailbox = $3 or (cast($3 as text) is null and organisation_id = $4))",
        sign_in.provider,
        sign_in.sign_in,
        mailbox,
        organisation.to_string(),
    )?;
    let kinds: Vec<Kind> = kinds.iter().map(|(kind,)| KIND.word(kind)).collect::<sqlx::Result<_>>()?;
    Ok(kinds.contains(&Kind::Shared))
}

/// Stores a service account and replaces the organisation's previous one at the provider.
pub(super) async fn put(
    tx: &mut Tx,
    StoredServiceAccount { account, sealed }: &StoredServiceAccount,
) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into service_accounts (id, organisation_id, provider_id, sign_in, kind, mailbox, client, fields,
                state, sealed, sealed_by, token_endpoint, token_expires_at, saved_by, saved_at, variables)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (id) do update set sign_in = $4, kind = $5, mailbox = $6, client = $7, fields = $8, state = $9,
                sealed = $10, sealed_by = $11, token_endpoint = $12, token_expires_at = $13, saved_by = $14,
                saved_at = $15, variables = $16, refresh_lease = null, refresh_until = null",
        account.id.to_string(),
        account.organisation.to_string(),
        &account.provider,
        &account.sign_in,
        account.kind.as_str(),
        &account.mailbox,
        account.client.as_deref(),
        db::to_json(&account.fields)?,
        account.state.as_str(),
        &sealed.bytes,
        &sealed.key,
        &account.endpoint,
        account.expires_at.map(Timestamp::as_microsecond),
        account.saved_by.to_string(),
        account.saved_at.as_microsecond(),
        db::to_json(&account.variables)?,
    )?;
    Ok(())
}

/// Stores the fields of a service account.
pub(super) async fn save_fields(tx: &mut Tx, account: &ServiceAccount) -> sqlx::Result<()> {
    let sql = "update service_accounts set fields = $2 where id = $1";
    execute!(tx, sql, account.id.to_string(), db::to_json(&account.fields)?).map(drop)
}

/// Deletes a service account and the connections that it made.
pub(super) async fn delete(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<()> {
    execute!(tx, "delete from connections where service_account_id = $1", id.to_string())?;
    execute!(tx, "delete from service_accounts where id = $1", id.to_string()).map(drop)
}

/// The people that a service account connects.
pub(super) async fn connected(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<Vec<PersonId>> {
    let sql = "select person_id from connections where service_account_id = $1 order by id";
    let rows = fetch!(tx, all, (String,), sql, id.to_string())?;
    rows.iter().map(|(person,)| db::parsed(person)).collect()
}

/// Counts the people that a service account connects.
pub(super) async fn count(tx: &mut Tx, id: ServiceAccountId) -> sqlx::Result<i64> {
    let sql = "select count(*) from connections where service_account_id = $1";
    let (count,) = fetch!(tx, one, (i64,), sql, id.to_string())?;
    Ok(count)
}

/// People with an address in one of the organisation's mail domains, and people that a service account connects.
pub(super) async fn people(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<PersonId>> {
    // Domains contain no wildcard characters of `like`.
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
