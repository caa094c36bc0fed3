//! The table `organisation_domains`.

use crate::{
    db::{Tx, execute, fetch, parsed},
    ids::OrganisationId,
};

/// Inserts a domain. Returns false if it is assigned already, or if the organisation does not exist.
pub(super) async fn insert(tx: &mut Tx, organisation: OrganisationId, domain: &str) -> sqlx::Result<bool> {
    let now = tx.now().await?;
    let sql = "insert into organisation_domains (domain, organisation_id, added_at) \
               select cast($1 as text), id, $3 from organisations where id = $2 on conflict (domain) do nothing";
    Ok(execute!(tx, sql, domain, organisation.to_string(), now)? == 1)
}

pub(super) async fn owner(tx: &mut Tx, domain: &str) -> sqlx::Result<Option<OrganisationId>> {
    let sql = "select organisation_id from organisation_domains where domain = $1";
    fetch!(tx, optional, (String,), sql, domain)?.map(|(id,)| parsed(&id)).transpose()
}

pub(super) async fn delete(tx: &mut Tx, organisation: OrganisationId, domain: &str) -> sqlx::Result<bool> {
    let sql = "delete from organisation_domains where domain = $1 and organisation_id = $2";
    Ok(execute!(tx, sql, domain, organisation.to_string())? == 1)
}

pub(super) async fn list(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<String>> {
    let sql = "select domain from organisation_domains where organisation_id = $1 order by domain";
    let rows = fetch!(tx, all, (String,), sql, organisation.to_string())?;
    Ok(rows.into_iter().map(|(domain,)| domain).collect())
}
