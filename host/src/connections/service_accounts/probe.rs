//! Trying an account before it is kept.
//!
//! Problem: an IT administrator learns weeks later, from people without calendars, that a box was not ticked. Decision:
//! with what would be saved a token is got for one mailbox that they name, the account opened as it would be for its
//! owner, and, where it can be written, an event with a guest made, of which nobody is told, and taken away again: some services let a key
//! write and not invite. What fails is explained by the provider, and told with what is to be changed and where. The mailbox
//! is in a domain of the organisation's, or nothing is sent. Rejected: asking for a token alone, which says nothing of what
//! it opens.

use super::{Grant, Kind, key::KeyError, key::ServiceKey, token};
use crate::{
    auth::{Actor, Forbidden},
    calendar::{Attendee, BusyKind, Draft, Role, Rsvp, Span, Status, Timed},
    connections::{
        CalendarAccess,
        oauth::{
            clients::ClientError,
            endpoint::{TokenError, TokenResponse},
            finish::fields,
        },
    },
    ids::{OrganisationId, ServiceAccountId},
    organisations::{domains, offers},
    people::{self, PersonError},
    plugins::{
        Access, AccessError, CallError, CallTarget, Failure, Plugin, Remedy,
        contract::{Account, EventRef, Notify, SignInError},
        registry::{Provider, RegistryError},
        sign_in::{self, ACCESS_TOKEN, SignInInput, SignInInputError},
    },
    secrets::OpenError,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

/// What an administrator of the organisation wants to save.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Of those that are offered in the organisation.
    pub provider: String,
    /// Which of its sign-ins.
    pub sign_in: String,
    /// The key, or whatever it is.
    pub secret: Secret,
    /// The mailbox to try it with, in a domain of the organisation's.
    pub mailbox: String,
}

/// By what an account asks for tokens.
#[derive(Debug, Clone)]
pub enum Secret {
    /// The content of a service account's key file.
    Key(SecretString),
    /// An application's id and secret.
    Client {
        /// Its id.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
}

/// What an account can do.
#[derive(Debug, Clone)]
pub struct Probed {
    /// Which of the two kinds.
    pub kind: Kind,
    /// The name of the service account or the application.
    pub client: Option<String>,
    /// The mailbox that it was tried with.
    pub mailbox: String,
    /// What the provider says of it.
    pub account: Account,
    /// Whether an event with guests can be written.
    pub inviting: Inviting,
}

/// Whether an event with guests can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inviting {
    /// One was, and was taken away again.
    Works,
    /// No calendar of the mailbox can be written.
    NotTried,
    /// One could not be.
    Refused(Failure),
}

/// An account is of no use, and nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Who asks.
    #[error(transparent)]
    NotAllowed(#[from] Forbidden),
    /// The provider may not be used here.
    #[error("`{0}` is not offered in all of this organisation; an operator enables it")]
    NotOffered(String),
    /// The provider is not there, or not granted.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// No account is made by such a sign-in.
    #[error("the provider has no sign-in `{0}` for an organisation's account")]
    SignIn(String),
    /// The secret is of another kind than the sign-in asks for.
    #[error("this sign-in takes {0}")]
    Secret(&'static str),
    /// A shared account signs in at the service's own page.
    #[error("a shared account is connected at its service's own page, by an administrator with a browser")]
    NeedsBrowser,
    /// The operator has not registered this host at the service.
    #[error("this host is not registered at the service of `{0}`: an operator does that by `chronus provider client`")]
    NoClient(String),
    /// The key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The mailbox is no address.
    #[error(transparent)]
    Mailbox(#[from] PersonError),
    /// The mailbox is not the organisation's.
    #[error("the mailbox is in no mail domain of this organisation; {}", domains_told(.0))]
    Domain(Vec<String>),
    /// The service does not give a token, or not open the mailbox; as the provider explains it.
    #[error("{failure}")]
    Refused {
        /// The explanation.
        failure: Box<Failure>,
        /// As what we asked, for the administrator to allow it.
        asked: Box<Asked>,
    },
    /// The provider could not be called.
    #[error(transparent)]
    Call(CallError),
    /// The service gave no token, and does not say why.
    #[error("{0}")]
    NoToken(String),
    /// The consent left something out.
    #[error("the consent left out {}", .0.join(", "))]
    ScopesMissing(Vec<String>),
    /// The service gave no lasting access.
    #[error("the service gave access for a short time only")]
    NoRefreshToken,
    /// The token makes no connection.
    #[error(transparent)]
    Input(#[from] SignInInputError),
    /// The same.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no account.
    #[error("the organisation has no account at `{0}`")]
    NoAccount(String),
    /// What is kept does not open.
    #[error("what is kept of the account does not open: {0}")]
    Sealed(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// As what a token was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The name that the service knows us by.
    pub client: Option<String>,
    /// What was asked for.
    pub scopes: Vec<String>,
}

impl AccountError {
    /// For the organisation's IT administrator: what happened, and what to change.
    #[must_use]
    pub fn advice(&self) -> String {
        let Self::Refused { failure, asked } = self else {
            return match self {
                Self::NoToken(_) | Self::Call(_) => {
                    format!("The calendar's service could not be asked; nothing was stored. Try again later. {self}")
                }
                other => other.to_string(),
            };
        };
        let detail = &failure.detail;
        match &failure.remedy {
            Remedy::NeedsAdminApproval(link) => {
                let mut text =
                    "The service does not let this account act for the organisation's people; nothing was stored. \
                                An administrator of the organisation's mail and calendar must allow it there"
                        .to_owned();
                // Writing to a string cannot fail.
                if let Some(client) = &asked.client {
                    let _ = write!(text, ", for the client {client}");
                }
                if !asked.scopes.is_empty() {
                    let _ = write!(text, ", with the scopes {}", asked.scopes.join(","));
                }
                if let Some(link) = link {
                    let _ = write!(text, ". How: {link}");
                }
                format!("{text}. ({detail})")
            }
            Remedy::Reconnect => format!(
                "The service refuses the key for this mailbox; nothing was stored. Check that the key is the account's \
                 present one, and that the mailbox exists. ({detail})"
            ),
            Remedy::NotFound | Remedy::Gone => {
                format!("The service does not know the mailbox, or does not show it; nothing was stored. ({detail})")
            }
            Remedy::Temporary | Remedy::SlowDown(_) => {
                format!("The calendar's service could not be asked; nothing was stored. Try again later. ({failure})")
            }
            _ => format!("The account was tried and does not work; nothing was stored. ({failure})"),
        }
    }
}

impl From<ClientError> for AccountError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NoProvider(id) => Self::NotOffered(id),
            ClientError::Sealed(error) => Self::Sealed(error),
            ClientError::Database(error) => Self::Database(error),
        }
    }
}

fn domains_told(domains: &[String]) -> String {
    match domains {
        [] => "an operator says which ones it has by `chronus organisation domain`".to_owned(),
        domains => format!("it has {}", domains.join(", ")),
    }
}

/// A person who administers this very organisation. A key of the organisation's is nobody who could answer for it (M12).
///
/// # Errors
/// If it is somebody else.
pub fn administers(actor: &Actor, organisation: OrganisationId) -> Result<(), Forbidden> {
    match actor.organisation_id() {
        Some(own) if own != organisation => Err(Forbidden::OtherOrganisation),
        _ if actor.is_global_admin() => Ok(()),
        _ => Err(Forbidden::Role("a global administrator of the organisation, with a token of their own,")),
    }
}

/// Tries an account with one mailbox.
///
/// # Errors
/// If it does not work, with what is to be changed.
pub async fn probe(
    calendars: &CalendarAccess,
    actor: &Actor,
    organisation: OrganisationId,
    new: &NewAccount,
) -> Result<Probed, AccountError> {
    administers(actor, organisation)?;
    tried(calendars, organisation, new).await.map(|tried| tried.probed)
}

/// What was tried, and worked.
pub(super) struct Tried {
    pub(super) probed: Probed,
    pub(super) secrets: BTreeMap<String, SecretString>,
}

pub(super) async fn tried(
    calendars: &CalendarAccess,
    organisation: OrganisationId,
    new: &NewAccount,
) -> Result<Tried, AccountError> {
    let provider = offered(calendars, organisation, &new.provider).await?;
    let grant = provider.granted.sign_in(&new.sign_in).and_then(Grant::of);
    let grant = grant.ok_or_else(|| AccountError::SignIn(new.sign_in.clone()))?;
    let (client, known_as, secrets) = match (grant, &new.secret) {
        (Grant::Code(_), _) => return Err(AccountError::NeedsBrowser),
        (Grant::Assertion(_), Secret::Key(text)) => {
            let key = ServiceKey::read(text)?;
            let known_as = key.client_id.clone().unwrap_or_else(|| key.client.clone());
            (key.client.clone(), known_as, key.secrets())
        }
        (Grant::Client(_), Secret::Client { id, secret }) => {
            let secrets = [(token::CLIENT_SECRET.to_owned(), secret.clone())].into();
            (id.clone(), id.clone(), secrets)
        }
        (Grant::Assertion(_), _) => return Err(AccountError::Secret("the content of a service account's key file")),
        (Grant::Client(_), _) => return Err(AccountError::Secret("the id and the secret of an application")),
    };
    let mailbox = people::email(&new.mailbox)?;
    in_domain(calendars, organisation, &mailbox).await?;
    let asked = || Asked { client: Some(known_as.clone()), scopes: grant.scopes().to_vec() };
    let whose = (organisation, &*new.provider);
    let given = match token::ask(calendars, whose, (grant, &client), secrets.clone(), &mailbox).await {
        Ok(given) => given,
        Err(TokenError::Refused(error)) => {
            let whose = (organisation, &*new.sign_in, &*mailbox);
            let failure = explain(calendars, &provider, whose, error).await.map_err(AccountError::Call)?;
            return Err(AccountError::Refused { failure: failure.into(), asked: asked().into() });
        }
        Err(error) => return Err(AccountError::NoToken(error.to_string())),
    };
    let fields = fields(grant.kept(), &given, granted(&given, grant.scopes())?);
    let subject = (organisation, &*new.sign_in, Some(&*mailbox));
    let access = access(calendars, &provider, subject, fields, given.access)?;
    let opened = provider.plugin.open(&access).await.map_err(|error| refused(error, asked()))?;
    let inviting = inviting(&provider.plugin, &access, &opened.value, &mailbox, calendars.now()).await;
    let probed = Probed { kind: grant.kind(), client: Some(client), mailbox, account: opened.value, inviting };
    Ok(Tried { probed, secrets })
}

/// The scopes that were given: as asked, if the reply does not say.
pub(super) fn granted<'a>(given: &'a TokenResponse, asked: &'a [String]) -> Result<&'a [String], AccountError> {
    let granted = given.scopes.as_deref().unwrap_or(asked);
    let missing: Vec<_> = asked.iter().filter(|scope| !granted.contains(scope)).cloned().collect();
    if missing.is_empty() { Ok(granted) } else { Err(AccountError::ScopesMissing(missing)) }
}

/// A provider that is offered in all of the organisation.
pub(super) async fn offered(
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

/// The mailbox is in a domain of the organisation's.
pub(super) async fn in_domain(
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

/// How a mailbox is called.
pub(super) fn access(
    calendars: &CalendarAccess,
    provider: &Provider,
    (organisation, sign_in, mailbox): (OrganisationId, &str, Option<&str>),
    fields: BTreeMap<String, String>,
    token: SecretString,
) -> Result<Arc<Access>, AccountError> {
    let granted = provider.granted.sign_in(sign_in).ok_or_else(|| AccountError::SignIn(sign_in.to_owned()))?;
    let input = SignInInput { server: None, fields, secrets: [(ACCESS_TOKEN.to_owned(), token)].into() };
    let signed_in = sign_in::sign_in(granted, input)?;
    let connection = CallTarget {
        sign_in: sign_in.to_owned(),
        subject: mailbox.map(str::to_owned),
        address: mailbox.map(str::to_owned),
        zone: "UTC".into(),
        fields: signed_in.fields,
        ..CallTarget::default()
    };
    let (grant, budget) = (provider.granted.egress(), calendars.budget.clone());
    Ok(Access::new(organisation.to_string(), connection, signed_in.credential, grant, budget)?)
}

pub(super) fn refused(error: CallError, asked: Asked) -> AccountError {
    match error {
        CallError::Failure(failure) => AccountError::Refused { failure: failure.into(), asked: asked.into() },
        error => AccountError::Call(error),
    }
}

/// A mailbox of the organisation's, as the provider is told of it where nothing is sent.
pub(super) fn address(sign_in: &str, mailbox: &str) -> CallTarget {
    CallTarget {
        sign_in: sign_in.to_owned(),
        subject: Some(mailbox.to_owned()),
        address: Some(mailbox.to_owned()),
        zone: "UTC".into(),
        ..CallTarget::default()
    }
}

/// What the provider makes of a refusal of the token endpoint.
pub(super) async fn explain(
    calendars: &CalendarAccess,
    provider: &Provider,
    (organisation, sign_in, mailbox): (OrganisationId, &str, &str),
    error: SignInError,
) -> Result<Failure, CallError> {
    // The zone is one, and there is no server.
    let access = calendars.without_credential(provider, organisation, address(sign_in, mailbox));
    let access = access.map_err(|error| CallError::BadAnswer(error.to_string()))?;
    provider.plugin.explain_failure(&access, error).await
}

/// Writes an event with a guest (the mailbox itself), long past, of which nobody is told, and takes it away again.
async fn inviting(plugin: &Plugin, access: &Arc<Access>, account: &Account, mailbox: &str, now: Timestamp) -> Inviting {
    let home = account.calendars.iter().find(|calendar| calendar.is_default && calendar.role.writes());
    let Some(calendar) = home.filter(|_| account.abilities.write) else { return Inviting::NotTried };
    // Each time another: a service may remember the one that was taken away.
    let key = format!("probe-{}", ServiceAccountId::new(now));
    let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 31);
    let at = |at| Timed { at, zone: "UTC".into() };
    let guest = Attendee {
        address: mailbox.to_owned(),
        name: None,
        role: Role::Required,
        rsvp: Rsvp::NeedsAction,
        is_self: false,
    };
    let draft = Draft {
        uid: format!("{key}@chronus"),
        title: "Connection test".to_owned(),
        description: String::new(),
        when: Span::Timed { start: at(start), end: at(start + SignedDuration::from_mins(15)) },
        busy: BusyKind::Free,
        status: Status::Confirmed,
        attendees: vec![guest],
        recurrence: vec![],
    };
    let refused = |error: CallError| match error {
        CallError::Failure(failure) => Inviting::Refused(failure),
        error => Inviting::Refused(Failure {
            remedy: Remedy::Temporary,
            service_code: String::new(),
            detail: error.to_string(),
        }),
    };
    let event = match plugin.create(access, &calendar.id, &key, draft, Notify::None).await {
        Ok(reply) => reply.value,
        Err(error) => return refused(error),
    };
    match plugin.cancel(access, EventRef { calendar: &calendar.id, id: &event.id }, &key, None, Notify::None).await {
        Ok(_) => Inviting::Works,
        Err(error) => refused(error),
    }
}
