//! The SQL of `needed_approvals`.

use super::{Applicant, Refusal, Source};
use crate::{
    db::{Column, Tx, execute, fetch, instant, parsed},
    ids::OrganisationId,
};
use jiff::Timestamp;

/// What people of a domain were refused with.
pub(super) async fn refusals(tx: &mut Tx, applicant: Applicant<'_>, domain: &str) -> sqlx::Result<Vec<Refusal>> {
    let sql = "select person_id, link, confirmed, noticed_at from needed_approvals \
               where organisation_id = $1 and provider_id = $2 and domain = $3";
    let Applicant { organisation, provider, .. } = applicant;
    let rows = fetch!(tx, all, (String, Option<String>, i64, i64), sql, organisation.to_string(), provider, domain)?;
    let refusal = |(person, link, confirmed, noticed_at): (String, _, _, _)| {
        let is_confirmed = Column::of("needed_approvals", "confirmed").flag(confirmed)?;
        let source = if is_confirmed { Source::TokenEndpoint } else { Source::Browser };
        Ok(Refusal { person: parsed(&person)?, link, source, noticed_at: instant(noticed_at) })
    };
    rows.into_iter().map(refusal).collect()
}

/// Stores a refusal in place of the person's last one.
pub(super) async fn put(
    tx: &mut Tx,
    applicant: Applicant<'_>,
    domain: &str,
    link: Option<&str>,
    source: Source,
) -> sqlx::Result<()> {
    let now = tx.now().await?;
    let sql = "insert into needed_approvals \
               (organisation_id, provider_id, domain, person_id, link, confirmed, noticed_at) \
               values ($1, $2, $3, $4, $5, $6, $7) on conflict (organisation_id, provider_id, domain, person_id) \
               do update set link = excluded.link, confirmed = excluded.confirmed, noticed_at = excluded.noticed_at";
    let Applicant { organisation, person, provider, .. } = applicant;
    let confirmed = i64::from(source == Source::TokenEndpoint);
    let (organisation, person) = (organisation.to_string(), person.to_string());
    execute!(tx, sql, organisation, provider, domain, person, link, confirmed, now).map(drop)
}

pub(super) async fn delete(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    domain: &str,
) -> sqlx::Result<()> {
    let sql = "delete from needed_approvals where organisation_id = $1 and provider_id = $2 and domain = $3";
    execute!(tx, sql, organisation.to_string(), provider, domain).map(drop)
}

/// Deletes what was noticed by this instant.
pub(super) async fn delete_until(tx: &mut Tx, by: Timestamp) -> sqlx::Result<()> {
    execute!(tx, "delete from needed_approvals where noticed_at <= $1", by.as_microsecond()).map(drop)
}
