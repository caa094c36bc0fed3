//! The table of jobs: what each is called, what it is for, in which lane it runs, and how long it may take.
//!
//! An effect names rows by their ids and carries nothing else. Its handler reads the present state of those rows, so an
//! effect may run late, run again, or run once for two changes. `app/work.rs` says which function handles which effect.

use crate::{
    audit::Subject,
    fairness::Class,
    ids::{ConnectionId, JobId, MeetingId, OrganisationId, PersonId, ProgramId, RevocationId, SignInId},
};
use serde::{Deserialize, Serialize};
use std::{fmt::Display, time::Duration};

/// Work to be done outside the transaction that causes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// Makes the event in the owner's calendar show the meeting.
    PushMeeting {
        /// The meeting.
        meeting: MeetingId,
    },
    /// Pushes every meeting of a person that has not ended: the person has just connected a calendar.
    DeliverMeetings {
        /// The owner of the meetings.
        person: PersonId,
    },
    /// Revokes a token that is no longer used, at its service.
    RevokeToken {
        /// The row that has the token.
        revocation: RevocationId,
    },
    /// Checks every person that an organisation's service account connects, or should no longer connect.
    ConnectOrganisation {
        /// The organisation.
        organisation: OrganisationId,
    },
    /// Connects a person by their organisation's service account, if it has one and the person has not declined.
    ConnectPerson {
        /// The person's organisation.
        organisation: OrganisationId,
        /// The person.
        person: PersonId,
    },
    /// Tells the owner of a connection by mail that they must connect their calendar again.
    MailReconnect {
        /// The connection.
        connection: ConnectionId,
    },
    /// Tells an administrator by mail that a person has become one, too.
    MailNewAdministrator {
        /// The administrator who is told.
        recipient: PersonId,
        /// The new administrator.
        person: PersonId,
        /// The program; none for the whole organisation.
        program: Option<ProgramId>,
        /// The administrator who made the change; none for an operator.
        by: Option<PersonId>,
    },
    /// Sends a mail with sign-in links to an address.
    MailSignIn {
        /// The request for the mail.
        request: SignInId,
    },
    /// Seals every secret with the first key of the key file.
    RewrapSecrets {},
    /// Enqueues a [`Effect::ReopenAccount`] for every connection, spread over a day.
    ReopenAccounts {},
    /// Opens a connected account again, and stores which calendars and abilities it has now.
    ReopenAccount {
        /// The connection.
        connection: ConnectionId,
    },
    /// Tries meetings again that wait or were refused: the cause may have changed.
    ReleaseStuck {
        /// The provider through which they go; `None` for all.
        provider: Option<String>,
    },
    /// Deletes expired sessions, sign-in requests and links, authorizations that were never finished, old reports of
    /// needed approvals, and old entries of the audit log.
    DeleteExpired {},
}

/// A row of the table.
struct Row {
    kind: &'static str,
    class: Class,
    /// The lane, if it is not the kind itself.
    object: Option<String>,
    timeout: Duration,
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn mail(kind: &'static str, object: impl Display) -> Row {
    Row { kind, class: Class::Mail, object: Some(object.to_string()), timeout: minutes(5) }
}

fn interactive(kind: &'static str, object: impl Display, timeout: Duration) -> Row {
    Row { kind, class: Class::Interactive, object: Some(object.to_string()), timeout }
}

fn background(kind: &'static str, object: Option<String>, timeout: Duration) -> Row {
    Row { kind, class: Class::Background, object, timeout }
}

impl Effect {
    /// Calls to a provider take up to a minute each (`budget.wall-ms`), and a handler makes a few of them.
    fn row(&self) -> Row {
        match self {
            Self::PushMeeting { meeting } => interactive("push-meeting", meeting, minutes(15)),
            Self::DeliverMeetings { person } => interactive("deliver-meetings", person, minutes(5)),
            Self::RevokeToken { revocation } => background("revoke-token", Some(revocation.to_string()), minutes(5)),
            Self::ConnectOrganisation { organisation } => {
                background("connect-organisation", Some(organisation.to_string()), minutes(5))
            }
            Self::ConnectPerson { person, .. } => background("connect-person", Some(person.to_string()), minutes(15)),
            Self::MailReconnect { connection } => mail("mail-reconnect", connection),
            Self::MailNewAdministrator { recipient, person, program, .. } => {
                let of = program.map_or_else(|| "organisation".to_owned(), |program| program.to_string());
                mail("mail-new-administrator", format!("{recipient}:{person}:{of}"))
            }
            Self::MailSignIn { request } => mail("mail-sign-in", request),
            Self::RewrapSecrets {} => background("rewrap-secrets", None, minutes(60)),
            Self::ReopenAccounts {} => background("reopen-accounts", None, minutes(5)),
            Self::ReopenAccount { connection } => {
                background("reopen-account", Some(connection.to_string()), minutes(15))
            }
            Self::ReleaseStuck { provider } => {
                let provider = provider.as_deref().unwrap_or("*");
                background("release-stuck", Some(provider.to_owned()), minutes(15))
            }
            Self::DeleteExpired {} => background("delete-expired", None, minutes(5)),
        }
    }

    /// The name in the database and in logs, the same as the serde tag.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.row().kind
    }

    /// What the work is for.
    #[must_use]
    pub fn class(&self) -> Class {
        self.row().class
    }

    /// Effects of one lane run one at a time.
    #[must_use]
    pub fn lane(&self) -> String {
        let Row { kind, object, .. } = self.row();
        object.unwrap_or_else(|| kind.to_owned())
    }

    /// Equal effects are one job until one of them begins.
    #[must_use]
    pub fn dedupe(&self) -> String {
        format!("{}:{}", self.kind(), self.lane())
    }

    /// The object of the work, as the audit log names it. Work of the host for itself has none, and is named by its job.
    pub(super) fn subject(&self, job: JobId) -> Subject {
        match self {
            Self::PushMeeting { meeting } => (*meeting).into(),
            Self::DeliverMeetings { person }
            | Self::ConnectPerson { person, .. }
            | Self::MailNewAdministrator { recipient: person, .. } => (*person).into(),
            Self::RevokeToken { revocation } => (*revocation).into(),
            Self::ConnectOrganisation { organisation } => (*organisation).into(),
            Self::MailReconnect { connection } | Self::ReopenAccount { connection } => (*connection).into(),
            Self::MailSignIn { request } => (*request).into(),
            Self::ReleaseStuck { provider: Some(provider) } => Subject::provider(provider),
            Self::ReleaseStuck { provider: None }
            | Self::RewrapSecrets {}
            | Self::ReopenAccounts {}
            | Self::DeleteExpired {} => job.into(),
        }
    }

    /// The longest run of the handler. The runner cancels it then, and tries again later.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.row().timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Effect; 15] {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let (organisation, person) = (OrganisationId::new(at), PersonId::new(at));
        [
            Effect::PushMeeting { meeting: MeetingId::new(at) },
            Effect::DeliverMeetings { person: PersonId::new(at) },
            Effect::RevokeToken { revocation: RevocationId::new(at) },
            Effect::MailReconnect { connection: ConnectionId::new(at) },
            Effect::MailSignIn { request: SignInId::new(at) },
            Effect::MailNewAdministrator { recipient: PersonId::new(at), person, program: None, by: None },
            Effect::MailNewAdministrator {
                recipient: person,
                person,
                program: Some(ProgramId::new(at)),
                by: Some(person),
            },
            Effect::ConnectOrganisation { organisation },
            Effect::ConnectPerson { organisation, person },
            Effect::RewrapSecrets {},
            Effect::ReopenAccounts {},
            Effect::ReopenAccount { connection: ConnectionId::new(at) },
            Effect::DeleteExpired {},
            Effect::ReleaseStuck { provider: None },
            Effect::ReleaseStuck { provider: Some("example".into()) },
        ]
    }

    #[test]
    fn effects_are_kept_under_their_names_and_read_strictly() {
        for effect in all() {
            let text = serde_json::to_string(&effect).unwrap();
            assert!(text.starts_with(&format!(r#"{{"kind":"{}""#, effect.kind())), "{text}");
            assert_eq!(serde_json::from_str::<Effect>(&text).unwrap(), effect);
            let more = text.replace('}', r#","more":1}"#);
            assert!(serde_json::from_str::<Effect>(&more).is_err(), "{more}");
        }
    }

    #[test]
    fn different_effects_are_never_one() {
        let keys: std::collections::BTreeSet<_> = all().iter().map(Effect::dedupe).collect();
        assert_eq!(keys.len(), all().len());
    }
}
