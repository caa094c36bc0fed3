//! What it means when signing in with Google fails, or a token is not renewed.
//!
//! The danger is the wrong person being asked. `invalid_grant` is for whoever connected: they withdrew it, changed a
//! password, or did not use it for half a year. A policy of the organisation is for its IT administrator, and asking the
//! person again would show the same refusal again. A person who pressed Cancel is asked nothing. A wrong client id is
//! for our operator. Whatever nobody has heard of is tried again.

use chronus_sdk::failure::{failure, of_sign_in};
use chronus_sdk::types::{Connection, Failure, Remedy, SignInError};

use crate::describe::SERVICE_ACCOUNT;
use crate::reasons::{ALLOW_APPS, ALLOW_DELEGATION};

/// `account.explain-failure`
pub(crate) fn explain(connection: &Connection, error: &SignInError) -> Failure {
    let approval = |page: &str| Remedy::NeedsAdminApproval(Some(page.to_owned()));
    let delegated = connection.sign_in == SERVICE_ACCOUNT;
    let (remedy, detail) = match error.error.as_str() {
        _ if error.status.is_some_and(|status| status >= 500) => {
            return of_sign_in(&SignInError { error: String::new(), ..error.clone() });
        }
        // A service account's is that of somebody who is not, or no longer, in the organisation.
        "invalid_grant" if delegated => (Remedy::Reconnect, "the organisation has no such account any more"),
        "invalid_grant" => (Remedy::Reconnect, "the access was withdrawn or has run out"),
        "unauthorized_client" | "access_denied" if delegated => (
            approval(ALLOW_DELEGATION),
            "the service account's client id is not allowed these scopes in the organisation's Admin console",
        ),
        "admin_policy_enforced" => {
            (approval(ALLOW_APPS), "the organisation's administrator does not let people use this application")
        }
        "org_internal" => (
            approval(ALLOW_APPS),
            "the operator's application is open to its own organisation only, and the person is in another",
        ),
        "access_denied" => (Remedy::NotPermitted, "the person did not agree"),
        "invalid_scope" => (Remedy::NeedsScope, "a scope that was asked for was not given, or is none"),
        "redirect_uri_mismatch" | "deleted_client" | "disabled_client" | "origin_mismatch" => (
            Remedy::Invalid("sign-in configuration".to_owned()),
            "the client that the operator registered at Google does not fit, or is gone",
        ),
        _ => return of_sign_in(error),
    };
    failure(remedy, error.error.clone(), detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::PERSON;

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
        explain(&connection, &error).remedy
    }

    #[test]
    fn each_error_asks_the_right_person() {
        let approval = |page: &str| Remedy::NeedsAdminApproval(Some(page.into()));
        for (sign_in, status, error, expected) in [
            (PERSON, Some(400), "invalid_grant", Remedy::Reconnect),
            (SERVICE_ACCOUNT, Some(400), "invalid_grant", Remedy::Reconnect),
            (PERSON, None, "admin_policy_enforced", approval(ALLOW_APPS)),
            (PERSON, None, "org_internal", approval(ALLOW_APPS)),
            (SERVICE_ACCOUNT, Some(401), "unauthorized_client", approval(ALLOW_DELEGATION)),
            (PERSON, Some(401), "unauthorized_client", Remedy::Invalid("sign-in configuration".into())),
            (PERSON, None, "access_denied", Remedy::NotPermitted),
            (PERSON, None, "invalid_scope", Remedy::NeedsScope),
            (PERSON, Some(401), "invalid_client", Remedy::Invalid("sign-in configuration".into())),
            (PERSON, Some(400), "redirect_uri_mismatch", Remedy::Invalid("sign-in configuration".into())),
            (PERSON, Some(429), "", Remedy::SlowDown(60_000)),
            (PERSON, Some(503), "invalid_grant", Remedy::Temporary),
            (PERSON, Some(500), "internal_failure", Remedy::Temporary),
            (PERSON, Some(400), "never_heard_of", Remedy::Temporary),
            (PERSON, None, "", Remedy::Temporary),
        ] {
            assert_eq!(remedy(sign_in, status, error), expected, "{sign_in} {status:?} {error}");
        }
    }
}
