//! Locks that stay usable after a panic.
//!
//! Problem: a lock of the standard library is poisoned when a thread panics while it holds the lock, and then every later
//! use is an error. Decision: a poisoned lock is used again. Each lock of this crate guards a value that is whole between
//! any two statements (a map of a cache, a counter, the newest of something), so a panic leaves no half-made state, and one
//! failed request must not fail all later ones. A value for which that does not hold must not be locked by these functions.
//! Rejected: `parking_lot`, whose locks do the same and would be one more dependency.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks a mutex.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading.
pub fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing.
pub fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_lock_is_usable_after_a_panic() {
        let (mutex, shared) = (Mutex::new(1), RwLock::new(1));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let (_first, _second) = (lock(&mutex), write(&shared));
            panic!("with both locks held");
        }));
        assert!(panicked.is_err() && mutex.is_poisoned() && shared.is_poisoned());
        *write(&shared) += *lock(&mutex);
        assert_eq!(*read(&shared), 2);
    }
}
