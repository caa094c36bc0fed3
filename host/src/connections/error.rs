//! Why a calendar or a service account is not connected, and what to do about it.

use crate::{
    auth::Forbidden,
    oauth::{
        ClientError,
        code_grant::{AuthorizeError, ExchangeError},
        id_token::IdTokenError,
        jwt_bearer::KeyError,
    },
    people::PersonError,
    plugins::{
        AccessError, CallError, Failure, Remedy, endpoints::VariableError, registry::RegistryError,
        sign_in::SignInInputError,
    },
    rate_limits::LimitReached,
    secrets::OpenError,
};
use std::fmt::Write as _;

/// A calendar was not connected. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The actor is not the person (M12).
    #[error("only the person can connect their calendar")]
    NotThemself,
    /// The person does not exist.
    #[error("the person does not exist")]
    Unknown,
    /// The provider is not offered to the person.
    #[error("`{0}` is not offered to this person; an operator can enable it for the organisation or a program")]
    NotOffered(String),
    /// The provider is not in use.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// The provider has no such sign-in, or the operator has not accepted it.
    #[error("the provider has no sign-in `{0}` with a form")]
    SignIn(String),
    /// A form field is missing or malformed.
    #[error("{0}")]
    Input(#[from] SignInInputError),
    /// The fields do not make a valid connection.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// The account could not be opened.
    #[error("{0}")]
    Refused(CallError),
    /// Connecting has failed too often.
    #[error(transparent)]
    TooOften(#[from] LimitReached),
    /// The person has another calendar connected.
    #[error("another calendar is connected; disconnect it first")]
    AlreadyConnected,
    /// The sign-in happens at the service's own page, in the person's browser (M12).
    #[error(
        "this calendar is connected on its service's own page; sign in to this host in a browser and open Calendar Settings"
    )]
    NeedsBrowser,
    /// The operator has registered no client.
    #[error(
        "this host is not registered with the service of `{0}`; an operator registers it with `chronus provider client`"
    )]
    NoClient(String),
    /// The sign-in's addresses have a variable without a value that fits.
    #[error("{0}; an operator sets it with `chronus provider client … --variable NAME=VALUE`")]
    Variable(#[from] VariableError),
    /// This browser did not begin the sign-in, or the sign-in has expired or was ended before.
    #[error("this sign-in was not started in this browser, or has expired; start again")]
    State,
    /// The person or the service refused consent, as the provider explains it.
    #[error("{0}")]
    Consent(Box<Failure>),
    /// The person granted fewer scopes than were requested.
    #[error("these scopes were not granted: {}", .0.join(", "))]
    ScopesMissing(Vec<String>),
    /// The service issued no refresh token.
    #[error("the service gave access for a short time only")]
    NoRefreshToken,
    /// The service issued no token and gave no reason.
    #[error("{0}")]
    NoToken(String),
    /// The service's id token cannot be used.
    #[error("{0}")]
    IdToken(#[from] IdTokenError),
    /// A sealed secret could not be opened.
    #[error("the stored secret could not be opened: {0}")]
    Sealed(#[from] OpenError),
    /// The service account was removed, or the person has disconnected it.
    #[error("the organisation no longer connects this person")]
    NoServiceAccount,
    /// The mailbox cannot become the organisation's service account.
    #[error("{0}")]
    Account(Box<AccountError>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl ConnectError {
    /// The outcome of the attempt, as a word for the audit log and never as a text of the service.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Consent(failure) => failure.remedy.code(),
            Self::ScopesMissing(_) => "scopes-missing",
            Self::NoRefreshToken => "no-refresh-token",
            Self::NoToken(_) => "no-token",
            Self::AlreadyConnected => "already-connected",
            Self::Account(error) => error.outcome(),
            _ => "failed",
        }
    }

    /// What happened and what the person can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let error = match self {
            Self::Refused(error) => error,
            Self::Consent(failure) => return consent_advice(failure),
            Self::Account(error) => return error.advice(),
            Self::ScopesMissing(_) => {
                return "Not all of the requested permissions were granted; nothing was stored. Try again, with every box \
                        ticked."
                    .into();
            }
            Self::NoToken(_) => {
                return format!(
                    "The calendar service could not be reached; nothing was stored. Try again later. {self}"
                );
            }
            other => return other.to_string(),
        };
        match error {
            CallError::Failure(failure) => match failure.remedy {
                Remedy::Reconnect => {
                    format!("The calendar service did not accept the sign-in; nothing was stored. {}", failure.detail)
                }
                Remedy::Temporary | Remedy::SlowDown(_) => {
                    format!(
                        "The calendar service could not be reached; nothing was stored. Try again later. {}",
                        failure.detail
                    )
                }
                _ => format!("The calendar service did not open the account; nothing was stored. {failure}"),
            },
            other => format!("The calendar could not be opened; nothing was stored. {other}"),
        }
    }
}

/// A service account does not work. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The actor may not administer service accounts.
    #[error(transparent)]
    NotAllowed(#[from] Forbidden),
    /// The provider is not offered in the whole organisation.
    #[error("`{0}` is not offered to the whole organisation; an operator can enable it")]
    NotOffered(String),
    /// The provider is not in use.
    #[error(transparent)]
    Provider(#[from] RegistryError),
    /// The sign-in cannot be used for a service account.
    #[error("the provider has no sign-in `{0}` for a service account")]
    SignIn(String),
    /// The sign-in takes another kind of credential.
    #[error("this sign-in requires {0}")]
    Secret(&'static str),
    /// A shared account is connected at the service's own page.
    #[error("a shared mailbox is connected on its service's own page, by a global administrator in a browser")]
    NeedsBrowser,
    /// The operator has registered no client.
    #[error(
        "this host is not registered with the service of `{0}`; an operator registers it with `chronus provider client`"
    )]
    NoClient(String),
    /// The sign-in's addresses have a variable without a value that fits.
    #[error("{0}; send the values in `variables`")]
    Variable(#[from] VariableError),
    /// The same, where the operator's client has the values.
    #[error("{0}; an operator sets it with `chronus provider client … --variable NAME=VALUE`")]
    ClientVariable(VariableError),
    /// The key file is invalid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The mailbox is not an e-mail address.
    #[error(transparent)]
    Mailbox(#[from] PersonError),
    /// The mailbox is outside the organisation's mail domains.
    #[error("the mailbox is not in an email domain of this organisation; {}", describe_domains(.0))]
    Domain(Vec<String>),
    /// The service issued no token or did not open the mailbox, as the provider explains it.
    #[error("{failure}")]
    Refused {
        /// The provider's explanation.
        failure: Box<Failure>,
        /// What was requested, so that an administrator of the service can allow it.
        requested: Box<RequestedAccess>,
    },
    /// The call to the provider failed.
    #[error(transparent)]
    Call(CallError),
    /// The service issued no token and gave no reason.
    #[error("{0}")]
    NoToken(String),
    /// Fewer scopes were granted than were requested.
    #[error("these scopes were not granted: {}", .0.join(", "))]
    ScopesMissing(Vec<String>),
    /// The service issued no refresh token.
    #[error("the service gave access for a short time only")]
    NoRefreshToken,
    /// The service's id token cannot be used.
    #[error("{0}")]
    IdToken(#[from] IdTokenError),
    /// Testing has failed too often.
    #[error(transparent)]
    TooOften(#[from] LimitReached),
    /// The token does not fit the sign-in.
    #[error(transparent)]
    Input(#[from] SignInInputError),
    /// The token does not make a valid connection.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no such service account.
    #[error("the organisation has no service account for `{0}`")]
    NoAccount(String),
    /// The sealed credential could not be opened.
    #[error("the stored credential could not be opened: {0}")]
    Sealed(#[from] OpenError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Client id and scopes of a token request.
#[derive(Debug, Clone, Default)]
pub struct RequestedAccess {
    /// The client id that the service knows.
    pub client: Option<String>,
    /// The requested scopes.
    pub scopes: Vec<String>,
}

impl AccountError {
    /// The outcome of the attempt, as a word for the audit log and never as a text of the service.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Refused { failure, .. } => failure.remedy.code(),
            Self::Call(error) => error.code(),
            Self::ScopesMissing(_) => "scopes-missing",
            Self::NoRefreshToken => "no-refresh-token",
            Self::NoToken(_) => "no-token",
            Self::Domain(_) => "other-domain",
            _ => "failed",
        }
    }

    /// What happened and what the organisation's IT administrator can change.
    #[must_use]
    pub fn advice(&self) -> String {
        let Self::Refused { failure, requested } = self else {
            return match self {
                Self::NoToken(_) | Self::Call(_) => {
                    format!("The calendar service could not be reached; nothing was stored. Try again later. {self}")
                }
                other => other.to_string(),
            };
        };
        let detail = &failure.detail;
        match &failure.remedy {
            Remedy::NeedsAdminApproval(approval) => {
                let mut text =
                    "The service does not allow this account to access the calendars of the organisation's people; nothing \
                     was stored. An IT administrator of the organisation must allow it at the service"
                        .to_owned();
                if let Some(client) = &requested.client {
                    let _ = write!(text, ", for the client {client}");
                }
                if !requested.scopes.is_empty() {
                    let _ = write!(text, ", with the scopes {}", requested.scopes.join(","));
                }
                if let Some(link) = &approval.page {
                    let _ = write!(text, ". Instructions: {link}");
                }
                format!("{text}. ({detail})")
            }
            Remedy::Reconnect => format!(
                "The service did not accept the key for this mailbox; nothing was stored. Check that the key is current, \
                 and that the mailbox exists. ({detail})"
            ),
            Remedy::NotFound | Remedy::Gone => {
                format!(
                    "The mailbox does not exist, or the account has no access to it; nothing was stored. ({detail})"
                )
            }
            Remedy::Temporary | Remedy::SlowDown(_) => {
                format!("The calendar service could not be reached; nothing was stored. Try again later. ({failure})")
            }
            _ => format!("The account failed the test; nothing was stored. ({failure})"),
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

fn describe_domains(domains: &[String]) -> String {
    match domains {
        [] => "an operator adds domains with `chronus organisation domain`".to_owned(),
        domains => format!("its domains are {}", domains.join(", ")),
    }
}

/// Advice after a consent that was not given (M13).
fn consent_advice(failure: &Failure) -> String {
    match &failure.remedy {
        Remedy::NeedsAdminApproval(approval) => {
            let link = approval.page.as_deref().map(|link| format!(" They can do this at {link}.")).unwrap_or_default();
            format!(
                "An IT administrator of your organisation (not the administrator of the program) must approve this \
                 connection first; nothing was stored.{link}"
            )
        }
        Remedy::AccessPending => {
            "Your IT administrator has not approved the connection yet; nothing was stored. Try again later.".into()
        }
        Remedy::NotPermitted | Remedy::NeedsScope => {
            format!("You did not give consent; nothing was stored. You can try again at any time. {}", failure.detail)
        }
        _ => format!("The calendar service did not complete the sign-in; nothing was stored. {}", failure.detail),
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

impl From<AuthorizeError> for ConnectError {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Endpoint(sign_in) => Self::SignIn(sign_in),
            AuthorizeError::Database(error) => Self::Database(error),
        }
    }
}

impl From<AuthorizeError> for AccountError {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Endpoint(sign_in) => Self::SignIn(sign_in),
            AuthorizeError::Database(error) => Self::Database(error),
        }
    }
}

impl From<ExchangeError> for ConnectError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::State => Self::State,
            ExchangeError::NoClient(provider) => Self::NoClient(provider),
            ExchangeError::Client(error) => error.into(),
            ExchangeError::Sealed(error) => Self::Sealed(error),
            ExchangeError::Token(error) => Self::NoToken(error.to_string()),
            ExchangeError::Database(error) => Self::Database(error),
        }
    }
}
