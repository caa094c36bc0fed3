//! People, and their roles in the organisation and in its programs.
//!
//! Threat: two records of one person, one of which has no calendar and therefore always looks free. Decision: an e-mail
//! address belongs to at most one person of an organisation, whatever its letter case, by a unique index.

pub mod roles;
mod store;

pub use roles::{MemberRole, Role};

use crate::{
    db::{self, Db, Page, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
    organisations::{self, BadName, Reach, domains},
};
use jiff::{Timestamp, tz::TimeZone};

/// A person of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person's name in addresses.
    pub id: PersonId,
    /// Whose person.
    pub organisation: OrganisationId,
    /// Where the person is written to, in lower case; no other person of the organisation has it.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Where the person's clock stands: an IANA name.
    pub zone: String,
    /// What the person is in the organisation.
    pub role: Role,
    /// When the record was made.
    pub created_at: Timestamp,
}

/// What is to be known of a new person.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// An IANA name.
    pub zone: String,
    /// What the person is in the organisation.
    pub role: Role,
}

/// A person in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The program.
    pub program: ProgramId,
    /// The person.
    pub person: PersonId,
    /// What the person is in it.
    pub role: MemberRole,
}

/// Why there is no such person or member.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// The name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The address.
    #[error("this is no mail address; write for instance ann@example.org")]
    Email,
    /// The zone.
    #[error("this is no IANA time zone name; write for instance Europe/Rome, or UTC")]
    Zone,
    /// Another person of the organisation has the address.
    #[error("the organisation has a person with this address already")]
    Taken,
    /// The organisation of a new person.
    #[error("there is no such organisation")]
    NoOrganisation,
    /// The person of a new member, or the member.
    #[error("there is no such person in the organisation of the program")]
    NoPerson,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Checks an address, and gives it as it is kept. It need not exist; it must be fit for a header line.
///
/// # Errors
/// If it is none.
pub fn email(text: &str) -> Result<String, PersonError> {
    let unfit = |c: char| c.is_whitespace() || c.is_control() || "<>(),;:\\\"[]".contains(c);
    let (user, host) = text.rsplit_once('@').ok_or(PersonError::Email)?;
    let named = !user.is_empty() && !user.contains('@') && host.split('.').all(|label| !label.is_empty());
    if named && text.len() <= 254 && !text.contains(unfit) { Ok(text.to_lowercase()) } else { Err(PersonError::Email) }
}

/// Makes a person.
///
/// # Errors
/// If something about the person is malformed or taken, if there is no such organisation, or by the database.
pub async fn add(db: &Db, organisation: OrganisationId, new: NewPerson) -> Result<Person, PersonError> {
    let (email, name) = (email(&new.email)?, organisations::name(&new.name)?);
    let zone = TimeZone::get(&new.zone).map_err(|_| PersonError::Zone)?;
    // As the zone database spells it; "utc" and "UTC" are one.
    let zone = zone.iana_name().ok_or(PersonError::Zone)?.to_owned();
    let mut tx = db.begin().await?;
    let created_at = db::instant(tx.now().await?);
    let id = PersonId::new(created_at);
    let person = Person { id, organisation, email, name, zone, role: new.role, created_at };
    match store::insert(&mut tx, &person).await {
        Err(error) if db::is_taken(&error) => return Err(PersonError::Taken),
        Err(error) if db::is_missing(&error) => return Err(PersonError::NoOrganisation),
        done => done?,
    }
    domains::enqueue_recheck(&mut tx, organisation, id, &person.email).await?;
    tx.commit().await?;
    Ok(person)
}

/// The people of an organisation.
///
/// # Errors
/// By the database.
pub async fn list(db: &Db, organisation: OrganisationId, page: &Page) -> sqlx::Result<Vec<Person>> {
    db.read(async |tx| store::list(tx, organisation, page).await).await
}

/// A person.
///
/// # Errors
/// By the database.
pub async fn get(db: &Db, reach: Reach, id: PersonId) -> sqlx::Result<Option<Person>> {
    db.read(async |tx| store::person(tx, reach, &id.to_string()).await).await
}

/// A person of an organisation, by the id or by the address.
///
/// # Errors
/// By the database.
pub async fn find(db: &Db, organisation: OrganisationId, named: &str) -> sqlx::Result<Option<Person>> {
    db.read(async |tx| store::person(tx, Reach::Within(organisation), &named.to_lowercase()).await).await
}

/// Makes a person a member of a program, or gives the member another role.
///
/// # Errors
/// If there are no such program and person in one organisation, or by the database.
pub async fn put_member(db: &Db, member: Member) -> Result<(), PersonError> {
    let mut tx = db.begin().await?;
    if store::put_member(&mut tx, member).await? == 0 {
        return Err(PersonError::NoPerson);
    }
    // What is offered in the program, and that it is two-way, counts for the person from now on.
    if let Some(person) = store::person(&mut tx, Reach::Everywhere, &member.person.to_string()).await? {
        domains::enqueue_recheck(&mut tx, person.organisation, person.id, &person.email).await?;
    }
    Ok(tx.commit().await?)
}

/// A person's membership.
///
/// # Errors
/// By the database.
pub async fn member(db: &Db, program: ProgramId, person: PersonId) -> sqlx::Result<Option<Member>> {
    db.read(async |tx| store::member(tx, program, person).await).await
}

/// Ends a membership.
///
/// # Errors
/// If there is none, or by the database.
pub async fn remove_member(db: &Db, program: ProgramId, person: PersonId) -> Result<(), PersonError> {
    let mut tx = db.begin().await?;
    if store::delete_member(&mut tx, program, person).await? == 0 {
        return Err(PersonError::NoPerson);
    }
    Ok(tx.commit().await?)
}

/// A person of an organisation, within a transaction of the caller's.
///
/// # Errors
/// By the database.
pub async fn person(tx: &mut Tx, organisation: OrganisationId, id: PersonId) -> sqlx::Result<Option<Person>> {
    store::person(tx, Reach::Within(organisation), &id.to_string()).await
}

/// The person's programs, and their role in each.
pub(crate) async fn memberships(tx: &mut Tx, person: PersonId) -> sqlx::Result<Vec<(ProgramId, MemberRole)>> {
    store::memberships(tx, person).await
}

/// Whether a person is a member of a program, within a transaction of the caller's.
///
/// # Errors
/// By the database.
pub async fn is_member(tx: &mut Tx, program: ProgramId, person: PersonId) -> sqlx::Result<bool> {
    Ok(store::member(tx, program, person).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_one_spelling() {
        for (text, kept) in [("Ann@Example.ORG", "ann@example.org"), ("a+b.c@d", "a+b.c@d"), ("ž@é.cz", "ž@é.cz")] {
            assert_eq!(email(text).unwrap(), kept);
        }
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in
            ["", "ann", "@example.org", "ann@", "a b@c.d", "a@b@c.d", "a@b..c", "<a@b.c>", "a@b.c\r\nbcc:", &long]
        {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }
}
