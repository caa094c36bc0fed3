//! Signing in: whoever reads the mail of an address is the person who has it.
//!
//! Threat: somebody who learns from us who has an account; who has us send a stranger mail after mail; a link that works
//! for whoever finds it later; a mail scanner that follows the link before the person does. Decision: to ask is to leave
//! a request, which costs the same whether or not anybody has the address; who that is shows when the mail is written,
//! by a job. An address is written to [`MAILS_PER_ADDRESS`] times an hour at most, and one client asks
//! [`ASKS_PER_CLIENT`] times, both by rows of a table that all hosts share. A link is opaque (see `opaque`), made when
//! the mail is, lasts [`LIFETIME`], and is deleted by whoever uses it, so that of two one finds it; looking at it uses
//! nothing up. Rejected: passwords, which people use elsewhere too; links in the table of jobs, where they would be
//! secrets in clear; counters by the clock's hour, of which two lie side by side.

mod store;

use super::{opaque, sessions};
use crate::{
    db::{self, Db, Tx},
    ids::{PersonId, SignInId, digest},
    jobs::{self, Effect},
    people,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use std::net::{IpAddr, Ipv6Addr};

/// How long a link lasts.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How often an address is written to within [`WINDOW`].
pub const MAILS_PER_ADDRESS: i64 = 5;
/// How often one client may ask within [`WINDOW`].
pub const ASKS_PER_CLIENT: i64 = 20;
/// Within how long.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Why nobody is mailed, as far as it may be told.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The address is none.
    #[error(transparent)]
    Email(#[from] people::PersonError),
    /// The client asks too often.
    #[error("this client has asked for {ASKS_PER_CLIENT} mails within an hour")]
    TooOften,
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Somebody's wish for a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub id: SignInId,
    /// Where to, in lower case. Perhaps nobody's.
    pub email: String,
    /// Where the browser goes afterwards, a path of this host's.
    pub return_to: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person, for whoever shows by an address that it is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub person: PersonId,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The name of the organisation.
    pub organisation: String,
}

/// What came of a link.
#[derive(Debug)]
pub struct SignedIn {
    /// Who has signed in.
    pub person: PersonId,
    /// For the browser.
    pub cookie: SecretString,
    /// Where the browser goes.
    pub return_to: String,
}

/// Asks for a mail to this address. Where an address was written to too often, nothing happens, and that is not told
/// either: it would tell what others do.
///
/// # Errors
/// If the address is none, if the client asks too often, or by the database.
pub async fn ask(db: &Db, email: &str, client: IpAddr, return_to: &str) -> Result<(), AskError> {
    let email = people::email(email)?;
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    store::free_slots(&mut tx, now.checked_sub(WINDOW).unwrap_or_default()).await?;
    if !store::take_slot(&mut tx, &digest(format!("client {}", network(client))), ASKS_PER_CLIENT, now).await? {
        return Err(AskError::TooOften);
    }
    if store::take_slot(&mut tx, &digest(format!("address {email}")), MAILS_PER_ADDRESS, now).await? {
        let request = Request { id: SignInId::new(now), email, return_to: return_to.to_owned(), created_at: now };
        store::insert_request(&mut tx, &request).await?;
        jobs::enqueue(&mut tx, &Effect::MailSignIn { request: request.id }).await?;
    }
    Ok(tx.commit().await?)
}

/// Of an IPv6 address, the network that one client has for itself (RFC 6177).
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

/// A request that was not answered yet.
///
/// # Errors
/// By the database.
pub async fn request(tx: &mut Tx, id: SignInId) -> sqlx::Result<Option<Request>> {
    store::request(tx, id).await
}

/// Who has an address: a person of each organisation, at most; by the names of these.
///
/// # Errors
/// By the database.
pub async fn accounts(tx: &mut Tx, email: &str) -> sqlx::Result<Vec<Account>> {
    let mut accounts = store::accounts(tx, email).await?;
    // Here, because databases differ in how they sort texts.
    accounts.sort_by(|one, other| one.organisation.cmp(&other.organisation));
    Ok(accounts)
}

/// Makes a link for the person, and gives its secret part.
///
/// # Errors
/// By the database.
pub async fn make_link(tx: &mut Tx, person: PersonId, return_to: &str) -> sqlx::Result<SecretString> {
    let now = db::instant(tx.now().await?);
    store::delete_expired(tx, now).await?;
    let link = opaque::generate("")?;
    let expires_at = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    store::insert_link(tx, &opaque::digest(link.expose_secret()), person, return_to, expires_at).await?;
    Ok(link)
}

/// Forgets a request that was answered.
///
/// # Errors
/// By the database.
pub async fn forget(tx: &mut Tx, id: SignInId) -> sqlx::Result<()> {
    store::delete_request(tx, id).await
}

pub(super) async fn delete_expired(tx: &mut Tx, now: Timestamp) -> sqlx::Result<()> {
    let window = now.checked_sub(WINDOW).unwrap_or_default();
    store::free_slots(tx, window).await?;
    store::delete_requests(tx, window).await?;
    store::delete_expired(tx, now).await
}

/// Invalidates all mailed links of the person.
pub(super) async fn delete_links(tx: &mut Tx, person: PersonId) -> sqlx::Result<()> {
    store::delete_links(tx, person).await
}

/// Whom a link is for, if it can be used. It still can afterwards.
///
/// # Errors
/// By the database.
pub async fn look(db: &Db, link: &str) -> sqlx::Result<Option<Account>> {
    let Some(hash) = opaque::hash_if_well_formed("", link) else { return Ok(None) };
    db.read(async |tx| {
        let now = db::instant(tx.now().await?);
        store::account(tx, &hash, now).await
    })
    .await
}

/// Uses a link up, and begins a session for it, in place of the one whose cookie the browser had. None if the link was
/// used, has expired or never was.
///
/// # Errors
/// By the database.
pub async fn use_up(db: &Db, link: &str, replaces: Option<&str>) -> sqlx::Result<Option<SignedIn>> {
    let Some(hash) = opaque::hash_if_well_formed("", link) else { return Ok(None) };
    let mut tx = db.begin().await?;
    let now = db::instant(tx.now().await?);
    let Some((person, return_to)) = store::delete_link(&mut tx, &hash, now).await? else { return Ok(None) };
    let (session, cookie) = sessions::begin(&mut tx, person, replaces).await?;
    tx.commit().await?;
    tracing::info!(%session, %person, "signed in");
    Ok(Some(SignedIn { person, cookie, return_to }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_one_however_it_counts_its_addresses() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let network = |text: &str| network(text.parse().unwrap());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }
}
