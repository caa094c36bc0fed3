//! What one call may use, and the meter that holds it to that.
//!
//! Threat: a provider that spins, hoards memory, never finishes waiting, or makes the host hoard for it. Decision:
//! one budget for a call, every part of it enforced, and the part that ran out is named to the operator together
//! with the key that raises it. Rejected: wasmtime's own `StoreLimits`, which bounds each memory by itself, so that
//! a component of eight memories has eight times the limit; and fuel, which costs as much as epochs and measures
//! something that nobody can relate to a deadline.

use super::{engine::LARGEST_MEMORY, failure::Exhausted};
use serde::Deserialize;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};
use wasmtime::ResourceLimiter;

/// What one call may use. Every part is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Time on the processor, in milliseconds, of the guest and of what the host does for it meanwhile. Looked at
    /// every [`super::engine::TICK`], so that a call ends at most one tick later.
    pub cpu_ms: u64,
    /// Time on the wall, waiting included, in milliseconds.
    pub wall_ms: u64,
    /// All memories and tables of the component together, in bytes.
    pub memory_bytes: usize,
    /// Requests sent.
    pub requests: u32,
    /// The body of one request, in bytes.
    pub request_bytes: usize,
    /// The headers of one request or of one answer, in bytes.
    pub header_bytes: usize,
    /// The bodies of all answers together, uncompressed, in bytes.
    pub response_bytes: usize,
    /// Lines written to the log; what is more is counted and dropped.
    pub log_lines: u32,
    /// What the component hands over at once, in bytes: its result, or the arguments of one call to the host.
    pub result_bytes: usize,
    /// Things of the host that the component holds at a time: requests, answers, streams, headers.
    pub handles: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            cpu_ms: 10_000,
            wall_ms: 60_000,
            memory_bytes: 128 << 20,
            requests: 500,
            request_bytes: 4 << 20,
            header_bytes: 64 << 10,
            response_bytes: 64 << 20,
            log_lines: 200,
            result_bytes: 32 << 20,
            handles: 4096,
        }
    }
}

impl Budget {
    /// For input that anybody may have sent: no network, next to no time.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self {
            cpu_ms: 50,
            wall_ms: 100,
            memory_bytes: 16 << 20,
            requests: 0,
            request_bytes: 0,
            header_bytes: 0,
            response_bytes: 0,
            log_lines: 10,
            result_bytes: 64 << 10,
            handles: 16,
        }
    }

    /// Time on the processor.
    #[must_use]
    pub const fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }

    /// Time on the wall.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }
}

/// What one call has used of its network budget. Shared with the tasks that carry its requests.
#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: AtomicU32,
    response_bytes: AtomicUsize,
    exhausted: Mutex<Option<Exhausted>>,
}

impl Meter {
    /// Counts a request.
    pub(super) fn request(&self, budget: &Budget) -> Result<(), Exhausted> {
        if self.requests.fetch_add(1, Ordering::Relaxed) < budget.requests {
            return Ok(());
        }
        Err(self.exhaust(Exhausted::Requests(budget.requests)))
    }

    /// Counts bytes of an answer.
    pub(super) fn response(&self, bytes: usize, budget: &Budget) -> Result<(), Exhausted> {
        let before = self.response_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= budget.response_bytes {
            return Ok(());
        }
        Err(self.exhaust(Exhausted::ResponseBytes(budget.response_bytes)))
    }

    /// Remembers what ran out first; that is what the call is said to have failed of.
    pub(super) fn exhaust(&self, what: Exhausted) -> Exhausted {
        *self.exhausted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what)
    }

    /// What ran out, if anything did.
    pub(super) fn exhausted(&self) -> Option<Exhausted> {
        *self.exhausted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The summed limit of everything that a component can make grow.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    used: usize,
    limit: usize,
    /// Set when growth was refused: a component that cannot go on then traps on its own account.
    pub(super) refused: bool,
}

impl MemoryLimit {
    pub(super) const fn new(limit: usize) -> Self {
        Self { used: 0, limit, refused: false }
    }

    /// Growth beyond `most` would fail after we had allowed and counted it, so it is refused here.
    fn grow(&mut self, current: usize, desired: usize, most: Option<usize>, unit: usize) -> bool {
        let more = desired.saturating_sub(current).saturating_mul(unit);
        let allowed = self.used.checked_add(more).filter(|&used| used <= self.limit);
        let allowed = allowed.filter(|_| most.is_none_or(|most| desired <= most));
        match allowed {
            Some(used) => self.used = used,
            None => self.refused = true,
        }
        allowed.is_some()
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        let most = most.unwrap_or(LARGEST_MEMORY).min(LARGEST_MEMORY);
        Ok(self.grow(current, desired, Some(most), 1))
    }

    fn table_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, most, size_of::<usize>()))
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_summed_over_memories() {
        let mut limit = MemoryLimit::new(128 << 10);
        assert!(limit.memory_growing(0, 64 << 10, None).unwrap());
        assert!(limit.memory_growing(0, 64 << 10, None).unwrap());
        assert!(!limit.refused);
        assert!(!limit.memory_growing(0, 1, None).unwrap());
        assert!(limit.refused);
    }

    #[test]
    fn growth_that_did_not_happen_is_not_counted() {
        let mut limit = MemoryLimit::new(usize::MAX);
        assert!(!limit.memory_growing(0, 41, Some(40)).unwrap());
        assert!(!limit.memory_growing(0, LARGEST_MEMORY + 1, None).unwrap());
        assert!(limit.refused);
        assert!(limit.memory_growing(0, 40, Some(40)).unwrap());
        assert_eq!(limit.used, 40);
    }

    #[test]
    fn a_table_counts_by_its_elements() {
        let mut limit = MemoryLimit::new(1024);
        assert!(limit.table_growing(0, 128, None).unwrap());
        assert!(!limit.table_growing(128, 129, None).unwrap());
    }

    #[test]
    fn what_ran_out_first_is_what_is_told() {
        let (meter, budget) = (Meter::default(), Budget { requests: 1, response_bytes: 10, ..Budget::default() });
        assert!(meter.request(&budget).is_ok());
        assert!(meter.response(10, &budget).is_ok());
        assert_eq!(meter.response(1, &budget), Err(Exhausted::ResponseBytes(10)));
        assert_eq!(meter.request(&budget), Err(Exhausted::ResponseBytes(10)));
        assert_eq!(meter.exhausted(), Some(Exhausted::ResponseBytes(10)));
    }
}
