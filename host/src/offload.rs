//! Work whose amount somebody else chose, away from the threads that serve requests.
//!
//! Problem: a provider may return 200,000 intervals. To convert, sort and write them takes tenths of a second in which a thread
//! of the runtime serves nobody else, and there are few threads (S4 of the security review). Decision: [`offload`] hands the
//! other tasks of this thread to another one while it works on many records. Rejected: `spawn_blocking`, which wants owned
//! values, and for a few records costs more than the work; and a runtime of its own for providers, which costs every call two
//! changes of threads.

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

/// Work on this many records takes less than a millisecond.
const FEW: usize = 1_000;

/// Does work on this many records.
pub fn offload<T>(records: usize, work: impl FnOnce() -> T) -> T {
    if records > FEW { hand_over(work) } else { work() }
}

/// Hands the other tasks of this thread to another one, which takes about 10 µs, and does the work.
pub fn hand_over<T>(work: impl FnOnce() -> T) -> T {
    // A runtime of one thread, as in a test or a command, has nobody to hand its tasks to.
    let is_shared = Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_shared { block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// The runtime has one thread, and the work waits for another task, which only another thread can run.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_go_on_during_much_work() {
        let working = tokio::spawn(async {
            let (done, wait) = mpsc::channel();
            tokio::spawn(async move { done.send(()) });
            offload(FEW + 1, || wait.recv())
        });
        assert_eq!(working.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_works_too() {
        assert_eq!(offload(FEW + 1, || 42), 42);
    }

    #[test]
    fn work_needs_no_runtime() {
        assert_eq!(offload(FEW + 1, || 42), 42);
    }
}
