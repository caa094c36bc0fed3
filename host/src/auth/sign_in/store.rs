//! The tables `sign_in_requests` and `sign_in_links`.

use super::{super::opaque::Hash, Account, Request};
use crate::{
    db::{Tx, execute, fetch, instant, parsed},
    ids::{OrganisationId, PersonId, SignInId},
};
use jiff::Timestamp;

pub(super) async fn insert_request(tx: &mut Tx, request: &Request) -> sqlx::Result<()> {
    let Request { id, email, return_to, created_at } = request;
    let sql = "insert into sign_in_requests (id, email, return_to, created_at) values ($1, $2, $3, $4)";
    execute!(tx, sql, id.to_string(), email, return_to, created_at.as_microsecond()).map(drop)
}

pub(super) async fn request(tx: &mut Tx, id: SignInId) -> sqlx::Result<Option<Request>> {
    let sql = "select email, return_to, created_at from sign_in_requests where id = $1";
    let row = fetch!(tx, optional, (String, String, i64), sql, id.to_string())?;
    Ok(row.map(|(email, return_to, created_at)| Request { id, email, return_to, created_at: instant(created_at) }))
}

pub(super) async fn delete_request(tx: &mut Tx, id: SignInId) -> sqlx::Result<()> {
    execute!(tx, "delete from sign_in_requests where id = $1", id.to_string()).map(drop)
}

/// Deletes requests that were made by this instant: their jobs were given up.
pub(super) async fn delete_requests(tx: &mut Tx, by: Timestamp) -> sqlx::Result<()> {
    execute!(tx, "delete from sign_in_requests where created_at <= $1", by.as_microsecond()).map(drop)
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: String,
    name: String,
    email: String,
    organisation: String,
    organisation_id: String,
}

impl TryFrom<AccountRow> for Account {
    type Error = sqlx::Error;

    fn try_from(row: AccountRow) -> sqlx::Result<Self> {
        let AccountRow { id, name, email, organisation, organisation_id } = row;
        Ok(Self { person: parsed(&id)?, name, email, organisation, organisation_id: parsed(&organisation_id)? })
    }
}

pub(super) async fn accounts(tx: &mut Tx, email: &str) -> sqlx::Result<Vec<Account>> {
    let sql = "select people.id, people.name, people.email, organisations.name as organisation, \
               people.organisation_id from people \
               join organisations on organisations.id = people.organisation_id where people.email = $1 \
               order by people.id";
    fetch!(tx, all, AccountRow, sql, email)?.into_iter().map(Account::try_from).collect()
}

/// The organisation of a person.
pub(super) async fn organisation(tx: &mut Tx, person: PersonId) -> sqlx::Result<OrganisationId> {
    let sql = "select organisation_id from people where id = $1";
    let (organisation,) = fetch!(tx, one, (String,), sql, person.to_string())?;
    parsed(&organisation)
}

/// An organisation in which the address has an account.
pub(super) async fn organisation_of_address(tx: &mut Tx, email: &str) -> sqlx::Result<Option<OrganisationId>> {
    let sql = "select min(organisation_id) from people where email = $1";
    let (organisation,) = fetch!(tx, one, (Option<String>,), sql, email)?;
    organisation.map(|id| parsed(&id)).transpose()
}

pub(super) async fn insert_link(
    tx: &mut Tx,
    hash: &Hash,
    person: PersonId,
    return_to: &str,
    expires_at: Timestamp,
) -> sqlx::Result<()> {
    let sql = "insert into sign_in_links (hash, person_id, return_to, expires_at) values ($1, $2, $3, $4)";
    execute!(tx, sql, &hash[..], person.to_string(), return_to, expires_at.as_microsecond()).map(drop)
}

pub(super) async fn account(tx: &mut Tx, hash: &Hash, now: Timestamp) -> sqlx::Result<Option<Account>> {
    let sql = "select people.id, people.name, people.email, organisations.name as organisation, \
               people.organisation_id from sign_in_links \
               join people on people.id = sign_in_links.person_id \
               join organisations on organisations.id = people.organisation_id \
               where sign_in_links.hash = $1 and sign_in_links.expires_at > $2";
    fetch!(tx, optional, AccountRow, sql, &hash[..], now.as_microsecond())?.map(Account::try_from).transpose()
}

/// Deletes and returns a link that has not expired. Of concurrent callers, one gets it.
pub(super) async fn delete_link(tx: &mut Tx, hash: &Hash, now: Timestamp) -> sqlx::Result<Option<(PersonId, String)>> {
    let sql = "delete from sign_in_links where hash = $1 and expires_at > $2 returning person_id, return_to";
    let row = fetch!(tx, optional, (String, String), sql, &hash[..], now.as_microsecond())?;
    row.map(|(person, return_to)| Ok((parsed(&person)?, return_to))).transpose()
}

pub(super) async fn delete_links(tx: &mut Tx, person: PersonId) -> sqlx::Result<()> {
    execute!(tx, "delete from sign_in_links where person_id = $1", person.to_string()).map(drop)
}

pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    execute!(tx, "delete from sign_in_links where expires_at <= $1", now.as_microsecond()).map(drop)
}
