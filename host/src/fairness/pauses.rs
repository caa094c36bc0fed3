//! The waits that services ask for.
//!
//! Problem: a service that gets too many requests names a wait, and may mean one account, a whole organisation or the whole
//! application. A host that only puts off the call that was told would go on with all others. Decision: each wait is kept
//! with what it binds ([`PausedCalls`]), and no such call begins before it is over. Waits are kept in memory: each host is
//! told by the service itself. Rejected: waits in the database, which would cost a statement for each call.

use crate::locks;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// The longest wait that is believed. A service that wants more says so again.
const LONGEST: Duration = Duration::from_secs(3600);

/// How many waits are kept that are over.
const MOST: usize = 10_000;

/// The calls that wait.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PausedCalls {
    /// Those of a connection.
    Connection(Arc<str>),
    /// Those of an organisation's connections by one sign-in.
    Organisation {
        /// The organisation.
        organisation: Arc<str>,
        /// The server or service.
        origin: Arc<str>,
        /// The id of the sign-in.
        sign_in: Arc<str>,
    },
    /// All of a provider.
    Provider(Arc<str>),
}

/// The waits of a host.
#[derive(Debug, Default)]
pub struct Pauses(Mutex<HashMap<PausedCalls, Instant>>);

impl Pauses {
    /// How long a call waits to which all of these apply. `None` if it may begin.
    pub fn wait(&self, calls: &[PausedCalls], now: Instant) -> Option<Duration> {
        let pauses = locks::lock(&self.0);
        let ends = calls.iter().filter_map(|calls| pauses.get(calls));
        ends.map(|end| end.saturating_duration_since(now)).max().filter(|wait| !wait.is_zero())
    }

    /// Lets calls wait. A shorter wait does not end a longer one.
    pub fn pause(&self, calls: PausedCalls, wait: Duration, now: Instant) {
        let mut pauses = locks::lock(&self.0);
        if pauses.len() >= MOST {
            pauses.retain(|_, end| *end > now);
        }
        let end = now + wait.min(LONGEST);
        let present = pauses.entry(calls).or_insert(end);
        *present = end.max(*present);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_binds_what_it_names_until_it_is_over() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let seconds = Duration::from_secs;
        let connection = |name: &str| PausedCalls::Connection(name.into());
        let provider = || PausedCalls::Provider("p".into());
        pauses.pause(connection("one"), seconds(20), now);
        pauses.pause(connection("one"), seconds(5), now);
        let one = [connection("one"), provider()];
        let other = [connection("other"), provider()];
        assert_eq!((pauses.wait(&one, now), pauses.wait(&other, now)), (Some(seconds(20)), None));
        pauses.pause(provider(), seconds(30), now);
        assert_eq!(pauses.wait(&one, now + seconds(1)), Some(seconds(29)));
        assert_eq!(pauses.wait(&other, now + seconds(30)), None);
        pauses.pause(provider(), seconds(1_000_000), now);
        assert_eq!(pauses.wait(&other, now), Some(LONGEST));
    }
}
