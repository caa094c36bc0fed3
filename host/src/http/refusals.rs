//! What the verbs of connections, availability and meetings refuse, as problems.

use super::problem::{Code, Problem};
use crate::{
    availability::BusyError,
    connections::{ConnectError, DisconnectError},
    meetings::{CancelError, ChangeError, ScheduleError},
    plugins::{CallError, Remedy},
};

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        let code = match &error {
            ConnectError::NotThemself => Code::NotThePerson,
            ConnectError::Unknown => Code::NotFound,
            ConnectError::NotOffered(_) => Code::NotOffered,
            ConnectError::SignIn(_) | ConnectError::Input(_) | ConnectError::Access(_) => Code::InvalidSignIn,
            ConnectError::Refused(CallError::Failure(failure)) => match failure.remedy {
                Remedy::Temporary | Remedy::SlowDown(_) => Code::CalendarUnavailable,
                _ => Code::SignInRefused,
            },
            ConnectError::Refused(_) | ConnectError::Provider(_) => Code::CalendarUnavailable,
            ConnectError::Account(_) => {
                let ConnectError::Account(error) = error else { return Self::new(Code::Internal) };
                return (*error).into();
            }
            ConnectError::ByNobody => Code::NotOffered,
            ConnectError::AlreadyConnected => Code::AlreadyConnected,
            ConnectError::NeedsBrowser => Code::NeedsBrowser,
            ConnectError::NoClient(_) | ConnectError::NoToken(_) | ConnectError::Sealed(_) => Code::CalendarUnavailable,
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
            BusyError::Backwards(_) | BusyError::TooLong => Self::detailed(Code::InvalidWindow, error),
            BusyError::Database(error) => error.into(),
        }
    }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Invalid(_) => Self::detailed(Code::InvalidMeeting, error),
            ScheduleError::NoProgram => Self::detailed(Code::NotFound, error),
            ScheduleError::NotAMember(_) => Self::detailed(Code::NotAMember, error),
            ScheduleError::NotAllowed => Self::detailed(Code::RoleMissing, error),
            ScheduleError::KeyReused => Self::new(Code::IdempotencyKeyReused),
            ScheduleError::Database(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::new(Code::NotFound),
            ChangeError::NotAllowed => Self::detailed(Code::RoleMissing, error),
            ChangeError::Cancelled => Self::new(Code::MeetingCancelled),
            ChangeError::Stale(_) => Self::detailed(Code::StaleRevision, error),
            ChangeError::Invalid(_) => Self::detailed(Code::InvalidMeeting, error),
            ChangeError::NotAMember(_) => Self::detailed(Code::NotAMember, error),
            ChangeError::Database(error) => error.into(),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Unknown => Self::new(Code::NotFound),
            CancelError::NotAllowed => Self::detailed(Code::RoleMissing, error),
            CancelError::Stale => Self::new(Code::StaleRevision),
            CancelError::Database(error) => error.into(),
        }
    }
}
