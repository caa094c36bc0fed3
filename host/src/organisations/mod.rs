//! Organisations, the tenants of a deployment.
//!
//! Threat: one organisation sees another's data because a query forgot to filter by organisation. Decision: every lookup
//! by id takes a [`Reach`] and applies it in the query itself; a row outside the reach is treated as missing. Names are
//! unique wherever people use them in place of ids, by an index. Rejected: fetching first and comparing afterwards,
//! which every caller would have to remember.

pub mod domains;
pub mod offers;
pub mod programs;
mod store;

use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::{self, Db, Page},
    ids::OrganisationId,
};
use jiff::Timestamp;

/// The maximum length of a name, in characters.
pub const LONGEST_NAME: usize = 200;

/// An organisation: it runs programs, and its data is separate from that of every other organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// The id, as in URLs.
    pub id: OrganisationId,
    /// The display name, unique in the deployment.
    pub name: String,
    /// Creation time.
    pub created_at: Timestamp,
}

/// The organisations that a lookup may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All organisations of the deployment.
    Everywhere,
    /// One organisation.
    Within(OrganisationId),
}

impl Reach {
    /// Whether the lookup may see rows of this organisation.
    #[must_use]
    pub fn covers(self, organisation: OrganisationId) -> bool {
        self == Self::Everywhere || self == Self::Within(organisation)
    }

    /// The bind value for `$n = '' or organisation_id = $n`.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Everywhere => String::new(),
            Self::Within(organisation) => organisation.to_string(),
        }
    }
}

/// Why an organisation was not created.
#[derive(Debug, thiserror::Error)]
pub enum OrganisationError {
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Another organisation has the name.
    #[error("the name `{0}` is taken; choose another")]
    Taken(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// An invalid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name must have 1 to {LONGEST_NAME} characters on one line, without a space at either end")]
pub struct BadName;

/// Validates a name. Names are printed, mailed and logged, so they must not contain line breaks.
///
/// # Errors
/// If the name is empty or too long, starts or ends with a space, or contains a control character.
pub fn name(text: &str) -> Result<String, BadName> {
    let length = text.chars().count();
    let fits = (1..=LONGEST_NAME).contains(&length) && text.trim() == text && !text.contains(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(BadName) }
}

/// Creates an organisation.
///
/// # Errors
/// If the name is invalid or taken, or the database fails.
pub async fn add(db: &Db, by: &Author, name: &str) -> Result<Organisation, OrganisationError> {
    let name = self::name(name)?;
    let mut tx = db.begin().await?;
    let created_at = db::instant(tx.now().await?);
    let organisation = Organisation { id: OrganisationId::new(created_at), name, created_at };
    match store::insert(&mut tx, &organisation).await {
        Err(error) if db::is_taken(&error) => return Err(OrganisationError::Taken(organisation.name)),
        done => done?,
    }
    let Organisation { id, name, .. } = &organisation;
    let entry = Entry::new(by, Act::OrganisationCreated, *id).organisation(*id).after(Values::new().name(name));
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(organisation)
}

/// Lists the organisations of the deployment.
///
/// # Errors
/// If the database fails.
pub async fn list(db: &Db, page: &Page) -> sqlx::Result<Vec<Organisation>> {
    db.read(async |tx| store::list(tx, page).await).await
}

/// Finds an organisation by its id or its name.
///
/// # Errors
/// If the database fails.
pub async fn find(db: &Db, id_or_name: &str) -> sqlx::Result<Option<Organisation>> {
    db.read(async |tx| store::find(tx, id_or_name).await).await
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
