//! The table `audit_entries`.
//!
//! Entries are inserted and, by age, deleted. No statement changes one.

use super::{Entry, Filter, RecordedEntry};
use crate::{
    db::{Column, Tx, execute, fetch, instant, parsed, to_json},
    ids::AuditEntryId,
};
use jiff::Timestamp;

const AUTHOR: Column = Column::of("audit_entries", "author");
const MEANS: Column = Column::of("audit_entries", "means");
const ACT: Column = Column::of("audit_entries", "act");
const SUBJECT_KIND: Column = Column::of("audit_entries", "subject_kind");
const BEFORE: Column = Column::of("audit_entries", "before_values");
const AFTER: Column = Column::of("audit_entries", "after_values");

/// The statement reads the name of the token itself, because the callers know only the id.
const INSERT: &str = "
    insert into audit_entries (id, recorded_at, organisation_id, program_id, author, person_id, author_name, means, means_id,
                               act, subject_kind, subject_id, before_values, after_values)
    values ($1, $2, $3, $4, $5, $6, coalesce($7, (select name from tokens where id = $9)), $8, $9, $10, $11, $12, $13, $14)";

pub(super) async fn insert(tx: &mut Tx, id: AuditEntryId, at: Timestamp, entry: &Entry<'_>) -> sqlx::Result<()> {
    let Entry { author, act, subject, organisation, program, before, after } = entry;
    let (before, after) = (to_json(before)?, to_json(after)?);
    execute!(
        tx,
        INSERT,
        id.to_string(),
        at.as_microsecond(),
        organisation.map(|id| id.to_string()),
        program.map(|id| id.to_string()),
        author.kind().as_str(),
        author.person().map(|id| id.to_string()),
        author.name(),
        author.means().as_str(),
        author.means_id(),
        act.as_str(),
        subject.kind.as_str(),
        &subject.id,
        before.as_str(),
        after.as_str()
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    id: String,
    recorded_at: i64,
    organisation_id: Option<String>,
    program_id: Option<String>,
    author: String,
    person_id: Option<String>,
    author_name: Option<String>,
    means: String,
    means_id: Option<String>,
    act: String,
    subject_kind: String,
    subject_id: String,
    before_values: String,
    after_values: String,
}

impl TryFrom<EntryRow> for RecordedEntry {
    type Error = sqlx::Error;

    fn try_from(row: EntryRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: parsed(&row.id)?,
            at: instant(row.recorded_at),
            organisation: row.organisation_id.as_deref().map(parsed).transpose()?,
            program: row.program_id.as_deref().map(parsed).transpose()?,
            author: AUTHOR.word(&row.author)?,
            person: row.person_id.as_deref().map(parsed).transpose()?,
            name: row.author_name,
            means: MEANS.word(&row.means)?,
            means_id: row.means_id,
            act: ACT.word(&row.act)?,
            subject_kind: SUBJECT_KIND.word(&row.subject_kind)?,
            subject: row.subject_id,
            before: BEFORE.json(&row.before_values)?,
            after: AFTER.json(&row.after_values)?,
        })
    }
}

/// The newest entries first. Two statements, so that each has its index.
pub(super) async fn newest(tx: &mut Tx, filter: &Filter, limit: u32) -> sqlx::Result<Vec<RecordedEntry>> {
    let Filter { organisation, author, subject, since, until } = filter;
    let (author, subject) = (author.as_deref().unwrap_or_default(), subject.as_deref().unwrap_or_default());
    let since = since.map_or(i64::MIN, Timestamp::as_microsecond);
    let until = until.map_or(i64::MAX, Timestamp::as_microsecond);
    let limit = i64::from(limit);
    let rows = match organisation {
        Some(organisation) => {
            let sql = "select * from audit_entries
                       where organisation_id = $1 and recorded_at >= $2 and recorded_at < $3
                         and ($4 = '' or author = $4 or person_id = $4 or means_id = $4)
                         and ($5 = '' or subject_kind = $5 or subject_id = $5)
                       order by recorded_at desc, id desc limit $6";
            fetch!(tx, all, EntryRow, sql, organisation.to_string(), since, until, author, subject, limit)?
        }
        None => {
            let sql = "select * from audit_entries
                       where recorded_at >= $1 and recorded_at < $2
                         and ($3 = '' or author = $3 or person_id = $3 or means_id = $3)
                         and ($4 = '' or subject_kind = $4 or subject_id = $4)
                       order by recorded_at desc, id desc limit $5";
            fetch!(tx, all, EntryRow, sql, since, until, author, subject, limit)?
        }
    };
    rows.into_iter().map(RecordedEntry::try_from).collect()
}

pub(super) async fn delete_before(tx: &mut Tx, instant: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "delete from audit_entries where recorded_at < $1", instant.as_microsecond())
}
