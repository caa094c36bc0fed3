//! The table `programs`.

use super::{Program, Reach};
use crate::{
    db::{Column, Page, Tx, execute, fetch, instant, parsed},
    ids::{OrganisationId, PersonId, ProgramId},
};

const TWO_WAY: Column = Column::of("programs", "two_way");

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
        let (two_way, created_at) = (TWO_WAY.flag(row.two_way)?, instant(row.created_at));
        Ok(Self { id, organisation, name: row.name, two_way, created_at })
    }
}

pub(super) async fn insert(tx: &mut Tx, program: &Program) -> sqlx::Result<()> {
    let Program { id, organisation, name, two_way, created_at } = program;
    let sql = "insert into programs (id, organisation_id, name, two_way, created_at) values ($1, $2, $3, $4, $5)";
    let (id, organisation, created_at) = (id.to_string(), organisation.to_string(), created_at.as_microsecond());
    execute!(tx, sql, id, organisation, name, i64::from(*two_way), created_at).map(drop)
}

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

/// An id takes precedence over a name; a name is searched only within one organisation, where it is unique.
pub(super) async fn find(tx: &mut Tx, reach: Reach, id_or_name: &str) -> sqlx::Result<Option<Program>> {
    let sql = "select id, organisation_id, name, two_way, created_at from programs \
               where (id = $1 and ($2 = '' or organisation_id = $2)) or (name = $1 and organisation_id = $2) \
               order by case when id = $1 then 0 else 1 end limit 1";
    fetch!(tx, optional, ProgramRow, sql, id_or_name, reach.key())?.map(Program::try_from).transpose()
}

/// Whether the person is a member of at least one two-way program.
pub(super) async fn any_two_way(tx: &mut Tx, organisation: OrganisationId, person: PersonId) -> sqlx::Result<bool> {
    let sql = "select distinct two_way from programs join memberships on program_id = id \
               where organisation_id = $1 and person_id = $2";
    let flags = fetch!(tx, all, (i64,), sql, organisation.to_string(), person.to_string())?;
    let flags: Vec<_> = flags.into_iter().map(|(flag,)| TWO_WAY.flag(flag)).collect::<sqlx::Result<_>>()?;
    Ok(flags.contains(&true))
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
