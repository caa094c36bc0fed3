//! The programs of an organisation.
//!
//! A program is the group of participants who meet. Two-way is a property of the program, not of a person: it says
//! whether the program's meetings are written to the participants' calendars, so turning it on re-checks everybody
//! connected by the organisation.

mod store;

use super::{BadName, Reach, domains, name};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::{self, Db, Page, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
};
use jiff::Timestamp;

/// A program of an organisation: a group of participants who meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The id, as in URLs.
    pub id: ProgramId,
    /// The owning organisation.
    pub organisation: OrganisationId,
    /// The display name, unique in the organisation.
    pub name: String,
    /// Whether meetings are written to participants' calendars. If so, connecting asks for write access (M14).
    pub two_way: bool,
    /// Creation time.
    pub created_at: Timestamp,
}

/// Why a program was not created.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Another program of the organisation has the name.
    #[error("the name `{0}` is taken; choose another")]
    Taken(String),
    /// The organisation does not exist.
    #[error("the organisation does not exist")]
    NoOrganisation,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Creates a program.
///
/// # Errors
/// If the name is invalid or taken, the organisation does not exist, or the database fails.
pub async fn add(db: &Db, by: &Author, organisation: OrganisationId, name: &str) -> Result<Program, ProgramError> {
    let name = self::name(name)?;
    let mut tx = db.begin().await?;
    let created_at = db::instant(tx.now().await?);
    let program = Program { id: ProgramId::new(created_at), organisation, name, two_way: false, created_at };
    match store::insert(&mut tx, &program).await {
        Err(error) if db::is_taken(&error) => return Err(ProgramError::Taken(program.name)),
        Err(error) if db::is_missing(&error) => return Err(ProgramError::NoOrganisation),
        done => done?,
    }
    let Program { id, name, two_way, .. } = &program;
    let entry = Entry::new(by, Act::ProgramCreated, *id).organisation(organisation).program(*id);
    audit::record(&mut tx, entry.after(Values::new().name(name).two_way(*two_way))).await?;
    tx.commit().await?;
    Ok(program)
}

/// Lists the programs of an organisation; if `member` is given, only those that the person is a member of.
///
/// # Errors
/// If the database fails.
pub async fn list(
    db: &Db,
    organisation: OrganisationId,
    member: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<Program>> {
    db.read(async |tx| store::list(tx, organisation, member, page).await).await
}

/// Finds a program by its id.
///
/// # Errors
/// If the database fails.
pub async fn get(db: &Db, reach: Reach, id: ProgramId) -> sqlx::Result<Option<Program>> {
    db.read(async |tx| store::find(tx, reach, &id.to_string()).await).await
}

/// Finds a program of an organisation by its id or its name.
///
/// # Errors
/// If the database fails.
pub async fn find(db: &Db, organisation: OrganisationId, id_or_name: &str) -> sqlx::Result<Option<Program>> {
    db.read(async |tx| store::find(tx, Reach::Within(organisation), id_or_name).await).await
}

/// Finds a program of an organisation by its id, in the caller's transaction.
///
/// # Errors
/// If the database fails.
pub async fn program(tx: &mut Tx, organisation: OrganisationId, id: ProgramId) -> sqlx::Result<Option<Program>> {
    store::find(tx, Reach::Within(organisation), &id.to_string()).await
}

/// Sets whether the program's meetings are written to participants' calendars, and returns the program as it is then,
/// or `None` if it does not exist. Existing connections stay; one that lacks write access gets it when the person
/// connects again, or at once if their organisation's account connected them.
///
/// # Errors
/// If the database fails.
pub async fn set_two_way(
    db: &Db,
    by: &Author,
    organisation: OrganisationId,
    id: ProgramId,
    two_way: bool,
) -> sqlx::Result<Option<Program>> {
    let mut tx = db.begin().await?;
    let before = store::find(&mut tx, Reach::Within(organisation), &id.to_string()).await?;
    let Some(before) = before else { return Ok(None) };
    store::set_two_way(&mut tx, organisation, id, two_way).await?;
    if two_way {
        domains::enqueue_recheck_all(&mut tx, organisation).await?;
    }
    if before.two_way != two_way {
        let entry = Entry::new(by, Act::ProgramChanged, id).organisation(organisation).program(id);
        let (was, is) = (Values::new().two_way(before.two_way), Values::new().two_way(two_way));
        audit::record(&mut tx, entry.before(was).after(is)).await?;
    }
    tx.commit().await?;
    Ok(Some(Program { two_way, ..before }))
}

/// Whether the person is a member of at least one two-way program.
///
/// # Errors
/// If the database fails.
pub async fn any_two_way(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<bool> {
    store::any_two_way(tx, organisation, person).await
}
