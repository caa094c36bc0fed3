//! Tokens: how a program, or a person's program, says who it is.
//!
//! Threat: a stolen database that opens the API; a token that can make one that can more; a key of the organisation
//! that makes itself a key of a person and then connects the person's calendar. Decision: a token is opaque (see
//! [`super::opaque`]). Through the API nobody gives what they do not have, and a person's token is made by that person
//! only; the first ones are made on the command line, by whoever has the database. Rejected: signed tokens, which
//! cannot be revoked.

mod store;

use super::{
    actor::{Action, Actor, Forbidden, Principal},
    opaque,
    scopes::{Scope, Scopes},
};
use crate::{
    clock::Clock,
    db::{self, Db, Page},
    ids::{OrganisationId, PersonId, TokenId},
    organisations::{self, BadName, Reach},
    people,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// What every token begins with: leaked ones are found by it.
pub const PREFIX: &str = "chronus_";

/// What is known of a token; not the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name in addresses.
    pub id: TokenId,
    /// Whose it is.
    pub holder: Holder,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// Whose a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Somebody who runs the deployment.
    Operator,
    /// A program of an organisation's that is no person.
    Integration(OrganisationId),
    /// A person.
    Person {
        /// Whose person.
        organisation: OrganisationId,
        /// Who.
        person: PersonId,
    },
}

impl Holder {
    /// Whose token an actor means: a person's, an integration's of the organisation, or, for an operator who names
    /// neither, an operator's.
    ///
    /// # Errors
    /// If the organisation is another's, or if an operator names a person without it.
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

    /// The scopes that a token of this kind can have. Operators have nothing to do with calendars, and a calendar is
    /// connected by its person only.
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

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose.
    pub holder: Holder,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub scopes: Scopes,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Why there is no such token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// It would be for nothing.
    #[error("a token needs at least one scope")]
    NoScope,
    /// Its holder cannot have it.
    #[error("a token of this kind cannot have the scope `{0}`")]
    Scope(Scope),
    /// It would have ended already.
    #[error("the token would end before it begins; give a later time")]
    Expiry,
    /// Nobody gives what they do not have.
    #[error("a token can only give what it has itself, and it has no scope `{0}`")]
    MoreThanOwn(Scope),
    /// It may not be made or ended by whoever asks.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The organisation or the person.
    #[error("there is no such organisation, or no such person in it")]
    NoHolder,
    /// The token.
    #[error("there is no such token")]
    NoToken,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a token for whoever asks through the API.
///
/// # Errors
/// If the actor may not, or as [`issue`].
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
    issue(db, new).await
}

/// Makes a token. The text is given this once and cannot be had again.
///
/// # Errors
/// If the name, the scopes or the expiry are not right for the holder, if there is no such holder, or by the database.
pub async fn issue(db: &Db, new: NewToken) -> Result<(Token, SecretString), TokenError> {
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
    if expires_at.is_some_and(|end| end <= created_at) {
        return Err(TokenError::Expiry);
    }
    if let Holder::Person { organisation, person } = holder {
        // A person is never moved to another organisation, so that this stays true.
        let found = people::person(&mut tx, organisation, person).await?;
        found.ok_or(TokenError::NoHolder)?;
    }
    let id = TokenId::new(created_at);
    let token = Token { id, holder, name, scopes, created_at, expires_at, revoked_at: None };
    match store::insert(&mut tx, &token, &opaque::digest(secret.expose_secret())).await {
        Err(error) if db::is_missing(&error) => return Err(TokenError::NoHolder),
        done => done?,
    }
    tx.commit().await?;
    Ok((token, secret))
}

/// The tokens that the actor has the say over: an operator's those of the operators, or of an organisation that is
/// named; an administrator's those of the organisation; anybody else's their own.
///
/// # Errors
/// If the organisation is another's, or by the database.
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

/// The tokens of an organisation, or the operators'.
///
/// # Errors
/// By the database.
pub async fn all(db: &Db, organisation: Option<OrganisationId>, page: &Page) -> sqlx::Result<Vec<Token>> {
    db.read(async |tx| store::list(tx, organisation, None, page).await).await
}

/// Ends a token at once; one that has ended stays ended. Without an actor, on the word of whoever has the database.
///
/// # Errors
/// If there is none that the actor has the say over, or by the database.
pub async fn revoke(db: &Db, actor: Option<&Actor>, id: TokenId) -> Result<(), TokenError> {
    let reach = actor.map_or(Reach::Everywhere, Actor::reach);
    let mut tx = db.begin().await?;
    let token = store::get(&mut tx, reach, id).await?.ok_or(TokenError::NoToken)?;
    match (actor.map(|actor| (actor, &actor.principal)), token.holder.organisation()) {
        (None | Some((_, Principal::Operator)), _) => {}
        (Some((actor, _)), _) if token.holder.person().is_some_and(|person| actor.is(person)) => {}
        (Some((actor, _)), Some(organisation)) => actor.may(Action::ManageOrganisation(organisation))?,
        (Some(_), None) => return Err(TokenError::NoToken),
    }
    let now = tx.now().await?;
    store::revoke(&mut tx, id, now).await?;
    Ok(tx.commit().await?)
}

/// Whom a token stands for. Nobody, if it is unknown, ended or revoked; which of these is not told.
///
/// # Errors
/// By the database.
pub async fn authenticate(db: &Db, clock: &Clock, token: &str) -> sqlx::Result<Option<Actor>> {
    let Some(hash) = opaque::hash_if_well_formed(PREFIX, token) else { return Ok(None) };
    db.read(async |tx| store::authenticate(tx, &hash, clock.now().as_microsecond()).await).await
}
