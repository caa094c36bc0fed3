//! The SQL of `needed_approvals`.

use crate::{
    db::{Tx, execute, fetch},
    ids::OrganisationId,
};

/// The link of a needed approval. The outer `None` means that no approval is needed.
pub(super) async fn link(
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

pub(super) async fn put(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    domain: &str,
    link: Option<&str>,
) -> sqlx::Result<()> {
    let now = tx.now().await?;
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

pub(super) async fn delete(
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
