//! The breakers of a host. [`Breaker`] holds the rules of one; this file keeps one for each connection, origin and version.
//!
//! A call can fail because of its connection (one calendar is too large), of its service, or of the code that is called, and
//! a single failure does not tell which. So each has a breaker. For the two that connections share, failures in a row count
//! once for each connection, so that one calendar that always fails suspends nothing but itself. Each organisation has
//! breakers of its own, so that what its servers and data do to calls never keeps another from calling.

use super::{Breaker, Outcome};
use crate::locks;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How many breakers are kept whose pause is over.
const MOST: usize = 10_000;

/// Something that can fail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A connection.
    Connection(Arc<str>),
    /// The server or service of connections: its outage.
    Origin {
        /// The organisation.
        organisation: Arc<str>,
        /// The server or service.
        origin: Arc<str>,
    },
    /// A version of a provider: the fault of its code.
    Version {
        /// The organisation.
        organisation: Arc<str>,
        /// The SHA-256 of the component in hex.
        sha256: Arc<str>,
    },
}

/// The breakers of a host.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<HashMap<Subject, Entry>>);

/// The breaker of a subject.
#[derive(Debug, Default)]
struct Entry {
    breaker: Breaker,
    /// While it is closed: the connections whose failures are counted.
    failing: Vec<Arc<str>>,
}

impl Breakers {
    /// Whether a call that depends on all of these could begin.
    ///
    /// # Errors
    /// With the first that is not called now, and for how long.
    pub fn check<'a>(&self, subjects: &'a [Subject], now: Instant) -> Result<(), (&'a Subject, Duration)> {
        find_open(&locks::lock(&self.0), subjects, now)
    }

    /// Begins a call that depends on all of these.
    ///
    /// # Errors
    /// As [`Breakers::check`]. Then nothing has begun.
    pub fn begin<'a>(&self, subjects: &'a [Subject], now: Instant) -> Result<(), (&'a Subject, Duration)> {
        let mut entries = locks::lock(&self.0);
        find_open(&entries, subjects, now)?;
        for subject in subjects {
            if let Some(entry) = entries.get_mut(subject) {
                entry.breaker = entry.breaker.begin(now);
            }
        }
        Ok(())
    }

    /// Ends a call of a connection, with what it tells about one of its subjects.
    pub fn end(&self, subject: &Subject, connection: &Arc<str>, outcome: Outcome, now: Instant) {
        let mut entries = locks::lock(&self.0);
        let Some(entry) = entries.get_mut(subject) else {
            if outcome == Outcome::Failure {
                if entries.len() >= MOST {
                    entries.retain(|_, entry| entry.breaker.wait(now).is_some());
                }
                let mut entry = Entry::default();
                entry.end(subject, connection, outcome, now);
                entries.insert(subject.clone(), entry);
            }
            return;
        };
        entry.end(subject, connection, outcome, now);
        if entry.breaker == Breaker::default() {
            entries.remove(subject);
        }
    }
}

impl Entry {
    fn end(&mut self, subject: &Subject, connection: &Arc<str>, outcome: Outcome, now: Instant) {
        let before = self.breaker;
        let is_closed = matches!(before, Breaker::Closed { .. });
        if outcome == Outcome::Failure && is_closed && !matches!(subject, Subject::Connection(_)) {
            if self.failing.contains(connection) {
                return;
            }
            self.failing.push(connection.clone());
        }
        self.breaker = before.end(outcome, now);
        if matches!(self.breaker, Breaker::Open { .. }) {
            self.failing.clear();
            if before != self.breaker && outcome == Outcome::Failure {
                tracing::warn!(?subject, wait = ?self.breaker.wait(now), "calls fail again and again; none begins for a while");
            }
        }
    }
}

fn find_open<'a>(
    entries: &HashMap<Subject, Entry>,
    subjects: &'a [Subject],
    now: Instant,
) -> Result<(), (&'a Subject, Duration)> {
    let wait = |subject| entries.get(subject).and_then(|entry: &Entry| entry.breaker.wait(now));
    subjects.iter().find_map(|subject| Some((subject, wait(subject)?))).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The subjects of a connection to the one server of an organisation.
    fn subjects(connection: &str) -> [Subject; 2] {
        let origin = Subject::Origin { organisation: "o".into(), origin: "s".into() };
        [Subject::Connection(connection.into()), origin]
    }

    fn fail(breakers: &Breakers, connection: &str, now: Instant) {
        for subject in subjects(connection) {
            breakers.end(&subject, &connection.into(), Outcome::Failure, now);
        }
    }

    #[test]
    fn a_connection_that_always_fails_suspends_only_itself() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        for _ in 0..20 {
            fail(&breakers, "one", now);
        }
        let own = subjects("one");
        assert_eq!(breakers.check(&own, now).map_err(|(subject, _)| subject), Err(&own[0]));
        assert!(breakers.check(&subjects("other"), now).is_ok());
    }

    #[test]
    fn failures_of_five_connections_suspend_what_they_share() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        let other = subjects("other");
        for connection in ["1", "2", "3", "4", "1", "4"] {
            fail(&breakers, connection, now);
            assert!(breakers.check(&other, now).is_ok());
        }
        fail(&breakers, "5", now);
        let (subject, wait) = breakers.check(&other, now).unwrap_err();
        assert_eq!(subject, &other[1]);
        // One probe, which succeeds.
        let later = now + wait;
        breakers.begin(&other, later).unwrap();
        assert!(breakers.begin(&subjects("another"), later).is_err());
        for subject in &other {
            breakers.end(subject, &"other".into(), Outcome::Success, later);
        }
        assert!(breakers.check(&subjects("another"), later).is_ok());
        // A success in between, and the count begins again.
        for connection in ["1", "2", "3", "4"] {
            fail(&breakers, connection, later);
        }
        breakers.end(&other[1], &"other".into(), Outcome::Success, later);
        fail(&breakers, "5", later);
        assert!(breakers.check(&other, later).is_ok());
    }
}
