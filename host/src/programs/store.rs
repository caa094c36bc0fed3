//! The tables `organisations` and `programs`.

use super::{Organisation, Program, Reach};
use crate::{
    db::{Page, Tx, execute, fetch, instant, parsed},
    ids::{OrganisationId, PersonId, ProgramId},
};

#[derive(sqlx::FromRow)]
struct OrganisationRow {
    id: String,
    name: String,
    created_at: i64,
}

impl TryFrom<OrganisationRow> for Organisation {
    type Error = sqlx::Error;

    fn try_from(row: OrganisationRow) -> sqlx::Result<Self> {
        Ok(Self { id: parsed(&row.id)?, name: row.name, created_at: instant(row.created_at) })
    }
}

#[derive(sqlx::FromRow)]
struct ProgramRow {
    id: String,
    organisation_id: String,
    name: String,
    two_way: i64,
    created_at: i64,
}

impl TryFrom<ProgramRow> for Program {
    type Error = sqlx::Error;

    fn try_from(row: ProgramRow) -> sqlx::Result<Self> {
        let (id, organisation) = (parsed(&row.id)?, parsed(&row.organisation_id)?);
        let (two_way, created_at) = (row.two_way != 0, instant(row.created_at));
        Ok(Self { id, organisation, name: row.name, two_way, created_at })
    }
}

pub(super) async fn insert_organisation(tx: &mut Tx, organisation: &Organisation) -> sqlx::Result<()> {
    let Organisation { id, name, created_at } = organisation;
    let sql = "insert into organisations (id, name, created_at) values ($1, $2, $3)";
    execute!(tx, sql, id.to_string(), name, created_at.as_microsecond()).map(drop)
}

pub(super) async fn organisations(tx: &mut Tx, page: &Page) -> sqlx::Result<Vec<Organisation>> {
    let sql = "select id, name, created_at from organisations where id > $1 order by id limit $2";
    let rows = fetch!(tx, all, OrganisationRow, sql, page.after(), page.limit())?;
    rows.into_iter().map(Organisation::try_from).collect()
}

/// By its id or by its name.
pub(super) async fn organisation(tx: &mut Tx, named: &str) -> sqlx::Result<Option<Organisation>> {
    let sql = "select id, name, created_at from organisations where id = $1 or name = $1 \
               order by case when id = $1 then 0 else 1 end limit 1";
    fetch!(tx, optional, OrganisationRow, sql, named)?.map(Organisation::try_from).transpose()
}

pub(super) async fn insert(tx: &mut Tx, program: &Program) -> sqlx::Result<()> {
    let Program { id, organisation, name, two_way, created_at } = program;
    let sql = "insert into programs (id, organisation_id, name, two_way, created_at) values ($1, $2, $3, $4, $5)";
    let (id, organisation, created_at) = (id.to_string(), organisation.to_string(), created_at.as_microsecond());
    execute!(tx, sql, id, organisation, name, i64::from(*two_way), created_at).map(drop)
}

/// Those of an organisation, or of it those that a person is a member of.
pub(super) async fn list(
    tx: &mut Tx,
    organisation: OrganisationId,
    member: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<Program>> {
    let sql = "select id, organisation_id, name, two_way, created_at from programs where organisation_id = $1 and id > $2 \
               and ($3 = '' or id in (select program_id from memberships where person_id = $3)) order by id limit $4";
    let member = member.map(|id| id.to_string()).unwrap_or_default();
    let rows = fetch!(tx, all, ProgramRow, sql, organisation.to_string(), page.after(), member, page.limit())?;
    rows.into_iter().map(Program::try_from).collect()
}

/// By its id or by its name; a name is one program's only within an organisation.
pub(super) async fn program(tx: &mut Tx, reach: Reach, named: &str) -> sqlx::Result<Option<Program>> {
    let sql = "select id, organisation_id, name, two_way, created_at from programs \
               where (id = $1 and ($2 = '' or organisation_id = $2)) or (name = $1 and organisation_id = $2) \
               order by case when id = $1 then 0 else 1 end limit 1";
    fetch!(tx, optional, ProgramRow, sql, named, reach.key())?.map(Program::try_from).transpose()
}

/// Whether a person is in a program that is two-way.
pub(super) async fn any_two_way(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<bool> {
    let sql = "select count(*) from programs join memberships on program_id = id \
               where organisation_id = $1 and person_id = $2 and two_way <> 0";
    let (count,) = fetch!(tx, one, (i64,), sql, organisation.to_string(), person.to_string())?;
    Ok(count > 0)
}

pub(super) async fn set_two_way(
    tx: &mut Tx,
    organisation: OrganisationId,
    id: ProgramId,
    two_way: bool,
) -> sqlx::Result<()> {
    let sql = "update programs set two_way = $3 where organisation_id = $1 and id = $2";
    execute!(tx, sql, organisation.to_string(), id.to_string(), i64::from(two_way)).map(drop)
}
