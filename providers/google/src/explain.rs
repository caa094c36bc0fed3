//! The meaning of errors when a person signs in or a token is refreshed.
//!
//! The danger is to ask the wrong person for help. `invalid_grant` concerns the person who connected: they revoked the access,
//! changed their password, or did not use it for half a year. A policy of the organisation concerns its IT administrator; the
//! person would only see the same refusal again. A person who pressed Cancel is not asked again. A wrong client id concerns
//! the operator of this host. Unknown errors are retried.

use chronus_sdk::failure::{approval_page, failure, of_sign_in};
use chronus_sdk::values::{Connection, Failure, Remedy, SignInError};

use crate::reasons::{ALLOW_APPS, ALLOW_DELEGATION};
use crate::sign_ins::SERVICE_ACCOUNT;

/// `account.explain-failure`
pub(crate) fn explain_failure(connection: &Connection, error: &SignInError) -> Failure {
    let delegated = connection.sign_in == SERVICE_ACCOUNT;
    let (remedy, detail) = match error.error.as_str() {
        _ if error.status.is_some_and(|status| status >= 500) => {
            return of_sign_in(&SignInError { error: String::new(), ..error.clone() });
        }
        // For a service account: the person is not, or no longer, in the organisation.
        "invalid_grant" if delegated => (Remedy::Reconnect, "the organisation no longer has this account"),
        "invalid_grant" => (Remedy::Reconnect, "the access was revoked or has expired"),
        "unauthorized_client" | "access_denied" if delegated => (
            approval_page(ALLOW_DELEGATION),
            "the organisation's Admin console does not allow the service account's client id these scopes",
        ),
        "admin_policy_enforced" => {
            (approval_page(ALLOW_APPS), "the organisation's administrator does not let people use this application")
        }
        "org_internal" => (
            approval_page(ALLOW_APPS),
            "the operator's application is open to its own organisation only, and the person is in another",
        ),
        "access_denied" => (Remedy::NotPermitted, "the person did not agree"),
        "invalid_scope" => (Remedy::NeedsScope, "a requested scope was not granted, or does not exist"),
        "redirect_uri_mismatch" | "deleted_client" | "disabled_client" | "origin_mismatch" => (
            Remedy::Invalid("sign-in configuration".to_owned()),
            "the client that the operator registered at Google does not match, or was deleted",
        ),
        _ => return of_sign_in(error),
    };
    failure(remedy, error.error.clone(), detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_ins::PERSON;
    use chronus_sdk::failure::pause;
    use chronus_sdk::values::PauseScope;

    fn remedy(sign_in: &str, status: Option<u16>, error: &str) -> Remedy {
        let connection = Connection {
            sign_in: sign_in.into(),
            server: None,
            subject: None,
            address: None,
            zone: "UTC".into(),
            fields: vec![],
            memo: None,
        };
        let error = SignInError { status, error: error.into(), description: String::new(), fields: vec![] };
        explain_failure(&connection, &error).remedy
    }

    #[test]
    fn each_error_asks_the_right_person() {
        for (sign_in, status, error, expected) in [
            (PERSON, Some(400), "invalid_grant", Remedy::Reconnect),
            (SERVICE_ACCOUNT, Some(400), "invalid_grant", Remedy::Reconnect),
            (PERSON, None, "admin_policy_enforced", approval_page(ALLOW_APPS)),
            (PERSON, None, "org_internal", approval_page(ALLOW_APPS)),
            (SERVICE_ACCOUNT, Some(401), "unauthorized_client", approval_page(ALLOW_DELEGATION)),
            (PERSON, Some(401), "unauthorized_client", Remedy::Invalid("sign-in configuration".into())),
            (PERSON, None, "access_denied", Remedy::NotPermitted),
            (PERSON, None, "invalid_scope", Remedy::NeedsScope),
            (PERSON, Some(401), "invalid_client", Remedy::Invalid("sign-in configuration".into())),
            (PERSON, Some(400), "redirect_uri_mismatch", Remedy::Invalid("sign-in configuration".into())),
            (PERSON, Some(429), "", pause(60_000, PauseScope::Connection)),
            (PERSON, Some(503), "invalid_grant", Remedy::Temporary),
            (PERSON, Some(500), "internal_failure", Remedy::Temporary),
            (PERSON, Some(400), "never_heard_of", Remedy::Temporary),
            (PERSON, None, "", Remedy::Temporary),
        ] {
            assert_eq!(remedy(sign_in, status, error), expected, "{sign_in} {status:?} {error}");
        }
    }
}
