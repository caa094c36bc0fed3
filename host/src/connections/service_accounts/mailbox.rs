//! How a mailbox of the organisation is called, and which mailboxes and providers a service account may use.

use crate::{
    connections::{access::CalendarAccess, error::AccountError},
    ids::OrganisationId,
    organisations::{domains, offers},
    plugins::{
        Access, CallTarget,
        registry::Provider,
        sign_in::{self, ACCESS_TOKEN, SignInInput},
    },
};
use secrecy::SecretString;
use std::{collections::BTreeMap, sync::Arc};

/// The target of a call for a mailbox. `None` is the mailbox of the token itself.
pub(super) fn call_target(sign_in: &str, mailbox: Option<&str>) -> CallTarget {
    CallTarget {
        sign_in: sign_in.to_owned(),
        subject: mailbox.map(str::to_owned),
        address: mailbox.map(str::to_owned),
        zone: "UTC".into(),
        ..CallTarget::default()
    }
}

/// Access to a mailbox with a token.
pub(super) fn access(
    calendars: &CalendarAccess,
    provider: &Provider,
    organisation: OrganisationId,
    target: CallTarget,
    fields: BTreeMap<String, String>,
    token: SecretString,
) -> Result<Arc<Access>, AccountError> {
    let granted = provider.granted.sign_in(&target.sign_in);
    let granted = granted.ok_or_else(|| AccountError::SignIn(target.sign_in.clone()))?;
    let input = SignInInput { server: None, fields, secrets: [(ACCESS_TOKEN.to_owned(), token)].into() };
    let signed_in = sign_in::sign_in(granted, input)?;
    let target = CallTarget { fields: signed_in.fields, ..target };
    Ok(calendars.with_credential(provider, organisation, target, signed_in.credential)?)
}

/// A provider that is offered in the whole organisation.
pub(super) async fn offered_provider(
    calendars: &CalendarAccess,
    organisation: OrganisationId,
    provider: &str,
) -> Result<Provider, AccountError> {
    let offered = offers::offered(&calendars.db, organisation, None).await?;
    if !offered.iter().any(|offered| offered.provider == provider) {
        return Err(AccountError::NotOffered(provider.to_owned()));
    }
    Ok(calendars.registry.provider(provider).await?)
}

/// Refuses a mailbox outside the organisation's mail domains.
pub(super) async fn check_domain(
    calendars: &CalendarAccess,
    organisation: OrganisationId,
    mailbox: &str,
) -> Result<(), AccountError> {
    let mut tx = calendars.db.begin_read().await?;
    if domains::covers(&mut tx, organisation, mailbox).await? {
        return Ok(());
    }
    Err(AccountError::Domain(domains::list(&mut tx, organisation).await?))
}
