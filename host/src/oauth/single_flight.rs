//! One refresh at a time within a process.

use crate::{locks, secrets::OpenError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::Instant,
};

/// A token was not refreshed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The service has revoked the access.
    #[error("the calendar service no longer accepts the sign-in; connect the calendar again")]
    Lost,
    /// The owner was deleted.
    #[error("the calendar was disconnected in the meantime")]
    Gone,
    /// Another attempt may succeed.
    #[error("the access could not be renewed: {0}")]
    Temporary(String),
    /// The service denies the access until an administrator gives it again. Another attempt may succeed.
    #[error("the access could not be renewed: {0}")]
    Denied(String),
    /// This host cannot open the sealed secrets: a key is missing in its key file. Another host may have it.
    #[error("this host cannot open the stored token, which its operator must mend: {0}")]
    Sealed(OpenError),
    /// The grant does not have the sign-in with the token's endpoint.
    #[error(
        "the access cannot be renewed: its sign-in or its token endpoint is no longer granted; connect the calendar again"
    )]
    NotGranted,
    /// The grant or the client no longer fits.
    #[error("the access cannot be renewed: {0}; connect the calendar again")]
    Unusable(String),
}

impl From<sqlx::Error> for RefreshError {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "a token was not refreshed: the database failed");
        Self::Temporary("the database failed".into())
    }
}

/// The refreshes that are running in this process, by the id of the owner.
#[derive(Debug, Clone, Default)]
pub struct SingleFlight(Arc<Mutex<HashMap<String, Weak<Flight>>>>);

/// How the last attempt failed, and when.
type Flight = tokio::sync::Mutex<Option<(Instant, RefreshError)>>;

impl SingleFlight {
    /// Runs an attempt once no other attempt for this id is running. A caller that waited for an attempt that failed gets
    /// its error.
    pub(super) async fn run<T, F>(&self, id: String, attempt: impl FnOnce() -> F) -> Result<T, RefreshError>
    where
        F: Future<Output = Result<T, RefreshError>>,
    {
        let (flight, started) = (self.flight(id), Instant::now());
        let mut last_failure = flight.lock().await;
        if let Some((_, error)) = last_failure.as_ref().filter(|(at, _)| *at > started) {
            return Err(error.clone());
        }
        let outcome = attempt().await;
        *last_failure = outcome.as_ref().err().map(|error| (Instant::now(), error.clone()));
        outcome
    }

    fn flight(&self, id: String) -> Arc<Flight> {
        let mut flights = locks::lock(&self.0);
        if let Some(flight) = flights.get(&id).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(Flight::default());
        flights.insert(id, Arc::downgrade(&flight));
        flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join, join_all};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Fifty callers that wait together for a service that is down send one request; a later caller sends another.
    #[tokio::test]
    async fn who_waits_for_a_failure_has_failed() {
        let (flights, asked, goes_on) = (SingleFlight::default(), AtomicUsize::new(0), Semaphore::new(0));
        let attempt = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            goes_on.acquire().await.unwrap().forget();
            Err::<(), _>(RefreshError::Temporary("down".into()))
        };
        let fifty = join_all((0..50).map(|_| flights.run("one".into(), attempt)));
        // All of them wait, for the service or for each other, before it replies.
        let (outcomes, ()) = join(fifty, async { goes_on.add_permits(1) }).await;
        assert_eq!(outcomes, vec![Err(RefreshError::Temporary("down".into())); 50]);
        assert_eq!(asked.load(Ordering::Relaxed), 1);

        goes_on.add_permits(2);
        let (later, another) = join(flights.run("one".into(), attempt), flights.run("another".into(), attempt)).await;
        assert!(later.is_err() && another.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
