//! The meaning of Google's refusals.
//!
//! A status alone says little: 403 is a missing scope, an exhausted quota, a policy of the organisation, another person's event,
//! or an API that the operator did not enable, and each needs another remedy. The reason is in the body, in an old form
//! (`errors[].reason`) and a new one (`details[].reason`); the more precise one counts. For an unknown reason, the status
//! decides.
//!
//! The failure's detail does not include Google's message, which repeats values of the request and thereby a person's text.

use chronus_sdk::clock;
use chronus_sdk::failure::{approval_page, failure as make, pause};
use chronus_sdk::http::{MAX_WAIT, MIN_WAIT, Response};
use chronus_sdk::json::{self, Value};
use chronus_sdk::values::{Failure, PauseScope, Remedy};
use std::time::Duration;

/// The longest window that `freebusy.query` answers for, in seconds.
pub(crate) const FREE_BUSY_WINDOW: u64 = 90 * 86_400;

/// The page on which an organisation's administrator allows applications.
pub(crate) const ALLOW_APPS: &str = "https://support.google.com/a/answer/7281227";

/// The page on which an organisation's administrator lets a service account act for people.
pub(crate) const ALLOW_DELEGATION: &str = "https://support.google.com/a/answer/162106";

/// The wait for a quota that does not refill each minute.
const QUOTA_WAIT: Duration = Duration::from_secs(15 * 60);

/// The failure of an unsuccessful answer.
pub(crate) fn failure(response: &Response) -> Failure {
    let by_status = response.failure();
    let Some(reason) = reason(response) else { return explained(by_status) };
    let code = format!("{} {reason}", response.status);
    match meaning(&reason, response) {
        Some((remedy, detail)) => make(remedy, code, detail),
        None => explained(Failure { service_code: code, ..by_status }),
    }
}

/// The reason that an answer names.
pub(crate) fn reason(response: &Response) -> Option<String> {
    let body = json::read(response).ok()?;
    let error = &body["error"];
    let named = |list: &Value| {
        let reasons = list.as_array().into_iter().flatten().filter_map(|one| one["reason"].as_str());
        reasons.filter(|reason| is_plain(reason)).map(str::to_owned).next()
    };
    // The new form, if present, is more precise.
    named(&error["details"]).or_else(|| named(&error["errors"]))
}

/// Whether a reason has the form of Google's codes. Reasons go into logs, so other text is dropped.
fn is_plain(reason: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !reason.is_empty() && reason.len() <= 100 && reason.bytes().all(plain)
}

fn meaning(reason: &str, response: &Response) -> Option<(Remedy, &'static str)> {
    Some(match (reason, response.status) {
        (_, 401) => (Remedy::Reconnect, SIGN_IN_AGAIN),
        ("insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" | "insufficientScope", _) => {
            (Remedy::NeedsScope, "the person did not grant the scope that this needs")
        }
        ("rateLimitExceeded" | "userRateLimitExceeded" | "RATE_LIMIT_EXCEEDED", _) => {
            (slow_down(response, MIN_WAIT), "more requests than Google allows in a minute")
        }
        ("quotaExceeded" | "dailyLimitExceeded" | "dailyLimitExceededUnreg" | "limitExceeded", _) => {
            (slow_down(response, QUOTA_WAIT), "a quota that does not refill each minute is exhausted")
        }
        ("accessNotConfigured" | "SERVICE_DISABLED" | "API_DISABLED", _) => (
            Remedy::NotPermitted,
            "the Google Calendar API is not switched on in the operator's own Google Cloud project: that is for the \
             operator to do, at https://console.cloud.google.com/apis/library/calendar-json.googleapis.com",
        ),
        ("domainPolicy" | "adminPolicyEnforced" | "ADMIN_POLICY_ENFORCED", _) => {
            (approval_page(ALLOW_APPS), "the organisation's administrator has disabled this for applications")
        }
        ("forbiddenForServiceAccounts", _) => (
            Remedy::NotPermitted,
            "a service account cannot invite people unless it acts for a person: domain-wide delegation is missing",
        ),
        ("forbiddenForNonOrganizer" | "cannotChangeOrganizer" | "cannotChangeOrganizerOfInstance", _) => {
            (Remedy::NotPermitted, "only the organiser of the event may change what its attendees share")
        }
        ("eventTypeRestriction", _) => (Remedy::Unsupported, "Google does not support this for an event of this type"),
        ("requiredAccessLevel" | "forbidden" | "calendarNotWritable", _) => {
            (Remedy::NotPermitted, "this person lacks the permission in this calendar")
        }
        ("deleted", _) => (Remedy::Gone, "it has been deleted"),
        ("fullSyncRequired" | "updatedMinTooLongAgo", _) => (Remedy::CursorExpired, "the position is too old"),
        ("timeRangeTooLong", _) => {
            (Remedy::WindowTooLarge(FREE_BUSY_WINDOW), "the window is longer than Google answers for")
        }
        ("timeRangeEmpty", _) => (Remedy::Invalid("window".to_owned()), "the window is empty"),
        ("conditionNotMet", _) => (Remedy::Temporary, "another client changed it at the same moment"),
        ("channelIdNotUnique", _) => (Remedy::Temporary, "the channel's id is taken; the next try has another"),
        ("pushNotSupportedForRequestedResource", _) => {
            (Remedy::Unsupported, "Google does not send notifications for this calendar")
        }
        ("push.webhookUrlNotHttps" | "push.webhookUrlUnauthorized" | "webhookUrlUnauthorized", _) => {
            (Remedy::Invalid("callback".to_owned()), "Google does not call this address")
        }
        ("conflict" | "duplicate", 409) => (Remedy::Temporary, "it conflicts with something at the service"),
        (reason, 400) => (Remedy::Invalid(reason.to_owned()), "Google rejects the request"),
        _ => return None,
    })
}

const SIGN_IN_AGAIN: &str = "Google no longer accepts the access that was given: signing in with Google again gives a new \
    one. It takes no password here";

/// Says what to do where the status alone decides.
fn explained(failure: Failure) -> Failure {
    match failure.remedy {
        Remedy::Reconnect => Failure { detail: SIGN_IN_AGAIN.to_owned(), ..failure },
        _ => failure,
    }
}

/// To wait for as long as the answer says, but not less than this.
fn slow_down(response: &Response, least: Duration) -> Remedy {
    let wait = response.retry_after(clock::now()).unwrap_or(least).clamp(least, MAX_WAIT);
    pause(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), PauseScope::Connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(status: u16, reason: &str) -> Failure {
        let body = format!(
            r#"{{"error":{{"code":{status},"message":"secret title","errors":[{{"domain":"global","reason":"{reason}"}}]}}}}"#
        );
        failure(&Response::new("https://www.googleapis.com/x", status).with_body("application/json", body))
    }

    #[test]
    fn each_reason_has_its_remedy() {
        let admin = || approval_page(ALLOW_APPS);
        for (status, reason, remedy) in [
            (401, "authError", Remedy::Reconnect),
            (403, "insufficientPermissions", Remedy::NeedsScope),
            (403, "rateLimitExceeded", pause(2000, PauseScope::Connection)),
            (403, "userRateLimitExceeded", pause(2000, PauseScope::Connection)),
            (429, "rateLimitExceeded", pause(2000, PauseScope::Connection)),
            (403, "quotaExceeded", pause(900_000, PauseScope::Connection)),
            (403, "forbiddenForNonOrganizer", Remedy::NotPermitted),
            (403, "forbiddenForServiceAccounts", Remedy::NotPermitted),
            (403, "accessNotConfigured", Remedy::NotPermitted),
            (400, "eventTypeRestriction", Remedy::Unsupported),
            (403, "domainPolicy", admin()),
            (403, "newReason", Remedy::NotPermitted),
            (404, "notFound", Remedy::NotFound),
            (410, "deleted", Remedy::Gone),
            (410, "fullSyncRequired", Remedy::CursorExpired),
            (410, "updatedMinTooLongAgo", Remedy::CursorExpired),
            (400, "timeRangeTooLong", Remedy::WindowTooLarge(FREE_BUSY_WINDOW)),
            (400, "timeRangeEmpty", Remedy::Invalid("window".into())),
            (400, "badRequest", Remedy::Invalid("badRequest".into())),
            (409, "duplicate", Remedy::Temporary),
            (412, "conditionNotMet", Remedy::Temporary),
            (500, "backendError", Remedy::Temporary),
            (503, "backendError", pause(2000, PauseScope::Connection)),
            (400, "pushNotSupportedForRequestedResource", Remedy::Unsupported),
        ] {
            let made = old(status, reason);
            assert_eq!(made.remedy, remedy, "{status} {reason}");
            assert_eq!(made.service_code, format!("{status} {reason}"));
            assert!(!made.detail.contains("secret") && !made.detail.is_empty(), "{}", made.detail);
        }
    }

    #[test]
    fn the_new_form_says_more() {
        let body = r#"{"error":{"code":403,"status":"PERMISSION_DENIED","errors":[{"reason":"forbidden"}],
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}"#;
        let response = Response::new("https://www.googleapis.com/x", 403).with_body("application/json", body);
        assert_eq!(failure(&response).remedy, Remedy::NeedsScope);
    }

    #[test]
    fn the_wait_that_is_asked_for_is_kept() {
        let body = r#"{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}"#;
        let response = Response::new("https://www.googleapis.com/x", 403).with_body("application/json", body);
        assert_eq!(
            failure(&response.clone().with_header("retry-after", "120")).remedy,
            pause(120_000, PauseScope::Connection)
        );
        assert_eq!(failure(&response.with_header("retry-after", "0")).remedy, pause(2000, PauseScope::Connection));
    }

    #[test]
    fn what_is_no_answer_of_googles_is_judged_by_its_status() {
        for (status, remedy) in [
            (401, Remedy::Reconnect),
            (403, Remedy::NotPermitted),
            (404, Remedy::NotFound),
            (410, Remedy::Gone),
            (412, Remedy::Invalid("status 412".into())),
            (502, Remedy::Temporary),
        ] {
            for body in ["", "<html>", "[]", r#"{"error":"x"}"#, r#"{"error":{"errors":[{"reason":"a b\n"}]}}"#] {
                let made = failure(&Response::new("https://www.googleapis.com/x", status).with_body("text/html", body));
                assert_eq!(made.remedy, remedy, "{status} {body}");
            }
        }
    }
}
