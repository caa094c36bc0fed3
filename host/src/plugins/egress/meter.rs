//! How much of its network budget one call has used.

use crate::locks;
use crate::plugins::limits::{Budget, BudgetLimit};
use std::sync::{
    Mutex,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

/// How much of its network budget one call has used. Shared with the tasks that carry its requests.
#[derive(Debug, Default)]
pub(in crate::plugins) struct Meter {
    requests: AtomicU32,
    held_bytes: AtomicUsize,
    response_bytes: AtomicUsize,
    exhausted: Mutex<Option<BudgetLimit>>,
}

impl Meter {
    /// Counts a request.
    pub(super) fn request(&self, budget: &Budget) -> Result<(), BudgetLimit> {
        if self.requests.fetch_add(1, Ordering::Relaxed) < budget.requests {
            return Ok(());
        }
        Err(self.exhaust(BudgetLimit::Requests(budget.requests)))
    }

    /// Counts a refused request or header, which is work for the host as well.
    pub(super) fn refusal(&self, budget: &Budget) {
        // A call that may send nothing is told which request it sent, and not how many it may send.
        if budget.requests > 0 && self.requests.fetch_add(1, Ordering::Relaxed) >= budget.requests {
            self.exhaust(BudgetLimit::Requests(budget.requests));
        }
    }

    /// Counts bytes of a request body until [`Meter::release`].
    pub(super) fn hold(&self, bytes: usize, budget: &Budget) -> Result<(), BudgetLimit> {
        let before = self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= budget.held_bytes {
            return Ok(());
        }
        Err(self.exhaust(BudgetLimit::HeldBytes(budget.held_bytes)))
    }

    /// Ends the count of bytes that the host no longer holds.
    pub(super) fn release(&self, bytes: usize) {
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts bytes of a response.
    pub(super) fn response(&self, bytes: usize, budget: &Budget) -> Result<(), BudgetLimit> {
        let before = self.response_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= budget.response_bytes {
            return Ok(());
        }
        Err(self.exhaust(BudgetLimit::ResponseBytes(budget.response_bytes)))
    }

    /// Records that a limit was reached. Returns the limit that was reached first, which is the one that is reported.
    pub(super) fn exhaust(&self, what: BudgetLimit) -> BudgetLimit {
        *locks::lock(&self.exhausted).get_or_insert(what)
    }

    /// The limit that was reached first.
    pub(in crate::plugins) fn exhausted(&self) -> Option<BudgetLimit> {
        *locks::lock(&self.exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_out_first_is_what_is_told() {
        let (meter, budget) = (Meter::default(), Budget { requests: 1, response_bytes: 10, ..Budget::default() });
        assert!(meter.request(&budget).is_ok());
        assert!(meter.response(10, &budget).is_ok());
        assert_eq!(meter.response(1, &budget), Err(BudgetLimit::ResponseBytes(10)));
        assert_eq!(meter.request(&budget), Err(BudgetLimit::ResponseBytes(10)));
        assert_eq!(meter.exhausted(), Some(BudgetLimit::ResponseBytes(10)));
    }

    #[test]
    fn bytes_are_held_until_they_are_released() {
        let (meter, budget) = (Meter::default(), Budget { held_bytes: 10, ..Budget::default() });
        assert!(meter.hold(6, &budget).is_ok());
        meter.release(6);
        assert!(meter.hold(10, &budget).is_ok());
        assert_eq!(meter.hold(1, &budget), Err(BudgetLimit::HeldBytes(10)));
    }
}
