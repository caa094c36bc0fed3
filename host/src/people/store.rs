//! The tables `people`, `memberships` and `tokens`.

use super::{
    Member, Person,
    actor::{Actor, By, Who},
    opaque::Hash,
    rights::MemberRole,
    tokens::{Holder, Token},
};
use crate::{
    db::{Page, Tx, execute, fetch, from_json, instant, parsed, to_json},
    ids::{OrganisationId, PersonId, ProgramId, TokenId},
    programs::Reach,
};
use jiff::Timestamp;

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
            role: parsed(&row.role)?,
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

#[derive(sqlx::FromRow)]
struct MemberRow {
    program_id: String,
    person_id: String,
    role: String,
}

impl TryFrom<MemberRow> for Member {
    type Error = sqlx::Error;

    fn try_from(row: MemberRow) -> sqlx::Result<Self> {
        Ok(Self { program: parsed(&row.program_id)?, person: parsed(&row.person_id)?, role: parsed(&row.role)? })
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

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    organisation_id: Option<String>,
    person_id: Option<String>,
    name: String,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<TokenRow> for Token {
    type Error = sqlx::Error;

    fn try_from(row: TokenRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: parsed(&row.id)?,
            holder: holder(row.organisation_id.as_deref(), row.person_id.as_deref())?,
            name: row.name,
            scopes: from_json(&row.scopes)?,
            created_at: instant(row.created_at),
            expires_at: row.expires_at.map(instant),
            revoked_at: row.revoked_at.map(instant),
        })
    }
}

fn holder(organisation: Option<&str>, person: Option<&str>) -> sqlx::Result<Holder> {
    match (organisation, person) {
        (None, None) => Ok(Holder::Operator),
        (Some(organisation), None) => Ok(Holder::Integration(parsed(organisation)?)),
        (Some(organisation), Some(person)) => {
            Ok(Holder::Person { organisation: parsed(organisation)?, person: parsed(person)? })
        }
        (None, Some(_)) => Err(sqlx::Error::Decode("a person's token without an organisation".into())),
    }
}

pub(super) async fn insert_token(tx: &mut Tx, token: &Token, hash: &Hash) -> sqlx::Result<()> {
    let sql = "insert into tokens (id, organisation_id, person_id, name, hash, scopes, created_at, expires_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let organisation = token.holder.organisation().map(|id| id.to_string());
    let person = token.holder.person().map(|id| id.to_string());
    let (created_at, expires_at) = (token.created_at.as_microsecond(), token.expires_at.map(Timestamp::as_microsecond));
    let (id, scopes) = (token.id.to_string(), to_json(&token.scopes)?);
    execute!(tx, sql, id, organisation, person, &token.name, &hash[..], scopes, created_at, expires_at).map(drop)
}

/// The tokens of an organisation, of one of its people, or of the operators.
pub(super) async fn tokens(
    tx: &mut Tx,
    organisation: Option<OrganisationId>,
    person: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<Token>> {
    let sql = "select id, organisation_id, person_id, name, scopes, created_at, expires_at, revoked_at from tokens \
               where coalesce(organisation_id, '') = $1 and ($2 = '' or person_id = $2) and id > $3 \
               order by id limit $4";
    let organisation = organisation.map(|id| id.to_string()).unwrap_or_default();
    let person = person.map(|id| id.to_string()).unwrap_or_default();
    let rows = fetch!(tx, all, TokenRow, sql, organisation, person, page.after(), page.limit())?;
    rows.into_iter().map(Token::try_from).collect()
}

pub(super) async fn token(tx: &mut Tx, reach: Reach, id: TokenId) -> sqlx::Result<Option<Token>> {
    let sql = "select id, organisation_id, person_id, name, scopes, created_at, expires_at, revoked_at from tokens \
               where id = $1 and ($2 = '' or organisation_id = $2)";
    fetch!(tx, optional, TokenRow, sql, id.to_string(), reach.key())?.map(Token::try_from).transpose()
}

/// Once: a token that was revoked before keeps its time.
pub(super) async fn revoke(tx: &mut Tx, id: TokenId, now: i64) -> sqlx::Result<u64> {
    let sql = "update tokens set revoked_at = $2 where id = $1 and revoked_at is null";
    execute!(tx, sql, id.to_string(), now)
}

#[derive(sqlx::FromRow)]
struct ActorRow {
    id: String,
    organisation_id: Option<String>,
    person_id: Option<String>,
    scopes: String,
    expires_at: Option<i64>,
    role: Option<String>,
}

/// Whom a token with this digest stands for, if it is good at this time.
pub(super) async fn actor(tx: &mut Tx, hash: &Hash, now: i64) -> sqlx::Result<Option<Actor>> {
    let sql = "select tokens.id, tokens.organisation_id, tokens.person_id, tokens.scopes, tokens.expires_at, \
               people.role from tokens left join people on people.id = tokens.person_id \
               where tokens.hash = $1 and tokens.revoked_at is null \
               and (tokens.expires_at is null or tokens.expires_at > $2)";
    let Some(row) = fetch!(tx, optional, ActorRow, sql, &hash[..], now)? else { return Ok(None) };
    let who = match holder(row.organisation_id.as_deref(), row.person_id.as_deref())? {
        Holder::Operator => Who::Operator,
        Holder::Integration(organisation) => Who::Integration(organisation),
        Holder::Person { organisation, person } => {
            let role = parsed(&row.role.unwrap_or_default())?;
            Who::Person { organisation, person, role, programs: memberships(tx, person).await? }
        }
    };
    let (by, scopes) = (By::Token(parsed(&row.id)?), from_json(&row.scopes)?);
    Ok(Some(Actor { by, who, scopes, expires_at: row.expires_at.map(instant) }))
}
