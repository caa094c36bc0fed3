//! Work that is done later, surely: every act of the host on the world outside.
//!
//! Problem: what was committed must reach the calendar, though the service is down, the host is killed at any instant,
//! or two hosts have the same idea; what was not committed must not. Decision: one table, and one door. An [`Effect`] is
//! [`enqueue`]d in the transaction of the change that causes it, and the [`Runner`] of some host does it. An effect names
//! things; whoever does it reads what they are by then. So it may be done later, or once more, or once for two changes,
//! and everything else is simple because of that:
//!
//! - Equal work that nobody has begun is one job. `enqueue` writes to that job's row, so that on no database somebody begins
//!   it before the change is there to be read. Work that is under way may have read before: then it is another job.
//! - The work of a *lane* (a meeting) is done one at a time, by a unique index, the longest due first. A lane is no
//!   queue: work that failed and waits is overtaken, which is harmless, since both read the same present. So what fails
//!   holds up nobody, in its own lane or in another.
//! - Work under way is a *lease* of some seconds by the database's clock, which the runner extends. A host that died is
//!   late by one lease at most. Each lease has a higher number, its *fence*: who was given up for dead and goes on all
//!   the same can neither [`finish`] nor fail what is now another's.
//! - `finish` takes part in the transaction with which the handler writes down what it did. A host that dies before it
//!   does the work again, and must know its own traces: remote writes carry a key, and are compared by content.
//! - What fails is tried again for about a day ([`MAX_ATTEMPTS`]), then kept as a *dead letter*, which an operator reads
//!   and revives, and which disappears when the same work was done after all.
//!
//! Rejected: a queue beside the database (two commits that may disagree), a leader (one more thing to lose), waiting
//! behind what failed (one bad event stops a calendar), PostgreSQL's notifications (half a second for a second way).

pub mod fail_points;
mod runner;
mod store;

pub use runner::{Outcome, Runner, Settings};
pub use store::{
    Count, DeadLetter, Lease, LeaseError, Retried, State, bury, claim, count, enqueue, enqueue_at, extend, finish,
    list_dead, retry, revive, verify_lease,
};

use crate::ids::{ConnectionId, MeetingId, OrganisationId, PersonId, RevocationId, SignInId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often work is begun before it counts as dead: with the pauses of [`backoff`], for about a day.
pub const MAX_ATTEMPTS: i64 = 60;

/// The pause before the second attempt, at most.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest that we wait by ourselves.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// The longest that a service may make us wait: a slip of its clock must not stop a meeting for a year.
const LONGEST_FLOOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Something to be done outside: the whole table of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// The event in the owner's calendar is made what the meeting says.
    PushMeeting {
        /// Which.
        meeting: MeetingId,
    },
    /// Every meeting of a person that is not over is pushed: they have just connected a calendar.
    DeliverMeetings {
        /// Whose.
        person: PersonId,
    },
    /// A token that nobody uses any more is revoked at the service.
    RevokeToken {
        /// Which.
        revocation: RevocationId,
    },
    /// All people whom an organisation's account connects, or should not any more, are looked at.
    ConnectOrganisation {
        /// Which.
        organisation: OrganisationId,
    },
    /// A person is connected by their organisation's account, if it has one and they want it.
    ConnectPerson {
        /// Whose person.
        organisation: OrganisationId,
        /// Who.
        person: PersonId,
    },
    /// The owner of a connection is told that it must be made again.
    MailReconnect {
        /// Which.
        connection: ConnectionId,
    },
    /// Whoever has an address gets a mail with links to sign in.
    MailSignIn {
        /// The wish for it.
        request: SignInId,
    },
    /// Every secret is sealed by the newest key.
    RewrapSecrets {},
}

impl Effect {
    /// Its name, as in the database and in logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PushMeeting { .. } => "push-meeting",
            Self::DeliverMeetings { .. } => "deliver-meetings",
            Self::RevokeToken { .. } => "revoke-token",
            Self::ConnectOrganisation { .. } => "connect-organisation",
            Self::ConnectPerson { .. } => "connect-person",
            Self::MailReconnect { .. } => "mail-reconnect",
            Self::MailSignIn { .. } => "mail-sign-in",
            Self::RewrapSecrets {} => "rewrap-secrets",
        }
    }

    /// Effects of one lane are done one at a time.
    #[must_use]
    pub fn lane(&self) -> String {
        match self {
            Self::PushMeeting { meeting } => meeting.to_string(),
            Self::DeliverMeetings { person } => person.to_string(),
            Self::RevokeToken { revocation } => revocation.to_string(),
            Self::ConnectOrganisation { organisation } => organisation.to_string(),
            Self::ConnectPerson { person, .. } => person.to_string(),
            Self::MailReconnect { connection } => connection.to_string(),
            Self::MailSignIn { request } => request.to_string(),
            Self::RewrapSecrets {} => self.kind().to_owned(),
        }
    }

    /// Equal effects that nobody has begun are one.
    #[must_use]
    pub fn dedupe(&self) -> String {
        match self {
            Self::PushMeeting { meeting } => format!("{}:{meeting}", self.kind()),
            Self::DeliverMeetings { person } => format!("{}:{person}", self.kind()),
            Self::RevokeToken { revocation } => format!("{}:{revocation}", self.kind()),
            Self::ConnectOrganisation { organisation } => format!("{}:{organisation}", self.kind()),
            Self::ConnectPerson { person, .. } => format!("{}:{person}", self.kind()),
            Self::MailReconnect { connection } => format!("{}:{connection}", self.kind()),
            Self::MailSignIn { request } => format!("{}:{request}", self.kind()),
            Self::RewrapSecrets {} => self.kind().to_owned(),
        }
    }
}

/// How long to wait after this attempt (the first is 1): anything up to twice as long as after the one before, so that
/// what failed together does not come back together. What the service asked for is waited for before that.
#[must_use]
pub fn backoff(attempt: i64, after: Option<Duration>, random: u64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 32) - 1).unwrap_or(0);
    let most = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    // Below 2^53 both are exact.
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    after.unwrap_or_default().min(LONGEST_FLOOR) + most.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> [Effect; 8] {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let (organisation, person) = (OrganisationId::new(at), PersonId::new(at));
        [
            Effect::PushMeeting { meeting: MeetingId::new(at) },
            Effect::DeliverMeetings { person: PersonId::new(at) },
            Effect::RevokeToken { revocation: RevocationId::new(at) },
            Effect::MailReconnect { connection: ConnectionId::new(at) },
            Effect::MailSignIn { request: SignInId::new(at) },
            Effect::ConnectOrganisation { organisation },
            Effect::ConnectPerson { organisation, person },
            Effect::RewrapSecrets {},
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

    #[test]
    fn all_attempts_together_take_about_a_day() {
        let middle = u64::MAX / 2;
        let whole: Duration = (1..MAX_ATTEMPTS).map(|attempt| backoff(attempt, None, middle)).sum();
        assert!((20..30).contains(&(whole.as_secs() / 3600)), "{whole:?}");
    }

    proptest! {
        #[test]
        fn pauses_double_up_to_an_hour_and_spread_over_all_of_it(attempt in 1_i64..1000, random: u64) {
            let most = backoff(attempt, None, u64::MAX);
            prop_assert!(backoff(attempt, None, random) <= most && most <= LONGEST_PAUSE);
            prop_assert!(most <= backoff(attempt + 1, None, u64::MAX));
            prop_assert!(backoff(attempt, None, 0) < Duration::from_secs(1));
            if attempt <= 10 {
                let twice = most * 2;
                let next = backoff(attempt + 1, None, u64::MAX);
                prop_assert!(twice.abs_diff(next) < Duration::from_millis(1), "{twice:?} {next:?}");
            }
        }

        #[test]
        fn nobody_comes_back_before_the_service_allows_it_nor_a_day_late(
            attempt: i64, after in 0_u64..1_000_000, random: u64,
        ) {
            let after = Duration::from_secs(after);
            let pause = backoff(attempt, Some(after), random);
            prop_assert!(pause >= after.min(LONGEST_FLOOR));
            prop_assert!(pause <= LONGEST_FLOOR + LONGEST_PAUSE);
        }
    }
}
