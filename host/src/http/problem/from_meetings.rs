//! Refusals of meetings, as problems.

use super::{Code, Problem};
use crate::meetings::{CancelError, ChangeError, ScheduleError};

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
