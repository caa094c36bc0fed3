//! Connecting the organisation's people, one job each.
//!
//! Problem: one of a thousand people has no mailbox yet, or the service is slow, and all others wait. Decision: the job for
//! all people only enqueues one job for each. That job compares the person's present state with the intended one: it
//! connects a person who has no connection, follows a program that becomes two-way, repairs a connection that the service
//! refused, and disconnects a person who left the organisation's mail domains. It can run any number of times. If connecting
//! a person can never succeed, the job becomes a dead letter with the reason and affects no other person. The mailbox is the
//! person's own address from the database; a job names none.

use super::{
    account::Kind,
    grant::Grant,
    mailbox::call_target,
    store::{self, StoredServiceAccount},
    token::{self, DelegatedRequest, request_delegated},
};
use crate::{
    audit::{self, Act, Author},
    connections::{
        access::CalendarAccess,
        error::ConnectError,
        establish::{NewConnection, establish},
        explain::explain,
        store as connections,
        store::StoredConnection,
    },
    ids::{OrganisationId, PersonId},
    jobs::{self, Effect, Lease, LeaseError, Outcome, Owner},
    oauth::{State, Token, TokenError, TokenResponse, token_lease::RefreshError},
    organisations::{domains, offers, programs},
    people::{self, Person},
    plugins::{
        CallError, Failure, Remedy,
        contract::ScopeLevel,
        endpoints::resolve,
        registry::Provider,
        sign_in::{self, ACCESS_TOKEN, SignInInput},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// The present state of a person.
struct MemberState {
    person: Person,
    before: Option<StoredConnection>,
    /// The service accounts that may connect the person, in their order.
    accounts: Vec<StoredServiceAccount>,
    level: ScopeLevel,
}

/// Why a service account did not connect a person.
enum Skip {
    /// Another attempt may succeed.
    RetryLater { error: String, after: Option<Duration> },
    /// The call did not begin.
    PutOff { reason: String, after: Duration },
    /// No attempt can succeed.
    Permanent(String),
    /// The connection is no longer wanted.
    Obsolete,
}

/// Enqueues a job for each person that the organisation connects or has connected.
pub async fn connect_all(
    calendars: &CalendarAccess,
    lease: &Lease,
    organisation: OrganisationId,
) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    for person in store::people(&mut tx, organisation).await? {
        jobs::enqueue_for(&mut tx, &Effect::ConnectPerson { organisation, person }, &Owner::organisation(organisation))
            .await?;
    }
    jobs::complete_in(tx, lease).await
}

/// Brings a person's connection into the intended state, as far as a service account makes it.
pub async fn connect_person(
    calendars: &CalendarAccess,
    lease: &Lease,
    organisation: OrganisationId,
    person: PersonId,
) -> Result<Outcome, LeaseError> {
    let outcome = match MemberState::read(calendars, organisation, person).await? {
        Some(member) => member.update(calendars, &lease.author()).await?,
        None => Ok(()),
    };
    match outcome {
        Ok(()) | Err(Skip::Obsolete) => jobs::complete(&calendars.db, lease).await,
        Err(Skip::RetryLater { error, after }) => Ok(Outcome::Retry { error, after }),
        Err(Skip::PutOff { reason, after }) => Ok(Outcome::PutOff { reason, after }),
        Err(Skip::Permanent(error)) => Ok(Outcome::Dead { error }),
    }
}

impl MemberState {
    async fn read(
        calendars: &CalendarAccess,
        organisation: OrganisationId,
        person: PersonId,
    ) -> sqlx::Result<Option<Self>> {
        let mut tx = calendars.db.begin_read().await?;
        let Some(person) = people::person(&mut tx, organisation, person).await? else { return Ok(None) };
        let before = connections::of_person(&mut tx, organisation, person.id).await?;
        let is_in_domain = domains::covers(&mut tx, organisation, &person.email).await?;
        let may_connect = is_in_domain && !connections::has_refused(&mut tx, person.id).await?;
        let mut accounts = if may_connect { store::accounts(&mut tx, organisation).await? } else { vec![] };
        // A person who is connected stays connected when the offer is withdrawn.
        let present = before.as_ref().and_then(|before| before.connection.service_account);
        let offered = offers::to_person(&mut tx, organisation, person.id).await?;
        accounts.retain(|stored| present == Some(stored.account.id) || offered.contains(&stored.account.provider));
        if let Some(present) = present.filter(|id| accounts.iter().any(|stored| stored.account.id == *id)) {
            accounts.retain(|stored| stored.account.id == present);
        }
        let two_way = programs::any_two_way(&mut tx, organisation, person.id).await?;
        let level = if two_way { ScopeLevel::Write } else { ScopeLevel::Read };
        Ok(Some(Self { person, before, accounts, level }))
    }

    /// Connects or disconnects the person, or leaves the connection alone.
    async fn update(&self, calendars: &CalendarAccess, by: &Author) -> sqlx::Result<Result<(), Skip>> {
        if let Some(before) = &self.before {
            if before.connection.service_account.is_none() {
                // A connection that the person made stays (M11).
                return Ok(Ok(()));
            }
            if self.accounts.is_empty() {
                return self.disconnect(calendars, by, before).await.map(Ok);
            }
        }
        let mut skipped = None;
        for stored in &self.accounts {
            if self.is_connected_by(stored) {
                return Ok(Ok(()));
            }
            match self.connect(calendars, by, stored).await? {
                Ok(()) | Err(Skip::Obsolete) => return Ok(Ok(())),
                // A reason to retry outweighs a permanent one.
                Err(skip @ (Skip::RetryLater { .. } | Skip::PutOff { .. })) => skipped = Some(skip),
                Err(skip) => skipped = skipped.or(Some(skip)),
            }
        }
        Ok(skipped.map_or(Ok(()), Err))
    }

    /// The level of access that the person should have through a service account.
    fn level(&self, stored: &StoredServiceAccount) -> ScopeLevel {
        let had = self.before.as_ref().and_then(|before| before.connection.token.as_ref());
        let had_write = had.is_some_and(|token| token.level == ScopeLevel::Write);
        match stored.account.kind {
            // A shared account never writes.
            Kind::Shared => ScopeLevel::Read,
            // Write access stays when a program is no longer two-way, because meetings are already in the calendar.
            Kind::Delegated if had_write => ScopeLevel::Write,
            Kind::Delegated => self.level,
        }
    }

    /// True if the connection is in the intended state.
    fn is_connected_by(&self, stored: &StoredServiceAccount) -> bool {
        let Some(StoredConnection { connection, .. }) = &self.before else { return false };
        connection.service_account == Some(stored.account.id)
            && connection.sign_in == stored.account.sign_in
            && connection.subject.as_ref() == Some(&self.person.email)
            && connection.state == State::Connected
            && connection
                .token
                .as_ref()
                .is_some_and(|token| token.level == self.level(stored) && token.variables == stored.account.variables)
    }

    async fn disconnect(&self, calendars: &CalendarAccess, by: &Author, before: &StoredConnection) -> sqlx::Result<()> {
        self.delete(calendars, by, before).await?;
        tracing::info!(person = %self.person.id, "the organisation no longer connects this person");
        Ok(())
    }

    async fn delete(&self, calendars: &CalendarAccess, by: &Author, before: &StoredConnection) -> sqlx::Result<()> {
        let StoredConnection { connection, sealed, .. } = before;
        let mut tx = calendars.db.begin().await?;
        if connections::delete(&mut tx, self.person.organisation, self.person.id, sealed).await? {
            let entry = connection.entry(by, Act::CalendarDisconnected).before(connection.values());
            audit::record(&mut tx, entry).await?;
        }
        tx.commit().await
    }

    async fn connect(
        &self,
        calendars: &CalendarAccess,
        by: &Author,
        stored: &StoredServiceAccount,
    ) -> sqlx::Result<Result<(), Skip>> {
        let account = &stored.account;
        let provider = match calendars.registry.provider(&account.provider).await {
            Ok(provider) => provider,
            Err(error) => return Ok(Err(retry_later(error))),
        };
        let not_granted = || Ok(Err(retry_later(format!("the sign-in `{}` is no longer granted", account.sign_in))));
        let Some(granted) = provider.granted.sign_in(&account.sign_in) else { return not_granted() };
        let granted = match resolve(granted, &account.variables) {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(retry_later(error))),
        };
        let Some(grant) = Grant::of_sign_in(&granted) else { return not_granted() };
        if grant.kind() == Kind::Delegated && grant.endpoint() != account.endpoint {
            return not_granted();
        }
        let response = match request_token(calendars, &provider, stored, grant, &self.person.email).await {
            Ok(response) => response,
            Err(skip) => return Ok(Err(skip)),
        };
        let mut fields: BTreeMap<_, _> = match (account.kind, response.granted_scopes(grant.scopes())) {
            (Kind::Shared, _) => account.fields.iter().cloned().collect(),
            (Kind::Delegated, Ok(granted)) => match response.visible_fields(grant.visible_fields(), &granted) {
                Ok(fields) => fields,
                Err(error) => return Ok(Err(retry_later(error))),
            },
            (Kind::Delegated, Err(missing)) => {
                return Ok(Err(retry_later(ConnectError::ScopesMissing(missing))));
            }
        };
        fields.extend(granted.values().clone());
        let secrets: BTreeMap<_, _> = [(ACCESS_TOKEN.to_owned(), response.access.clone())].into();
        let input = SignInInput { server: None, fields, secrets: secrets.clone() };
        let signed_in = match sign_in::sign_in(granted.sign_in(), input) {
            Ok(signed_in) => signed_in,
            Err(error) => return Ok(Err(retry_later(error))),
        };
        let token = Token {
            level: self.level(stored),
            endpoint: account.endpoint.clone(),
            variables: account.variables.clone(),
            expires_at: response.expires_at(calendars.now()),
        };
        let new = NewConnection {
            by: by.clone(),
            sign_in: account.sign_in_ref(),
            signed_in,
            secrets,
            token: Some(token),
            service_account: Some(account.id),
        };
        if let Some(other) = self.before.as_ref().filter(|before| before.connection.sign_in != account.sign_in) {
            // The account was replaced by another kind, or by another provider's.
            self.delete(calendars, by, other).await?;
        }
        match establish(calendars, &provider, self.person.clone(), self.before.clone(), new).await {
            Ok(_) => Ok(Ok(())),
            Err(ConnectError::AlreadyConnected | ConnectError::NoServiceAccount) => Ok(Err(Skip::Obsolete)),
            Err(ConnectError::Database(error)) => Err(error),
            Err(ConnectError::Refused(CallError::Failure(failure))) => Ok(Err(skip_after(&failure))),
            Err(ConnectError::Refused(error)) if let Some(after) = error.pause() => {
                Ok(Err(Skip::PutOff { reason: error.to_string(), after }))
            }
            Err(error) => Ok(Err(retry_later(error))),
        }
    }
}

/// Requests a token for the person's mailbox.
async fn request_token(
    calendars: &CalendarAccess,
    provider: &Provider,
    stored: &StoredServiceAccount,
    grant: Grant<'_>,
    mailbox: &str,
) -> Result<TokenResponse, Skip> {
    let account = &stored.account;
    if let Grant::Code(_) = grant {
        return token::shared(calendars, account, None).await.map_err(|error| match error {
            RefreshError::Lost => {
                Skip::Permanent("the service no longer accepts the organisation's shared account".into())
            }
            RefreshError::Gone => Skip::Obsolete,
            error => retry_later(error),
        });
    }
    let place = store::SEALED.place(account.organisation, account.id);
    let secrets = calendars.keyring.open_map(&place, &stored.sealed.bytes).map_err(retry_later)?;
    let request = DelegatedRequest {
        organisation: account.organisation,
        provider: &account.provider,
        grant,
        client: account.client.as_deref().unwrap_or_default(),
        secrets,
        mailbox,
    };
    match request_delegated(calendars, request).await {
        Ok(response) => Ok(response),
        Err(TokenError::Refused(refusal)) => {
            let target = call_target(&account.sign_in, Some(mailbox));
            let explained = explain(calendars, provider, account.organisation, target, refusal).await;
            Err(explained.map_or_else(retry_later, |failure| skip_after(&failure)))
        }
        Err(error) => Err(retry_later(error)),
    }
}

fn retry_later(error: impl ToString) -> Skip {
    Skip::RetryLater { error: error.to_string(), after: None }
}

/// The consequence of a failure for the person. An administrator who must approve may do so within the day.
fn skip_after(failure: &Failure) -> Skip {
    let error = failure.to_string();
    match failure.remedy {
        Remedy::Temporary | Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => {
            Skip::RetryLater { error, after: None }
        }
        Remedy::SlowDown(pause) => Skip::RetryLater { error, after: Some(pause.length()) },
        _ => Skip::Permanent(error),
    }
}
