//! Failures, made in one line.
//!
//! A failure is what the host acts upon, so the remedy is what counts: see its cases in `wit/types.wit`. The service's
//! own code goes along for statistics, and a sentence for the operator's log. Answers and errors of [`http`] make
//! their own: [`Response::failure`], and `?` on a [`HttpError`].
//!
//! [`http`]: crate::http
//! [`Response::failure`]: crate::http::Response::failure
//! [`HttpError`]: crate::http::HttpError

use crate::types::{Failure, Remedy, SignInError};

/// A failure.
///
/// ```
/// use chronus_sdk::{failure::failure, types::Remedy};
///
/// let refused = failure(Remedy::NotPermitted, "403 forbiddenForNonOrganizer", "only the organiser changes the time");
/// assert_eq!(refused.remedy, Remedy::NotPermitted);
/// ```
pub fn failure(remedy: Remedy, service_code: impl Into<String>, detail: impl Into<String>) -> Failure {
    Failure { remedy, service_code: service_code.into(), detail: detail.into() }
}

/// The request can never succeed; `what` is the field or rule that it breaks.
pub fn invalid(what: &str, detail: impl Into<String>) -> Failure {
    failure(Remedy::Invalid(what.to_owned()), "", detail)
}

/// The service, or this connection, has no such function.
pub fn unsupported(detail: impl Into<String>) -> Failure {
    failure(Remedy::Unsupported, "", detail)
}

/// An answer that makes no sense, or anything else that may be over at the next try.
pub fn temporary(detail: impl Into<String>) -> Failure {
    failure(Remedy::Temporary, "", detail)
}

/// There is no such calendar, event or subscription.
pub fn not_found(detail: impl Into<String>) -> Failure {
    failure(Remedy::NotFound, "", detail)
}

/// What RFC 6749 (§4.1.2.1, §5.2) and OpenID Connect (Core §3.1.2.6) say of the codes that they define.
///
/// A code that they do not define is `temporary`: asking a person to connect again is right only when the service
/// said that the grant is gone.
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
        (_, Some(429)) => Remedy::SlowDown(60_000),
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
        assert_eq!(remedy(Some(429), ""), Remedy::SlowDown(60_000));
        assert_eq!(remedy(Some(401), "invalid_client"), Remedy::Invalid("sign-in configuration".into()));
    }
}
