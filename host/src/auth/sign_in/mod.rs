//! Signing in with mailed links: a person proves who they are by reading the mail of their address.
//!
//! Threat: an attacker learns which addresses have accounts, floods a stranger with mail, or uses a link found later; a
//! mail scanner follows the link before the person does. Decision: asking for a link only stores a request, which takes
//! the same time whether or not the address has an account; a job looks up the accounts when it writes the mail. The request
//! only notes an organisation of the address, by one query in any case, because organisations take turns in sending mail.
//! The mails to an address and the requests of a client are limited ([`Rate`]). A link is a random secret (see `opaque`) that
//! is created with the mail, lasts [`LIFETIME`], and is deleted when it is used, so it works once; opening its page does not
//! use it. Rejected: passwords, which people reuse; links in the table of jobs, which would store them in clear.

mod store;

use super::{opaque, sessions};
use crate::{
    audit::{self, Act, Author, Entry},
    db::{self, Db, Tx},
    ids::{OrganisationId, PersonId, SignInId},
    jobs::{self, Effect, Owner},
    network::client_network,
    people,
    rate_limits::{self, LimitReached, Limits, Rate},
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;

/// The lifetime of a link.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How long a request waits for its mail to be written. After that, the person has asked again or given up.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Why a request for a link is refused, as far as it may be revealed.
#[derive(Debug, thiserror::Error)]
pub enum LinkRequestError {
    /// The address is invalid.
    #[error(transparent)]
    Email(#[from] people::PersonError),
    /// The client has asked too often.
    #[error(transparent)]
    TooOften(#[from] LimitReached),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A request for a mail with links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The id.
    pub id: SignInId,
    /// The address, in lower case. It may have no account.
    pub email: String,
    /// The path on this host to which the browser goes afterwards.
    pub return_to: String,
    /// Creation time.
    pub created_at: Timestamp,
}

/// An account that an address can sign in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub person: PersonId,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The name of the organisation.
    pub organisation: String,
    /// The id of the organisation.
    pub organisation_id: OrganisationId,
}

/// The result of using a link.
#[derive(Debug)]
pub struct NewSession {
    /// The person who has signed in.
    pub person: PersonId,
    /// The value of the session cookie.
    pub cookie: SecretString,
    /// The path to which the browser goes.
    pub return_to: String,
}

/// Asks for a mail to an address. If the address has got too many mails, nothing happens; an error would reveal what
/// others do.
///
/// # Errors
/// If the address is invalid, if the client asks too often, or if the database fails.
pub async fn ask(
    db: &Db,
    limits: &Limits,
    email: &str,
    client: IpAddr,
    return_to: &str,
) -> Result<(), LinkRequestError> {
    let email = people::email(email)?;
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let client = client_network(client).to_string();
    rate_limits::take(&mut tx, limits, Rate::SignInsOfClient, &client).await??;
    if rate_limits::take(&mut tx, limits, Rate::SignInMails, &email).await?.is_ok() {
        let request = Request { id: SignInId::new(now), email, return_to: return_to.to_owned(), created_at: now };
        store::insert_request(&mut tx, &request).await?;
        let owner =
            store::organisation_of_address(&mut tx, &request.email).await?.map_or(Owner::HOST, Owner::organisation);
        jobs::enqueue_for(&mut tx, &Effect::MailSignIn { request: request.id }, &owner).await?;
        audit::record(&mut tx, Entry::new(&Author::Visitor, Act::SignInRequested, request.id)).await?;
    }
    Ok(tx.commit().await?)
}

/// Finds a request that was not answered yet.
pub async fn request(tx: &mut Tx, id: SignInId) -> sqlx::Result<Option<Request>> {
    store::request(tx, id).await
}

/// Lists the accounts of an address, at most one in each organisation, ordered by the organisation's name.
pub async fn accounts(tx: &mut Tx, email: &str) -> sqlx::Result<Vec<Account>> {
    let mut accounts = store::accounts(tx, email).await?;
    // Sorted here, because the databases collate differently.
    accounts.sort_by(|one, other| one.organisation.cmp(&other.organisation));
    Ok(accounts)
}

/// Creates a link for a person, and returns its secret part.
pub async fn make_link(tx: &mut Tx, person: PersonId, return_to: &str) -> sqlx::Result<SecretString> {
    let now = db::instant(tx.now().await?);
    store::delete_expired(tx, now).await?;
    let link = opaque::generate("")?;
    let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    store::insert_link(tx, &opaque::digest(link.expose_secret()), person, return_to, expires_at).await?;
    Ok(link)
}

/// Deletes an answered request.
pub async fn forget(tx: &mut Tx, id: SignInId) -> sqlx::Result<()> {
    store::delete_request(tx, id).await
}

pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    let window = now.checked_sub(WINDOW).unwrap_or_default();
    store::delete_requests(tx, window).await?;
    store::delete_expired(tx, now).await
}

/// Invalidates all mailed links of the person.
pub(super) async fn delete_links(tx: &mut Tx, person: PersonId) -> sqlx::Result<()> {
    store::delete_links(tx, person).await
}

/// The account of a link that is still valid. Does not use the link.
pub async fn look(db: &Db, link: &str) -> sqlx::Result<Option<Account>> {
    let Some(hash) = opaque::hash_if_well_formed("", link) else { return Ok(None) };
    db.read(async |tx| {
        let now = db::instant(tx.now().await?);
        store::account(tx, &hash, now).await
    })
    .await
}

/// Uses a link and starts a session, which replaces the browser's previous one. Returns `None` if the link is unknown,
/// used or expired.
pub async fn use_up(db: &Db, link: &str, replaces: Option<&str>) -> sqlx::Result<Option<NewSession>> {
    let Some(hash) = opaque::hash_if_well_formed("", link) else { return Ok(None) };
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let Some((person, return_to)) = store::delete_link(&mut tx, &hash, now).await? else { return Ok(None) };
    let (session, cookie) = sessions::begin(&mut tx, person, replaces).await?;
    let organisation = store::organisation(&mut tx, person).await?;
    let by = Author::Browser(person, session);
    audit::record(&mut tx, Entry::new(&by, Act::SignedIn, session).organisation(organisation)).await?;
    tx.commit().await?;
    tracing::info!(%session, %person, "signed in");
    Ok(Some(NewSession { person, cookie, return_to }))
}
