//! The mail that tells an administrator that a person has become one, too.
//!
//! One job for each recipient, so that a mail that is tried again does not reach the others twice. If the person or
//! the recipient is no longer an administrator, there is nothing to tell.

use super::{Mailer, send_for_job};
use crate::{
    db::Db,
    ids::{PersonId, ProgramId},
    jobs::{self, Lease, LeaseError, Outcome},
    links::Links,
    organisations::{self, Reach, programs},
    people::{self, MemberRole, Person, Role},
    plugins::egress::Origin,
    rate_limits::Limits,
};
use askama::Template;

/// The subject of the mail.
pub const SUBJECT: &str = "There is a new administrator in Chronus";

/// What an administrator is told.
#[derive(Debug, Clone, Copy)]
pub struct AdministratorNotice {
    /// The recipient.
    pub recipient: PersonId,
    /// The new administrator.
    pub person: PersonId,
    /// The program; `None` for the whole organisation.
    pub program: Option<ProgramId>,
    /// The administrator who made the change; `None` for an operator.
    pub by: Option<PersonId>,
}

/// The values of the mail.
#[derive(Debug, Clone, Template)]
#[template(path = "mail/new_administrator.txt")]
pub struct NewAdministratorMail<'a> {
    /// The name of the recipient.
    pub recipient: &'a str,
    /// The name of the new administrator.
    pub name: &'a str,
    /// The address of the new administrator.
    pub email: &'a str,
    /// The name of the organisation.
    pub organisation: &'a str,
    /// The name of the program; `None` for the whole organisation.
    pub program: Option<&'a str>,
    /// The name and address of the administrator who made the change.
    pub by: Option<(&'a str, &'a str)>,
    /// The address of this host.
    pub origin: &'a Origin,
}

impl NewAdministratorMail<'_> {
    /// The text of the mail.
    ///
    /// # Errors
    /// Never in practice: the template has no part that can fail.
    pub fn text(&self) -> Result<String, askama::Error> {
        self.render()
    }
}

/// Sends the mail.
///
/// # Errors
/// If the lease was lost.
pub async fn send(
    db: &Db,
    limits: &Limits,
    mailer: &Mailer,
    links: &Links,
    lease: &Lease,
    notice: AdministratorNotice,
) -> Result<Outcome, LeaseError> {
    match write(db, links, notice).await? {
        Some((recipient, text)) => send_for_job(db, limits, mailer, lease, &recipient, SUBJECT, text).await,
        None => jobs::complete(db, lease).await,
    }
}

/// The recipient and the text; `None` if there is nothing to tell.
async fn write(
    db: &Db,
    links: &Links,
    notice: AdministratorNotice,
) -> sqlx::Result<Option<(Person, Result<String, askama::Error>)>> {
    let AdministratorNotice { recipient, person, program, by } = notice;
    let recipient = people::get(db, Reach::Everywhere, recipient).await?;
    let (Some(recipient), Some(person)) = (recipient, people::get(db, Reach::Everywhere, person).await?) else {
        return Ok(None);
    };
    let is_told = administers(db, &recipient, None).await? || administers(db, &recipient, program).await?;
    if !is_told || !administers(db, &person, program).await? {
        return Ok(None);
    }
    let organisation = organisations::find(db, &person.organisation.to_string()).await?;
    let program = match program {
        Some(program) => programs::get(db, Reach::Everywhere, program).await?,
        None => None,
    };
    let by = match by {
        Some(by) => people::get(db, Reach::Everywhere, by).await?,
        None => None,
    };
    let mail = NewAdministratorMail {
        recipient: &recipient.name,
        name: &person.name,
        email: &person.email,
        organisation: organisation.as_ref().map_or("your organisation", |organisation| &organisation.name),
        program: program.as_ref().map(|program| program.name.as_str()),
        by: by.as_ref().map(|by| (by.name.as_str(), by.email.as_str())),
        origin: links.origin(),
    };
    let text = mail.text();
    Ok(Some((recipient, text)))
}

/// Whether the person administers the program, or without a program the organisation.
async fn administers(db: &Db, person: &Person, program: Option<ProgramId>) -> sqlx::Result<bool> {
    let Some(program) = program else { return Ok(person.role == Role::GlobalAdmin) };
    let member = people::member(db, program, person.id).await?;
    Ok(member.is_some_and(|member| member.role == MemberRole::ProgramAdmin))
}
