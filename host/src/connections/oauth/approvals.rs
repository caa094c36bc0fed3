//! Organisations whose own IT administrators must approve first (M13).
//!
//! Problem: a person reads "need admin approval" at the service's page, takes the administrator of the program for whom is
//! meant, and so does everybody of the same organisation after them. Decision: who comes back with it leaves the mail
//! domain here, with the page for the administrator where the service has one; whoever of that domain comes next is told
//! before they try, and whoever succeeds takes it away. Rejected: keeping it per person, which tells nobody else.

use super::store;
use crate::{
    db::{Db, Tx},
    ids::OrganisationId,
};

/// What is known of a domain whose administrator must approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// After the `@` of people's addresses.
    pub domain: String,
    /// Where the administrator approves, if the service has such a page.
    pub link: Option<String>,
}

/// The domain of a mail address, in lower case.
#[must_use]
pub fn domain(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    Some(domain.to_lowercase()).filter(|domain| !domain.is_empty())
}

/// Whether somebody of this address's domain has met it.
///
/// # Errors
/// By the database.
pub async fn needed(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
) -> sqlx::Result<Option<Needed>> {
    let Some(domain) = domain(address) else { return Ok(None) };
    let link = store::approval(tx, organisation, provider, &domain).await?;
    Ok(link.map(|link| Needed { domain, link }))
}

/// Somebody of this address's domain has met it.
pub(super) async fn note(
    db: &Db,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
    link: Option<&str>,
) -> sqlx::Result<()> {
    let Some(domain) = domain(address) else { return Ok(()) };
    let mut tx = db.begin().await?;
    let now = tx.now().await?;
    store::note_approval(&mut tx, organisation, provider, &domain, link, now).await?;
    tx.commit().await
}

/// Somebody of this address's domain has connected: it is approved.
pub(in crate::connections) async fn given(
    tx: &mut Tx,
    organisation: OrganisationId,
    provider: &str,
    address: &str,
) -> sqlx::Result<()> {
    match domain(address) {
        Some(domain) => store::forget_approval(tx, organisation, provider, &domain).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_domain_is_what_follows_the_last_at() {
        assert_eq!(super::domain("Ann@School.EXAMPLE").as_deref(), Some("school.example"));
        assert_eq!(super::domain("\"a@b\"@c.example").as_deref(), Some("c.example"));
        assert_eq!(super::domain("ann").or_else(|| super::domain("ann@")), None);
    }
}
