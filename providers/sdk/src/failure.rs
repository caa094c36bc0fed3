//! Failures in one line.
//!
//! The host acts on a failure's remedy; `wit/values.wit` describes the cases. The service's own code is for statistics, and the
//! detail for the operator's log. Answers and errors of [`http`] become failures by [`Response::failure`], and by `?` on an
//! [`HttpError`].
//!
//! [`http`]: crate::http
//! [`Response::failure`]: crate::http::Response::failure
//! [`HttpError`]: crate::http::HttpError

use crate::values::{AdminApproval, Failure, Pause, PauseScope, Remedy, SignInError};

/// A failure.
///
/// ```
/// use chronus_sdk::{failure::failure, values::Remedy};
///
/// let refused = failure(Remedy::NotPermitted, "403 forbiddenForNonOrganizer", "only the organiser changes the time");
/// assert_eq!(refused.remedy, Remedy::NotPermitted);
/// ```
pub fn failure(remedy: Remedy, service_code: impl Into<String>, detail: impl Into<String>) -> Failure {
    Failure { remedy, service_code: service_code.into(), detail: detail.into() }
}

/// The request can never succeed; `what` is the field or rule that it violates.
pub fn invalid(what: &str, detail: impl Into<String>) -> Failure {
    failure(Remedy::Invalid(what.to_owned()), "", detail)
}

/// The service or this connection does not support this.
pub fn unsupported(detail: impl Into<String>) -> Failure {
    failure(Remedy::Unsupported, "", detail)
}

/// An answer that cannot be understood, or another problem that may be gone at the next attempt.
pub fn temporary(detail: impl Into<String>) -> Failure {
    failure(Remedy::Temporary, "", detail)
}

/// The calendar, event or subscription does not exist.
pub fn not_found(detail: impl Into<String>) -> Failure {
    failure(Remedy::NotFound, "", detail)
}

/// Too many requests: those of the scope wait for so long.
#[must_use]
pub const fn pause(milliseconds: u64, scope: PauseScope) -> Remedy {
    Remedy::SlowDown(Pause { milliseconds, scope })
}

/// The person's IT administrator must approve, on this page.
#[must_use]
pub fn approval_page(page: &str) -> Remedy {
    Remedy::NeedsAdminApproval(AdminApproval { tenant: None, page: Some(page.to_owned()) })
}

/// The failure of an error code of RFC 6749 (§4.1.2.1, §5.2) or OpenID Connect (Core §3.1.2.6).
///
/// Other codes are `temporary`: a person is asked to connect again only if the service said that the grant is lost.
pub fn of_sign_in(error: &SignInError) -> Failure {
    let remedy = match (error.error.as_str(), error.status) {
        ("invalid_grant" | "access_denied" | "login_required" | "interaction_required" | "consent_required", _) => {
            Remedy::Reconnect
        }
        (
            "invalid_request"
            | "invalid_client"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "unsupported_response_type"
            | "invalid_scope",
            _,
        ) => Remedy::Invalid("sign-in configuration".to_owned()),
        (_, Some(429)) => pause(60_000, PauseScope::Connection),
        _ => Remedy::Temporary,
    };
    failure(remedy, error.error.clone(), error.description.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(status: Option<u16>, error: &str) -> Remedy {
        let error = SignInError { status, error: error.into(), description: String::new(), fields: vec![] };
        of_sign_in(&error).remedy
    }

    #[test]
    fn only_a_lost_grant_asks_the_person() {
        assert_eq!(remedy(Some(400), "invalid_grant"), Remedy::Reconnect);
        assert_eq!(remedy(None, "access_denied"), Remedy::Reconnect);
        assert_eq!(remedy(Some(503), ""), Remedy::Temporary);
        assert_eq!(remedy(Some(400), "quota"), Remedy::Temporary);
        assert_eq!(remedy(Some(429), ""), pause(60_000, PauseScope::Connection));
        assert_eq!(remedy(Some(401), "invalid_client"), Remedy::Invalid("sign-in configuration".into()));
    }
}
