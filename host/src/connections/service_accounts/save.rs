//! Saving a service account, and removing it.
//!
//! An account is saved only after a probe with exactly the credential that is stored; if the probe fails, the previous
//! account stays. Connections that the previous account made keep working with the new key. Removing an account deletes, in
//! one transaction, every connection that it made, and none that a person made.

use super::{
    account::{Kind, ServiceAccount},
    probe::{NewAccount, ProbeReport, administers, probe_unchecked},
    store::{self, SEALED, StoredServiceAccount},
};
use crate::{
    audit::{self, Act, Author, Values},
    auth::{Actor, Forbidden},
    connections::{
        access::CalendarAccess,
        error::AccountError,
        revocations::{Revocation, SealedCredential, store::PlaceTable},
        store as connections,
    },
    db::Tx,
    ids::{OrganisationId, ServiceAccountId},
    jobs::{self, Effect, Owner},
    oauth::State,
    plugins::registry::{self, IssuingEndpoint},
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// A service account and the number of people that it connects.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The service account.
    pub account: ServiceAccount,
    /// Number of people that it connects.
    pub people: i64,
}

/// Probes an account, saves it, and starts to connect the organisation's people. If the probe fails, nothing is stored but
/// that it was tried.
pub async fn save(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
    new: &NewAccount,
) -> Result<(ServiceAccount, ProbeReport), AccountError> {
    administers(actor, organisation)?;
    let saved_by = actor.person().ok_or(Forbidden::NotSelf)?;
    let success = probe_unchecked(calendars, &actor.author(), organisation, new).await?;
    let now = calendars.now();
    let account = ServiceAccount {
        id: ServiceAccountId::new(now),
        organisation,
        provider: new.provider.clone(),
        sign_in: new.sign_in.clone(),
        kind: success.report.kind,
        mailbox: success.report.mailbox.clone(),
        client: success.report.client.clone(),
        fields: vec![],
        state: State::Connected,
        endpoint: success.endpoint,
        variables: success.variables,
        expires_at: None,
        saved_by,
        saved_at: now,
    };
    let account = store_account(calendars, &actor.author(), account, &success.secrets).await?;
    Ok((account, success.report))
}

/// Stores an account that works. It takes over the id of the previous account at the provider.
pub(super) async fn store_account(
    calendars: &CalendarAccess,
    by: &Author,
    mut account: ServiceAccount,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<ServiceAccount, AccountError> {
    let mut tx = calendars.db.begin().await?;
    let endpoint = IssuingEndpoint { url: &account.endpoint, variables: &account.variables };
    if !registry::has_endpoint(&mut tx, &account.provider, &account.sign_in, Some(endpoint)).await? {
        return Err(AccountError::SignIn(account.sign_in));
    }
    let before = store::of_provider(&mut tx, account.organisation, &account.provider).await?;
    if let Some(before) = &before {
        account.id = before.account.id;
    }
    let was = before.as_ref().map_or_else(Values::new, |before| before.account.values());
    let sealed = calendars.keyring.seal_map(&SEALED.place(account.organisation, account.id), secrets);
    store::put(&mut tx, &StoredServiceAccount { account: account.clone(), sealed }).await?;
    if let Some(before) = before.filter(|before| before.account.mailbox != account.mailbox) {
        revoke_token(&mut tx, &before).await?;
    }
    let organisation = account.organisation;
    jobs::enqueue_for(&mut tx, &Effect::ConnectOrganisation { organisation }, &Owner::organisation(organisation))
        .await?;
    let entry = account.entry(by, Act::ServiceAccountSaved).before(was).after(account.values());
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    let (id, provider, kind) = (account.id, &account.provider, account.kind.as_str());
    tracing::info!(account = %id, %organisation, provider, kind, by = %account.saved_by, "service account saved");
    Ok(account)
}

/// The organisation's service accounts, without their credentials.
pub async fn accounts(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
) -> Result<Vec<Overview>, AccountError> {
    administers(actor, organisation)?;
    let accounts = calendars.db.read(async |tx| {
        let mut accounts = Vec::new();
        for StoredServiceAccount { account, .. } in store::accounts(tx, organisation).await? {
            let people = store::count(tx, account.id).await?;
            accounts.push(Overview { account, people });
        }
        Ok(accounts)
    });
    Ok(accounts.await?)
}

/// Removes the organisation's service account at a provider and the connections that it made. Returns their number.
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
    if !connections::lock_service_account(&mut tx, known.account.id).await? {
        return Err(none());
    }
    // Read again under the lock: if the token was refreshed in between, the new one must be revoked.
    let stored = store::of_provider(&mut tx, organisation, provider).await?.ok_or_else(none)?;
    let by = actor.author();
    let mut people = 0;
    for person in store::connected(&mut tx, stored.account.id).await? {
        let Some(member) = connections::of_person(&mut tx, organisation, person).await? else { continue };
        let entry = member.connection.entry(&by, Act::CalendarDisconnected).before(member.connection.values());
        audit::record(&mut tx, entry).await?;
        people += 1;
    }
    store::delete(&mut tx, stored.account.id).await?;
    revoke_token(&mut tx, &stored).await?;
    let account = &stored.account;
    let entry = account.entry(&by, Act::ServiceAccountRemoved).before(account.values());
    audit::record(&mut tx, entry.after(Values::new().count(people))).await?;
    tx.commit().await?;
    tracing::info!(account = %stored.account.id, %organisation, provider, people, "service account removed");
    Ok(people)
}

/// Enqueues the revocation of a shared account's token. A key belongs to the organisation: its tokens expire within the
/// hour, and the contract knows no revocation endpoint for them.
async fn revoke_token(tx: &mut Tx, stored: &StoredServiceAccount) -> sqlx::Result<()> {
    let account = &stored.account;
    if account.kind != Kind::Shared {
        return Ok(());
    }
    let revocation = Revocation {
        organisation: account.organisation,
        person: account.saved_by,
        provider: account.provider.clone(),
        sign_in: account.sign_in.clone(),
        address: Some(account.mailbox.clone()),
        endpoint: account.endpoint.clone(),
        variables: account.variables.clone(),
    };
    let (table, row) = (PlaceTable::ServiceAccounts, account.id.to_string());
    revocation.enqueue(tx, &SealedCredential { value: stored.sealed.clone(), table, row }).await
}
