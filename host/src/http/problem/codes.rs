//! The table of problems: the stable code, the status, the title and the advice of each.

use axum::http::StatusCode;
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
            pub(super) const fn facts(self) -> (&'static str, StatusCode, &'static str, &'static str) {
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
