//! Offers: the providers that people of an organisation may connect.
//!
//! Problem: a deployment has more providers than each of its organisations wants to offer. Decision: a provider is
//! offered only where an operator enables it, in a whole organisation or in one of its programs. An offer is a row;
//! deleting it prevents new connections and keeps existing ones. Rejected: a list of exceptions, with which a new
//! provider would be offered everywhere as soon as it is added.

mod store;

use crate::{
    audit::{self, Act, Author, Entry, Subject},
    db::{Db, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
};
use serde::Serialize;

/// An offer of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The provider's id.
    pub provider: String,
    /// The organisation.
    pub organisation: OrganisationId,
    /// The program; `None` offers the provider in the whole organisation.
    pub program: Option<ProgramId>,
}

/// A provider that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderOffer {
    /// The provider's id.
    pub provider: String,
    /// The display name.
    pub name: String,
}

/// Why an offer is not made.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The provider does not exist.
    #[error("the provider `{0}` does not exist; `chronus plugin list` lists the providers")]
    NoProvider(String),
    /// The organisation does not exist.
    #[error("the organisation does not exist")]
    NoOrganisation,
    /// The program does not exist in the organisation.
    #[error("the program does not exist in this organisation")]
    NoProgram,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Offers a provider. Returns false if it was offered already.
///
/// # Errors
/// If the provider, the organisation or the program does not exist, or if the database fails.
pub async fn enable(db: &Db, by: &Author, offer: &Offer) -> Result<bool, OfferError> {
    let (provider, organisation, program) = keys(offer);
    let mut tx = db.begin().await?;
    let inserted = store::insert(&mut tx, provider, &organisation, &program).await?;
    if inserted {
        audit::record(&mut tx, entry(by, Act::OfferAdded, offer)).await?;
    } else {
        let exists = store::existing_parts(&mut tx, provider, &organisation, &program).await?;
        if !exists.provider {
            return Err(OfferError::NoProvider(provider.to_owned()));
        }
        if !exists.organisation {
            return Err(OfferError::NoOrganisation);
        }
        if offer.program.is_some() && !exists.program {
            return Err(OfferError::NoProgram);
        }
    }
    tx.commit().await?;
    Ok(inserted)
}

/// Withdraws an offer. Returns false if there was no such offer. Existing connections stay.
pub async fn disable(db: &Db, by: &Author, offer: &Offer) -> sqlx::Result<bool> {
    let (provider, organisation, program) = keys(offer);
    let mut tx = db.begin().await?;
    let deleted = store::delete(&mut tx, provider, &organisation, &program).await?;
    if deleted {
        audit::record(&mut tx, entry(by, Act::OfferRemoved, offer)).await?;
    }
    tx.commit().await?;
    Ok(deleted)
}

/// Lists the active providers that are offered in an organisation or in one of its programs, ordered by id.
pub async fn offered(
    db: &Db,
    organisation: OrganisationId,
    program: Option<ProgramId>,
) -> sqlx::Result<Vec<ProviderOffer>> {
    let program = program.map(|id| id.to_string()).unwrap_or_default();
    let rows = db.read(async |tx| store::to_program(tx, &organisation.to_string(), &program).await).await?;
    Ok(rows.into_iter().map(|(provider, name)| ProviderOffer { provider, name }).collect())
}

/// The ids of the active providers that are offered to a person by the organisation or by one of their programs.
pub async fn to_person(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<Vec<String>> {
    let rows = store::to_person(tx, &organisation.to_string(), &person.to_string()).await?;
    Ok(rows.into_iter().map(|(provider,)| provider).collect())
}

fn entry<'a>(by: &'a Author, act: Act, offer: &Offer) -> Entry<'a> {
    Entry::new(by, act, Subject::provider(&offer.provider)).organisation(offer.organisation).program(offer.program)
}

fn keys(offer: &Offer) -> (&str, String, String) {
    let program = offer.program.map(|id| id.to_string()).unwrap_or_default();
    (&offer.provider, offer.organisation.to_string(), program)
}
