//! Organisations and their programs.
//!
//! Threat: one organisation that sees another's data because a query forgot to ask whose it is. Decision: whatever is
//! looked up by an id is looked up within a [`Reach`], which the query itself applies; what is outside is as if it
//! were not there. Names are unique where people use them in place of ids, by an index. Rejected: fetching first and
//! comparing afterwards, which every caller must remember.

pub mod domains;
pub mod offers;
mod store;

use crate::{
    db::{self, Db, Page, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
};
use jiff::Timestamp;

/// The longest name of anything, in characters.
pub const LONGEST_NAME: usize = 200;

/// Who operates programs, and whose data is kept apart from everybody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its name in addresses.
    pub id: OrganisationId,
    /// Its name for people; no other organisation has it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A program of an organisation: the circle of people who meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name in addresses.
    pub id: ProgramId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its name for people; no other program of the organisation has it.
    pub name: String,
    /// Whether its meetings are written into people's calendars: whoever connects one is asked for that (M14).
    pub two_way: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Within which organisations something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of the deployment.
    Everywhere,
    /// This one.
    Within(OrganisationId),
}

impl Reach {
    /// Whether what belongs to this organisation is found.
    #[must_use]
    pub fn covers(self, organisation: OrganisationId) -> bool {
        self == Self::Everywhere || self == Self::Within(organisation)
    }

    /// For `$n = '' or organisation_id = $n`.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Everywhere => String::new(),
            Self::Within(organisation) => organisation.to_string(),
        }
    }
}

/// Why there is no such organisation or program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Another has it.
    #[error("the name `{0}` is taken; choose another")]
    Taken(String),
    /// The organisation of a new program.
    #[error("there is no such organisation")]
    NoOrganisation,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {LONGEST_NAME} characters, none of them a control character, and no space at its ends")]
pub struct BadName;

/// Checks the name of something. It is printed, mailed and logged: no line ends in it.
///
/// # Errors
/// If it is empty, too long, or holds what is not seen.
pub fn name(text: &str) -> Result<String, BadName> {
    let length = text.chars().count();
    let fits = (1..=LONGEST_NAME).contains(&length) && text.trim() == text && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(BadName) }
}

/// Makes an organisation.
///
/// # Errors
/// If the name is none or taken, or by the database.
pub async fn add_organisation(db: &Db, name: &str) -> Result<Organisation, ProgramError> {
    let name = self::name(name)?;
    let mut tx = db.begin().await?;
    let created_at = db::instant(tx.now().await?);
    let organisation = Organisation { id: OrganisationId::new(created_at), name, created_at };
    match store::insert_organisation(&mut tx, &organisation).await {
        Err(error) if db::is_taken(&error) => return Err(ProgramError::Taken(organisation.name)),
        done => done?,
    }
    tx.commit().await?;
    Ok(organisation)
}

/// The organisations of the deployment.
///
/// # Errors
/// By the database.
pub async fn organisations(db: &Db, page: &Page) -> sqlx::Result<Vec<Organisation>> {
    store::organisations(&mut db.begin_read().await?, page).await
}

/// An organisation, by its id or its name.
///
/// # Errors
/// By the database.
pub async fn organisation(db: &Db, named: &str) -> sqlx::Result<Option<Organisation>> {
    store::organisation(&mut db.begin_read().await?, named).await
}

/// Makes a program.
///
/// # Errors
/// If the name is none or taken, if there is no such organisation, or by the database.
pub async fn add(db: &Db, organisation: OrganisationId, name: &str) -> Result<Program, ProgramError> {
    let name = self::name(name)?;
    let mut tx = db.begin().await?;
    let created_at = db::instant(tx.now().await?);
    let program = Program { id: ProgramId::new(created_at), organisation, name, two_way: false, created_at };
    match store::insert(&mut tx, &program).await {
        Err(error) if db::is_taken(&error) => return Err(ProgramError::Taken(program.name)),
        Err(error) if db::is_missing(&error) => return Err(ProgramError::NoOrganisation),
        done => done?,
    }
    tx.commit().await?;
    Ok(program)
}

/// The programs of an organisation; with a person, only those that the person is a member of.
///
/// # Errors
/// By the database.
pub async fn list(
    db: &Db,
    organisation: OrganisationId,
    member: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<Program>> {
    store::list(&mut db.begin_read().await?, organisation, member, page).await
}

/// A program.
///
/// # Errors
/// By the database.
pub async fn get(db: &Db, reach: Reach, id: ProgramId) -> sqlx::Result<Option<Program>> {
    store::program(&mut db.begin_read().await?, reach, &id.to_string()).await
}

/// A program of an organisation, by its id or its name.
///
/// # Errors
/// By the database.
pub async fn find(db: &Db, organisation: OrganisationId, named: &str) -> sqlx::Result<Option<Program>> {
    store::program(&mut db.begin_read().await?, Reach::Within(organisation), named).await
}

/// A program of an organisation, within a transaction of the caller's.
///
/// # Errors
/// By the database.
pub async fn program(tx: &mut Tx, organisation: OrganisationId, id: ProgramId) -> sqlx::Result<Option<Program>> {
    store::program(tx, Reach::Within(organisation), &id.to_string()).await
}

/// Turns it on or off that a program's meetings are written into people's calendars. Whoever is connected stays so, and
/// gives more only when they connect again, or when it is their organisation that connected them. The program as it is then; nothing if there is none.
///
/// # Errors
/// By the database.
pub async fn set_two_way(
    db: &Db,
    organisation: OrganisationId,
    id: ProgramId,
    two_way: bool,
) -> sqlx::Result<Option<Program>> {
    let mut tx = db.begin().await?;
    store::set_two_way(&mut tx, organisation, id, two_way).await?;
    if two_way {
        domains::look_at_all(&mut tx, organisation).await?;
    }
    let program = store::program(&mut tx, Reach::Within(organisation), &id.to_string()).await?;
    tx.commit().await?;
    Ok(program)
}

/// Whether a program that a person is in writes its meetings into people's calendars.
///
/// # Errors
/// By the database.
pub async fn any_two_way(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<bool> {
    store::any_two_way(tx, organisation, person).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_is_seen() {
        for good in ["A", "Mentoring 2026 — Spring", "Žofie", &"x".repeat(LONGEST_NAME)] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", " ", " A", "A ", "A\nB", "A\u{7}", &"x".repeat(LONGEST_NAME + 1)] {
            assert_eq!(name(bad), Err(BadName), "{bad:?}");
        }
    }
}
