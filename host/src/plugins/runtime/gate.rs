//! The way into a sandbox: past the waits that services asked for, past the breakers, and with a permit.
//!
//! One pure function ([`verdicts`]) decides whether a call counts for or against the service and the provider's version.
//! Each failure also counts against the connection. Calls without a connection (a person who is connecting a calendar, the
//! conformance suite) pass by the breakers, because they may fail for a mistyped password or address.

use super::error::CallError;
use crate::{
    fairness::{Breakers, Caller, Outcome, PausedCalls, Pauses, Permit, Permits, Subject},
    plugins::{
        contract::{Failure, Pause, PauseScope, Remedy},
        egress::{Access, Purpose},
        limits::{BudgetLimit, LONGEST_WAIT, OFFLINE_CALLS},
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The way into the sandboxes of a host.
pub(super) struct Gate {
    concurrent_calls: u32,
    permits: Arc<Permits>,
    /// For calls that send no requests. They have room of their own, so that notifications from unknown senders and calls
    /// to calendars never wait for each other.
    offline_permits: Arc<Permits>,
    breakers: Breakers,
    pauses: Pauses,
}

/// A call that was let in. Dropping it lets the next one in.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    /// Empty for a call without a connection, and once the call has told about them.
    subjects: Vec<Subject>,
    connection: Option<Arc<str>>,
    scopes: Option<PauseScopes>,
    _permit: Permit,
}

/// What each scope of a wait binds, for the calls of one connection.
struct PauseScopes {
    connection: PausedCalls,
    organisation: PausedCalls,
    /// `None` for a connection with a server of its own, which cannot speak for those of others.
    provider: Option<PausedCalls>,
}

/// What a result tells about the service beside its value.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Whether the service is down.
    pub(super) is_outage: bool,
    /// The wait that it asks for.
    pub(super) pause: Option<Pause>,
}

impl Signs {
    /// The signs of a result with these failures of single items, in which nothing succeeded if `all_failed`.
    pub(super) fn of_items<'a>(failures: impl Iterator<Item = &'a Failure>, all_failed: bool) -> Self {
        let mut signs = Self { is_outage: all_failed, pause: None };
        for failure in failures {
            signs.is_outage &= failure.remedy == Remedy::Temporary;
            signs.pause = longer(signs.pause, pause(failure));
        }
        signs
    }
}

/// The component that is called.
#[derive(Clone, Copy)]
pub(super) struct ComponentRef<'a> {
    pub(super) id: &'a Arc<str>,
    pub(super) sha256: &'a Arc<str>,
    /// How many calls of one connection it takes at once.
    pub(super) concurrency: u32,
}

impl Gate {
    pub(super) fn new(concurrent_calls: u32) -> Self {
        Self {
            concurrent_calls,
            permits: Permits::new(concurrent_calls as usize),
            offline_permits: Permits::new(OFFLINE_CALLS as usize),
            breakers: Breakers::default(),
            pauses: Pauses::default(),
        }
    }

    /// How many calls of a purpose there may be at once.
    pub(super) const fn room(&self, purpose: Purpose) -> u32 {
        match purpose {
            Purpose::Offline => OFFLINE_CALLS,
            Purpose::Read | Purpose::Write => self.concurrent_calls,
        }
    }

    /// Lets a call in, soon or not at all.
    pub(super) async fn enter(
        &self,
        access: &Access,
        purpose: Purpose,
        component: ComponentRef<'_>,
    ) -> Result<Pass<'_>, CallError> {
        let permits = match purpose {
            Purpose::Offline => &self.offline_permits,
            Purpose::Read | Purpose::Write => &self.permits,
        };
        let (share, connection) = (access.share(component.id), access.connection());
        let subjects = match &connection {
            Some(connection) if purpose != Purpose::Offline => {
                let (organisation, origin) = (share.organisation.clone(), share.origin.clone());
                let version = Subject::Version { organisation: organisation.clone(), sha256: component.sha256.clone() };
                vec![Subject::Connection(connection.clone()), Subject::Origin { organisation, origin }, version]
            }
            _ => vec![],
        };
        let scopes = connection.as_ref().filter(|_| purpose != Purpose::Offline);
        let scopes = scopes.map(|connection| PauseScopes::new(access, connection, component.id));
        self.check_pauses(scopes.as_ref())?;
        self.breakers.check(&subjects, Instant::now()).map_err(suspended)?;
        let caller = Caller { share, connection: connection.clone(), concurrency: component.concurrency };
        let longest = LONGEST_WAIT.min(access.wall());
        let permit = permits.acquire(caller, longest).await;
        let permit = permit.ok_or_else(|| CallError::Busy(self.room(purpose)))?;
        // Others may have been told to wait meanwhile.
        self.check_pauses(scopes.as_ref())?;
        self.breakers.begin(&subjects, Instant::now()).map_err(suspended)?;
        Ok(Pass { gate: self, subjects, connection, scopes, _permit: permit })
    }

    fn check_pauses(&self, scopes: Option<&PauseScopes>) -> Result<(), CallError> {
        let wait = scopes.and_then(|scopes| self.pauses.wait(&scopes.all(), Instant::now()));
        wait.map_or(Ok(()), |wait| Err(CallError::Paused(wait)))
    }
}

impl PauseScopes {
    fn new(access: &Access, connection: &Arc<str>, provider: &Arc<str>) -> Self {
        let share = access.share(provider);
        let is_shared = share.origin == *provider;
        let (organisation, origin, sign_in) = (share.organisation, share.origin, access.target.sign_in.as_str().into());
        Self {
            connection: PausedCalls::Connection(connection.clone()),
            organisation: PausedCalls::Organisation { organisation, origin, sign_in },
            provider: is_shared.then(|| PausedCalls::Provider(provider.clone())),
        }
    }

    fn all(&self) -> Vec<PausedCalls> {
        [&self.connection, &self.organisation].into_iter().chain(&self.provider).cloned().collect()
    }

    fn bound_by(&self, scope: PauseScope) -> &PausedCalls {
        match scope {
            PauseScope::Connection => &self.connection,
            PauseScope::Organisation => &self.organisation,
            PauseScope::Provider => self.provider.as_ref().unwrap_or(&self.organisation),
        }
    }
}

impl Pass<'_> {
    /// Ends the call. `signs` reads what a value tells about the service.
    pub(super) fn end<T>(
        mut self,
        outcome: Result<T, CallError>,
        signs: impl FnOnce(&T) -> Signs,
    ) -> Result<T, CallError> {
        let signs = match &outcome {
            Ok(value) => signs(value),
            Err(CallError::Failure(failure)) => Signs { is_outage: false, pause: pause(failure) },
            Err(_) => Signs::default(),
        };
        if let (Some(scopes), Some(pause)) = (&self.scopes, signs.pause) {
            self.gate.pauses.pause(scopes.bound_by(pause.scope).clone(), pause.length(), Instant::now());
        }
        self.tell(verdicts(outcome.as_ref().map(|_| signs.is_outage)));
        outcome
    }

    fn tell(&mut self, [service, version]: [Outcome; 2]) {
        let Some(connection) = &self.connection else { return };
        let own = if version == Outcome::Failure { version } else { service };
        for (subject, verdict) in self.subjects.drain(..).zip([own, service, version]) {
            self.gate.breakers.end(&subject, connection, verdict, Instant::now());
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // A call that was given up.
        self.tell([Outcome::Unrelated; 2]);
    }
}

fn suspended((subject, wait): (&Subject, Duration)) -> CallError {
    match subject {
        Subject::Connection(_) => CallError::ConnectionSuspended(wait),
        Subject::Origin { .. } => CallError::ServiceSuspended(wait),
        Subject::Version { .. } => CallError::VersionSuspended(wait),
    }
}

/// The wait that a failure asks for.
fn pause(failure: &Failure) -> Option<Pause> {
    match failure.remedy {
        Remedy::SlowDown(pause) => Some(pause),
        _ => None,
    }
}

/// Of two waits the one that binds more calls, and of two for the same calls the longer one.
fn longer(one: Option<Pause>, other: Option<Pause>) -> Option<Pause> {
    [one, other].into_iter().flatten().max_by_key(|pause| (pause.scope, pause.milliseconds))
}

/// What the outcome of a call tells about the origin, and about the version of the provider. A value tells whether it means
/// that the service is down.
fn verdicts(outcome: Result<bool, &CallError>) -> [Outcome; 2] {
    let error = match outcome {
        Ok(true) => return [Outcome::Failure, Outcome::Success],
        Ok(false) => return [Outcome::Success; 2],
        Err(error) => error,
    };
    match error {
        CallError::Failure(failure) if failure.remedy == Remedy::Temporary => [Outcome::Failure, Outcome::Success],
        CallError::Failure(_) => [Outcome::Success; 2],
        CallError::Exhausted(BudgetLimit::Wall(_) | BudgetLimit::BackgroundWall(_)) => {
            [Outcome::Failure, Outcome::Unrelated]
        }
        CallError::Exhausted(_) | CallError::Trapped(_) | CallError::BadAnswer(_) => {
            [Outcome::Unrelated, Outcome::Failure]
        }
        CallError::Denied(_)
        | CallError::NotExported(_)
        | CallError::Busy(_)
        | CallError::Paused(_)
        | CallError::ConnectionSuspended(_)
        | CallError::ServiceSuspended(_)
        | CallError::VersionSuspended(_)
        | CallError::Host(_) => [Outcome::Unrelated; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_the_services_and_a_crash_the_codes() {
        use Outcome::{Failure as Bad, Success as Good, Unrelated};
        let failure =
            |remedy| CallError::Failure(Failure { remedy, service_code: String::new(), detail: String::new() });
        let second = Duration::from_secs(1);
        for (error, expected) in [
            (failure(Remedy::Temporary), [Bad, Good]),
            (failure(Remedy::Reconnect), [Good, Good]),
            (failure(Remedy::SlowDown(Pause { milliseconds: 1, scope: PauseScope::Connection })), [Good, Good]),
            (CallError::Exhausted(BudgetLimit::Wall(second)), [Bad, Unrelated]),
            (CallError::Exhausted(BudgetLimit::BackgroundWall(second)), [Bad, Unrelated]),
            (CallError::Exhausted(BudgetLimit::Memory(1)), [Unrelated, Bad]),
            (CallError::BadAnswer(String::new()), [Unrelated, Bad]),
            (CallError::Busy(1), [Unrelated, Unrelated]),
            (CallError::ServiceSuspended(second), [Unrelated, Unrelated]),
        ] {
            let text = format!("{error:?}");
            assert_eq!(verdicts(Err(&error)), expected, "{text}");
        }
        assert_eq!(verdicts(Ok(false)), [Good, Good]);
        assert_eq!(verdicts(Ok(true)), [Bad, Good]);
    }
}
