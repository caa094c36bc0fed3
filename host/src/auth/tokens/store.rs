//! The table `tokens`.

use super::{Holder, Token};
use crate::{
    auth::{
        actor::{Actor, AuthMethod, Principal},
        opaque::Hash,
    },
    db::{Column, Page, Tx, execute, fetch, instant, parsed, to_json},
    ids::{OrganisationId, PersonId, TokenId},
    organisations::Reach,
    people,
};

const SCOPES: Column = Column::of("tokens", "scopes");

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    organisation_id: Option<String>,
    person_id: Option<String>,
    name: String,
    scopes: String,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    parent_id: Option<String>,
    created_by_id: Option<String>,
}

impl TryFrom<TokenRow> for Token {
    type Error = sqlx::Error;

    fn try_from(row: TokenRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: parsed(&row.id)?,
            holder: holder(row.organisation_id.as_deref(), row.person_id.as_deref())?,
            name: row.name,
            scopes: SCOPES.words(&row.scopes)?,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            revoked_at: row.revoked_at.map(instant),
            parent: row.parent_id.as_deref().map(parsed).transpose()?,
            created_by: row.created_by_id.as_deref().map(parsed).transpose()?,
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

pub(super) async fn insert(tx: &mut Tx, token: &Token, hash: &Hash) -> sqlx::Result<()> {
    let sql = "insert into tokens (id, organisation_id, person_id, name, hash, scopes, created_at, expires_at, parent_id, \
               created_by_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let organisation = token.holder.organisation().map(|id| id.to_string());
    let person = token.holder.person().map(|id| id.to_string());
    let (created_at, expires_at) = (token.created_at.as_microsecond(), token.expires_at.as_microsecond());
    let (id, scopes) = (token.id.to_string(), to_json(&token.scopes)?);
    let parent = token.parent.map(|id| id.to_string());
    let creator = token.created_by.map(|id| id.to_string());
    let name = &token.name;
    execute!(tx, sql, id, organisation, person, name, &hash[..], scopes, created_at, expires_at, parent, creator)
        .map(drop)
}

/// Lists the tokens of an organisation, of one of its people, or of the operators.
pub(super) async fn list(
    tx: &mut Tx,
    organisation: Option<OrganisationId>,
    person: Option<PersonId>,
    page: &Page,
) -> sqlx::Result<Vec<Token>> {
    let sql = "select id, organisation_id, person_id, name, scopes, created_at, expires_at, revoked_at, parent_id, \
               created_by_id from tokens \
               where coalesce(organisation_id, '') = $1 and ($2 = '' or person_id = $2) and id > $3 \
               order by id limit $4";
    let organisation = organisation.map(|id| id.to_string()).unwrap_or_default();
    let person = person.map(|id| id.to_string()).unwrap_or_default();
    let rows = fetch!(tx, all, TokenRow, sql, organisation, person, page.after(), page.limit())?;
    rows.into_iter().map(Token::try_from).collect()
}

/// The number of tokens in the line of descent that ends with this token.
pub(super) async fn generations(tx: &mut Tx, id: TokenId) -> sqlx::Result<i64> {
    let sql = "with recursive line (id, parent_id) as ( \
                   select id, parent_id from tokens where id = $1 \
                   union select tokens.id, tokens.parent_id from tokens join line on tokens.id = line.parent_id \
               ) \
               select count(*) from line";
    let (count,) = fetch!(tx, one, (i64,), sql, id.to_string())?;
    Ok(count)
}

pub(super) async fn get(tx: &mut Tx, reach: Reach, id: TokenId) -> sqlx::Result<Option<Token>> {
    let sql = "select id, organisation_id, person_id, name, scopes, created_at, expires_at, revoked_at, parent_id, \
               created_by_id from tokens \
               where id = $1 and ($2 = '' or organisation_id = $2)";
    fetch!(tx, optional, TokenRow, sql, id.to_string(), reach.key())?.map(Token::try_from).transpose()
}

/// Revokes a token and its descendants, and returns those that were not revoked. One that was revoked earlier keeps its
/// instant.
pub(super) async fn revoke(tx: &mut Tx, id: TokenId, now: i64) -> sqlx::Result<Vec<TokenId>> {
    let sql = "with recursive family (id) as ( \
                   select id from tokens where id = $1 \
                   union select tokens.id from tokens join family on tokens.parent_id = family.id \
               ) \
               update tokens set revoked_at = $2 where id in (select id from family) and revoked_at is null returning id";
    let rows = fetch!(tx, all, (String,), sql, id.to_string(), now)?;
    rows.iter().map(|(id,)| parsed(id)).collect()
}

#[derive(sqlx::FromRow)]
struct ActorRow {
    id: String,
    organisation_id: Option<String>,
    person_id: Option<String>,
    scopes: String,
    expires_at: i64,
    role: Option<String>,
}

/// The actor of the token with this digest, if the token is valid at this instant. The tokens that it descends from are
/// looked at as well: one of them may have been revoked while this one was created.
pub(super) async fn authenticate(tx: &mut Tx, hash: &Hash, now: i64) -> sqlx::Result<Option<Actor>> {
    let sql = "with recursive line (id, parent_id, revoked_at) as ( \
                   select id, parent_id, revoked_at from tokens where hash = $1 \
                   union select tokens.id, tokens.parent_id, tokens.revoked_at \
                         from tokens join line on tokens.id = line.parent_id \
               ) \
               select tokens.id, tokens.organisation_id, tokens.person_id, tokens.scopes, tokens.expires_at, people.role \
               from tokens left join people on people.id = tokens.person_id \
               where tokens.hash = $1 and tokens.expires_at > $2 \
               and not exists (select 1 from line where revoked_at is not null)";
    let Some(row) = fetch!(tx, optional, ActorRow, sql, &hash[..], now)? else { return Ok(None) };
    let principal = match holder(row.organisation_id.as_deref(), row.person_id.as_deref())? {
        Holder::Operator => Principal::Operator,
        Holder::Integration(organisation) => Principal::Integration(organisation),
        Holder::Person { organisation, person } => {
            let role = Column::of("people", "role").word(row.role.as_deref().unwrap_or_default())?;
            Principal::Person { organisation, person, role, programs: people::memberships(tx, person).await? }
        }
    };
    let (method, scopes) = (AuthMethod::Token(parsed(&row.id)?), SCOPES.words(&row.scopes)?);
    Ok(Some(Actor { method, principal, scopes, expires_at: Some(instant(row.expires_at)) }))
}
