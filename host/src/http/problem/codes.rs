//! The table of problems: the code, status, title and advice of each.
//!
//! Clients compare codes, so a code never changes its meaning. Titles say what happened, details why, and advice what
//! to do; all three are for people and may change. A new problem is a new row.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($name:ident = $code:literal $status:ident, $title:literal, $advice:literal;)*) => {
        /// Stable name of a problem. Compare this, not the texts. New codes may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        #[schema(as = ProblemCode)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name, status, title and advice.
            const fn facts(self) -> (&'static str, StatusCode, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($code, StatusCode::$status, $title, $advice),)*
                }
            }
        }
    };
}

codes! {
    // The request itself.
    MalformedBody = "malformed-body" BAD_REQUEST, "Malformed body",
        "Send one JSON object with the fields that /v1/openapi.json lists for this operation. `errors` names each field to correct.";
    MalformedQuery = "malformed-query" BAD_REQUEST, "Malformed query",
        "Send only the query parameters that /v1/openapi.json lists for this operation, each at most once.";
    MalformedHeader = "malformed-header" BAD_REQUEST, "Malformed header",
        "Correct the header that `errors` names, or leave it out.";
    UnsupportedMediaType = "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
        "Send the body as JSON, with the header `content-type: application/json`.";
    TooLarge = "too-large" PAYLOAD_TOO_LARGE, "Body too large", "Send at most 256 KiB.";
    MethodNotAllowed = "method-not-allowed" METHOD_NOT_ALLOWED, "Method not allowed",
        "Use one of the methods that the `allow` header lists.";
    NotFound = "not-found" NOT_FOUND, "Not found",
        "Check the path and the ids in it. Resources of other organisations are reported as not found.";

    // Authentication and authorisation.
    Unauthenticated = "unauthenticated" UNAUTHORIZED, "Authentication required",
        "Send the header `authorization: Bearer chronus_…` with a token that has neither expired nor been revoked.";
    ScopeMissing = "scope-missing" FORBIDDEN, "Missing scope",
        "Use a token with the scope that the detail names.";
    RoleMissing = "role-missing" FORBIDDEN, "Insufficient role",
        "The detail names who can do this. Send the request with one of their tokens.";
    NotThePerson = "not-the-person" FORBIDDEN, "Only the person can do this",
        "The person must send this request with a token of their own. Administrators and integrations cannot.";
    NotByToken = "not-by-token" FORBIDDEN, "Administrators cannot be made with a token",
        "Leave out the role, or send `participant`. An administrator can then make the person an administrator in a browser, under Settings → Administrators.";
    MoreThanOwn = "more-than-own" FORBIDDEN, "Scope missing from the requesting token",
        "Leave out the scope that the detail names, or use a token that has it.";
    TooManyGenerations = "too-many-generations" FORBIDDEN, "Too many generations of tokens",
        "A line of tokens that created each other has at most five tokens. Use an earlier token of the line, or create one on the command line.";
    OrganisationNotNamed = "organisation-not-named" BAD_REQUEST, "Organisation missing",
        "Name the organisation in `organisation`: an operator token does not belong to one.";

    // Organisations, programs, people, tokens.
    InvalidName = "invalid-name" UNPROCESSABLE_ENTITY, "Invalid name",
        "Use 1 to 200 characters on one line, without a space at either end.";
    NameTaken = "name-taken" CONFLICT, "Name already in use", "Choose another name.";
    InvalidEmail = "invalid-email" UNPROCESSABLE_ENTITY, "Invalid email address",
        "Use an address such as ann@example.org.";
    EmailTaken = "email-taken" CONFLICT, "Email address already in use",
        "Find the person in the list of people, or use another address.";
    InvalidZone = "invalid-zone" UNPROCESSABLE_ENTITY, "Unknown time zone",
        "Use an IANA time zone name, such as Europe/Rome or UTC.";
    InvalidScopes = "invalid-scopes" UNPROCESSABLE_ENTITY, "Invalid scopes",
        "Send at least one scope, and only scopes that a token of this kind can have.";
    InvalidExpiry = "invalid-expiry" UNPROCESSABLE_ENTITY, "Invalid expiry time",
        "Send a time in the future that is not after the expiry of the token you use, or leave `expires_at` out.";

    // Connections, service accounts and busy times.
    NotOffered = "not-offered" FORBIDDEN, "Provider not offered",
        "Choose a provider that /v1/people/{person}/offers lists, or ask an operator to enable this one.";
    InvalidSignIn = "invalid-sign-in" UNPROCESSABLE_ENTITY, "Invalid sign-in data",
        "Send the fields that /v1/people/{person}/offers lists for this sign-in.";
    SignInRefused = "sign-in-refused" UNPROCESSABLE_ENTITY, "Sign-in refused by the calendar service",
        "Check the user name and password, or the secret address. Many services require an app password.";
    NeedsBrowser = "needs-browser" FORBIDDEN, "Sign-in requires a browser",
        "The person must sign in to this host in a browser and connect the calendar in Calendar Settings.";
    SignInOver = "sign-in-over" FORBIDDEN, "Sign-in no longer valid",
        "Start again in Calendar Settings, and finish within 15 minutes in the same browser.";
    ConsentNotGiven = "consent-not-given" UNPROCESSABLE_ENTITY, "Consent not given",
        "Start again in Calendar Settings, and grant all permissions that the calendar service lists.";
    NeedsAdminApproval = "needs-admin-approval" UNPROCESSABLE_ENTITY, "Approval by an IT administrator required",
        "Ask an IT administrator of the organisation to approve Chronus at the calendar service.";
    CalendarUnavailable = "calendar-unavailable" BAD_GATEWAY, "Calendar unavailable",
        "Nothing was stored. Try again later; if the problem persists, send the detail to the operator.";
    AlreadyConnected = "already-connected" CONFLICT, "Another calendar is already connected",
        "Disconnect that calendar first. A person can have only one connected calendar.";
    NotConnected = "not-connected" NOT_FOUND, "No calendar connected",
        "The person can connect a calendar with PUT /v1/people/{person}/connection.";
    MailboxElsewhere = "mailbox-elsewhere" UNPROCESSABLE_ENTITY, "Mailbox outside the organisation's domains",
        "Use a mailbox in an email domain of the organisation. An operator sets these domains.";
    InvalidWindow = "invalid-window" UNPROCESSABLE_ENTITY, "Invalid time window",
        "Use a `to` that is later than `from`, by at most 366 days.";

    // Meetings.
    InvalidMeeting = "invalid-meeting" UNPROCESSABLE_ENTITY, "Invalid meeting",
        "Correct the field that `errors` names.";
    NotAMember = "not-a-member" UNPROCESSABLE_ENTITY, "Person not in the program",
        "First add the owner and all attendees to the meeting's program.";
    IdempotencyKeyReused = "idempotency-key-reused" CONFLICT, "Idempotency key reused",
        "Use a new Idempotency-Key for each new meeting.";
    MeetingCancelled = "meeting-cancelled" CONFLICT, "Meeting cancelled",
        "A cancelled meeting cannot be changed. Create a new meeting.";
    StaleRevision = "stale-revision" CONFLICT, "Meeting changed in the meantime",
        "Read the meeting again and decide whether the change is still right.";
    PreconditionFailed = "precondition-failed" PRECONDITION_FAILED, "Precondition failed",
        "The meeting no longer matches the If-Match header. Read the meeting again and send its new ETag.";

    // Rate limits.
    TooManyRequests = "too-many-requests" TOO_MANY_REQUESTS, "Too many requests",
        "Wait for the seconds in `retry-after`. `ratelimit-policy` names the limit, which an operator sets (`limits`).";

    // Pages.
    TooManySignIns = "too-many-sign-ins" TOO_MANY_REQUESTS, "Too many sign-in emails",
        "Wait an hour. The link in an earlier email may still work.";

    // This host.
    Timeout = "timeout" SERVICE_UNAVAILABLE, "Request timed out",
        "The change may have been made. Check before you send the request again.";
    TooBusy = "too-busy" SERVICE_UNAVAILABLE, "Too many calls to calendars",
        "Nothing was changed. Wait as many seconds as the `retry-after` header says, and send the request again.";
    Unavailable = "unavailable" SERVICE_UNAVAILABLE, "Database unavailable",
        "Try again after the seconds in the `retry-after` header.";
    NotReady = "not-ready" SERVICE_UNAVAILABLE, "Host not ready",
        "Send requests to another host until this one is ready.";
    Internal = "internal" INTERNAL_SERVER_ERROR, "Internal error",
        "Report the `x-request-id` of this response to the operator.";
}

impl Code {
    /// The stable name.
    pub(in crate::http) const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status.
    pub(in crate::http) const fn status(self) -> StatusCode {
        self.facts().1
    }

    /// The problem in one phrase.
    pub(in crate::http) const fn title(self) -> &'static str {
        self.facts().2
    }

    /// The step to take next.
    pub(in crate::http) const fn advice(self) -> &'static str {
        self.facts().3
    }

    /// After how many seconds the same request may succeed, if that is known.
    pub(in crate::http) const fn retry_after(self) -> Option<u32> {
        match self {
            Self::TooBusy | Self::Unavailable | Self::NotReady => Some(5),
            _ => None,
        }
    }

    /// The code of this name.
    pub(in crate::http) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Path of the page that explains the code; `type` of a problem.
    pub(in crate::http) fn link(self) -> String {
        format!("/v1/problems/{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_everywhere() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
