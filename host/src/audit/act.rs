//! What can be done, and on what.

use crate::{
    db::string_enum,
    ids::{
        ConnectionId, JobId, MeetingId, OrganisationId, PersonId, ProgramId, RevocationId, ServiceAccountId, SessionId,
        SignInId, TokenId,
    },
};

string_enum! {
    /// What somebody did.
    pub enum Act {
        /// Created an organisation.
        OrganisationCreated = "organisation-created",
        /// Made a mail domain an organisation's.
        DomainAdded = "domain-added",
        /// Took a mail domain from an organisation.
        DomainRemoved = "domain-removed",
        /// Created a program.
        ProgramCreated = "program-created",
        /// Changed a program's settings.
        ProgramChanged = "program-changed",
        /// Offered a provider to an organisation or a program.
        OfferAdded = "offer-added",
        /// Withdrew an offer.
        OfferRemoved = "offer-removed",
        /// Created a person.
        PersonCreated = "person-created",
        /// Changed a person's role in their organisation.
        RoleChanged = "role-changed",
        /// Made a person a member of a program, or changed the role in it.
        MembershipSet = "membership-set",
        /// Ended a membership.
        MembershipRemoved = "membership-removed",
        /// Created an API token.
        TokenCreated = "token-created",
        /// Revoked an API token, and those that were created with it.
        TokenRevoked = "token-revoked",
        /// Asked for a mail with sign-in links.
        SignInRequested = "sign-in-requested",
        /// Signed in.
        SignedIn = "signed-in",
        /// Signed out.
        SignedOut = "signed-out",
        /// Ended a person's other sessions.
        OtherSessionsEnded = "other-sessions-ended",
        /// Added a version of a provider, which is in use or waits.
        PluginAdded = "plugin-added",
        /// Accepted what a version of a provider requests.
        GrantAccepted = "grant-accepted",
        /// Removed a provider.
        PluginRemoved = "plugin-removed",
        /// Set the OAuth client of a sign-in.
        OauthClientSet = "oauth-client-set",
        /// Found a key in the key file that a new database is used with.
        KeyFound = "key-found",
        /// Added a key to the key file.
        KeyAdded = "key-added",
        /// Made a key the one that seals.
        KeyUsed = "key-used",
        /// Sealed stored secrets with the first key.
        SecretsRewrapped = "secrets-rewrapped",
        /// Tried a job again before its time, or after it had failed for good.
        JobRetried = "job-retried",
        /// Gave a job up, which is a dead letter now.
        JobFailed = "job-failed",
        /// Created a meeting.
        MeetingScheduled = "meeting-scheduled",
        /// Changed a meeting.
        MeetingChanged = "meeting-changed",
        /// Cancelled a meeting.
        MeetingCancelled = "meeting-cancelled",
        /// Tried a stuck meeting again.
        MeetingReleased = "meeting-released",
        /// Wrote a meeting's event to a calendar.
        EventWritten = "event-written",
        /// Removed a meeting's event from a calendar.
        EventRemoved = "event-removed",
        /// Tried to write or remove a meeting's event, and found that this is refused, needs the owner, or is out of date.
        EventNotWritten = "event-not-written",
        /// Began to connect a calendar at its service's own page.
        ConnectionBegun = "connection-begun",
        /// Tried to connect a calendar, and stored nothing.
        ConnectingFailed = "connecting-failed",
        /// Connected a calendar, or signed in to it again.
        CalendarConnected = "calendar-connected",
        /// Disconnected a calendar.
        CalendarDisconnected = "calendar-disconnected",
        /// Noticed that a calendar can be read or written, or no longer can be.
        AccessChanged = "access-changed",
        /// Noticed that a service refuses the credential of a calendar or of a service account, or accepted a grant with
        /// which it cannot be used.
        CredentialLost = "credential-lost",
        /// Tried a service account, and stored nothing.
        ServiceAccountTried = "service-account-tried",
        /// Stored a service account.
        ServiceAccountSaved = "service-account-saved",
        /// Removed a service account and the connections that it made.
        ServiceAccountRemoved = "service-account-removed",
        /// Revoked the token of a connection at its service.
        CredentialRevoked = "credential-revoked",
        /// Handed a mail to the mail server.
        MailSent = "mail-sent",
    }

    /// The kind of thing that was acted on.
    pub enum SubjectKind {
        /// An organisation, by its id.
        Organisation = "organisation",
        /// A mail domain.
        Domain = "domain",
        /// A program, by its id.
        Program = "program",
        /// A person, by their id.
        Person = "person",
        /// An API token, by its id.
        Token = "token",
        /// A request for sign-in links, by its id.
        SignIn = "sign-in",
        /// A browser session, by its id.
        Session = "session",
        /// A provider, by its id.
        Provider = "provider",
        /// A key of the key file, by its id.
        Key = "key",
        /// A job, by its id.
        Job = "job",
        /// A meeting, by its id.
        Meeting = "meeting",
        /// A connection, by its id.
        Connection = "connection",
        /// A service account, by its id.
        ServiceAccount = "service-account",
        /// A token to revoke, by its id.
        Revocation = "revocation",
    }
}

/// The thing that was acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub(super) kind: SubjectKind,
    pub(super) id: String,
}

impl Subject {
    /// A provider, by its id.
    #[must_use]
    pub fn provider(id: &str) -> Self {
        Self { kind: SubjectKind::Provider, id: id.to_owned() }
    }

    /// A key of the key file, by its id.
    #[must_use]
    pub fn key(id: &str) -> Self {
        Self { kind: SubjectKind::Key, id: id.to_owned() }
    }

    /// A mail domain.
    #[must_use]
    pub fn domain(domain: &str) -> Self {
        Self { kind: SubjectKind::Domain, id: domain.to_owned() }
    }
}

macro_rules! subjects {
    ($($id:ident $kind:ident)*) => {$(
        impl From<$id> for Subject {
            fn from(id: $id) -> Self {
                Self { kind: SubjectKind::$kind, id: id.to_string() }
            }
        }
    )*};
}

subjects! {
    OrganisationId Organisation
    ProgramId Program
    PersonId Person
    TokenId Token
    SignInId SignIn
    SessionId Session
    JobId Job
    MeetingId Meeting
    ConnectionId Connection
    ServiceAccountId ServiceAccount
    RevocationId Revocation
}
