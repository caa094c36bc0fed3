//! Waiting for a permit. [`FairQueue`] decides who is next; this file wakes the caller.

use super::{Caller, Entry, FairQueue, Ticket};
use crate::locks;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// Permits that are shared fairly.
#[derive(Debug)]
pub struct Permits {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: FairQueue,
    /// Wakes those who wait.
    wakers: HashMap<Ticket, oneshot::Sender<()>>,
}

/// A permit, or a place in the queue. Dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    permits: Arc<Permits>,
    ticket: Ticket,
}

impl Permits {
    /// This many permits.
    #[must_use]
    pub fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { queue: FairQueue::new(permits), wakers: HashMap::new() }) })
    }

    /// Gets a permit. `None` if there is none for this caller within `longest`, or no place to wait for one.
    pub async fn acquire(self: &Arc<Self>, caller: Caller, longest: Duration) -> Option<Permit> {
        let permit = |ticket| Permit { permits: self.clone(), ticket };
        let (place, woken) = {
            let mut state = locks::lock(&self.state);
            match state.queue.enter(caller).ok()? {
                Entry::Granted(ticket) => return Some(permit(ticket)),
                Entry::Waiting(ticket) => {
                    let (waker, woken) = oneshot::channel();
                    state.wakers.insert(ticket, waker);
                    (permit(ticket), woken)
                }
            }
        };
        // Without its turn, dropping the place leaves the queue.
        matches!(timeout(longest, woken).await, Ok(Ok(()))).then_some(place)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = locks::lock(&self.permits.state);
        state.wakers.remove(&self.ticket);
        for granted in state.queue.leave(self.ticket) {
            if let Some(waker) = state.wakers.remove(&granted) {
                // A caller that has just stopped waiting drops its permit, which passes it on.
                let _ = waker.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fairness::{Class, Share};
    use futures_util::FutureExt as _;

    fn caller(organisation: &str) -> Caller {
        let share = Share { class: Class::Interactive, organisation: organisation.into(), origin: "s".into() };
        Caller { share, connection: None, concurrency: 1 }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_permit_goes_to_who_waits_and_not_to_who_has_given_up() {
        let permits = Permits::new(1);
        let first = permits.acquire(caller("a"), LONG).await.unwrap();
        assert!(permits.acquire(caller("b"), Duration::from_millis(1)).await.is_none());
        let mut waits = Box::pin(permits.acquire(caller("c"), LONG));
        assert!(waits.as_mut().now_or_never().is_none());
        // The queue has a place for each permit.
        assert!(permits.acquire(caller("d"), LONG).await.is_none());
        drop(first);
        let second = waits.await.unwrap();
        let mut gives_up = Box::pin(permits.acquire(caller("e"), LONG));
        assert!(gives_up.as_mut().now_or_never().is_none());
        drop(second);
        // It was granted and never looked.
        drop(gives_up);
        assert!(permits.acquire(caller("f"), LONG).now_or_never().is_some());
    }
}
