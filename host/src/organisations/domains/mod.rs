//! The mail domains of organisations.
//!
//! Threat: an administrator names a domain of another organisation, and connects calendars that their own organisation
//! has no right to (M12). Decision: only an operator assigns domains, on the command line and by no route of the API. A
//! domain belongs to one organisation, by its primary key, and does not include its subdomains. Public suffixes (`com`,
//! `co.uk`) are refused. When a domain or a person with an address in it is added or removed, a job checks the person's
//! connection again. Rejected: proof by a mailed code or a DNS record, which shows that someone can read mail or change
//! DNS, and not that the organisation's IT has agreed.

mod store;

use crate::{
    audit::{self, Act, Author, Entry, Subject},
    db::{Db, Tx},
    ids::{OrganisationId, PersonId},
    jobs::{self, Effect, Owner},
};

/// Why a domain is not added.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// The text is not a registrable domain.
    #[error("the domain is not an email domain that an organisation can own; use one such as school.example")]
    Malformed,
    /// Another organisation has the domain.
    #[error("the domain belongs to another organisation; remove it there first")]
    Taken,
    /// The organisation does not exist.
    #[error("the organisation does not exist")]
    NoOrganisation,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Validates a domain, and returns it in lower case, as it is stored.
///
/// # Errors
/// If the text is not a domain, or is a public suffix.
pub fn domain(text: &str) -> Result<String, DomainError> {
    let fits = |c: char| c.is_alphanumeric() || c == '-';
    let labels = || text.split('.').all(|label| !label.is_empty() && label.chars().all(fits));
    let kept = text.to_lowercase();
    let registered = text.len() <= 253 && labels() && psl::domain_str(&kept).is_some();
    if registered { Ok(kept) } else { Err(DomainError::Malformed) }
}

/// The domain of a stored mail address.
#[must_use]
pub fn of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// Assigns a domain to an organisation. Returns false if the organisation had it already.
///
/// # Errors
/// If the domain is invalid or belongs to another organisation, or if the database fails.
pub async fn add(db: &Db, by: &Author, organisation: OrganisationId, text: &str) -> Result<bool, DomainError> {
    let domain = domain(text)?;
    let mut tx = db.begin().await?;
    if !store::insert(&mut tx, organisation, &domain).await? {
        return match store::owner(&mut tx, &domain).await? {
            Some(owner) if owner == organisation => Ok(false),
            Some(_) => Err(DomainError::Taken),
            None => Err(DomainError::NoOrganisation),
        };
    }
    jobs::enqueue_for(&mut tx, &Effect::ConnectOrganisation { organisation }, &Owner::organisation(organisation))
        .await?;
    let entry = Entry::new(by, Act::DomainAdded, Subject::domain(&domain)).organisation(organisation);
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Removes a domain from an organisation. Returns false if the organisation did not have it. People that the organisation
/// connected because of the domain are disconnected, by a job.
pub async fn remove(db: &Db, by: &Author, organisation: OrganisationId, text: &str) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let domain = text.to_lowercase();
    let removed = store::delete(&mut tx, organisation, &domain).await?;
    if removed {
        jobs::enqueue_for(&mut tx, &Effect::ConnectOrganisation { organisation }, &Owner::organisation(organisation))
            .await?;
        let entry = Entry::new(by, Act::DomainRemoved, Subject::domain(&domain)).organisation(organisation);
        audit::record(&mut tx, entry).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// Lists the domains of an organisation in alphabetical order.
pub async fn list(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<String>> {
    store::list(tx, organisation).await
}

/// Whether a mail address is in a domain of the organisation.
pub async fn covers(tx: &mut Tx, organisation: OrganisationId, address: &str) -> sqlx::Result<bool> {
    let Some(domain) = of(address) else { return Ok(false) };
    Ok(store::owner(tx, domain).await? == Some(organisation))
}

/// Enqueues a check whether the organisation connects a person. To be called when the person's data has changed.
pub(crate) async fn enqueue_recheck(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
    address: &str,
) -> sqlx::Result<()> {
    if covers(tx, organisation, address).await? {
        jobs::enqueue_for(tx, &Effect::ConnectPerson { organisation, person }, &Owner::organisation(organisation))
            .await?;
    }
    Ok(())
}

/// Enqueues that check for all people of an organisation, if it has a domain.
pub(super) async fn enqueue_recheck_all(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<()> {
    if !list(tx, organisation).await?.is_empty() {
        jobs::enqueue_for(tx, &Effect::ConnectOrganisation { organisation }, &Owner::organisation(organisation))
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_one_that_an_organisation_can_have() {
        for (text, kept) in [("School.EXAMPLE", "school.example"), ("mail.a.co.uk", "mail.a.co.uk"), ("é.cz", "é.cz")]
        {
            assert_eq!(domain(text).unwrap(), kept);
        }
        let long = format!("{}.example", "a".repeat(250));
        for bad in ["", "com", "co.uk", "a..b", ".a.b", "a@b.c", "*.a.example", "a_b.example", "a%.example", &long] {
            assert!(domain(bad).is_err(), "{bad}");
        }
    }
}
