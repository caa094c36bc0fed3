//! The SQL of `oauth_clients`, `authorizations`, `revocations`, `needed_approvals`, and of the tokens in `connections`.

use super::{Browser, Token, level_name, level_of};
use crate::{
    connections::State,
    db::{self, Tx, execute, fetch},
    ids::{ConnectionId, OauthClientId, OrganisationId, PersonId, RevocationId, ServiceAccountId},
    plugins::contract::ScopeLevel,
    secrets::{
        Sealed,
        rotation::{SealedTable, sealed_table},
    },
};
use jiff::Timestamp;

/// Client secrets of the deployment.
pub const SEALED_CLIENTS: SealedTable = sealed_table!("oauth_clients", "''");
/// Tokens that are to be revoked.
pub const SEALED_REVOCATIONS: SealedTable = sealed_table!("revocations", "organisation_id");

/// A client.
#[derive(sqlx::FromRow)]
pub(super) struct ClientRow {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) sealed: Vec<u8>,
}

pub(super) async fn client(tx: &mut Tx, provider: &str, sign_in: &str) -> sqlx::Result<Option<ClientRow>> {
    let sql = "select id, client_id, sealed from oauth_clients where provider_id = $1 and sign_in = $2";
    fetch!(tx, optional, ClientRow, sql, provider, sign_in)
}

pub(super) async fn put_client(
    tx: &mut Tx,
    id: OauthClientId,
    (provider, sign_in): (&str, &str),
    client_id: &str,
    sealed: &Sealed,
    now: Timestamp,
) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into oauth_clients (id, provider_id, sign_in, client_id, sealed, sealed_by, changed_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update set client_id = $4, sealed = $5, sealed_by = $6, changed_at = $7",
        id.to_string(),
        provider,
        sign_in,
        client_id,
        &sealed.bytes,
        &sealed.key,
        now.as_microsecond(),
    )?;
    Ok(())
}

/// Somebody who is at the service's page.
pub(in crate::connections) struct Authorization {
    pub(in crate::connections) browser: Browser,
    pub(in crate::connections) provider: String,
    pub(in crate::connections) sign_in: String,
    pub(in crate::connections) level: ScopeLevel,
    pub(in crate::connections) redirect: String,
    pub(in crate::connections) anew: bool,
    /// Whether it becomes the organisation's shared account.
    pub(in crate::connections) for_organisation: bool,
    pub(in crate::connections) sealed: Vec<u8>,
    pub(in crate::connections) expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct AuthorizationRow {
    provider_id: String,
    sign_in: String,
    level: String,
    redirect_uri: String,
    anew: i64,
    for_organisation: i64,
    sealed: Vec<u8>,
    expires_at: i64,
}

pub(super) async fn insert_authorization(tx: &mut Tx, state_hash: &str, new: &Authorization) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into authorizations (state_hash, session_id, organisation_id, person_id, provider_id, sign_in, level,
                redirect_uri, anew, for_organisation, sealed, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        state_hash,
        &new.browser.session,
        new.browser.organisation.to_string(),
        new.browser.person.to_string(),
        &new.provider,
        &new.sign_in,
        level_name(new.level),
        &new.redirect,
        i64::from(new.anew),
        i64::from(new.for_organisation),
        &new.sealed,
        new.expires_at.as_microsecond(),
    )?;
    Ok(())
}

/// Takes it: it is good once, and in this browser. Nothing if it is neither.
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
         returning provider_id, sign_in, level, redirect_uri, anew, for_organisation, sealed,
                   expires_at",
        state_hash,
        &browser.session,
        browser.person.to_string(),
    )?;
    Ok(row.map(|row| Authorization {
        browser: browser.clone(),
        provider: row.provider_id,
        sign_in: row.sign_in,
        level: level_of(&row.level),
        redirect: row.redirect_uri,
        anew: row.anew != 0,
        for_organisation: row.for_organisation != 0,
        sealed: row.sealed,
        expires_at: db::instant(row.expires_at),
    }))
}

/// Forgets those who never came back.
pub(super) async fn forget_authorizations(tx: &mut Tx, before: i64) -> sqlx::Result<()> {
    execute!(tx, "delete from authorizations where expires_at < $1", before).map(drop)
}

/// The row that holds a token, and the lease of whoever renews it.
#[derive(Debug, Clone, Copy)]
pub(in crate::connections) enum Holder {
    /// A person's connection.
    Connection(ConnectionId),
    /// An organisation's shared account.
    Account(ServiceAccountId),
}

/// What is done with a lease, in a table: begin, end, drop, lose.
macro_rules! lease_sql {
    ($table:literal) => {
        [
            concat!(
                "update ",
                $table,
                " set refresh_lease = $3, refresh_until = $4
                  where id = $1 and sealed = $2 and state = $6 and (refresh_until is null or refresh_until < $5)"
            ),
            concat!(
                "update ",
                $table,
                " set sealed = $3, sealed_by = $4, token_expires_at = $5, refresh_lease = null, refresh_until = null
                  where id = $1 and refresh_lease = $2"
            ),
            concat!(
                "update ",
                $table,
                " set refresh_lease = null, refresh_until = null where id = $1 and refresh_lease = $2"
            ),
            concat!(
                "update ",
                $table,
                " set state = $3, refresh_lease = null, refresh_until = null
                  where id = $1 and refresh_lease = $2 and state <> $3"
            ),
        ]
    };
}

impl Holder {
    fn id(self) -> String {
        match self {
            Self::Connection(id) => id.to_string(),
            Self::Account(id) => id.to_string(),
        }
    }

    const fn sql(self) -> [&'static str; 4] {
        match self {
            Self::Connection(_) => lease_sql!("connections"),
            Self::Account(_) => lease_sql!("service_accounts"),
        }
    }
}

/// Begins to refresh, unless somebody else has or the token is another one by now. Whether we may.
pub(super) async fn begin_refresh(
    tx: &mut Tx,
    holder: Holder,
    sealed: &Sealed,
    lease: &str,
    until: i64,
) -> sqlx::Result<bool> {
    let now = tx.now().await?;
    let (sql, connected) = (holder.sql()[0], State::Connected.name());
    let rows = execute!(tx, sql, holder.id(), &sealed.bytes, lease, now + until, now, connected)?;
    Ok(rows == 1)
}

/// Keeps the new tokens. Whether the lease was still ours.
pub(in crate::connections) async fn end_refresh(
    tx: &mut Tx,
    holder: Holder,
    lease: &str,
    sealed: &Sealed,
    expires_at: Option<Timestamp>,
) -> sqlx::Result<bool> {
    let (sql, expires_at) = (holder.sql()[1], expires_at.map(Timestamp::as_microsecond));
    Ok(execute!(tx, sql, holder.id(), lease, &sealed.bytes, &sealed.key, expires_at)? == 1)
}

/// Gives the lease back: it did not work this time.
pub(in crate::connections) async fn drop_refresh(tx: &mut Tx, holder: Holder, lease: &str) -> sqlx::Result<()> {
    execute!(tx, holder.sql()[2], holder.id(), lease).map(drop)
}

/// The service has taken the access back. Whether that is news.
pub(in crate::connections) async fn lose(tx: &mut Tx, holder: Holder, lease: &str) -> sqlx::Result<bool> {
    Ok(execute!(tx, holder.sql()[3], holder.id(), lease, State::Reconnect.name())? == 1)
}

/// A token that is to be revoked.
pub(super) struct Revocation {
    pub(super) organisation: OrganisationId,
    pub(super) person: PersonId,
    pub(super) provider: String,
    pub(super) sign_in: String,
    pub(super) address: Option<String>,
    pub(super) sealed: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct RevocationRow {
    organisation_id: String,
    person_id: String,
    provider_id: String,
    sign_in: String,
    address: Option<String>,
    sealed: Vec<u8>,
}

pub(super) async fn insert_revocation(
    tx: &mut Tx,
    id: RevocationId,
    new: &Revocation,
    sealed_by: &str,
) -> sqlx::Result<()> {
    let now = tx.now().await?;
    execute!(
        tx,
        "insert into revocations (id, organisation_id, person_id, provider_id, sign_in, address, sealed, sealed_by,
                created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id.to_string(),
        new.organisation.to_string(),
        new.person.to_string(),
        &new.provider,
        &new.sign_in,
        new.address.as_deref(),
        &new.sealed,
        sealed_by,
        now,
    )?;
    Ok(())
}

pub(super) async fn revocation(tx: &mut Tx, id: RevocationId) -> sqlx::Result<Option<Revocation>> {
    let row = fetch!(
        tx,
        optional,
        RevocationRow,
        "select organisation_id, person_id, provider_id, sign_in, address, sealed from revocations where id = $1",
        id.to_string(),
    )?;
    row.map(|row| {
        Ok(Revocation {
            organisation: db::parsed(&row.organisation_id)?,
            person: db::parsed(&row.person_id)?,
            provider: row.provider_id,
            sign_in: row.sign_in,
            address: row.address,
            sealed: row.sealed,
        })
    })
    .transpose()
}

pub(super) async fn delete_revocation(tx: &mut Tx, id: RevocationId) -> sqlx::Result<()> {
    execute!(tx, "delete from revocations where id = $1", id.to_string()).map(drop)
}

/// The link of a domain's approval, if one is needed.
pub(super) async fn approval(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    domain: &str,
) -> sqlx::Result<Option<Option<String>>> {
    let row = fetch!(
        tx,
        optional,
        (Option<String>,),
        "select link from needed_approvals where organisation_id = $1 and provider_id = $2 and domain = $3",
        organisation.to_string(),
        provider,
        domain,
    )?;
    Ok(row.map(|(link,)| link))
}

pub(super) async fn note_approval(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    domain: &str,
    link: Option<&str>,
    now: i64,
) -> sqlx::Result<()> {
    execute!(
        tx,
        "insert into needed_approvals (organisation_id, provider_id, domain, link, noticed_at)
         values ($1, $2, $3, $4, $5)
         on conflict (organisation_id, provider_id, domain) do update set link = $4, noticed_at = $5",
        organisation.to_string(),
        provider,
        domain,
        link,
        now,
    )?;
    Ok(())
}

pub(super) async fn forget_approval(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    domain: &str,
) -> sqlx::Result<()> {
    execute!(
        tx,
        "delete from needed_approvals where organisation_id = $1 and provider_id = $2 and domain = $3",
        organisation.to_string(),
        provider,
        domain,
    )?;
    Ok(())
}

/// A token as its columns have it.
pub(in crate::connections) fn token(
    level: Option<&str>,
    endpoint: Option<String>,
    expires_at: Option<i64>,
) -> Option<Token> {
    Some(Token { level: level_of(level?), endpoint: endpoint?, expires_at: expires_at.map(db::instant) })
}
