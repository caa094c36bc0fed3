//! The audit log: who did what, by which means, and what was sent where.
//!
//! Threat: a change that nobody can attribute afterwards; a log that tells of changes that were rolled back, or lacks some
//! that were made; a log that has become a second copy of secrets and calendars, and can never forget a person. Decision:
//! every function that changes something for somebody takes an [`Author`] and calls [`record`] in the transaction of the
//! change, so the two are committed together or not at all. An entry has a type for everything: the [`Act`], the kind of
//! the [`Subject`] and the words are closed lists, objects and people are ids, and [`Values`] has one method for each value
//! that may be shown, none of which takes a secret or the text of a meeting. People are named by their ids only, so the log
//! outlives a person who is deleted. Entries refer to no row, are never changed, and are deleted by age alone
//! ([`delete_older`]).
//!
//! What is done on another system is recorded with its outcome, also if it failed: a credential has left the host, or an event
//! may have been written. If the answer is lost, the act is tried again; if it is given up, [`Act::JobFailed`] says that the
//! outcome is unknown. What the host notices by itself is recorded where it changes what people can do. Where one act ends
//! many things (a service account, a token, a session), each has an entry. Not recorded, because no access and no meeting changes:
//!
//! - what is refused before anything leaves the host, and what changes nothing;
//! - the upkeep of the host: leases and pauses of jobs, attempts that are tried again, refreshed tokens, notes of providers,
//!   rate limits, probes of readiness, and what is deleted because its time is over (sessions, links, authorizations);
//! - what follows from an entry: the jobs that it enqueues, a mailed link beside its mail, that a person who disconnects is
//!   not connected again, a meeting that waits until its owner connects, a reported approval that a connection deletes;
//! - names of calendars that came or went, which are texts of people;
//! - each of the secrets that another key seals: they are counted, and stay what they were;
//! - that a provider is called to read: it happens at every look at a calendar, and would tell when people are watched.
//!
//! Rejected: log lines, which are written before the commit and kept elsewhere; triggers, which know no
//! author; a copy of the changed row, which holds whatever the next column holds.

mod act;
mod author;
mod store;
mod values;

pub use act::{Act, Subject, SubjectKind};
pub use author::{Author, AuthorKind, Means, TokenHolder};
pub use values::Values;

use crate::{
    db::{self, Db, Tx},
    ids::{AuditEntryId, OrganisationId, PersonId, ProgramId},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How long entries are kept if nobody says otherwise (`audit.keep-days`).
pub const DEFAULT_KEEP: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What somebody has done.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    author: &'a Author,
    act: Act,
    subject: Subject,
    organisation: Option<OrganisationId>,
    program: Option<ProgramId>,
    before: Values,
    after: Values,
}

impl<'a> Entry<'a> {
    /// What an author did to a subject.
    pub fn new(author: &'a Author, act: Act, subject: impl Into<Subject>) -> Self {
        let (before, after) = (Values::default(), Values::default());
        Self { author, act, subject: subject.into(), organisation: None, program: None, before, after }
    }

    /// The organisation that it concerns.
    #[must_use]
    pub fn organisation(self, organisation: impl Into<Option<OrganisationId>>) -> Self {
        Self { organisation: organisation.into(), ..self }
    }

    /// The program that it concerns.
    #[must_use]
    pub fn program(self, program: impl Into<Option<ProgramId>>) -> Self {
        Self { program: program.into(), ..self }
    }

    /// The values before.
    #[must_use]
    pub fn before(self, before: Values) -> Self {
        Self { before, ..self }
    }

    /// The values after.
    #[must_use]
    pub fn after(self, after: Values) -> Self {
        Self { after, ..self }
    }
}

/// An entry as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedEntry {
    /// The id, which sorts by time.
    pub id: AuditEntryId,
    /// The time of the act.
    pub at: Timestamp,
    /// The organisation that it concerns.
    pub organisation: Option<OrganisationId>,
    /// The program that it concerns.
    pub program: Option<ProgramId>,
    /// The kind of author.
    pub author: AuthorKind,
    /// The author, if it is a person.
    pub person: Option<PersonId>,
    /// The name of the token, or of an operator's account on a machine.
    pub name: Option<String>,
    /// The means.
    pub means: Means,
    /// The id of the token, the session or the job.
    pub means_id: Option<String>,
    /// The act.
    pub act: Act,
    /// The kind of the subject.
    pub subject_kind: SubjectKind,
    /// The subject, by its id.
    pub subject: String,
    /// The values before.
    pub before: serde_json::Value,
    /// The values after.
    pub after: serde_json::Value,
}

/// Which entries are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this organisation.
    pub organisation: Option<OrganisationId>,
    /// Only those of this author: the id of a person, token, session or job, or a word of [`AuthorKind`].
    pub author: Option<String>,
    /// Only those on this subject: its id, or a word of [`SubjectKind`].
    pub subject: Option<String>,
    /// Only those at or after this instant.
    pub since: Option<Timestamp>,
    /// Only those before this instant.
    pub until: Option<Timestamp>,
}

/// Records an entry in the transaction of the act.
///
/// # Errors
/// If the database fails.
pub async fn record(tx: &mut Tx, entry: Entry<'_>) -> sqlx::Result<()> {
    let at = db::instant(tx.now().await?);
    store::insert(tx, AuditEntryId::new(at), at, &entry).await
}

/// Records an entry of an act on another system, which is part of no transaction.
///
/// # Errors
/// If the database fails.
pub async fn record_alone(db: &Db, entry: Entry<'_>) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    record(&mut tx, entry).await?;
    tx.commit().await
}

/// Lists the newest entries, at most `limit`, in the order of time.
///
/// # Errors
/// If the database fails, or if a newer version has written a word that this one does not know.
pub async fn list(db: &Db, filter: &Filter, limit: u32) -> sqlx::Result<Vec<RecordedEntry>> {
    let mut entries = db.read(async |tx| store::newest(tx, filter, limit).await).await?;
    entries.reverse();
    Ok(entries)
}

/// Deletes entries that are older than this.
///
/// # Errors
/// If the database fails.
pub async fn delete_older(tx: &mut Tx, keep: SignedDuration) -> sqlx::Result<u64> {
    let now = db::instant(tx.now().await?);
    store::delete_before(tx, now.checked_sub(keep).unwrap_or(Timestamp::MIN)).await
}
