//! The service's errors, in the form and words of Google's APIs.
//!
//! Clients decide by status and reason, so both are Google's; the message is for people. The reasons
//! are those of `reference/calendar-field.md` §3.1. The OAuth endpoints have another shape (RFC 6749 §5.2), which is
//! in `oauth`.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::call::Answer;

/// The result of an operation.
pub(super) type ApiResult<T = Answer> = Result<T, Refusal>;

/// An error response. Boxed, because every operation may return an error and few do.
#[derive(Debug, Clone)]
pub(super) struct Refusal(Box<RefusalBody>);

#[derive(Debug, Clone)]
struct RefusalBody {
    status: StatusCode,
    domain: &'static str,
    reason: String,
    message: String,
    /// The invalid part: its kind (`parameter`, `header`) and its name.
    location: Option<(&'static str, String)>,
    /// For newer clients: the name of the status, and a reason in capitals.
    status_name: Option<&'static str>,
    detail: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        let domain = if is_usage_limit(reason) { "usageLimits" } else { "global" };
        Self(Box::new(RefusalBody {
            status,
            domain,
            reason: reason.to_owned(),
            message: message.into(),
            location: None,
            status_name: None,
            detail: None,
            headers: Vec::new(),
        }))
    }

    pub(super) fn bad_request(reason: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, message)
    }

    /// A value that cannot be used.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::bad_request("invalid", message)
    }

    /// A value that is missing.
    pub(super) fn required(message: impl Into<String>) -> Self {
        Self::bad_request("required", message)
    }

    /// A query parameter that cannot be used.
    pub(super) fn parameter(name: &str, message: impl Into<String>) -> Self {
        Self::invalid(message).at("parameter", name)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", "Not Found")
    }

    pub(super) fn deleted() -> Self {
        Self::new(StatusCode::GONE, "deleted", "Resource has been deleted")
    }

    pub(super) fn duplicate() -> Self {
        Self::new(StatusCode::CONFLICT, "duplicate", "The requested identifier already exists.")
    }

    pub(super) fn condition_not_met() -> Self {
        let refusal = Self::new(StatusCode::PRECONDITION_FAILED, "conditionNotMet", "Precondition Failed");
        refusal.at("header", "If-Match")
    }

    pub(super) fn full_sync_required() -> Self {
        let message = "Sync token is no longer valid, a full sync is required.";
        Self::of_calendars(StatusCode::GONE, "fullSyncRequired", message).at("parameter", "syncToken")
    }

    /// No token, an unknown one, or one that has ended.
    pub(super) fn unauthenticated() -> Self {
        let challenge =
            HeaderValue::from_static(r#"Bearer realm="https://accounts.google.com/", error="invalid_token""#);
        let refusal = Self::new(StatusCode::UNAUTHORIZED, "authError", "Invalid Credentials");
        let mut refusal = refusal.at("header", "Authorization").with(vec![(WWW_AUTHENTICATE, challenge)]);
        refusal.0.status_name = Some("UNAUTHENTICATED");
        refusal
    }

    /// A token without the necessary scope; each of `scopes` would be sufficient.
    pub(super) fn insufficient_scope(scopes: &str) -> Self {
        let challenge =
            format!(r#"Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="{scopes}""#);
        let challenge = HeaderValue::from_str(&challenge).map(|value| (WWW_AUTHENTICATE, value));
        let refusal = Self::new(StatusCode::FORBIDDEN, "insufficientPermissions", "Insufficient Permission");
        let mut refusal = refusal.with(challenge.into_iter().collect());
        refusal.0.status_name = Some("PERMISSION_DENIED");
        refusal.0.detail = Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT");
        refusal
    }

    /// A write by a person who may only read the calendar.
    pub(super) fn required_access(level: &str) -> Self {
        let message = format!("You need to have {level} access to this calendar.");
        Self::of_calendars(StatusCode::FORBIDDEN, "requiredAccessLevel", &message)
    }

    pub(super) fn not_the_organizer() -> Self {
        let message = "Shared properties can only be changed by the organizer of the event.";
        Self::of_calendars(StatusCode::FORBIDDEN, "forbiddenForNonOrganizer", message)
    }

    /// An error that only the Calendar API has.
    pub(super) fn of_calendars(status: StatusCode, reason: &str, message: &str) -> Self {
        let mut refusal = Self::new(status, reason, message);
        refusal.0.domain = "calendar";
        refusal
    }

    pub(super) fn at(mut self, kind: &'static str, name: &str) -> Self {
        self.0.location = Some((kind, name.to_owned()));
        self
    }

    pub(super) fn with(mut self, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        self.0.headers.extend(headers);
        self
    }

    pub(super) fn answer(self) -> Answer {
        let told = *self.0;
        let mut error = json!({ "domain": told.domain, "reason": told.reason, "message": told.message });
        if let Some((kind, name)) = told.location {
            error["locationType"] = kind.into();
            error["location"] = name.into();
        }
        let mut body = json!({
            "code": told.status.as_u16(),
            "message": told.message,
            "errors": [error],
        });
        if let Some(name) = told.status_name {
            body["status"] = name.into();
        }
        if let Some(detail) = told.detail {
            body["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": detail,
                "domain": "googleapis.com",
                "metadata": { "service": "calendar-json.googleapis.com" },
            }]);
        }
        Answer { status: told.status, headers: told.headers, body: Some(Value::from_iter([("error", body)])) }
    }
}

/// The reasons that say "later" (documented under "usage limits").
fn is_usage_limit(reason: &str) -> bool {
    matches!(
        reason,
        "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" | "dailyLimitExceeded" | "accessNotConfigured"
    )
}
