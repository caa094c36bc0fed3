//! Making administrators, and telling the other administrators.
//!
//! Threat: a token that may change an organisation makes a person of its own an administrator, who signs in by mail and
//! then has every right in the organisation, and nobody notices. Decision: only an administrator in a browser, or the
//! command line, makes one (`auth::actor`), and the same transaction enqueues a mail to every other administrator. A
//! change that gives nobody a right sends none. Rejected: a scope for it, which a leaked token would have as well.

use super::{Administrator, Person, PersonError, Role, store};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    db::{Db, Tx},
    ids::{OrganisationId, PersonId, ProgramId},
    jobs::{self, Effect, Owner},
    organisations::Reach,
};

/// A person who became an administrator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appointment {
    pub(super) organisation: OrganisationId,
    pub(super) person: PersonId,
    /// The program; `None` for the whole organisation.
    pub(super) program: Option<ProgramId>,
    /// The administrator who made the change; `None` on the command line.
    pub(super) by: Option<PersonId>,
}

impl Appointment {
    /// Enqueues a mail to each of the other administrators.
    pub(super) async fn tell_others(self, tx: &mut Tx) -> sqlx::Result<()> {
        let Self { organisation, person, program, by } = self;
        for recipient in store::other_administrators(tx, organisation, program, person).await? {
            let mail = Effect::MailNewAdministrator { recipient, person, program, by };
            jobs::enqueue_for(tx, &mail, &Owner::organisation(organisation)).await?;
        }
        Ok(())
    }
}

/// Changes the role of a person in their organisation.
///
/// # Errors
/// If the organisation has no such person, or if the database fails.
pub async fn set_role(
    db: &Db,
    by: &Author,
    organisation: OrganisationId,
    id: PersonId,
    role: Role,
) -> Result<Person, PersonError> {
    let mut tx = db.begin().await?;
    let found = store::person(&mut tx, Reach::Within(organisation), &id.to_string()).await?;
    let person = found.ok_or(PersonError::NoPerson)?;
    if store::set_role(&mut tx, id, role).await? == 1 {
        if role == Role::GlobalAdmin {
            Appointment { organisation, person: id, program: None, by: by.person() }.tell_others(&mut tx).await?;
        }
        let (was, is) = (Values::new().role(person.role.as_str()), Values::new().role(role.as_str()));
        let entry = Entry::new(by, Act::RoleChanged, id).organisation(organisation);
        audit::record(&mut tx, entry.before(was).after(is)).await?;
    }
    tx.commit().await?;
    Ok(Person { role, ..person })
}

/// Lists the administrators of an organisation and of its programs.
///
/// # Errors
/// If the database fails.
pub async fn list(db: &Db, organisation: OrganisationId) -> sqlx::Result<Vec<Administrator>> {
    db.read(async |tx| store::administrators(tx, organisation).await).await
}
