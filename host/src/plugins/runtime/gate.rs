//! The way into a sandbox: past the breakers, and with a permit.
//!
//! One pure function ([`verdicts`]) decides whether a call counts for or against the service and the provider's version.
//! Each failure also counts against the connection. Calls without a connection (a person who is connecting a calendar, the
//! conformance suite) pass by the breakers, because they may fail for a mistyped password or address.

use super::error::CallError;
use crate::{
    fairness::{Breakers, Caller, Outcome, Permit, Permits, Subject},
    plugins::{
        contract::Remedy,
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
}

/// A call that was let in. Dropping it lets the next one in.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    /// Empty for a call without a connection, and once the call has told about them.
    subjects: Vec<Subject>,
    connection: Option<Arc<str>>,
    _permit: Permit,
}

/// The component that is called.
#[derive(Clone, Copy)]
pub(super) struct ComponentRef<'a> {
    pub(super) id: &'a Arc<str>,
    pub(super) sha256: &'a Arc<str>,
}

impl Gate {
    pub(super) fn new(concurrent_calls: u32) -> Self {
        Self {
            concurrent_calls,
            permits: Permits::new(concurrent_calls as usize),
            offline_permits: Permits::new(OFFLINE_CALLS as usize),
            breakers: Breakers::default(),
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
        self.breakers.check(&subjects, Instant::now()).map_err(suspended)?;
        let longest = LONGEST_WAIT.min(access.wall());
        let permit = permits.acquire(Caller { share, connection: connection.clone() }, longest).await;
        let permit = permit.ok_or_else(|| CallError::Busy(self.room(purpose)))?;
        self.breakers.begin(&subjects, Instant::now()).map_err(suspended)?;
        Ok(Pass { gate: self, subjects, connection, _permit: permit })
    }
}

impl Pass<'_> {
    /// Ends the call. `is_outage` says of a value whether it means that the service is down.
    pub(super) fn end<T>(
        mut self,
        outcome: Result<T, CallError>,
        is_outage: impl FnOnce(&T) -> bool,
    ) -> Result<T, CallError> {
        self.tell(verdicts(&outcome, is_outage));
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

/// What the outcome of a call tells about the origin, and about the version of the provider.
fn verdicts<T>(outcome: &Result<T, CallError>, is_outage: impl FnOnce(&T) -> bool) -> [Outcome; 2] {
    let error = match outcome {
        Ok(value) if is_outage(value) => return [Outcome::Failure, Outcome::Success],
        Ok(_) => return [Outcome::Success; 2],
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
        | CallError::ConnectionSuspended(_)
        | CallError::ServiceSuspended(_)
        | CallError::VersionSuspended(_)
        | CallError::Host(_) => [Outcome::Unrelated; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::contract::Failure;

    #[test]
    fn an_outage_is_the_services_and_a_crash_the_codes() {
        use Outcome::{Failure as Bad, Success as Good, Unrelated};
        let failure =
            |remedy| CallError::Failure(Failure { remedy, service_code: String::new(), detail: String::new() });
        let second = Duration::from_secs(1);
        for (error, expected) in [
            (failure(Remedy::Temporary), [Bad, Good]),
            (failure(Remedy::Reconnect), [Good, Good]),
            (failure(Remedy::SlowDown(1)), [Good, Good]),
            (CallError::Exhausted(BudgetLimit::Wall(second)), [Bad, Unrelated]),
            (CallError::Exhausted(BudgetLimit::BackgroundWall(second)), [Bad, Unrelated]),
            (CallError::Exhausted(BudgetLimit::Memory(1)), [Unrelated, Bad]),
            (CallError::BadAnswer(String::new()), [Unrelated, Bad]),
            (CallError::Busy(1), [Unrelated, Unrelated]),
            (CallError::ServiceSuspended(second), [Unrelated, Unrelated]),
        ] {
            let text = format!("{error:?}");
            assert_eq!(verdicts(&Err::<(), _>(error), |()| false), expected, "{text}");
        }
        assert_eq!(verdicts(&Ok(1), |_| false), [Good, Good]);
        assert_eq!(verdicts(&Ok(1), |_| true), [Bad, Good]);
    }
}
