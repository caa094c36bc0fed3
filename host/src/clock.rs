//! The source of the present time.
//!
//! Problem: code that asks the system for the time can be tested only by waiting. Decision: code that needs the time is
//! given a [`Clock`]; this module alone asks the system, and a test sets a clock of its own. An enum, because there are
//! exactly two clocks. Rejected: a trait, which would make every signature generic for the sake of tests.

use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// A source of the present time, to the microsecond, which is the precision of the database.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that moves only by [`Clock::advance`]; clones share it. In microseconds since 1970.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at this instant.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self::Set(Arc::new(AtomicI64::new(time.as_microsecond())))
    }

    /// The present time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        let microseconds = match self {
            Self::System => Timestamp::now().as_microsecond(),
            Self::Set(time) => time.load(Ordering::Relaxed),
        };
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }

    /// Advances a set clock. Does nothing to the machine's clock.
    pub fn advance(&self, time: SignedDuration) {
        if let Self::Set(now) = self {
            let microseconds = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
            now.fetch_add(microseconds, Ordering::Relaxed);
        }
    }
}

/// The CPU time that the current thread has used.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_clock_moves_when_told_and_for_all_clones() {
        let clock = Clock::at("2026-03-29T00:59:59Z".parse().unwrap());
        let other = clock.clone();
        other.advance(SignedDuration::from_secs(1));
        assert_eq!(clock.now().to_string(), "2026-03-29T01:00:00Z");
    }
}
