//! Connecting a calendar: by a form ([`connect()`]), and what every way of signing in ends with ([`establish()`]).

use super::{
    CalendarAccess, Connection, State, at_level,
    oauth::{self, REFRESH_TOKEN, Token, approvals, clients::ClientError},
    service_accounts::{self, AccountError},
    store::{self, StoredConnection},
};
use crate::{
    auth::Actor,
    db,
    ids::{ConnectionId, PersonId, ServiceAccountId},
    jobs::{self, Effect},
    organisations::offers,
    people::{self, Person},
    plugins::{
        Access, AccessError, CallError, CallTarget, Failure, Remedy,
        registry::{Provider, RegistryError},
        sign_in::{self, SignInInput, SignInInputError, SignInParts},
    },
    secrets::OpenError,
};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// What a person filled in.
#[derive(Debug, Clone)]
pub struct FormSignIn {
    /// Which provider.
    pub provider: String,
    /// Which of its sign-ins.
    pub sign_in: String,
    /// The server, where the form asks for one.
    pub server: Option<String>,
    /// By the names of the form.
    pub fields: BTreeMap<String, String>,
    /// By the names of the form.
    pub secrets: BTreeMap<String, SecretString>,
}

/// A calendar is not connected, and nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody connects a calendar for somebody else (M12).
    #[error("only the person themself can connect their calendar")]
    NotThemself,
    /// There is no such person.
    #[error("there is no such person")]
    Unknown,
    /// The provider may not be used here.
    #[error("`{0}` is not offered to this person; an operator enables it for the organisation or a program")]
    NotOffered(String),
    /// The provider is not there, or not granted.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// The provider has no such sign-in, or the operator has not accepted it.
    #[error("the provider has no sign-in `{0}` by a form")]
    SignIn(String),
    /// What was filled in has not the form that is asked for.
    #[error("{0}")]
    Input(#[from] SignInInputError),
    /// What was filled in makes no connection.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The service did not open the account.
    #[error("{0}")]
    Refused(CallError),
    /// They have another calendar connected.
    #[error("another calendar is connected; disconnect it first")]
    AlreadyConnected,
    /// A person signs in to this at the service's own page, which takes their browser (M12).
    #[error("this calendar is connected at its service's own page: sign in here with a browser, and open Settings")]
    NeedsBrowser,
    /// The operator has not registered this host at the service.
    #[error("this host is not registered at the service of `{0}`: an operator does that by `chronus provider client`")]
    NoClient(String),
    /// The browser came back with what it did not begin, or too late, or a second time.
    #[error("this sign-in was not begun in this browser, or is over; begin again")]
    State,
    /// The service, or the person, did not give what was asked for; as the provider explains it.
    #[error("{0}")]
    Consent(Box<Failure>),
    /// The person gave less than was asked for.
    #[error("the consent left out {}", .0.join(", "))]
    ScopesMissing(Vec<String>),
    /// The service gave no lasting access.
    #[error("the service gave access for a short time only")]
    NoRefreshToken,
    /// The service gave no token, and does not say why.
    #[error("{0}")]
    NoToken(String),
    /// What is kept of the sign-in does not open.
    #[error("what was kept of the sign-in does not open: {0}")]
    Sealed(#[from] OpenError),
    /// The organisation would have connected them, and has no account any more, or they do not want it.
    #[error("the organisation does not connect this person any more")]
    ByNobody,
    /// What was signed in to is not fit to be the organisation's account.
    #[error("{0}")]
    Account(Box<AccountError>),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl ConnectError {
    /// For the person: what happened and what to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let error = match self {
            Self::Refused(error) => error,
            Self::Consent(failure) => return consent(failure),
            Self::Account(error) => return error.advice(),
            Self::ScopesMissing(_) => {
                return "The service was not told to give everything that was asked for; nothing was stored. Try again, \
                        and leave every box ticked: each is needed."
                    .into();
            }
            Self::NoToken(_) => {
                return format!(
                    "The calendar's service could not be reached; nothing was stored. Try again later. {self}"
                );
            }
            other => return other.to_string(),
        };
        match error {
            CallError::Failure(failure) => match failure.remedy {
                Remedy::Reconnect => format!(
                    "The calendar's service refused this user name and password; nothing was stored. {}",
                    failure.detail
                ),
                Remedy::Temporary | Remedy::SlowDown(_) => {
                    format!(
                        "The calendar's service could not be reached; nothing was stored. Try again later. {}",
                        failure.detail
                    )
                }
                _ => format!("The calendar's service did not open the account; nothing was stored. {failure}"),
            },
            other => format!("The calendar could not be opened; nothing was stored. {other}"),
        }
    }
}

/// Connects the person's calendar: format checked, verified by opening the account, sealed, stored. Who signs in again
/// to the account that is connected already keeps the connection, and what waited is delivered.
///
/// # Errors
/// If it is not connected; then nothing was stored.
pub async fn connect(
    calendars: &CalendarAccess,
    actor: &Actor,
    person: PersonId,
    request: FormSignIn,
) -> Result<Connection, ConnectError> {
    if !actor.is(person) {
        return Err(ConnectError::NotThemself);
    }
    let organisation = actor.organisation_id().ok_or(ConnectError::Unknown)?;
    let mut tx = calendars.db.begin_read().await?;
    let person = people::person(&mut tx, organisation, person).await?.ok_or(ConnectError::Unknown)?;
    let offered = offers::to_person(&mut tx, organisation, person.id).await?;
    let before = store::of_person(&mut tx, organisation, person.id).await?;
    tx.commit().await?;
    if !offered.contains(&request.provider) {
        return Err(ConnectError::NotOffered(request.provider));
    }

    let provider = calendars.registry.provider(&request.provider).await?;
    let unknown = || ConnectError::SignIn(request.sign_in.clone());
    let granted = provider.granted.sign_in(&request.sign_in).ok_or_else(unknown)?;
    if oauth::code_grant(granted).is_some() {
        return Err(ConnectError::NeedsBrowser);
    }
    if !sign_in::is_form(granted) {
        return Err(unknown());
    }
    let secrets = request.secrets.clone();
    let input = SignInInput { server: request.server, fields: request.fields, secrets: request.secrets };
    let signed_in = sign_in::sign_in(granted, input)?;
    let (provider_id, sign_in, token) = (&*request.provider, &*request.sign_in, None);
    let new = NewConnection { provider: provider_id, sign_in, signed_in, secrets, token, service_account: None };
    establish(calendars, &provider, person, before, new).await
}

/// What somebody has signed in with.
pub(super) struct NewConnection<'a> {
    pub(super) provider: &'a str,
    pub(super) sign_in: &'a str,
    pub(super) signed_in: SignInParts,
    /// What is sealed.
    pub(super) secrets: BTreeMap<String, SecretString>,
    /// If it is one.
    pub(super) token: Option<Token>,
    /// If it is the organisation that connects them: by which account. Then it is for their address, and no other.
    pub(super) service_account: Option<ServiceAccountId>,
}

/// Opens the account with exactly what is then stored. The account that is connected already keeps its connection, and
/// its refresh token, where no other came with it.
pub(super) async fn establish(
    calendars: &CalendarAccess,
    provider: &Provider,
    person: Person,
    before: Option<StoredConnection>,
    new: NewConnection<'_>,
) -> Result<Connection, ConnectError> {
    let NewConnection { provider: provider_id, sign_in, signed_in, mut secrets, token, service_account } = new;
    let organisation = person.organisation;
    let mut address = CallTarget {
        sign_in: sign_in.to_owned(),
        server: signed_in.server,
        subject: service_account.map(|_| person.email.clone()),
        zone: person.zone.clone(),
        fields: signed_in.fields,
        ..CallTarget::default()
    };
    let access = Access::new(
        organisation.to_string(),
        address.clone(),
        signed_in.credential,
        provider.granted.egress(),
        calendars.budget.clone(),
    )?;
    let opened = provider.plugin.open(&access).await.map_err(ConnectError::Refused)?;
    address.memo = opened.memo;
    address.address = opened.value.address.clone().or(Some(person.email));

    let now = calendars.now();
    let again = before.filter(|kept| {
        let connection = &kept.connection;
        connection.service_account == service_account
            && same_account(connection, provider_id, &address, token.is_some())
    });
    let id = again.as_ref().map_or_else(|| ConnectionId::new(now), |kept| kept.connection.id);
    let place = store::SEALED.place(organisation, id);
    if token.is_some() && service_account.is_none() && !secrets.contains_key(REFRESH_TOKEN) {
        let usable = again.as_ref().filter(|kept| kept.connection.state == State::Connected);
        let old = usable.and_then(|kept| calendars.keyring.open_map(&place, &kept.sealed.bytes).ok());
        let old = old.and_then(|mut secrets| secrets.remove(REFRESH_TOKEN)).ok_or(ConnectError::NoRefreshToken)?;
        secrets.insert(REFRESH_TOKEN.to_owned(), old);
    }
    let sealed = calendars.keyring.seal_map(&place, &secrets);
    let zone = opened.value.zone.clone().filter(|zone| jiff::tz::TimeZone::get(zone).is_ok()).unwrap_or(person.zone);
    let memo_state_format = address.memo.as_ref().map(|_| provider.plugin.description().state_format);
    let connection = Connection {
        id,
        organisation,
        person: person.id,
        provider: provider_id.to_owned(),
        sign_in: address.sign_in,
        server: address.server,
        subject: address.subject,
        address: address.address,
        zone,
        fields: address.fields,
        account: at_level(opened.value, token.as_ref()),
        opened_at: now,
        state: State::Connected,
        memo: address.memo,
        memo_revision: 0,
        connected_at: again.as_ref().map_or(now, |kept| kept.connection.connected_at),
        token,
        service_account,
    };
    let kept = StoredConnection { connection, sealed, memo_state_format };
    let mut tx = calendars.db.begin().await?;
    if let Some(account) = service_account
        && !service_accounts::may_connect(&mut tx, account, person.id).await?
    {
        return Err(ConnectError::ByNobody);
    }
    if again.is_none() || !store::renew(&mut tx, id, &kept).await? {
        store::insert(&mut tx, &kept).await.map_err(|error| match error {
            error if db::is_taken(&error) => ConnectError::AlreadyConnected,
            error => error.into(),
        })?;
    }
    if let Some(address) = kept.connection.address.as_ref().filter(|_| service_account.is_none()) {
        approvals::given(&mut tx, organisation, provider_id, address).await?;
    }
    // Meetings that waited for a calendar get there now.
    jobs::enqueue(&mut tx, &Effect::DeliverMeetings { person: person.id }).await?;
    tx.commit().await?;
    tracing::info!(connection = %id, person = %person.id, provider = provider_id, "connected");
    Ok(kept.connection)
}

/// The same sign-in to the same account: by a form, to the same server with the same fields, so that only the secret may
/// be another; by a token, whose fields change with what it is given for, to the same address.
fn same_account(connection: &Connection, provider: &str, address: &CallTarget, by_token: bool) -> bool {
    connection.provider == provider
        && connection.sign_in == address.sign_in
        && connection.server == address.server
        && connection.subject == address.subject
        && if by_token { connection.address == address.address } else { connection.fields == address.fields }
}

/// What a person is told whose consent came to nothing (M13).
fn consent(failure: &Failure) -> String {
    match &failure.remedy {
        Remedy::NeedsAdminApproval(link) => {
            let link = link.as_deref().map(|link| format!(" This page is for them: {link}")).unwrap_or_default();
            format!(
                "The IT administrator of your own organisation (whoever runs your mail and calendar, not the administrator \
                 of this program) must approve this connection first; nothing was stored.{link}"
            )
        }
        Remedy::AccessPending => {
            "Your organisation's IT administrator was asked and has not approved yet; nothing was stored. Try again later."
                .into()
        }
        Remedy::NotPermitted | Remedy::NeedsScope => {
            format!("The consent was not given; nothing was stored. Try again when you want to. {}", failure.detail)
        }
        _ => format!("The calendar's service did not complete the sign-in; nothing was stored. {}", failure.detail),
    }
}

impl From<ClientError> for ConnectError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NoProvider(id) => Self::NotOffered(id),
            ClientError::Sealed(error) => Self::Sealed(error),
            ClientError::Database(error) => Self::Database(error),
        }
    }
}
