//! People, and their roles in the organisation and in its programs.
//!
//! Threat: two records of one person, one of which has no calendar and therefore always looks free. Decision: an e-mail
//! address belongs to at most one person of an organisation, whatever its letter case, by a unique index.

pub mod administrators;
pub mod roles;
mod store;

pub use roles::{MemberRole, Role};

use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::{self, Db, Page, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
    organisations::{self, BadName, Reach, domains},
};
use administrators::Appointment;
use jiff::{Timestamp, tz::TimeZone};

/// A person of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id, as in URLs.
    pub id: PersonId,
    /// The person's organisation.
    pub organisation: OrganisationId,
    /// The mail address in lower case, unique in the organisation.
    pub email: String,
    /// The display name.
    pub name: String,
    /// The IANA time zone.
    pub zone: String,
    /// The role in the organisation.
    pub role: Role,
    /// Creation time.
    pub created_at: Timestamp,
}

/// A person to create.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The mail address.
    pub email: String,
    /// The display name.
    pub name: String,
    /// An IANA time zone.
    pub zone: String,
    /// The role in the organisation.
    pub role: Role,
}

/// A membership of a person in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The program.
    pub program: ProgramId,
    /// The person.
    pub person: PersonId,
    /// The role in the program.
    pub role: MemberRole,
}

/// A person who administers an organisation or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// The person.
    pub person: Person,
    /// The program; `None` for a global administrator of the organisation.
    pub program: Option<ProgramId>,
}

/// Why a person or membership is not created, changed or found.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The address is invalid.
    #[error("the email address is invalid; use an address such as ann@example.org")]
    Email,
    /// The time zone is unknown.
    #[error("the time zone is unknown; use an IANA time zone name such as Europe/Rome or UTC")]
    Zone,
    /// Another person of the organisation has the address.
    #[error("another person of the organisation has this address")]
    Taken,
    /// The organisation does not exist.
    #[error("the organisation does not exist")]
    NoOrganisation,
    /// The person or the membership does not exist.
    #[error("the person does not exist in the organisation of the program")]
    NoPerson,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Validates a mail address, and returns it as it is stored, in lower case. The address must be safe in a header line; the
/// mailbox need not exist.
///
/// # Errors
/// If the text is not an address.
pub fn email(text: &str) -> Result<String, PersonError> {
    let unfit = |c: char| c.is_whitespace() || c.is_control() || "<>(),;:\\\"[]".contains(c);
    let (user, host) = text.rsplit_once('@').ok_or(PersonError::Email)?;
    let named = !user.is_empty() && !user.contains('@') && host.split('.').all(|label| !label.is_empty());
    if named && text.len() <= 254 && !text.contains(unfit) { Ok(text.to_lowercase()) } else { Err(PersonError::Email) }
}

/// Creates a person. The API creates participants only; the other administrators are told of a new one.
///
/// # Errors
/// If a field of the person is invalid or the address is taken, if there is no such organisation, or if the database fails.
pub async fn add(db: &Db, by: &Author, organisation: OrganisationId, new: NewPerson) -> Result<Person, PersonError> {
    let (email, name) = (email(&new.email)?, organisations::name(&new.name)?);
    let zone = TimeZone::get(&new.zone).map_err(|_| PersonError::Zone)?;
    // In the spelling of the zone database: "utc" is stored as "UTC".
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
    if person.role == Role::GlobalAdmin {
        Appointment { organisation, person: id, program: None, by: by.person() }.tell_others(&mut tx).await?;
    }
    let values = Values::new().role(person.role.as_str()).zone(&person.zone);
    audit::record(&mut tx, Entry::new(by, Act::PersonCreated, id).organisation(organisation).after(values)).await?;
    tx.commit().await?;
    Ok(person)
}

/// Lists the people of an organisation.
pub async fn list(db: &Db, organisation: OrganisationId, page: &Page) -> sqlx::Result<Vec<Person>> {
    db.read(async |tx| store::list(tx, organisation, page).await).await
}

/// Finds a person by id.
pub async fn get(db: &Db, reach: Reach, id: PersonId) -> sqlx::Result<Option<Person>> {
    db.read(async |tx| store::person(tx, reach, &id.to_string()).await).await
}

/// Finds a person of an organisation by id or mail address.
pub async fn find(db: &Db, organisation: OrganisationId, named: &str) -> sqlx::Result<Option<Person>> {
    db.read(async |tx| store::person(tx, Reach::Within(organisation), &named.to_lowercase()).await).await
}

/// Makes a person a member of a program, or changes the member's role. The other administrators
/// are told of a new one.
///
/// # Errors
/// If the program and the person do not exist in one organisation, or if the database fails.
pub async fn put_member(db: &Db, by: &Author, member: Member) -> Result<(), PersonError> {
    let Member { program, person: id, role } = member;
    let mut tx = db.begin().await?;
    let before = store::member(&mut tx, program, id).await?.map(|before| before.role);
    if store::put_member(&mut tx, member).await? == 0 {
        return Err(PersonError::NoPerson);
    }
    // The program's offers and its two-way setting apply to the person from now on.
    let person = store::person(&mut tx, Reach::Everywhere, &id.to_string()).await?.ok_or(PersonError::NoPerson)?;
    let organisation = person.organisation;
    domains::enqueue_recheck(&mut tx, organisation, id, &person.email).await?;
    if role == MemberRole::ProgramAdmin && before != Some(role) {
        Appointment { organisation, person: id, program: Some(program), by: by.person() }.tell_others(&mut tx).await?;
    }
    if before != Some(role) {
        let was = Values::new().optional(before.map(MemberRole::as_str), Values::role);
        let entry = Entry::new(by, Act::MembershipSet, id).organisation(organisation).program(program);
        audit::record(&mut tx, entry.before(was).after(Values::new().role(role.as_str()))).await?;
    }
    Ok(tx.commit().await?)
}

/// Finds a membership.
pub async fn member(db: &Db, program: ProgramId, person: PersonId) -> sqlx::Result<Option<Member>> {
    db.read(async |tx| store::member(tx, program, person).await).await
}

/// Ends a membership.
///
/// # Errors
/// If the membership does not exist, or if the database fails.
pub async fn remove_member(db: &Db, by: &Author, program: ProgramId, person: PersonId) -> Result<(), PersonError> {
    let mut tx = db.begin().await?;
    let before = store::member(&mut tx, program, person).await?.ok_or(PersonError::NoPerson)?;
    if store::delete_member(&mut tx, program, person).await? == 0 {
        return Err(PersonError::NoPerson);
    }
    let found = store::person(&mut tx, Reach::Everywhere, &person.to_string()).await?;
    let entry = Entry::new(by, Act::MembershipRemoved, person).program(program);
    let entry = entry.organisation(found.map(|person| person.organisation));
    audit::record(&mut tx, entry.before(Values::new().role(before.role.as_str()))).await?;
    Ok(tx.commit().await?)
}

/// Finds a person of an organisation in the caller's transaction.
pub async fn person(tx: &mut Tx, organisation: OrganisationId, id: PersonId) -> sqlx::Result<Option<Person>> {
    store::person(tx, Reach::Within(organisation), &id.to_string()).await
}

/// The person's programs, and their role in each.
pub(crate) async fn memberships(tx: &mut Tx, person: PersonId) -> sqlx::Result<Vec<(ProgramId, MemberRole)>> {
    store::memberships(tx, person).await
}

/// Whether a person is a member of a program, in the caller's transaction.
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
