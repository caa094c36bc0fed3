//! The mail domains that are an organisation's.
//!
//! Threat: an administrator who names somebody else's domain, and so connects calendars that are not the organisation's
//! to give (M12). Decision: which domain is whose is the operator's word, by the command line and by no route of the API; a
//! domain is one organisation's of the deployment, by its primary key, and stands for itself, not for what is below it.
//! What every organisation could name (`com`, `co.uk`) is none. When a domain comes or goes, or somebody of it does,
//! their connections are looked at anew, by a job. Rejected: a code that is mailed to the domain or put into its DNS, which
//! shows that somebody can read there, and not that the organisation's IT gave its word.

mod store;

use crate::{
    db::{Db, Tx},
    ids::{OrganisationId, PersonId},
    jobs::{self, Effect},
};

/// Why a domain is not added.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// It is none.
    #[error("this is no mail domain that one organisation can have; write for instance school.example")]
    Malformed,
    /// It is another organisation's.
    #[error("the domain is another organisation's; remove it there first")]
    Taken,
    /// The organisation is not there.
    #[error("there is no such organisation")]
    NoOrganisation,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Checks a domain, and gives it as it is kept: in lower case.
///
/// # Errors
/// If it is none, or is one below which everybody registers their own.
pub fn domain(text: &str) -> Result<String, DomainError> {
    let fits = |c: char| c.is_alphanumeric() || c == '-';
    let labels = || text.split('.').all(|label| !label.is_empty() && label.chars().all(fits));
    let kept = text.to_lowercase();
    let registered = text.len() <= 253 && labels() && psl::domain_str(&kept).is_some();
    if registered { Ok(kept) } else { Err(DomainError::Malformed) }
}

/// The domain of an address, as both are kept.
#[must_use]
pub fn of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// Makes a domain an organisation's; says whether it was not already.
///
/// # Errors
/// If it is malformed, or another organisation's, or by the database.
pub async fn add(db: &Db, organisation: OrganisationId, text: &str) -> Result<bool, DomainError> {
    let domain = domain(text)?;
    let mut tx = db.begin().await?;
    if !store::insert(&mut tx, organisation, &domain).await? {
        return match store::owner(&mut tx, &domain).await? {
            Some(owner) if owner == organisation => Ok(false),
            Some(_) => Err(DomainError::Taken),
            None => Err(DomainError::NoOrganisation),
        };
    }
    jobs::enqueue(&mut tx, &Effect::ConnectOrganisation { organisation }).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes a domain from an organisation; says whether it had it. Whoever the organisation connected by it is disconnected.
///
/// # Errors
/// By the database.
pub async fn remove(db: &Db, organisation: OrganisationId, text: &str) -> sqlx::Result<bool> {
    let mut tx = db.begin().await?;
    let removed = store::delete(&mut tx, organisation, &text.to_lowercase()).await?;
    if removed {
        jobs::enqueue(&mut tx, &Effect::ConnectOrganisation { organisation }).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// The domains of an organisation, in the order of the alphabet.
///
/// # Errors
/// By the database.
pub async fn list(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<String>> {
    store::list(tx, organisation).await
}

/// Whether an address is in a domain of the organisation.
///
/// # Errors
/// By the database.
pub async fn covers(tx: &mut Tx, organisation: OrganisationId, address: &str) -> sqlx::Result<bool> {
    let Some(domain) = of(address) else { return Ok(false) };
    Ok(store::owner(tx, domain).await? == Some(organisation))
}

/// Something about a person has changed: by a job it is looked at whether the organisation connects them.
///
/// # Errors
/// By the database.
pub(crate) async fn enqueue_recheck(
    tx: &mut Tx,
    organisation: OrganisationId,
    person: PersonId,
    address: &str,
) -> sqlx::Result<()> {
    if covers(tx, organisation, address).await? {
        jobs::enqueue(tx, &Effect::ConnectPerson { organisation, person }).await?;
    }
    Ok(())
}

/// The same for all people of an organisation that has a domain.
///
/// # Errors
/// By the database.
pub(super) async fn enqueue_recheck_all(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<()> {
    if !list(tx, organisation).await?.is_empty() {
        jobs::enqueue(tx, &Effect::ConnectOrganisation { organisation }).await?;
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
