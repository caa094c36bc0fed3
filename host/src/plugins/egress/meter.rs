//! What one call has used of its network budget.

use crate::plugins::limits::{Budget, Exhausted};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

/// What one call has used of its network budget. Shared with the tasks that carry its requests.
#[derive(Debug, Default)]
pub(in crate::plugins) struct Meter {
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
    pub(in crate::plugins) fn exhausted(&self) -> Option<Exhausted> {
        *self.exhausted.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(meter.response(1, &budget), Err(Exhausted::ResponseBytes(10)));
        assert_eq!(meter.request(&budget), Err(Exhausted::ResponseBytes(10)));
        assert_eq!(meter.exhausted(), Some(Exhausted::ResponseBytes(10)));
    }
}
