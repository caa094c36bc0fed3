//! When something that fails again and again is left alone. A value without I/O: the next state follows from the outcome
//! and the time.
//!
//! It opens after [`FAILURES`] failures in a row. While it is open, no call begins. After a pause it is half open: one call
//! begins, the probe, and all others still wait. If the probe succeeds, it closes; if it fails, it opens for twice as
//! long. A probe that tells nothing, or nothing within [`PROBE`], makes room for another.

use std::time::{Duration, Instant};

/// The number of failures in a row after which a breaker opens.
const FAILURES: u32 = 5;

/// The first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long a probe keeps others from being one.
const PROBE: Duration = Duration::from_secs(60);

/// What a call shows about the subject of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Success,
    /// It does not work.
    Failure,
    /// Nothing.
    Unrelated,
}

/// The state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// Calls begin.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// No call begins until then; the next is the probe.
    Open {
        /// The end of the pause.
        until: Instant,
        /// How often it has opened since the last success.
        trips: u32,
    },
    /// A probe is under way.
    HalfOpen {
        /// When another probe may begin.
        until: Instant,
        /// How often it has opened since the last success.
        trips: u32,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// How long no call may begin. `None` if one may begin now.
    #[must_use]
    pub fn wait(self, now: Instant) -> Option<Duration> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { until, .. } | Self::HalfOpen { until, .. } => {
                Some(until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
            }
        }
    }

    /// The state after a call has begun, which [`Breaker::wait`] allowed.
    #[must_use]
    pub fn begin(self, now: Instant) -> Self {
        match self {
            Self::Closed { .. } => self,
            Self::Open { trips, .. } | Self::HalfOpen { trips, .. } => Self::HalfOpen { until: now + PROBE, trips },
        }
    }

    /// The state after a call has ended.
    #[must_use]
    pub fn end(self, outcome: Outcome, now: Instant) -> Self {
        let open = |trips| Self::Open { until: now + pause(trips), trips: trips + 1 };
        match (self, outcome) {
            (_, Outcome::Success) => Self::default(),
            (Self::Closed { failures }, Outcome::Failure) if failures + 1 < FAILURES => {
                Self::Closed { failures: failures + 1 }
            }
            (Self::Closed { .. }, Outcome::Failure) => open(0),
            (Self::HalfOpen { trips, .. }, Outcome::Failure) => open(trips),
            (Self::HalfOpen { trips, .. }, Outcome::Unrelated) => Self::Open { until: now, trips },
            // A call that began before it opened.
            (Self::Open { .. }, Outcome::Failure) | (_, Outcome::Unrelated) => self,
        }
    }
}

fn pause(trips: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << trips.min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Pass(u64),
        /// A call asks to begin.
        Begin,
        /// The oldest call under way ends.
        End(Outcome),
    }

    fn step() -> impl Strategy<Value = Step> {
        let outcome = prop_oneof![
            1 => Just(Outcome::Success),
            6 => Just(Outcome::Failure),
            1 => Just(Outcome::Unrelated),
        ];
        prop_oneof![
            2 => (0..400_u64).prop_map(Step::Pass),
            4 => Just(Step::Begin),
            4 => outcome.prop_map(Step::End),
        ]
    }

    /// The model: what has happened since the last success, as a list.
    #[derive(Default)]
    struct Model {
        /// Whether each outcome was a failure of a call that counts, and when.
        failures: Vec<Instant>,
        /// When the pause that runs began, and which it is.
        paused: Option<(Instant, u32)>,
        /// The probe under way.
        probe: Option<Instant>,
    }

    impl Model {
        fn may_begin(&self, now: Instant) -> bool {
            let seconds = |trip: u32| [10, 20, 40, 80, 160, 300][usize::try_from(trip).unwrap().min(5)];
            match (self.paused, self.probe) {
                (None, _) => true,
                (_, Some(begun)) => now >= begun + Duration::from_secs(60),
                (Some((since, trip)), None) => now >= since + Duration::from_secs(seconds(trip)),
            }
        }

        fn end(&mut self, outcome: Outcome, now: Instant) {
            match outcome {
                Outcome::Success => *self = Self::default(),
                Outcome::Unrelated => {
                    // The pause is over: the next may try.
                    if let (Some((since, _)), Some(_)) = (&mut self.paused, self.probe.take()) {
                        *since = now - Duration::from_secs(300);
                    }
                }
                Outcome::Failure => match (self.paused, self.probe.take()) {
                    (None, _) => {
                        self.failures.push(now);
                        if self.failures.len() == 5 {
                            self.paused = Some((now, 0));
                        }
                    }
                    (Some((_, trip)), Some(_)) => self.paused = Some((now, trip + 1)),
                    (Some(_), None) => {}
                },
            }
        }
    }

    proptest! {
        #[test]
        fn a_breaker_does_what_its_model_does(steps in proptest::collection::vec(step(), 0..300)) {
            let mut now = Instant::now() + Duration::from_secs(1000);
            let (mut breaker, mut model) = (Breaker::default(), Model::default());
            for step in steps {
                match step {
                    Step::Pass(seconds) => now += Duration::from_secs(seconds),
                    Step::Begin => {
                        let wait = breaker.wait(now);
                        prop_assert_eq!(wait.is_none(), model.may_begin(now));
                        match wait {
                            None => {
                                breaker = breaker.begin(now);
                                model.probe = model.paused.map(|_| now);
                            }
                            // It says exactly how long.
                            Some(wait) => {
                                prop_assert!(wait <= LONGEST_PAUSE && model.may_begin(now + wait));
                                prop_assert!(!model.may_begin(now + wait - Duration::from_nanos(1)));
                            }
                        }
                    }
                    Step::End(outcome) => {
                        breaker = breaker.end(outcome, now);
                        model.end(outcome, now);
                    }
                }
            }
            // Whatever happened, one success makes all well.
            let closed = breaker.end(Outcome::Success, now);
            prop_assert_eq!(closed, Breaker::default());
        }
    }

    #[test]
    fn four_failures_are_no_reason_and_five_are() {
        let now = Instant::now();
        let after = |failures| (0..failures).fold(Breaker::default(), |state, _| state.end(Outcome::Failure, now));
        assert_eq!(after(4).wait(now), None);
        assert_eq!(after(5).wait(now), Some(FIRST_PAUSE));
        // Others that were under way do not make it longer.
        assert_eq!(after(50).wait(now), Some(FIRST_PAUSE));
    }
}
