//! Refusals of meetings, as problems.

use super::{Code, FieldError, Problem};
use crate::meetings::{CancelError, ChangeError, InvalidContent, ScheduleError};

impl From<InvalidContent> for Problem {
    fn from(InvalidContent { field, rule }: InvalidContent) -> Self {
        let error = FieldError::in_body(format!("/{field}"), format!("must be {rule}"));
        Self::with_errors(Code::InvalidMeeting, vec![error])
    }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Invalid(invalid) => invalid.into(),
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
            ChangeError::Stale(revision) => Self::detailed(Code::StaleRevision, error)
                .at(FieldError::in_body("/revision", format!("must be {revision}, the current revision"))),
            ChangeError::Invalid(invalid) => invalid.into(),
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
