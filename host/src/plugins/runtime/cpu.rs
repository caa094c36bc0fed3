//! The CPU time of a call.
//!
//! Threat: a CPU budget that also counts waiting, so that a provider with many short requests is cut off as if it had
//! computed; or a budget that a guest can exceed. Counting the ticks at which a guest is running has the first fault: the
//! first check after any wait sees that the epoch has advanced. Decision: the future of a call is polled on one thread at a
//! time, so the CPU time of that thread within the polls is the time of the call, including the host's work for it. The
//! engine's tick only decides when to check, so the error is at most one tick. Rejected: elapsed time within polls, which
//! charges a call for the load of the machine.

use crate::{clock::thread_cpu_time, offload::hand_over};
use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Most calls compute for less than this between two requests, in nanoseconds.
const SHORT: u64 = 1_000_000;

/// The CPU time of one call. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct CpuTime(Arc<Counters>);

/// In nanoseconds. Only the thread that polls the call writes, and the next thread that polls synchronises with it.
#[derive(Debug, Default)]
struct Counters {
    /// Used by the polls that have ended.
    spent: AtomicU64,
    /// The thread's CPU clock at the beginning of the present poll.
    began: AtomicU64,
}

impl CpuTime {
    /// Runs a future and counts its CPU time.
    pub(super) async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.0.began.store(now(), Ordering::Relaxed);
            let mut poll = || future.as_mut().poll(context);
            let polled = if self.computes() { hand_over(poll) } else { poll() };
            self.0.spent.fetch_add(self.present(), Ordering::Relaxed);
            polled
        })
        .await
    }

    /// The CPU time so far, including the present poll. Must be called within it.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed).saturating_add(self.present()))
    }

    /// Whether the call has computed for longer than most do. Such a call computes until the next tick and often returns
    /// much; both would keep other tasks waiting.
    fn computes(&self) -> bool {
        self.0.spent.load(Ordering::Relaxed) > SHORT
    }

    fn present(&self) -> u64 {
        now().saturating_sub(self.0.began.load(Ordering::Relaxed))
    }
}

/// The CPU clock of the current thread, in nanoseconds.
fn now() -> u64 {
    u64::try_from(thread_cpu_time().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    /// Computes for so long.
    fn compute(time: Duration) {
        let end = now() + u64::try_from(time.as_nanos()).unwrap();
        while now() < end {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn work_counts_and_waiting_does_not() {
        let cpu = CpuTime::default();
        let mut polls = 0;
        let inside = cpu.clone();
        let mut measured = pin!(cpu.measure(poll_fn(|_| {
            polls += 1;
            let before = inside.spent();
            compute(Duration::from_millis(4));
            assert!(inside.spent() - before >= Duration::from_millis(4));
            if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
        })));
        let mut context = Context::from_waker(Waker::noop());
        while measured.as_mut().poll(&mut context).is_pending() {
            // Between two polls the thread does something else, for longer.
            compute(Duration::from_millis(20));
        }
        let spent = Duration::from_nanos(cpu.0.spent.load(Ordering::Relaxed));
        assert!((Duration::from_millis(12)..Duration::from_millis(30)).contains(&spent), "{spent:?}");
    }
}
