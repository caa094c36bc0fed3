//! Refusals of connections, service accounts and availability, as problems.

use super::{Code, FieldError, Problem};
use crate::{
    availability::BusyError,
    connections::{AccountError, ConnectError, DisconnectError},
    plugins::{CallError, Remedy},
};

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        if let ConnectError::Provider(provider) = &error
            && let Some(error) = provider.database()
        {
            return error.into();
        }
        let code = match &error {
            ConnectError::TooOften(limit) => return (*limit).into(),
            ConnectError::NotThemself => Code::NotThePerson,
            ConnectError::Unknown => Code::NotFound,
            ConnectError::NotOffered(_) => Code::NotOffered,
            ConnectError::SignIn(_) | ConnectError::Input(_) | ConnectError::Access(_) => Code::InvalidSignIn,
            ConnectError::Refused(CallError::Failure(failure)) => match failure.remedy {
                Remedy::Temporary | Remedy::SlowDown(_) => Code::CalendarUnavailable,
                _ => Code::SignInRefused,
            },
            ConnectError::Refused(CallError::Busy(_)) => Code::TooBusy,
            ConnectError::Refused(_) | ConnectError::Provider(_) => Code::CalendarUnavailable,
            ConnectError::Account(_) => {
                let ConnectError::Account(error) = error else { return Self::new(Code::Internal) };
                return (*error).into();
            }
            ConnectError::NoServiceAccount => Code::NotOffered,
            ConnectError::AlreadyConnected => Code::AlreadyConnected,
            ConnectError::NeedsBrowser => Code::NeedsBrowser,
            ConnectError::NoClient(_)
            | ConnectError::Variable(_)
            | ConnectError::NoToken(_)
            | ConnectError::IdToken(_)
            | ConnectError::Sealed(_) => Code::CalendarUnavailable,
            ConnectError::State => Code::SignInOver,
            ConnectError::Consent(failure) => match failure.remedy {
                Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => Code::NeedsAdminApproval,
                _ => Code::ConsentNotGiven,
            },
            ConnectError::ScopesMissing(_) | ConnectError::NoRefreshToken => Code::ConsentNotGiven,
            ConnectError::Database(_) => {
                let ConnectError::Database(error) = error else { return Self::new(Code::Internal) };
                return error.into();
            }
        };
        Self::detailed(code, error.advice())
    }
}

impl From<DisconnectError> for Problem {
    fn from(error: DisconnectError) -> Self {
        match error {
            DisconnectError::NotAllowed => Self::detailed(Code::RoleMissing, error),
            DisconnectError::NotConnected => Self::new(Code::NotConnected),
            DisconnectError::Database(error) => error.into(),
        }
    }
}

impl From<BusyError> for Problem {
    fn from(error: BusyError) -> Self {
        match error {
            BusyError::Unknown => Self::new(Code::NotFound),
            BusyError::TooBusy(_) => Self::detailed(Code::TooBusy, error),
            BusyError::Backwards(_) | BusyError::TooLong => {
                Self::detailed(Code::InvalidWindow, &error).at(FieldError::in_query("to", error.to_string()))
            }
            BusyError::Database(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        if let AccountError::Provider(provider) = &error
            && let Some(error) = provider.database()
        {
            return error.into();
        }
        let code = match &error {
            AccountError::TooOften(limit) => return (*limit).into(),
            AccountError::NotAllowed(refused) => return (*refused).into(),
            AccountError::NotOffered(_) => Code::NotOffered,
            AccountError::SignIn(_)
            | AccountError::Secret(_)
            | AccountError::Key(_)
            | AccountError::Variable(_)
            | AccountError::Input(_)
            | AccountError::Access(_) => Code::InvalidSignIn,
            AccountError::NeedsBrowser => Code::NeedsBrowser,
            AccountError::Mailbox(_) => Code::InvalidEmail,
            AccountError::Domain(_) => Code::MailboxElsewhere,
            AccountError::Refused { failure, .. } => match failure.remedy {
                Remedy::NeedsAdminApproval(_) | Remedy::AccessPending => Code::NeedsAdminApproval,
                Remedy::Temporary | Remedy::SlowDown(_) => Code::CalendarUnavailable,
                _ => Code::SignInRefused,
            },
            AccountError::Call(CallError::Busy(_)) => Code::TooBusy,
            AccountError::Provider(_)
            | AccountError::NoClient(_)
            | AccountError::ClientVariable(_)
            | AccountError::Call(_)
            | AccountError::NoToken(_)
            | AccountError::IdToken(_)
            | AccountError::Sealed(_) => Code::CalendarUnavailable,
            AccountError::ScopesMissing(_) | AccountError::NoRefreshToken => Code::ConsentNotGiven,
            AccountError::NoAccount(_) => Code::NotFound,
            AccountError::Database(_) => {
                let AccountError::Database(error) = error else { return Self::new(Code::Internal) };
                return error.into();
            }
        };
        Self::detailed(code, error.advice())
    }
}
