//! Everything that the API says when it cannot do what it was asked (RFC 9457).
//!
//! Problem: clients that compare sentences, and sentences that nobody can change any more because of them. Decision:
//! each kind of problem has a stable code, a status and an advice in one table, which the API itself publishes; the
//! detail is for people and may change. What is our own fault is logged and not told. Rejected: a list of codes beside
//! the code, which is true on the day on which it is written.

use crate::people::{PersonError, Refused, sign_in::AskError, tokens::TokenError};
use crate::programs::{BadName, ProgramError};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($name:ident = $code:literal $status:ident, $title:literal, $advice:literal;)*) => {
        /// What went wrong, by a stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable name, the status, what it means, and what to do.
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
    MalformedBody = "malformed-body" BAD_REQUEST, "The body is not what this operation takes",
        "Send one JSON object with the fields that /v1/openapi.json lists for this operation, and no others.";
    MalformedQuery = "malformed-query" BAD_REQUEST, "The query is not what this operation takes",
        "Use the parameters that /v1/openapi.json lists for this operation, each once, and no others.";
    UnsupportedMediaType = "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE, "The body is not declared as JSON",
        "Send the header `content-type: application/json`.";
    TooLarge = "too-large" PAYLOAD_TOO_LARGE, "The body is too large", "Send at most 256 KiB.";
    MethodNotAllowed = "method-not-allowed" METHOD_NOT_ALLOWED, "This cannot be done here",
        "Use a method that /v1/openapi.json lists for this address.";
    NotFound = "not-found" NOT_FOUND, "There is no such thing",
        "Check the address and the ids in it; what belongs to another organisation is not there either.";

    // Who asks.
    Unauthenticated = "unauthenticated" UNAUTHORIZED, "Nobody knows who asks",
        "Send `authorization: Bearer chronus_…` with a token that has neither ended nor been revoked.";
    ScopeMissing = "scope-missing" FORBIDDEN, "The token is not for this",
        "Use a token with the scope that the detail names.";
    RoleMissing = "role-missing" FORBIDDEN, "Somebody else may do this",
        "Ask somebody with the role that the detail names.";
    NotThePerson = "not-the-person" FORBIDDEN, "Only the person may do this",
        "The person must do this with a token of their own; no administrator and no integration can.";
    MoreThanOwn = "more-than-own" FORBIDDEN, "A token cannot give what it does not have",
        "Leave the scope out, or use a token that has it.";
    OrganisationNotNamed = "organisation-not-named" BAD_REQUEST, "It is not clear which organisation is meant",
        "An operator's token belongs to none: name one by `organisation`.";

    // Organisations, programs, people, tokens.
    InvalidName = "invalid-name" UNPROCESSABLE_ENTITY, "This cannot be a name",
        "Give 1 to 200 characters without line ends, and no space at the ends.";
    NameTaken = "name-taken" CONFLICT, "The name is taken", "Choose another name.";
    InvalidEmail = "invalid-email" UNPROCESSABLE_ENTITY, "This is no mail address",
        "Write it like ann@example.org.";
    EmailTaken = "email-taken" CONFLICT, "Somebody has this mail address already",
        "Look the person up in the list of people, or give another address.";
    InvalidZone = "invalid-zone" UNPROCESSABLE_ENTITY, "This is no time zone",
        "Give an IANA name, such as Europe/Rome or UTC.";
    InvalidScopes = "invalid-scopes" UNPROCESSABLE_ENTITY, "A token of this kind cannot have these scopes",
        "Give at least one scope, and only those that the kind of token can have.";
    InvalidExpiry = "invalid-expiry" UNPROCESSABLE_ENTITY, "The token would end before it begins",
        "Give a time that is to come, or none.";

    // Connections and busy times.
    NotOffered = "not-offered" FORBIDDEN, "This provider is not offered to this person",
        "Connect one of those that /v1/people/{person}/offers lists, or ask an operator to enable it.";
    InvalidSignIn = "invalid-sign-in" UNPROCESSABLE_ENTITY, "What was filled in is not what the form asks for",
        "Fill in the fields that /v1/people/{person}/offers lists for this sign-in.";
    SignInRefused = "sign-in-refused" UNPROCESSABLE_ENTITY, "The calendar's service did not accept the sign-in",
        "Check user name and password; many services want a password made for this one application.";
    NeedsBrowser = "needs-browser" FORBIDDEN, "Only the person's own browser can connect this",
        "Let the person sign in to this host with a browser, and connect the calendar in Settings; no key can.";
    SignInOver = "sign-in-over" FORBIDDEN, "This sign-in is over, or was begun in another browser",
        "Begin again in Settings, and finish within 15 minutes in the same browser.";
    ConsentNotGiven = "consent-not-given" UNPROCESSABLE_ENTITY, "The calendar's service was not told to give access",
        "Begin again in Settings, and leave every box ticked: what is asked for is the least that does.";
    NeedsAdminApproval = "needs-admin-approval" UNPROCESSABLE_ENTITY, "An IT administrator must approve first",
        "Ask whoever runs your organisation's mail and calendar, not the administrator of the program.";
    CalendarUnavailable = "calendar-unavailable" BAD_GATEWAY, "The calendar could not be opened",
        "Nothing was stored. Try again later; if it stays so, tell the operator what the detail says.";
    AlreadyConnected = "already-connected" CONFLICT, "Another calendar is connected",
        "Disconnect it first: a person has one connected calendar.";
    NotConnected = "not-connected" NOT_FOUND, "No calendar is connected",
        "The person connects one by PUT /v1/people/{person}/connection.";
    MailboxElsewhere = "mailbox-elsewhere" UNPROCESSABLE_ENTITY, "The mailbox is not the organisation's",
        "Name a mailbox in a mail domain of the organisation's; an operator says which those are.";
    InvalidWindow = "invalid-window" UNPROCESSABLE_ENTITY, "The window cannot be answered for",
        "Let `to` come after `from`, and at most 366 days later.";

    // Meetings.
    MalformedHeader = "malformed-header" BAD_REQUEST, "A header is not what this operation takes",
        "Send the header as the detail says, or leave it out.";
    InvalidMeeting = "invalid-meeting" UNPROCESSABLE_ENTITY, "No calendar could show this meeting",
        "Mend the field that the detail names.";
    NotAMember = "not-a-member" UNPROCESSABLE_ENTITY, "Somebody is not a member of the program",
        "Make everybody who takes part a member of the meeting's program first.";
    IdempotencyKeyReused = "idempotency-key-reused" CONFLICT, "The Idempotency-Key was used for another request",
        "Use a new key for a new meeting.";
    MeetingCancelled = "meeting-cancelled" CONFLICT, "The meeting is cancelled", "Make a new one.";
    StaleRevision = "stale-revision" CONFLICT, "The meeting has changed meanwhile",
        "Read it again, and decide again.";

    // Pages.
    ForeignForm = "foreign-form" FORBIDDEN, "This form did not come from the page that it belongs to",
        "Nothing was done. Load the page again, and send the form from there.";
    TooManySignIns = "too-many-sign-ins" TOO_MANY_REQUESTS, "Too many mails to sign in were asked for",
        "Wait an hour. A mail that has come already may still be good.";
    LinkUsedUp = "link-used-up" GONE, "This link does not work any more",
        "It works once, and for 15 minutes. Ask for a new one on the page to sign in.";
    NoMail = "no-mail" SERVICE_UNAVAILABLE, "This host sends no mail, so nobody can sign in",
        "Ask the operator to set mail.smtp and mail.from.";

    // This service.
    Timeout = "timeout" SERVICE_UNAVAILABLE, "It took too long",
        "Ask whether it was done before trying again.";
    Unavailable = "unavailable" SERVICE_UNAVAILABLE, "The database does not answer",
        "Try again in a little while.";
    Internal = "internal" INTERNAL_SERVER_ERROR, "This service has made a mistake",
        "Tell the operator the `x-request-id` of this answer.";
}

/// What the API says when it cannot do what it was asked.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
}

/// The body of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Where all problems are told.
    r#type: String,
    code: Code,
    title: &'static str,
    status: u16,
    /// What is special about this case; for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do.
    advice: &'static str,
}

impl Problem {
    /// A problem that needs no more words.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None }
    }

    /// A problem, and what is special about this case. No secret, and nothing of another organisation.
    #[must_use]
    pub fn detailed(code: Code, detail: impl ToString) -> Self {
        Self { code, detail: Some(detail.to_string()) }
    }

    /// Our own fault: the operator learns it, the caller does not.
    #[must_use]
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(Code::Internal)
    }

    /// What it means.
    pub(super) const fn title(&self) -> &'static str {
        self.code.facts().2
    }

    /// What is special about this case.
    pub(super) fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What to do.
    pub(super) const fn advice(&self) -> &'static str {
        self.code.facts().3
    }

    /// The status of an answer that is this.
    pub(super) const fn status(&self) -> StatusCode {
        self.code.facts().1
    }

    fn body(code: Code, detail: Option<String>) -> ProblemBody {
        let (name, status, title, advice) = code.facts();
        ProblemBody { r#type: format!("/v1/problems#{name}"), code, title, status: status.as_u16(), detail, advice }
    }
}

/// Every problem that there is.
pub(super) fn all() -> Vec<ProblemBody> {
    Code::ALL.iter().map(|code| Problem::body(*code, None)).collect()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (_, status, ..) = self.code.facts();
        let mut response = (status, Json(Self::body(self.code, self.detail.clone()))).into_response();
        // For pages, which tell it to people.
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"chronus\""));
        }
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                tracing::error!(%error, "the database does not answer");
                Self::new(Code::Unavailable)
            }
            error => Self::internal(error),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Elsewhere => Self::new(Code::NotFound),
            Refused::Scope(_) => Self::detailed(Code::ScopeMissing, refused),
            Refused::Role(_) => Self::detailed(Code::RoleMissing, refused),
            Refused::NotThem => Self::new(Code::NotThePerson),
            Refused::WhichOrganisation => Self::new(Code::OrganisationNotNamed),
        }
    }
}

impl From<BadName> for Problem {
    fn from(_: BadName) -> Self {
        Self::new(Code::InvalidName)
    }
}

impl From<ProgramError> for Problem {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Name(error) => error.into(),
            ProgramError::Taken(_) => Self::detailed(Code::NameTaken, error),
            ProgramError::NoOrganisation => Self::detailed(Code::NotFound, error),
            ProgramError::Database(error) => error.into(),
        }
    }
}

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::Name(error) => error.into(),
            PersonError::Email => Self::new(Code::InvalidEmail),
            PersonError::Zone => Self::new(Code::InvalidZone),
            PersonError::Taken => Self::new(Code::EmailTaken),
            PersonError::NoOrganisation | PersonError::NoPerson => Self::detailed(Code::NotFound, error),
            PersonError::Database(error) => error.into(),
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Email(error) => error.into(),
            AskError::TooOften => Self::new(Code::TooManySignIns),
            AskError::Database(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Name(error) => error.into(),
            TokenError::NoScope | TokenError::Scope(_) => Self::detailed(Code::InvalidScopes, error),
            TokenError::Expiry => Self::new(Code::InvalidExpiry),
            TokenError::MoreThanOwn(_) => Self::detailed(Code::MoreThanOwn, error),
            TokenError::Refused(refused) => refused.into(),
            TokenError::NoHolder | TokenError::NoToken => Self::detailed(Code::NotFound, error),
            TokenError::Database(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_everywhere() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.facts().0);
        }
    }
}
