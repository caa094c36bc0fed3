//! The breakers of a host: what acts around [`Breaker`].
//!
//! Each organisation has breakers of its own, so that what one organisation's servers and data do to calls never keeps
//! another from calling.

use super::{Breaker, Outcome};
use crate::locks;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How many breakers are kept whose pause is over.
const MOST: usize = 10_000;

/// What can fail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
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
pub struct Breakers(Mutex<HashMap<Subject, Breaker>>);

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
        let mut breakers = locks::lock(&self.0);
        find_open(&breakers, subjects, now)?;
        for subject in subjects {
            if let Some(breaker) = breakers.get_mut(subject) {
                *breaker = breaker.begin(now);
            }
        }
        Ok(())
    }

    /// Ends a call.
    pub fn end(&self, subject: &Subject, outcome: Outcome, now: Instant) {
        let mut breakers = locks::lock(&self.0);
        let before = breakers.get(subject).copied().unwrap_or_default();
        let after = before.end(outcome, now);
        if after == Breaker::default() {
            breakers.remove(subject);
        } else if after != before {
            if breakers.len() >= MOST {
                breakers.retain(|_, breaker| breaker.wait(now).is_some());
            }
            breakers.insert(subject.clone(), after);
        }
        if let (Breaker::Closed { .. } | Breaker::HalfOpen { .. }, Breaker::Open { .. }) = (before, after)
            && outcome == Outcome::Failure
        {
            tracing::warn!(?subject, wait = ?after.wait(now), "calls fail again and again; none begins for a while");
        }
    }
}

fn find_open<'a>(
    breakers: &HashMap<Subject, Breaker>,
    subjects: &'a [Subject],
    now: Instant,
) -> Result<(), (&'a Subject, Duration)> {
    let wait = |subject| breakers.get(subject).and_then(|breaker: &Breaker| breaker.wait(now));
    subjects.iter().find_map(|subject| Some((subject, wait(subject)?))).map_or(Ok(()), Err)
}
