//! Limits that are counted in memory.

use super::{
    LimitReached, Limits, Rate,
    bucket::{Quota, Taken},
    shares, store,
};
use crate::{db::Db, locks};
use jiff::SignedDuration;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};

/// How often a host renews its share.
pub const RENEWAL: Duration = Duration::from_secs(10);

/// The most buckets that are not full at a time. Any further subjects share one for each limit.
const MAX_BUCKETS: usize = 65_536;

/// Counts in memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    /// The name of this host in the table of shares.
    host: String,
    /// The number of hosts that share the limits.
    hosts: AtomicU32,
    /// Times are counted from here: a clock that is set does not change them.
    begun: Instant,
    /// The instant at which each bucket is full. Those that are full are not here.
    full_at: Mutex<HashMap<(Rate, String), u64>>,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The limit.
    pub rate: Rate,
    /// How often something may happen in a window, on all hosts together.
    pub most: u32,
    /// How often it may happen now.
    pub left: u64,
    /// The time until it may happen as often as ever.
    pub full_after: SignedDuration,
}

impl Limiter {
    /// A limiter that is alone.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let host = format!("{:016x}", getrandom::u64().unwrap_or_default());
        let (hosts, begun, full_at) = (AtomicU32::new(1), Instant::now(), Mutex::default());
        Self(Arc::new(Inner { limits, host, hosts, begun, full_at }))
    }

    /// Counts an act of a subject.
    ///
    /// # Errors
    /// If the limit is reached.
    pub fn take(&self, rate: Rate, subject: &str) -> Result<Standing, LimitReached> {
        let Inner { limits, begun, full_at, .. } = &*self.0;
        let now = micros(begun.elapsed());
        let (most, window) = (limits.most(rate), micros(rate.window().unsigned_abs()));
        let quota = Quota::new(most, window, self.hosts());
        let mut full_at = locks::lock(full_at);
        let mut key = (rate, subject.to_owned());
        if full_at.len() >= MAX_BUCKETS && !full_at.contains_key(&key) {
            key.1.clear();
        }
        let taken = quota.take(full_at.get(&key).copied().unwrap_or_default(), now);
        let after = |time: u64| SignedDuration::from_micros(i64::try_from(time).unwrap_or(i64::MAX));
        match taken {
            Taken::Token { full_at: next, left } => {
                full_at.insert(key, next);
                Ok(Standing { rate, most, left, full_after: after(next - now) })
            }
            Taken::Nothing { wait } => Err(LimitReached { rate, most, retry_after: after(wait) }),
        }
    }

    /// The number of hosts that share the limits, as far as this host knows.
    #[must_use]
    pub fn hosts(&self) -> u32 {
        self.0.hosts.load(Ordering::Relaxed)
    }

    /// Renews the share of this host, and forgets buckets that are full.
    ///
    /// # Errors
    /// If the database fails; the share stays as it is.
    pub async fn renew(&self, db: &Db) -> sqlx::Result<()> {
        let now = micros(self.0.begun.elapsed());
        locks::lock(&self.0.full_at).retain(|_, full_at| *full_at > now);
        let mut tx = db.begin().await?;
        let now = tx.now().await?;
        let hosts = shares::renew(&mut store::leases(&mut tx).await?, &self.0.host, now);
        store::put_lease(&mut tx, &self.0.host, now).await?;
        tx.commit().await?;
        self.0.hosts.store(hosts, Ordering::Relaxed);
        Ok(())
    }

    /// Renews the share of this host for as long as it is polled.
    pub async fn keep_share(&self, db: &Db) {
        let mut ticks = interval(RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one comes at once, and the share was renewed when the host was opened.
        ticks.tick().await;
        let mut reachable = true;
        loop {
            ticks.tick().await;
            match self.renew(db).await {
                Ok(()) => reachable = true,
                // Logged once, not every ten seconds until the database is back.
                Err(error) => {
                    if std::mem::take(&mut reachable) {
                        tracing::warn!(%error, "the share of the rate limits cannot be renewed and stays as it is");
                    }
                }
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_a_bucket_of_its_own() {
        let mut limits = Limits::default();
        limits.set(Rate::Search, 2);
        let limiter = Limiter::new(limits);
        let standing = limiter.take(Rate::Search, "ann").unwrap();
        assert_eq!((standing.most, standing.left), (2, 1));
        assert_eq!(limiter.take(Rate::Search, "ann").unwrap().left, 0);
        let reached = limiter.take(Rate::Search, "ann").unwrap_err();
        assert!(reached.rate == Rate::Search && reached.retry_after <= SignedDuration::from_secs(30), "{reached:?}");
        assert!(limiter.take(Rate::Search, "ben").is_ok() && limiter.take(Rate::Write, "ann").is_ok());
        // Two hosts share: each has one of the two.
        limiter.0.hosts.store(2, Ordering::Relaxed);
        assert_eq!(limiter.take(Rate::Search, "eve").unwrap().left, 0);
        assert!(limiter.take(Rate::Search, "eve").is_err());
    }

    #[test]
    fn memory_is_bounded_however_many_subjects_there_are() {
        let limiter = Limiter::new(Limits::default());
        for subject in 0..MAX_BUCKETS + 1_000 {
            let _ = limiter.take(Rate::BadTokens, &subject.to_string());
        }
        assert!(locks::lock(&limiter.0.full_at).len() <= MAX_BUCKETS + Rate::ALL.len());
        // Those that share a bucket have used it up; one with a bucket of its own has not.
        assert!(limiter.take(Rate::BadTokens, "new").is_err() && limiter.take(Rate::BadTokens, "1").is_ok());
    }
}
