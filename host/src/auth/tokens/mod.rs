//! API tokens.
//!
//! Threat: a stolen database gives access to the API; a token creates another token with more rights; an integration
//! creates a token for a person and connects the person's calendar with it. Decision: a token is a random secret (see
//! [`super::opaque`]). Through the API, a token can only grant scopes that it has itself, and only a person can create
//! tokens for themself. A token that another one created ends with it: it expires no later, and revoking the parent revokes
//! it. Every token expires, after [`DEFAULT_LIFETIME`] if nobody says when, and a line of tokens that created each other has at
//! most [`MAX_GENERATIONS`], so that each can be found and looked at. The first tokens are created on the command line, with
//! access to the database. Rejected: signed tokens, which cannot be revoked.

mod store;

use super::{
    actor::{Action, Actor, AuthMethod, Forbidden, Principal},
    opaque,
    scopes::{Scope, Scopes},
};
use crate::{
    audit::{self, Act, Author, Entry, Values},
    clock::Clock,
    db::{self, Db, Page, Tx},
    ids::{OrganisationId, PersonId, TokenId},
    organisations::{self, BadName, Reach},
    people,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

/// The prefix of every token, by which scanners find leaked ones.
pub const PREFIX: &str = "chronus_";

/// The lifetime of a token if nobody says when it expires.
pub const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The maximum length of a line of descent: a token, the token that it created, and so on.
pub const MAX_GENERATIONS: i64 = 5;

/// The stored data of a token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The id, as in URLs.
    pub id: TokenId,
    /// The holder.
    pub holder: Holder,
    /// The display name.
    pub name: String,
    /// The scopes.
    pub scopes: Scopes,
    /// Creation time.
    pub created_at: Timestamp,
    /// The expiry.
    pub expires_at: Timestamp,
    /// When the token was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The token that created this one. `None` if an operator created it on the command line.
    pub parent: Option<TokenId>,
    /// The person who created the token. `None` if an integration or an operator did.
    pub created_by: Option<PersonId>,
}

/// The token and the person that create a token; neither on the command line.
#[derive(Debug, Clone, Copy, Default)]
struct Creator {
    token: Option<TokenId>,
    person: Option<PersonId>,
    /// When the token or the session of the creator ends.
    expires_at: Option<Timestamp>,
}

/// The holder of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// An operator of the deployment.
    Operator,
    /// Software of an organisation.
    Integration(OrganisationId),
    /// A person.
    Person {
        /// The person's organisation.
        organisation: OrganisationId,
        /// The person.
        person: PersonId,
    },
}

impl Holder {
    /// The holder that a request names: a person, the integration of an organisation, or, if an operator names neither,
    /// an operator.
    ///
    /// # Errors
    /// If the organisation is not the actor's, or if an operator names a person without an organisation.
    pub fn of(
        actor: &Actor,
        organisation: Option<OrganisationId>,
        person: Option<PersonId>,
    ) -> Result<Self, Forbidden> {
        match (actor.organisation(organisation), person) {
            (Ok(organisation), Some(person)) => Ok(Self::Person { organisation, person }),
            (Ok(organisation), None) => Ok(Self::Integration(organisation)),
            (Err(Forbidden::WhichOrganisation), None) => Ok(Self::Operator),
            (Err(refused), _) => Err(refused),
        }
    }

    /// The organisation.
    #[must_use]
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match *self {
            Self::Operator => None,
            Self::Integration(organisation) | Self::Person { organisation, .. } => Some(organisation),
        }
    }

    /// The person.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match *self {
            Self::Operator | Self::Integration(_) => None,
            Self::Person { person, .. } => Some(person),
        }
    }

    /// The scopes that a token of this holder can have. Operators have no access to calendars, and only a person can
    /// connect their calendar.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        let all = Scope::ALL.iter().copied();
        match self {
            Self::Operator => Scopes::from([Scope::OrganisationRead, Scope::OrganisationWrite]),
            Self::Integration(_) => all.filter(|scope| *scope != Scope::ConnectionWrite).collect(),
            Self::Person { .. } => all.collect(),
        }
    }
}

/// A token to create.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The holder.
    pub holder: Holder,
    /// The display name.
    pub name: String,
    /// The scopes.
    pub scopes: Scopes,
    /// The expiry. `None`: after [`DEFAULT_LIFETIME`], or earlier with the token that creates this one.
    pub expires_at: Option<Timestamp>,
}

/// Why a token is not created, found or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The token would have no scope.
    #[error("a token needs at least one scope")]
    NoScope,
    /// The holder cannot have this scope.
    #[error("a token of this kind cannot have the scope `{0}`")]
    Scope(Scope),
    /// The expiry is not in the future.
    #[error("the expiry must be in the future")]
    Expiry,
    /// The token would outlive the token that creates it.
    #[error("a token cannot outlive the token that creates it, which expires at {0}")]
    OutlivesParent(Timestamp),
    /// The line of descent would be too long.
    #[error("a line of tokens that created each other has at most {MAX_GENERATIONS} tokens")]
    TooManyGenerations,
    /// The actor lacks a scope that the token would have.
    #[error("a token can only grant scopes that it has itself, and it lacks `{0}`")]
    MoreThanOwn(Scope),
    /// The actor may not create or revoke the token.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The organisation or the person does not exist.
    #[error("the organisation, or the person in it, does not exist")]
    NoHolder,
    /// The token does not exist.
    #[error("the token does not exist")]
    NoToken,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Creates a token on behalf of an actor.
///
/// # Errors
/// If the actor may not create it; otherwise as [`issue`].
pub async fn create(db: &Db, actor: &Actor, new: NewToken) -> Result<(Token, SecretString), TokenError> {
    match new.holder {
        Holder::Operator => actor.may(Action::ManageDeployment)?,
        Holder::Integration(organisation) => actor.may(Action::ManageOrganisation(organisation))?,
        Holder::Person { person, .. } if actor.is(person) => {}
        Holder::Person { .. } => return Err(Forbidden::NotSelf.into()),
    }
    if let Some(more) = new.scopes.difference(&actor.scopes).next() {
        return Err(TokenError::MoreThanOwn(*more));
    }
    let token = match actor.method {
        AuthMethod::Token(id) => Some(id),
        AuthMethod::Session(_) => None,
    };
    let creator = Creator { token, person: actor.person(), expires_at: actor.expires_at };
    insert(db, &actor.author(), new, creator).await
}

/// Creates a token. The secret is returned only this once.
///
/// # Errors
/// If the name, the scopes or the expiry are not right for the holder, if there is no such holder, or if the database fails.
pub async fn issue(db: &Db, by: &Author, new: NewToken) -> Result<(Token, SecretString), TokenError> {
    insert(db, by, new, Creator::default()).await
}

async fn insert(db: &Db, by: &Author, new: NewToken, creator: Creator) -> Result<(Token, SecretString), TokenError> {
    let NewToken { holder, name, scopes, expires_at } = new;
    let name = organisations::name(&name)?;
    if scopes.is_empty() {
        return Err(TokenError::NoScope);
    }
    if let Some(unfit) = scopes.difference(&holder.scopes()).next() {
        return Err(TokenError::Scope(*unfit));
    }
    let secret = opaque::generate(PREFIX)?;
    let mut tx = db.begin().await?;
    let created_at = db::instant(tx.now().await?);
    let expires_at = expiry(created_at, expires_at, creator.expires_at)?;
    if let Some(parent) = creator.token
        && store::generations(&mut tx, parent).await? >= MAX_GENERATIONS
    {
        return Err(TokenError::TooManyGenerations);
    }
    if let Holder::Person { organisation, person } = holder {
        // A person is never moved to another organisation, so this stays true.
        let found = people::person(&mut tx, organisation, person).await?;
        found.ok_or(TokenError::NoHolder)?;
    }
    let id = TokenId::new(created_at);
    let token = Token {
        id,
        holder,
        name,
        scopes,
        created_at,
        expires_at,
        revoked_at: None,
        parent: creator.token,
        created_by: creator.person,
    };
    match store::insert(&mut tx, &token, &opaque::digest(secret.expose_secret())).await {
        Err(error) if db::is_missing(&error) => return Err(TokenError::NoHolder),
        done => done?,
    }
    audit::record(&mut tx, entry(by, Act::TokenCreated, &token).after(values(&token))).await?;
    tx.commit().await?;
    Ok((token, secret))
}

fn entry<'a>(by: &'a Author, act: Act, token: &Token) -> Entry<'a> {
    Entry::new(by, act, token.id).organisation(token.holder.organisation())
}

fn values(token: &Token) -> Values {
    let Token { holder, name, scopes, expires_at, .. } = token;
    let scopes = scopes.iter().map(|scope| scope.as_str()).collect();
    Values::new().name(name).scopes(scopes).expires_at(*expires_at).optional(holder.person(), Values::person)
}

/// When a token expires: as wished, or by default, and never after its creator.
fn expiry(now: Timestamp, wished: Option<Timestamp>, last: Option<Timestamp>) -> Result<Timestamp, TokenError> {
    match (wished, last) {
        (Some(end), _) if end <= now => Err(TokenError::Expiry),
        (Some(end), Some(last)) if end > last => Err(TokenError::OutlivesParent(last)),
        (Some(end), _) => Ok(end),
        (None, last) => {
            let end = now.checked_add(DEFAULT_LIFETIME).unwrap_or(Timestamp::MAX);
            Ok(last.map_or(end, |last| end.min(last)))
        }
    }
}

/// Lists the tokens that the actor manages. An operator gets those of the named organisation or of the operators, a
/// global administrator those of the organisation, and everybody else their own.
///
/// # Errors
/// If the organisation is not the actor's, or if the database fails.
pub async fn list(
    db: &Db,
    actor: &Actor,
    organisation: Option<OrganisationId>,
    page: &Page,
) -> Result<Vec<Token>, TokenError> {
    let organisation = match actor.organisation(organisation) {
        Ok(organisation) => Some(organisation),
        Err(Forbidden::WhichOrganisation) => None,
        Err(refused) => return Err(refused.into()),
    };
    let all = organisation.is_none_or(|organisation| actor.may(Action::ManageOrganisation(organisation)).is_ok());
    let person = if all { None } else { actor.person() };
    Ok(db.read(async |tx| store::list(tx, organisation, person, page).await).await?)
}

/// Lists the tokens of an organisation, or those of the operators.
pub async fn all(db: &Db, organisation: Option<OrganisationId>, page: &Page) -> sqlx::Result<Vec<Token>> {
    db.read(async |tx| store::list(tx, organisation, None, page).await).await
}

/// Revokes a token, and the tokens that were created with it, on behalf of an actor. Revoking it again has no effect.
///
/// # Errors
/// If the token does not exist or is not managed by the actor, or if the database fails.
pub async fn revoke(db: &Db, actor: &Actor, id: TokenId) -> Result<(), TokenError> {
    let mut tx = db.begin().await?;
    let token = store::get(&mut tx, actor.reach(), id).await?.ok_or(TokenError::NoToken)?;
    match (&actor.principal, token.holder.organisation()) {
        (Principal::Operator, _) => {}
        _ if token.holder.person().is_some_and(|person| actor.is(person)) => {}
        (_, Some(organisation)) => actor.may(Action::ManageOrganisation(organisation))?,
        (_, None) => return Err(TokenError::NoToken),
    }
    end(tx, &actor.author(), &token).await
}

/// Revokes any token, and the tokens that were created with it. Revoking it again has no effect.
///
/// # Errors
/// If the token does not exist, or if the database fails.
pub async fn revoke_any(db: &Db, by: &Author, id: TokenId) -> Result<(), TokenError> {
    let mut tx = db.begin().await?;
    let token = store::get(&mut tx, Reach::Everywhere, id).await?.ok_or(TokenError::NoToken)?;
    end(tx, by, &token).await
}

async fn end(mut tx: Tx, by: &Author, token: &Token) -> Result<(), TokenError> {
    let now = tx.now().await?;
    for revoked in store::revoke(&mut tx, token.id, now).await? {
        let revoked = store::get(&mut tx, Reach::Everywhere, revoked).await?.ok_or(TokenError::NoToken)?;
        audit::record(&mut tx, entry(by, Act::TokenRevoked, &revoked).before(values(&revoked))).await?;
    }
    Ok(tx.commit().await?)
}

/// The actor that a token authenticates, or `None` if it is unknown, expired or revoked, or if a token that it
/// descends from was revoked, without saying which.
pub async fn authenticate(db: &Db, clock: &Clock, token: &str) -> sqlx::Result<Option<Actor>> {
    let Some(hash) = opaque::hash_if_well_formed(PREFIX, token) else { return Ok(None) };
    db.read(async |tx| store::authenticate(tx, &hash, clock.now().as_microsecond()).await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_expires_in_a_year_or_with_its_creator() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(hours)).unwrap();
        let (now, year) = (at(0), 365 * 24);
        for (wished, last, end) in [
            (None, None, Some(year)),
            (None, Some(1), Some(1)),
            (None, Some(2 * year), Some(year)),
            (Some(2 * year), None, Some(2 * year)),
            (Some(1), Some(1), Some(1)),
            (Some(2), Some(1), None),
            (Some(0), None, None),
        ] {
            assert_eq!(expiry(now, wished.map(at), last.map(at)).ok(), end.map(at), "{wished:?} {last:?}");
        }
    }
}
