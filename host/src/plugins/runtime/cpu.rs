//! How long a call has computed.
//!
//! Threat: a budget of processor time that is charged for waiting, so that a provider which asks many short questions
//! is cut off as if it had computed; or one that a guest outruns. Counting the ticks that find a guest at work does
//! the former: the first check after any wait, however short, sees that the clock has moved. Decision: a call's
//! future is polled on one thread at a time, so the processor time of that thread, from poll to poll, is what the call
//! has used: its own, and the host's on its behalf within the call. The engine's tick only says when to look. The
//! error is at most one tick. Rejected: wall-clock time within polls, which charges a call for the machine's load.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The processor time of one call. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct CpuTime(Arc<Clock>);

/// Both in nanoseconds. Only the thread that polls the call writes, and whoever polls next synchronises with it.
#[derive(Debug, Default)]
struct Clock {
    /// Spent in polls that have ended.
    spent: AtomicU64,
    /// What the thread's clock showed when the present poll began.
    began: AtomicU64,
}

impl CpuTime {
    /// Runs a future on this clock.
    pub(super) async fn measure<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.0.began.store(now(), Ordering::Relaxed);
            let polled = future.as_mut().poll(context);
            self.0.spent.fetch_add(self.present(), Ordering::Relaxed);
            polled
        })
        .await
    }

    /// What has been spent, the present poll included. To be asked from within it.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed).saturating_add(self.present()))
    }

    fn present(&self) -> u64 {
        now().saturating_sub(self.0.began.load(Ordering::Relaxed))
    }
}

/// Processor time of the current thread.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
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
