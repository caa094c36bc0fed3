//! Keeping an account, and removing it.
//!
//! What is kept has just been tried with exactly that secret; what does not work is not kept, and what was there before
//! stays. Who works already under the account goes on without noticing that the key is another one. Removing it ends, in
//! one transaction, every connection that it made, and none that a person made themself.

use super::{
    Grant, Kind, ServiceAccount,
    probe::{AccountError, NewAccount, Probed, administers, tried},
    store::{self, StoredServiceAccount},
};
use crate::{
    auth::{Actor, Forbidden},
    connections::{
        CalendarAccess, State,
        oauth::{REFRESH_TOKEN, revoke},
    },
    db::Tx,
    ids::{OrganisationId, ServiceAccountId},
    jobs::{self, Effect},
    plugins::sign_in::ACCESS_TOKEN,
    secrets::Keyring,
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// An organisation's account, and how many people it connects.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The account.
    pub account: ServiceAccount,
    /// How many of the organisation's people are connected by it.
    pub people: i64,
}

/// Tries an account, keeps it, and begins to connect the organisation's people by it.
///
/// # Errors
/// If it does not work; then nothing was stored.
pub async fn save(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
    new: &NewAccount,
) -> Result<(ServiceAccount, Probed), AccountError> {
    administers(actor, organisation)?;
    let saved_by = actor.person().ok_or(Forbidden::NotSelf)?;
    let tried = tried(calendars, organisation, new).await?;
    let now = calendars.now();
    let account = ServiceAccount {
        id: ServiceAccountId::new(now),
        organisation,
        provider: new.provider.clone(),
        sign_in: new.sign_in.clone(),
        kind: tried.probed.kind,
        mailbox: tried.probed.mailbox.clone(),
        client: tried.probed.client.clone(),
        fields: vec![],
        state: State::Connected,
        token: None,
        saved_by,
        saved_at: now,
    };
    let account = keep(calendars, account, &tried.secrets).await?;
    Ok((account, tried.probed))
}

/// Keeps an account that works, under the id of what was there before.
pub(super) async fn keep(
    calendars: &CalendarAccess,
    mut account: ServiceAccount,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<ServiceAccount, AccountError> {
    let mut tx = calendars.db.begin().await?;
    let before = store::of_provider(&mut tx, account.organisation, &account.provider).await?;
    if let Some(before) = &before {
        account.id = before.account.id;
    }
    let sealed = calendars.keyring.seal_map(&store::SEALED.place(account.organisation, account.id), secrets);
    store::put(&mut tx, &StoredServiceAccount { account: account.clone(), sealed }).await?;
    if let Some(before) = before.filter(|before| before.account.mailbox != account.mailbox) {
        forget(&mut tx, &calendars.keyring, &before).await?;
    }
    let organisation = account.organisation;
    jobs::enqueue(&mut tx, &Effect::ConnectOrganisation { organisation }).await?;
    tx.commit().await?;
    let (id, provider, kind) = (account.id, &account.provider, account.kind.name());
    tracing::info!(account = %id, %organisation, provider, kind, by = %account.saved_by, "an organisation's account was saved");
    Ok(account)
}

/// The organisation's accounts, without their secrets.
///
/// # Errors
/// If somebody else asks, or by the database.
pub async fn accounts(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
) -> Result<Vec<Overview>, AccountError> {
    administers(actor, organisation)?;
    let mut tx = calendars.db.begin_read().await?;
    let mut accounts = Vec::new();
    for StoredServiceAccount { account, .. } in store::accounts(&mut tx, organisation).await? {
        let people = store::count(&mut tx, account.id).await?;
        accounts.push(Overview { account, people });
    }
    Ok(accounts)
}

/// Removes the organisation's account at a provider, and disconnects whomever it connected; gives how many they were.
///
/// # Errors
/// If there is none, if somebody else asks, or by the database.
pub async fn remove(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
    provider: &str,
) -> Result<u64, AccountError> {
    administers(actor, organisation)?;
    let mut tx = calendars.db.begin().await?;
    let none = || AccountError::NoAccount(provider.to_owned());
    let known = store::of_provider(&mut tx, organisation, provider).await?.ok_or_else(none)?;
    if !store::lock(&mut tx, known.account.id).await? {
        return Err(none());
    }
    // Read again under the lock: a token that was renewed in between is the one to revoke.
    let kept = store::of_provider(&mut tx, organisation, provider).await?.ok_or_else(none)?;
    let people = store::delete(&mut tx, kept.account.id).await?;
    forget(&mut tx, &calendars.keyring, &kept).await?;
    tx.commit().await?;
    tracing::info!(account = %kept.account.id, %organisation, provider, people, "an organisation's account was removed");
    Ok(people)
}

/// The token of a shared mailbox is to be revoked. A key is the organisation's own: its tokens end within the hour, and
/// contracts know of no endpoint for them.
async fn forget(tx: &mut Tx, keyring: &Keyring, kept: &StoredServiceAccount) -> sqlx::Result<()> {
    let account = &kept.account;
    if account.kind != Kind::Shared {
        return Ok(());
    }
    let Ok(mut secrets) = keyring.open_map(&store::SEALED.place(account.organisation, account.id), &kept.sealed.bytes)
    else {
        tracing::warn!(account = %account.id, "the token does not open and is not revoked");
        return Ok(());
    };
    match secrets.remove(REFRESH_TOKEN).or_else(|| secrets.remove(ACCESS_TOKEN)) {
        Some(token) => revoke::put_shared(tx, keyring, account, token).await,
        None => Ok(()),
    }
}

/// Whether a sign-in makes an organisation's account, and of which kind.
#[must_use]
pub fn kind_of(sign_in: &crate::plugins::contract::SignIn) -> Option<Kind> {
    Grant::of(sign_in).map(Grant::kind)
}
