//! The tables `people` and `memberships`.

use super::{Administrator, Member, MemberRole, Person, Role};
use crate::{
    db::{Column, Page, Tx, execute, fetch, instant, parsed},
    ids::{OrganisationId, PersonId, ProgramId},
    organisations::Reach,
};

#[derive(sqlx::FromRow)]
struct PersonRow {
    id: String,
    organisation_id: String,
    email: String,
    name: String,
    zone: String,
    role: String,
    created_at: i64,
}

impl TryFrom<PersonRow> for Person {
    type Error = sqlx::Error;

    fn try_from(row: PersonRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: parsed(&row.id)?,
            organisation: parsed(&row.organisation_id)?,
            email: row.email,
            name: row.name,
            zone: row.zone,
            role: Column::of("people", "role").word(&row.role)?,
            created_at: instant(row.created_at),
        })
    }
}

pub(super) async fn insert(tx: &mut Tx, person: &Person) -> sqlx::Result<()> {
    let Person { id, organisation, email, name, zone, role, created_at } = person;
    let sql = "insert into people (id, organisation_id, email, name, zone, role, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    let (id, organisation, created_at) = (id.to_string(), organisation.to_string(), created_at.as_microsecond());
    execute!(tx, sql, id, organisation, email, name, zone, role.as_str(), created_at).map(drop)
}

pub(super) async fn list(tx: &mut Tx, organisation: OrganisationId, page: &Page) -> sqlx::Result<Vec<Person>> {
    let sql = "select id, organisation_id, email, name, zone, role, created_at from people \
               where organisation_id = $1 and id > $2 order by id limit $3";
    let rows = fetch!(tx, all, PersonRow, sql, organisation.to_string(), page.after(), page.limit())?;
    rows.into_iter().map(Person::try_from).collect()
}

/// By the id, or by the address within an organisation.
pub(super) async fn person(tx: &mut Tx, reach: Reach, named: &str) -> sqlx::Result<Option<Person>> {
    let sql = "select id, organisation_id, email, name, zone, role, created_at from people \
               where (id = $1 and ($2 = '' or organisation_id = $2)) or (email = $1 and organisation_id = $2)";
    fetch!(tx, optional, PersonRow, sql, named, reach.key())?.map(Person::try_from).transpose()
}

/// Changes the role of a person; 0 if the person has it already.
pub(super) async fn set_role(tx: &mut Tx, person: PersonId, role: Role) -> sqlx::Result<u64> {
    let sql = "update people set role = $2 where id = $1 and role <> $2";
    execute!(tx, sql, person.to_string(), role.as_str())
}

/// The global administrators of the organisation and the administrators of the program, without this person.
pub(super) async fn other_administrators(
    tx: &mut Tx,
    organisation: OrganisationId,
    program: Option<ProgramId>,
    but: PersonId,
) -> sqlx::Result<Vec<PersonId>> {
    let sql = "select id from people where organisation_id = $1 and id <> $2 and (role = $3 or id in \
               (select person_id from memberships where program_id = $4 and role = $5)) order by id";
    let program = program.map(|id| id.to_string()).unwrap_or_default();
    let (global, of_program) = (Role::GlobalAdmin.as_str(), MemberRole::ProgramAdmin.as_str());
    let rows = fetch!(tx, all, (String,), sql, organisation.to_string(), but.to_string(), global, program, of_program)?;
    rows.iter().map(|(id,)| parsed(id)).collect()
}

#[derive(sqlx::FromRow)]
struct AdministratorRow {
    #[sqlx(flatten)]
    person: PersonRow,
    program_id: Option<String>,
}

/// The administrators of the organisation and of its programs.
pub(super) async fn administrators(tx: &mut Tx, organisation: OrganisationId) -> sqlx::Result<Vec<Administrator>> {
    let sql = "select id, organisation_id, email, name, zone, role, created_at, cast(null as text) as program_id \
               from people where organisation_id = $1 and role = $2 \
               union all select id, organisation_id, email, name, zone, people.role, created_at, program_id \
               from people join memberships on person_id = id where organisation_id = $1 and memberships.role = $3 \
               order by id";
    let (global, of_program) = (Role::GlobalAdmin.as_str(), MemberRole::ProgramAdmin.as_str());
    let rows = fetch!(tx, all, AdministratorRow, sql, organisation.to_string(), global, of_program)?;
    let administrator = |AdministratorRow { person, program_id }| {
        Ok(Administrator { person: person.try_into()?, program: program_id.as_deref().map(parsed).transpose()? })
    };
    rows.into_iter().map(administrator).collect()
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    program_id: String,
    person_id: String,
    role: String,
}

impl TryFrom<MemberRow> for Member {
    type Error = sqlx::Error;

    fn try_from(row: MemberRow) -> sqlx::Result<Self> {
        let role = Column::of("memberships", "role").word(&row.role)?;
        Ok(Self { program: parsed(&row.program_id)?, person: parsed(&row.person_id)?, role })
    }
}

/// Makes a person a member, or changes the role; 0 if there are no such two in one organisation.
pub(super) async fn put_member(tx: &mut Tx, member: Member) -> sqlx::Result<u64> {
    let sql = "insert into memberships (program_id, person_id, role) \
               select programs.id, people.id, cast($3 as text) from programs, people \
               where programs.id = $1 and people.id = $2 and people.organisation_id = programs.organisation_id \
               on conflict (program_id, person_id) do update set role = excluded.role";
    execute!(tx, sql, member.program.to_string(), member.person.to_string(), member.role.as_str())
}

pub(super) async fn delete_member(tx: &mut Tx, program: ProgramId, person: PersonId) -> sqlx::Result<u64> {
    let sql = "delete from memberships where program_id = $1 and person_id = $2";
    execute!(tx, sql, program.to_string(), person.to_string())
}

pub(super) async fn member(tx: &mut Tx, program: ProgramId, person: PersonId) -> sqlx::Result<Option<Member>> {
    let sql = "select program_id, person_id, role from memberships where program_id = $1 and person_id = $2";
    let row = fetch!(tx, optional, MemberRow, sql, program.to_string(), person.to_string())?;
    row.map(Member::try_from).transpose()
}

pub(super) async fn memberships(tx: &mut Tx, person: PersonId) -> sqlx::Result<Vec<(ProgramId, MemberRole)>> {
    let sql = "select program_id, person_id, role from memberships where person_id = $1 order by program_id";
    let rows = fetch!(tx, all, MemberRow, sql, person.to_string())?;
    rows.into_iter().map(|row| Member::try_from(row).map(|member| (member.program, member.role))).collect()
}
