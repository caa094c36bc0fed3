//! From a credential to a stored connection. Every way of signing in ends here.

use super::{
    access::CalendarAccess,
    approvals,
    connection::{Connection, State, limit_to_level},
    error::ConnectError,
    store::{self, StoredConnection},
};
use crate::{
    audit::{self, Act, Author, Values},
    db,
    ids::{ConnectionId, ServiceAccountId},
    jobs::{self, Effect},
    oauth::{REFRESH_TOKEN, SignInRef, Token},
    people::Person,
    plugins::{
        CallTarget,
        contract::{Account, ScopeLevel},
        registry::{self, IssuingEndpoint, Provider},
        sign_in::SignInParts,
    },
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// A credential that is to become a connection.
pub(super) struct NewConnection<'a> {
    /// The person or the host that connects.
    pub(super) by: Author,
    /// The sign-in.
    pub(super) sign_in: SignInRef<'a>,
    /// The checked sign-in.
    pub(super) signed_in: SignInParts,
    /// The secrets to seal.
    pub(super) secrets: BTreeMap<String, SecretString>,
    /// Facts about the token, if the credential is one.
    pub(super) token: Option<Token>,
    /// The service account that makes the connection. The connection is then for the person's own address.
    pub(super) service_account: Option<ServiceAccountId>,
}

/// An account that the provider has opened.
struct OpenedAccount {
    target: CallTarget,
    account: Account,
}

/// Whether a new sign-in continues the present connection.
#[derive(Debug)]
enum Reuse {
    /// It is the same account: the connection keeps its id.
    Same(Box<StoredConnection>),
    /// There is no connection to the same account.
    New,
}

/// Opens the account with exactly the values that are then stored. A new sign-in to the account that is connected already
/// keeps the connection, and its refresh token if no new one was issued.
pub(super) async fn establish(
    calendars: &CalendarAccess,
    provider: &Provider,
    person: Person,
    before: Option<StoredConnection>,
    new: NewConnection<'_>,
) -> Result<Connection, ConnectError> {
    let NewConnection { by, sign_in, signed_in, mut secrets, token, service_account } = new;
    let OpenedAccount { target, account } =
        open_account(calendars, provider, &person, sign_in, signed_in, service_account).await?;
    let reuse = existing(before, sign_in.provider, &target, token.is_some(), service_account);
    if let Some(token) = token.as_ref().filter(|_| service_account.is_none() && !secrets.contains_key(REFRESH_TOKEN)) {
        carry_refresh_token(calendars, &reuse, token, &mut secrets)?;
    }
    let now = calendars.now();
    let (id, connected_at) = match &reuse {
        Reuse::Same(before) => (before.connection.id, before.connection.connected_at),
        Reuse::New => (ConnectionId::new(now), now),
    };
    let sealed = calendars.keyring.seal_map(&store::SEALED.place(person.organisation, id), &secrets);
    let zone = account.zone.clone().filter(|zone| jiff::tz::TimeZone::get(zone).is_ok()).unwrap_or(person.zone);
    let memo_state_format = target.memo.as_ref().map(|_| provider.plugin.description().state_format);
    let connection = Connection {
        id,
        organisation: person.organisation,
        person: person.id,
        provider: sign_in.provider.to_owned(),
        sign_in: target.sign_in,
        server: target.server,
        subject: target.subject,
        address: target.address,
        zone,
        fields: target.fields,
        account: limit_to_level(account, token.as_ref()),
        opened_at: now,
        state: State::Connected,
        memo: target.memo,
        memo_revision: 0,
        connected_at,
        token,
        service_account,
    };
    let stored = StoredConnection { connection, sealed, memo_state_format };
    persist(calendars, &by, &reuse, &stored).await?;
    tracing::info!(connection = %id, person = %person.id, provider = sign_in.provider, "calendar connected");
    Ok(stored.connection)
}

async fn open_account(
    calendars: &CalendarAccess,
    provider: &Provider,
    person: &Person,
    sign_in: SignInRef<'_>,
    signed_in: SignInParts,
    service_account: Option<ServiceAccountId>,
) -> Result<OpenedAccount, ConnectError> {
    let mut target = CallTarget {
        sign_in: sign_in.sign_in.to_owned(),
        server: signed_in.server,
        subject: service_account.map(|_| person.email.clone()),
        zone: person.zone.clone(),
        fields: signed_in.fields,
        ..CallTarget::default()
    };
    let access = calendars.with_credential(provider, person.organisation, target.clone(), signed_in.credential)?;
    let opened = provider.plugin.open(&access).await.map_err(ConnectError::Refused)?;
    target.memo = opened.memo;
    target.address = opened.value.address.clone().or_else(|| Some(person.email.clone()));
    Ok(OpenedAccount { target, account: opened.value })
}

/// Compares the present connection with a new sign-in. A form names the same account by the same server and fields, so that
/// only the secret can differ; a token, whose fields change with its level, by the same address.
fn existing(
    before: Option<StoredConnection>,
    provider: &str,
    target: &CallTarget,
    by_token: bool,
    service_account: Option<ServiceAccountId>,
) -> Reuse {
    let is_same = |connection: &Connection| {
        connection.service_account == service_account
            && connection.provider == provider
            && connection.sign_in == target.sign_in
            && connection.server == target.server
            && connection.subject == target.subject
            && if by_token { connection.address == target.address } else { connection.fields == target.fields }
    };
    before.filter(|stored| is_same(&stored.connection)).map_or(Reuse::New, |stored| Reuse::Same(Box::new(stored)))
}

/// Adds the present connection's refresh token: services issue one with the first consent only. A refresh token keeps the
/// scopes of its own consent (RFC 6749 §6), so one for availability does not serve a connection that writes. It also keeps
/// its token endpoint: no other endpoint gets it.
fn carry_refresh_token(
    calendars: &CalendarAccess,
    reuse: &Reuse,
    token: &Token,
    secrets: &mut BTreeMap<String, SecretString>,
) -> Result<(), ConnectError> {
    let Reuse::Same(before) = reuse else { return Err(ConnectError::NoRefreshToken) };
    let had = before.connection.token.as_ref().ok_or(ConnectError::NoRefreshToken)?;
    let is_narrower = token.level == ScopeLevel::Write && had.level == ScopeLevel::Read;
    if before.connection.state != State::Connected || is_narrower || had.endpoint != token.endpoint {
        return Err(ConnectError::NoRefreshToken);
    }
    let place = store::SEALED.place(before.connection.organisation, before.connection.id);
    let old = calendars.keyring.open_map(&place, &before.sealed.bytes).ok();
    let old = old.and_then(|mut secrets| secrets.remove(REFRESH_TOKEN)).ok_or(ConnectError::NoRefreshToken)?;
    secrets.insert(REFRESH_TOKEN.to_owned(), old);
    Ok(())
}

/// Stores the connection and enqueues the delivery of meetings that waited for a calendar.
async fn persist(
    calendars: &CalendarAccess,
    by: &Author,
    reuse: &Reuse,
    stored: &StoredConnection,
) -> Result<(), ConnectError> {
    let Connection { id, organisation, person, provider, sign_in, address, token, service_account, .. } =
        &stored.connection;
    let mut tx = calendars.db.begin().await?;
    let endpoint = token.as_ref().map(|token| IssuingEndpoint { url: &token.endpoint, variables: &token.variables });
    if !registry::has_endpoint(&mut tx, provider, sign_in, endpoint).await? {
        return Err(if endpoint.is_some() { ConnectError::State } else { ConnectError::SignIn(sign_in.clone()) });
    }
    if let Some(account) = *service_account
        && !store::may_connect(&mut tx, account, *person).await?
    {
        return Err(ConnectError::NoServiceAccount);
    }
    let is_replaced = matches!(reuse, Reuse::Same(_)) && store::replace_credential(&mut tx, *id, stored).await?;
    if !is_replaced {
        store::insert(&mut tx, stored).await.map_err(|error| match error {
            error if db::is_taken(&error) => ConnectError::AlreadyConnected,
            error => error.into(),
        })?;
    }
    if let Some(address) = address.as_ref().filter(|_| service_account.is_none()) {
        approvals::record_given(&mut tx, *organisation, provider, address).await?;
    }
    let deliver = Effect::DeliverMeetings { person: *person };
    jobs::enqueue_for(&mut tx, &deliver, &stored.connection.owner()).await?;
    let before = match reuse {
        Reuse::Same(before) => before.connection.values(),
        Reuse::New => Values::new(),
    };
    let entry = stored.connection.entry(by, Act::CalendarConnected).before(before);
    audit::record(&mut tx, entry.after(stored.connection.values())).await?;
    tx.commit().await?;
    Ok(())
}
