//! Mail domains whose IT administrators must approve first (M13).
//!
//! Problem: a person reads "need admin approval" at the service's page, takes it for the administrator of the program, and
//! so does everybody of the same domain after them. Decision: when a person returns with that refusal, their mail domain is
//! stored, with the page for the administrator if the service has one. The next person of that domain reads this before
//! they try, and the first who succeeds removes the entry. Rejected: storing it per person, which warns nobody else.

mod store;

use crate::{
    db::{Db, Tx},
    ids::OrganisationId,
};

/// A mail domain whose administrator must approve first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// The domain of people's addresses.
    pub domain: String,
    /// The page where the administrator approves, if the service has one.
    pub link: Option<String>,
}

/// The domain of an e-mail address, in lower case.
#[must_use]
pub fn domain(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    Some(domain.to_lowercase()).filter(|domain| !domain.is_empty())
}

/// Whether the domain of this address needs an approval.
pub async fn needed(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
) -> sqlx::Result<Option<ApprovalRequest>> {
    let Some(domain) = domain(address) else { return Ok(None) };
    let link = store::link(tx, organisation, provider, &domain).await?;
    Ok(link.map(|link| ApprovalRequest { domain, link }))
}

/// Stores that the domain of this address needs an approval.
pub(super) async fn record_needed(
    db: &Db,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
    link: Option<&str>,
) -> sqlx::Result<()> {
    let Some(domain) = domain(address) else { return Ok(()) };
    let mut tx = db.begin().await?;
    store::put(&mut tx, organisation, provider, &domain, link).await?;
    tx.commit().await
}

/// Stores that the domain of this address needs no approval: a person of the domain has connected.
pub(super) async fn record_given(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
) -> sqlx::Result<()> {
    match domain(address) {
        Some(domain) => store::delete(tx, organisation, provider, &domain).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_domain_follows_the_last_at_sign() {
        assert_eq!(super::domain("Ann@School.EXAMPLE").as_deref(), Some("school.example"));
        assert_eq!(super::domain("\"a@b\"@c.example").as_deref(), Some("c.example"));
        assert_eq!(super::domain("ann").or_else(|| super::domain("ann@")), None);
    }
}
