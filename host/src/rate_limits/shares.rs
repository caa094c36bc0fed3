//! How hosts share a limit, as pure functions of (state, now).
//!
//! Each host has a lease, which it renews long before it ends, and an equal share of every limit: one of as many as there
//! are leases. A host that joins has its share at once, so until the others have renewed, all together have more than the
//! whole; after one renewal of each they never have. The share of a host that has died is unused until its lease ends.
//! Rejected: shares by demand, which need a row for every subject, and a proxy spreads requests evenly anyway.

use std::collections::BTreeMap;

/// How long a lease lasts, in microseconds: two renewals may fail.
pub const LEASE: i64 = 30_000_000;

/// The leases: when each ends, by host.
pub type Leases = BTreeMap<String, i64>;

/// The latest end that a lease can have, somewhat after the present ones: the clock of one that ends later was wrong.
#[must_use]
pub const fn latest_end(now: i64) -> i64 {
    now.saturating_add(2 * LEASE)
}

/// Renews the lease of a host, and returns the number of hosts that share the limits.
pub fn renew(leases: &mut Leases, host: &str, now: i64) -> u32 {
    leases.retain(|_, until| *until > now && *until <= latest_end(now));
    leases.insert(host.to_owned(), now + LEASE);
    u32::try_from(leases.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How often hosts renew.
    const PERIOD: i64 = 10_000_000;

    proptest! {
        /// Hosts come and die as they like; each renews once in every period, at an instant of its own.
        #[test]
        fn shares_are_never_more_than_the_whole_once_all_have_renewed(
            offsets in prop::collection::vec(0..PERIOD, 6),
            lives in prop::collection::vec((0_i64..20, 1_i64..20), 6),
        ) {
            let mut leases = Leases::new();
            let mut shares: BTreeMap<usize, u32> = BTreeMap::new();
            let lives_in = |host: usize, period: i64| {
                let (born, periods) = lives[host];
                (born..born + periods).contains(&period)
            };
            let mut order: Vec<_> = (0..offsets.len()).collect();
            order.sort_by_key(|host| offsets[*host]);
            for period in 0..40 {
                let living = |host: &usize| lives_in(*host, period);
                for host in order.iter().filter(|host| living(host)) {
                    let hosts = renew(&mut leases, &host.to_string(), period * PERIOD + offsets[*host]);
                    shares.insert(*host, hosts);
                }
                shares.retain(|host, _| living(host));
                let joined = (0..offsets.len()).any(|host| lives[host].0 == period);
                let sum: f64 = shares.values().map(|hosts| 1.0 / f64::from(*hosts)).sum();
                if !joined {
                    prop_assert!(sum <= 1.0 + 1e-9, "{sum} in period {period}: {shares:?}");
                }
                // Nobody's share is smaller than if all that lived within a lease shared.
                let recent = (0..offsets.len()).filter(|host| (period - 3..=period).any(|at| lives_in(*host, at))).count();
                prop_assert!(shares.values().all(|hosts| *hosts as usize <= recent), "{shares:?} of {recent}");
            }
        }
    }
}
