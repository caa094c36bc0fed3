//! A bucket of tokens, as pure functions of (state, now).
//!
//! A request takes a token, and tokens come back evenly over the window. The state of a bucket is the instant at which it is
//! full again; each token that is taken moves this instant by the time in which one comes back (the generic cell rate
//! algorithm of ITU-T I.371). So there is nothing to refill, and a bucket that is full needs no memory.

/// What a bucket holds. All times are in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The time in which an empty bucket becomes full.
    window: u64,
    /// The time in which one token comes back.
    interval: u64,
}

/// The result of taking a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// There was one.
    Token {
        /// The instant at which the bucket is full again; the new state.
        full_at: u64,
        /// The tokens that are left.
        left: u64,
    },
    /// There was none; the state stays.
    Nothing {
        /// The time until there is one.
        wait: u64,
    },
}

impl Quota {
    /// The share of one of `hosts` hosts in `most` tokens per window. Each host has at least one token.
    #[must_use]
    pub fn new(most: u32, window: u64, hosts: u32) -> Self {
        let (most, hosts) = (u64::from(most.max(1)), u64::from(hosts.max(1)));
        Self { window, interval: window.saturating_mul(hosts).div_ceil(most).clamp(1, window.max(1)) }
    }

    /// The number of tokens in a full bucket.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.window / self.interval
    }

    /// Takes a token from the bucket that is full at `full_at`.
    #[must_use]
    pub fn take(&self, full_at: u64, now: u64) -> Taken {
        // A bucket never lacks more than all its tokens, also if the clock or the quota has changed.
        let missing = full_at.saturating_sub(now).min(self.window);
        let after = missing + self.interval;
        match self.window.checked_sub(after) {
            Some(rest) => Taken::Token { full_at: now + after, left: rest / self.interval },
            None => Taken::Nothing { wait: after - self.window },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The model: tokens are counted in parts of the window, and refilled step by step.
    struct Model {
        level: u64,
        at: u64,
    }

    impl Model {
        fn take(&mut self, quota: Quota, now: u64) -> bool {
            self.level = (self.level + (now - self.at)).min(quota.window);
            self.at = now;
            let has_token = self.level >= quota.interval;
            if has_token {
                self.level -= quota.interval;
            }
            has_token
        }
    }

    fn quotas() -> impl Strategy<Value = Quota> {
        (1_u32..50, 1_u64..5_000, 1_u32..5).prop_map(|(most, window, hosts)| Quota::new(most, window, hosts))
    }

    proptest! {
        #[test]
        fn a_bucket_lets_through_what_the_model_does(quota in quotas(), steps in prop::collection::vec(0_u64..400, 1..200)) {
            let (mut full_at, mut now, mut model) = (0, 0, Model { level: quota.window, at: 0 });
            for step in steps {
                now += step;
                let expected = model.take(quota, now);
                match quota.take(full_at, now) {
                    Taken::Token { full_at: next, left } => {
                        prop_assert!(expected);
                        prop_assert_eq!(left, model.level / quota.interval);
                        full_at = next;
                    }
                    Taken::Nothing { wait } => {
                        prop_assert!(!expected);
                        // After that time, and not before, there is a token.
                        let has_token = |at| matches!(quota.take(full_at, at), Taken::Token { .. });
                        prop_assert!(has_token(now + wait) && !has_token(now + wait - 1));
                    }
                }
            }
        }

        #[test]
        fn no_window_has_more_than_the_bucket_and_what_comes_back(
            quota in quotas(), steps in prop::collection::vec(0_u64..200, 1..200), length in 1_u64..10_000,
        ) {
            let (mut full_at, mut now, mut taken) = (0, 0, Vec::new());
            for step in steps {
                now += step;
                if let Taken::Token { full_at: next, .. } = quota.take(full_at, now) {
                    taken.push(now);
                    full_at = next;
                }
            }
            for from in &taken {
                let inside = taken.iter().filter(|at| (*from..*from + length).contains(*at)).count() as u64;
                prop_assert!(inside <= quota.capacity() + length / quota.interval + 1, "{inside}");
            }
        }

        #[test]
        fn shares_of_all_hosts_are_no_more_than_the_whole(most in 1_u32..10_000, window in 1_000_000_u64..4_000_000_000, hosts in 1_u32..20) {
            let share = Quota::new(most, window, hosts).capacity();
            prop_assert!(share >= 1);
            prop_assert!(share * u64::from(hosts) <= u64::from(most.max(hosts)));
        }

        #[test]
        fn no_state_stops_a_bucket_for_longer_than_a_window(quota in quotas(), full_at: u64, now in 0_u64..1 << 40) {
            if let Taken::Nothing { wait } = quota.take(full_at, now) {
                prop_assert!(wait <= quota.interval);
            }
        }
    }
}
