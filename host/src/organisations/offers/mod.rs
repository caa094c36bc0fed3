//! Which providers people of an organisation may connect by.
//!
//! Problem: a deployment knows more providers than each of its organisations wants to offer. Decision: a provider is
//! offered where an operator enables it, in all of an organisation or in one of its programs, and nowhere else. It is
//! a row; taking it away lets nobody connect anew and leaves those alone who have. Rejected: a list of exceptions,
//! with which a new provider would be offered to everybody on the day that it is added.

mod store;

use crate::{
    db::{Db, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
};
use serde::Serialize;

/// Where a provider is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Which provider.
    pub provider: String,
    /// In which organisation.
    pub organisation: OrganisationId,
    /// In which program of it; in all if there is none.
    pub program: Option<ProgramId>,
}

/// A provider that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offered {
    /// The provider's id.
    pub provider: String,
    /// What people read.
    pub name: String,
}

/// Why an offer is not made.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The provider is not there.
    #[error("there is no provider `{0}`; `chronus plugin list` shows those that there are")]
    NoProvider(String),
    /// The organisation is not there.
    #[error("there is no such organisation")]
    NoOrganisation,
    /// The program is not there, or is another organisation's.
    #[error("the organisation has no such program")]
    NoProgram,
    /// The database.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Offers a provider; says whether it was not offered already.
///
/// # Errors
/// If the provider, the organisation or the program is not there, or by the database.
pub async fn enable(db: &Db, offer: &Offer) -> Result<bool, OfferError> {
    let (provider, organisation, program) = keys(offer);
    let mut tx = db.begin().await?;
    let inserted = store::insert(&mut tx, provider, &organisation, &program).await?;
    if !inserted {
        match store::known(&mut tx, provider, &organisation, &program).await? {
            (false, ..) => return Err(OfferError::NoProvider(provider.to_owned())),
            (_, false, _) => return Err(OfferError::NoOrganisation),
            (.., false) if offer.program.is_some() => return Err(OfferError::NoProgram),
            _ => {}
        }
    }
    tx.commit().await?;
    Ok(inserted)
}

/// Withdraws an offer; says whether there was one. Whoever is connected stays connected.
///
/// # Errors
/// By the database.
pub async fn disable(db: &Db, offer: &Offer) -> sqlx::Result<bool> {
    let (provider, organisation, program) = keys(offer);
    let mut tx = db.begin().await?;
    let deleted = store::delete(&mut tx, provider, &organisation, &program).await?;
    tx.commit().await?;
    Ok(deleted)
}

/// What is offered in an organisation, or in a program of it: providers that are in use, by id.
///
/// # Errors
/// By the database.
pub async fn offered(db: &Db, organisation: OrganisationId, program: Option<ProgramId>) -> sqlx::Result<Vec<Offered>> {
    let program = program.map(|id| id.to_string()).unwrap_or_default();
    let rows = db.read(async |tx| store::to_program(tx, &organisation.to_string(), &program).await).await?;
    Ok(rows.into_iter().map(|(provider, name)| Offered { provider, name }).collect())
}

/// The ids of what is offered to a person: in all of the organisation, or in a program that they are in.
///
/// # Errors
/// By the database.
pub async fn to_person(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<Vec<String>> {
    let rows = store::to_person(tx, &organisation.to_string(), &person.to_string()).await?;
    Ok(rows.into_iter().map(|(provider,)| provider).collect())
}

fn keys(offer: &Offer) -> (&str, String, String) {
    let program = offer.program.map(|id| id.to_string()).unwrap_or_default();
    (&offer.provider, offer.organisation.to_string(), program)
}
