//! Probing a service account before it is saved.
//!
//! Problem: an IT administrator learns weeks later, from people without calendars, that a box was not ticked. Decision: the
//! host gets a token for one mailbox with the credential that would be saved, opens the account as it would for the
//! mailbox's owner and, if the calendar is writable, creates an event with a guest and cancels it again, without
//! notifications: some services let a key write but not invite. The provider explains each failure, and the administrator
//! reads what to change and where. The mailbox is in one of the organisation's mail domains, or nothing is sent. Rejected:
//! requesting a token alone, which says nothing about what it opens.

use super::{
    account::Kind,
    grant::{Grant, kind_of},
    mailbox::{self, call_target, check_domain, offered_provider},
    token::{DelegatedRequest, request_delegated},
};
use crate::{
    audit::{self, Act, Author, Entry, Subject, Values},
    auth::{Actor, Forbidden},
    calendar::{Attendee, BusyKind, Draft, Span, Status, ZonedTime},
    connections::{
        access::CalendarAccess,
        attempts::Attempt,
        error::{AccountError, RequestedAccess},
        explain::explain,
    },
    ids::{OrganisationId, ServiceAccountId},
    oauth::{TokenError, client_credentials::CLIENT_SECRET, jwt_bearer::ServiceKey, token::names},
    people,
    plugins::{
        Access, CallError, CallTarget, EventRef, Failure, Plugin, Remedy,
        contract::{Account, Notify},
        endpoints::{ResolvedSignIn, VariableValues, resolve_entered},
        registry::Provider,
    },
};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::{collections::BTreeMap, sync::Arc};

/// A service account that an administrator of the organisation wants to probe or save.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Id of a provider that is offered in the whole organisation.
    pub provider: String,
    /// Id of the provider's sign-in.
    pub sign_in: String,
    /// The credential.
    pub secret: AccountCredential,
    /// The mailbox to probe, in one of the organisation's mail domains.
    pub mailbox: String,
    /// Values of the variables in the sign-in's addresses.
    pub variables: VariableValues,
}

/// The account's credential.
#[derive(Debug, Clone)]
pub enum AccountCredential {
    /// The content of a service account's key file.
    Key(SecretString),
    /// An application's client id and secret.
    Client {
        /// The client id.
        id: String,
        /// The client secret.
        secret: SecretString,
    },
}

/// The result of a successful probe.
#[derive(Debug, Clone)]
pub struct ProbeReport {
    /// How people's calendars are reached.
    pub kind: Kind,
    /// Client id of the key or the application.
    pub client: Option<String>,
    /// The mailbox that was probed.
    pub mailbox: String,
    /// What the provider says about it.
    pub account: Account,
    /// Whether an event with guests can be written.
    pub inviting: InvitationTest,
}

/// Whether an event with guests can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvitationTest {
    /// An event was created and cancelled.
    Works,
    /// The mailbox has no writable calendar.
    NotTried,
    /// The service refused the event.
    Refused(Failure),
}

/// A probe that succeeded, with the secrets that the account would store.
pub(super) struct ProbeSuccess {
    pub(super) report: ProbeReport,
    pub(super) secrets: BTreeMap<String, SecretString>,
    /// The endpoint that issued the token.
    pub(super) endpoint: String,
    /// The values of the variables in the sign-in's addresses.
    pub(super) variables: VariableValues,
}

/// Refuses actors other than the global administrators of this organisation, with a token of their own. An organisation's
/// key is no person who could answer for mailboxes (M12).
pub fn administers(actor: &Actor, organisation: OrganisationId) -> Result<(), Forbidden> {
    match actor.organisation_id() {
        Some(own) if own != organisation => Err(Forbidden::OtherOrganisation),
        _ if actor.is_global_admin() => Ok(()),
        _ => Err(Forbidden::Role("a global administrator of the organisation, with a token of their own,")),
    }
}

/// Probes an account with one mailbox. Nothing is stored but that it was tried.
pub async fn probe(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
    new: &NewAccount,
) -> Result<ProbeReport, AccountError> {
    administers(actor, organisation)?;
    let by = actor.author();
    let report = probe_unchecked(calendars, &by, organisation, new).await?.report;
    let values = Values::new().sign_in(&new.sign_in).kind(report.kind.as_str()).outcome("works");
    let values = values.optional(report.client.as_deref(), Values::client_id);
    audit::record_alone(&calendars.db, tried(&by, organisation, new).after(values)).await?;
    Ok(report)
}

/// Probes an account without checking the actor. An attempt that fails is recorded; the caller records a success.
pub(super) async fn probe_unchecked(
    calendars: &CalendarAccess,
    by: &Author,
    organisation: OrganisationId,
    new: &NewAccount,
) -> Result<ProbeSuccess, AccountError> {
    let provider = offered_provider(calendars, organisation, &new.provider).await?;
    let unknown = || AccountError::SignIn(new.sign_in.clone());
    let granted = provider.granted.sign_in(&new.sign_in).ok_or_else(unknown)?;
    if kind_of(granted) == Some(Kind::Shared) {
        return Err(AccountError::NeedsBrowser);
    }
    let granted = resolve_entered(granted, &new.variables)?;
    let grant = Grant::of_sign_in(&granted).ok_or_else(unknown)?;
    let (client, known_as, secrets) = match (grant, &new.secret) {
        (Grant::Code(_), _) => return Err(AccountError::NeedsBrowser),
        (Grant::Assertion(_), AccountCredential::Key(text)) => {
            let key = ServiceKey::parse(text)?;
            let known_as = key.client_id.clone().unwrap_or_else(|| key.client.clone());
            (key.client.clone(), known_as, key.to_secrets())
        }
        (Grant::Client(_), AccountCredential::Client { id, secret }) => {
            (id.clone(), id.clone(), [(CLIENT_SECRET.to_owned(), secret.clone())].into())
        }
        (Grant::Assertion(_), _) => return Err(AccountError::Secret("the content of a service account's key file")),
        (Grant::Client(_), _) => return Err(AccountError::Secret("the id and the secret of an application")),
    };
    let mailbox = people::email(&new.mailbox)?;
    check_domain(calendars, organisation, &mailbox).await?;
    let request = DelegatedRequest {
        organisation,
        provider: &new.provider,
        grant,
        client: &client,
        secrets: secrets.clone(),
        mailbox: &mailbox,
    };
    let target = call_target(&new.sign_in, Some(&mailbox));
    let attempt = Attempt::to_probe(calendars, organisation).await??;
    let (access, account) = match open_mailbox(calendars, &provider, &granted, request, target, known_as).await {
        Ok(opened) => opened,
        Err(error) => {
            let values = Values::new().sign_in(&new.sign_in).client_id(&client).outcome(error.outcome());
            attempt.failed(calendars, tried(by, organisation, new).after(values)).await?;
            return Err(error);
        }
    };
    attempt.succeeded(calendars).await;
    let inviting = test_invitation(&provider.plugin, &access, &account, &mailbox, calendars.now()).await;
    let report = ProbeReport { kind: grant.kind(), client: Some(client), mailbox, account, inviting };
    let (endpoint, variables) = (grant.endpoint().to_owned(), granted.values().clone());
    Ok(ProbeSuccess { report, secrets, endpoint, variables })
}

fn tried<'a>(by: &'a Author, organisation: OrganisationId, new: &NewAccount) -> Entry<'a> {
    Entry::new(by, Act::ServiceAccountTried, Subject::provider(&new.provider)).organisation(organisation)
}

/// Gets a token for the mailbox, and opens it.
async fn open_mailbox(
    calendars: &CalendarAccess,
    provider: &Provider,
    granted: &ResolvedSignIn,
    request: DelegatedRequest<'_>,
    target: CallTarget,
    known_as: String,
) -> Result<(Arc<Access>, Account), AccountError> {
    let DelegatedRequest { organisation, grant, .. } = request;
    let requested = RequestedAccess { client: Some(known_as), scopes: names(grant.scopes()) };
    let response = match request_delegated(calendars, request).await {
        Ok(response) => response,
        Err(TokenError::Refused(refusal)) => {
            let failure = explain(calendars, provider, organisation, target, refusal).await;
            let failure = failure.map_err(AccountError::Call)?;
            return Err(AccountError::Refused { failure: failure.into(), requested: requested.into() });
        }
        Err(error) => return Err(AccountError::NoToken(error.to_string())),
    };
    let scopes = response.granted_scopes(grant.scopes()).map_err(AccountError::ScopesMissing)?;
    let mut fields = response.visible_fields(grant.visible_fields(), &scopes)?;
    fields.extend(granted.values().clone());
    let access = mailbox::access(calendars, provider, organisation, target, fields, response.access)?;
    let opened = provider.plugin.open(&access).await.map_err(|error| open_error(error, requested))?;
    Ok((access, opened.value))
}

/// The error of an account that could not be opened.
pub(super) fn open_error(error: CallError, requested: RequestedAccess) -> AccountError {
    match error {
        CallError::Failure(failure) => AccountError::Refused { failure: failure.into(), requested: requested.into() },
        error => AccountError::Call(error),
    }
}

/// Creates an event in the past with a guest (the mailbox itself), without notifications, and cancels it again.
async fn test_invitation(
    plugin: &Plugin,
    access: &Arc<Access>,
    account: &Account,
    mailbox: &str,
    now: Timestamp,
) -> InvitationTest {
    let home = account.calendars.iter().find(|calendar| calendar.is_default && calendar.role.writes());
    let Some(calendar) = home.filter(|_| account.abilities.write) else { return InvitationTest::NotTried };
    // A new key each time: a service may remember the cancelled event.
    let key = format!("probe-{}", ServiceAccountId::new(now));
    let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 31);
    let at = |at| ZonedTime { at, zone: "UTC".into() };
    let guest = Attendee::required(mailbox.to_owned(), None);
    let draft = Draft {
        uid: format!("{key}@chronus"),
        title: "Connection test".to_owned(),
        description: String::new(),
        location: String::new(),
        url: String::new(),
        organiser: None,
        when: Span::Timed { start: at(start), end: at(start + SignedDuration::from_mins(15)) },
        busy: BusyKind::Free,
        status: Status::Confirmed,
        attendees: vec![guest],
        recurrence: vec![],
    };
    let refused = |error: CallError| match error {
        CallError::Failure(failure) => InvitationTest::Refused(failure),
        error => InvitationTest::Refused(Failure {
            remedy: Remedy::Temporary,
            service_code: String::new(),
            detail: error.to_string(),
        }),
    };
    let event = match plugin.create(access, &calendar.id, &key, draft, Notify::None).await {
        Ok(reply) => reply.value,
        Err(error) => return refused(error),
    };
    match plugin
        .cancel(access, EventRef { calendar: &calendar.id, id: &event.id }, &key, None, None, Notify::None)
        .await
    {
        Ok(_) => InvitationTest::Works,
        Err(error) => refused(error),
    }
}
