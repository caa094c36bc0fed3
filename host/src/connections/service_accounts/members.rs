//! Connecting the organisation's people, each by a job.
//!
//! Problem: one of a thousand people has no mailbox yet, or the service is slow, and everybody waits for them. Decision: a
//! job for all only puts one for each; that one looks at what is the case now and makes it what it should be: connects who
//! is not connected, takes a two-way program into account, mends what the service had refused, disconnects who is no longer
//! in a domain of the organisation's. It may run as often as it likes. What never will work is a dead letter with the reason,
//! and nobody else's matter. The address is the person's own, as the database has it; a job names no mailbox.

use super::{
    Grant, Kind,
    probe::{explain, granted},
    store::{self, StoredServiceAccount},
    token,
};
use crate::{
    connections::{
        CalendarAccess, ConnectError, State,
        establish::{NewConnection, establish},
        oauth::{
            Token,
            endpoint::{TokenError, TokenResponse},
            finish::fields,
            refresh::RefreshError,
        },
        store as connections,
        store::StoredConnection,
    },
    ids::{OrganisationId, PersonId},
    jobs::{self, Effect, Lease, LeaseError, Outcome},
    organisations::{domains, offers, programs},
    people::{self, Person},
    plugins::{
        CallError, Failure, Remedy,
        contract::ScopeLevel,
        registry::Provider,
        sign_in::{self, ACCESS_TOKEN, SignInInput},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// What is the case, and what should be.
struct Look {
    person: Person,
    before: Option<StoredConnection>,
    /// Those that may connect the person, in their order.
    accounts: Vec<StoredServiceAccount>,
    level: ScopeLevel,
}

/// Why somebody is not connected by an account.
enum Not {
    /// It may work another time.
    Yet { error: String, after: Option<Duration> },
    /// It never will.
    Ever(String),
    /// It is not wanted any more.
    Wanted,
}

/// Puts a job for everybody whom the organisation connects, or has connected.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn connect_all(
    calendars: &CalendarAccess,
    lease: &Lease,
    organisation: OrganisationId,
) -> Result<Outcome, LeaseError> {
    let mut tx = calendars.db.begin().await?;
    for person in store::people(&mut tx, organisation).await? {
        jobs::enqueue(&mut tx, &Effect::ConnectPerson { organisation, person }).await?;
    }
    jobs::complete_in(tx, lease).await
}

/// Makes a person's connection what it should be, as far as it is the organisation's to make.
///
/// # Errors
/// If the lease was lost, or by the database.
pub async fn connect_person(
    calendars: &CalendarAccess,
    lease: &Lease,
    organisation: OrganisationId,
    person: PersonId,
) -> Result<Outcome, LeaseError> {
    let Some(look) = look(calendars, organisation, person).await? else {
        return jobs::complete(&calendars.db, lease).await;
    };
    let made_by = look.before.as_ref().map(|kept| kept.connection.service_account);
    match (&look.before, made_by) {
        // Theirs stays (M11).
        (_, Some(None)) => return jobs::complete(&calendars.db, lease).await,
        (Some(kept), Some(Some(_))) if look.accounts.is_empty() => {
            let mut tx = calendars.db.begin().await?;
            connections::delete(&mut tx, organisation, person, &kept.sealed).await?;
            let outcome = jobs::complete_in(tx, lease).await?;
            tracing::info!(%person, "the organisation does not connect this person any more");
            return Ok(outcome);
        }
        _ => {}
    }
    let mut why = None;
    for kept in &look.accounts {
        if is_right(&look, kept) {
            return jobs::complete(&calendars.db, lease).await;
        }
        match connect(calendars, &look, kept).await? {
            Ok(()) | Err(Not::Wanted) => return jobs::complete(&calendars.db, lease).await,
            // What may work yet is more than what never will.
            Err(not @ Not::Yet { .. }) => why = Some(not),
            Err(not) => why = why.or(Some(not)),
        }
    }
    match why {
        None | Some(Not::Wanted) => jobs::complete(&calendars.db, lease).await,
        Some(Not::Yet { error, after }) => Ok(Outcome::Retry { error, after }),
        Some(Not::Ever(error)) => Ok(Outcome::Dead { error }),
    }
}

async fn look(
    calendars: &CalendarAccess,
    organisation: OrganisationId,
    person: PersonId,
) -> Result<Option<Look>, LeaseError> {
    let mut tx = calendars.db.begin_read().await?;
    let Some(person) = people::person(&mut tx, organisation, person).await? else { return Ok(None) };
    let before = connections::of_person(&mut tx, organisation, person.id).await?;
    let is_in = domains::covers(&mut tx, organisation, &person.email).await?;
    let may = is_in && !store::has_refused(&mut tx, person.id).await?;
    let mut accounts = if may { store::accounts(&mut tx, organisation).await? } else { vec![] };
    // An offer that was withdrawn leaves those alone who are connected.
    let present = before.as_ref().and_then(|kept| kept.connection.service_account);
    let offered = offers::to_person(&mut tx, organisation, person.id).await?;
    accounts.retain(|kept| present == Some(kept.account.id) || offered.contains(&kept.account.provider));
    if let Some(present) = present.filter(|id| accounts.iter().any(|kept| kept.account.id == *id)) {
        accounts.retain(|kept| kept.account.id == present);
    }
    let two_way = programs::any_two_way(&mut tx, organisation, person.id).await?;
    let level = if two_way { ScopeLevel::Write } else { ScopeLevel::Read };
    Ok(Some(Look { person, before, accounts, level }))
}

impl Look {
    /// A shared account never writes.
    fn level(&self, kept: &StoredServiceAccount) -> ScopeLevel {
        let had = self.before.as_ref().and_then(|kept| kept.connection.token.as_ref());
        let had_write = had.is_some_and(|token| token.level == ScopeLevel::Write);
        match kept.account.kind {
            Kind::Shared => ScopeLevel::Read,
            // What meetings stand in the calendar by is not taken away when a program changes its mind.
            Kind::Delegated if had_write => ScopeLevel::Write,
            Kind::Delegated => self.level,
        }
    }
}

/// Whether the person is connected by the account as they should be.
fn is_right(look: &Look, kept: &StoredServiceAccount) -> bool {
    let Some(StoredConnection { connection, .. }) = &look.before else { return false };
    connection.service_account == Some(kept.account.id)
        && connection.sign_in == kept.account.sign_in
        && connection.subject.as_ref() == Some(&look.person.email)
        && connection.state == State::Connected
        && connection.token.as_ref().is_some_and(|token| token.level == look.level(kept))
}

async fn connect(
    calendars: &CalendarAccess,
    look: &Look,
    kept: &StoredServiceAccount,
) -> sqlx::Result<Result<(), Not>> {
    let account = &kept.account;
    let yet = |error: String| Ok(Err(Not::Yet { error, after: None }));
    let provider = match calendars.registry.provider(&account.provider).await {
        Ok(provider) => provider,
        Err(error) => return yet(error.to_string()),
    };
    let granted_sign_in = provider.granted.sign_in(&account.sign_in);
    let Some((sign_in, grant)) = granted_sign_in.and_then(|sign_in| Some((sign_in, Grant::of(sign_in)?))) else {
        return yet(format!("the sign-in `{}` is no longer granted", account.sign_in));
    };
    let given = match token(calendars, &provider, kept, grant, &look.person.email).await {
        Ok(given) => given,
        Err(not) => return Ok(Err(not)),
    };
    let fields = match account.kind {
        Kind::Shared => account.fields.iter().cloned().collect(),
        Kind::Delegated => match granted(&given, grant.scopes()) {
            Ok(granted) => fields(grant.kept(), &given, granted),
            Err(error) => return yet(error.to_string()),
        },
    };
    let secrets: BTreeMap<_, _> = [(ACCESS_TOKEN.to_owned(), given.access.clone())].into();
    let input = SignInInput { server: None, fields, secrets: secrets.clone() };
    let signed_in = match sign_in::sign_in(sign_in, input) {
        Ok(signed_in) => signed_in,
        Err(error) => return yet(error.to_string()),
    };
    let endpoint = account.token.as_ref().map_or(grant.endpoint(), |token| token.endpoint.as_str());
    let expires_at = given.lasts.and_then(|lasts| calendars.now().checked_add(lasts).ok());
    let token = Token { level: look.level(kept), endpoint: endpoint.to_owned(), expires_at };
    let (provider_id, sign_in) = (&*account.provider, &*account.sign_in);
    let service_account = Some(account.id);
    let new = NewConnection { provider: provider_id, sign_in, signed_in, secrets, token: Some(token), service_account };
    let before = look.before.clone();
    if let Some(other) = before.as_ref().filter(|before| before.connection.sign_in != sign_in) {
        // Another kind of account, or another provider's, has come in its place.
        let mut tx = calendars.db.begin().await?;
        connections::delete(&mut tx, account.organisation, look.person.id, &other.sealed).await?;
        tx.commit().await?;
    }
    match establish(calendars, &provider, look.person.clone(), before, new).await {
        Ok(_) => Ok(Ok(())),
        Err(ConnectError::AlreadyConnected | ConnectError::ByNobody) => Ok(Err(Not::Wanted)),
        Err(ConnectError::Database(error)) => Err(error),
        Err(ConnectError::Refused(CallError::Failure(failure))) => Ok(Err(after(&failure))),
        Err(error) => yet(error.to_string()),
    }
}

/// A token for the person's mailbox.
async fn token(
    calendars: &CalendarAccess,
    provider: &Provider,
    kept: &StoredServiceAccount,
    grant: Grant<'_>,
    mailbox: &str,
) -> Result<TokenResponse, Not> {
    let yet = |error: String| Not::Yet { error, after: None };
    let account = &kept.account;
    if let Grant::Code(_) = grant {
        return token::shared(calendars, account, None).await.map_err(|error| match error {
            RefreshError::Lost => Not::Ever("the service no longer accepts the organisation's shared account".into()),
            RefreshError::Gone => Not::Wanted,
            error => yet(error.to_string()),
        });
    }
    let secrets =
        calendars.keyring.open_map(&store::SEALED.place(account.organisation, account.id), &kept.sealed.bytes);
    let secrets = secrets.map_err(|error| yet(error.to_string()))?;
    let client = account.client.as_deref().unwrap_or_default();
    let whose = (account.organisation, &*account.provider);
    match token::ask(calendars, whose, (grant, client), secrets, mailbox).await {
        Ok(given) => Ok(given),
        Err(TokenError::Refused(error)) => {
            let whose = (account.organisation, &*account.sign_in, mailbox);
            match explain(calendars, provider, whose, error).await {
                Ok(failure) => Err(after(&failure)),
                Err(error) => Err(yet(error.to_string())),
            }
        }
        Err(error) => Err(yet(error.to_string())),
    }
}

/// What a failure means for the person. An administrator who must approve may do so within the day.
fn after(failure: &Failure) -> Not {
    let error = failure.to_string();
    match failure.remedy {
        Remedy::Temporary | Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => Not::Yet { error, after: None },
        Remedy::SlowDown(milliseconds) => Not::Yet { error, after: Some(Duration::from_millis(milliseconds)) },
        _ => Not::Ever(error),
    }
}
