//! Failures, made in one line.
use crate::types::{Failure, Remedy, SignInError};

/// A failure.
pub fn failure(remedy: Remedy, service_code: impl Into<String>, detail: impl Into<String>) -> Failure {
    Failure { remedy, service_code: service_code.into(), detail: detail.into() }
}

/// What RFC 6749 says of the codes that it defines.
pub fn of_sign_in(error: &SignInError) -> Failure {
    failure(Remedy::Temporary, error.error.clone(), error.description.clone())
}
