//! The providers that this process has in memory.
//!
//! Problem: compiling a component takes up to seconds, and calls come meanwhile. Decision: for each provider the last
//! version that was compiled here is kept, and calls use it until a newer one is ready; a component is compiled once,
//! whoever asks for it. A version that was replaced goes when the last call that uses it ends. Rejected: compiling at
//! the moment of the change only, because another host may have made the change.

use super::LoadError;
use crate::plugins::Plugin;
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

/// How long a version that did not load is left alone while an older one serves.
const PAUSE: Duration = Duration::from_secs(10);

/// By the id of the provider.
#[derive(Default)]
pub(super) struct Loaded(Mutex<HashMap<String, Slot>>);

#[derive(Default)]
struct Slot {
    ready: Option<Plugin>,
    flight: Option<Arc<Flight>>,
    /// What did not load, and when it may be tried again.
    failed: Option<(String, Instant)>,
}

/// A component that is being compiled.
struct Flight {
    sha256: String,
    plugin: OnceCell<Result<Plugin, LoadError>>,
}

/// What there is for a digest.
pub(super) enum Found {
    /// It.
    This(Plugin),
    /// An older version, which serves meanwhile; and whether the wanted one should be loaded now.
    Older(Plugin, bool),
    /// Nothing that could serve.
    Nothing,
}

impl Loaded {
    pub(super) fn find(&self, id: &str, sha256: &str) -> Found {
        let slots = self.slots();
        let Some(slot) = slots.get(id) else { return Found::Nothing };
        match &slot.ready {
            None => Found::Nothing,
            Some(plugin) if plugin.inspection().sha256 == sha256 => Found::This(plugin.clone()),
            Some(plugin) => {
                let under_way = slot.flight.as_ref().is_some_and(|flight| flight.sha256 == sha256);
                let paused = slot.failed.as_ref().is_some_and(|(of, until)| of == sha256 && Instant::now() < *until);
                Found::Older(plugin.clone(), !under_way && !paused)
            }
        }
    }

    /// The component of this digest, by `load` if nobody else is at it. If that caller goes away, the next takes over.
    pub(super) async fn load<F>(&self, id: &str, sha256: &str, load: impl FnOnce() -> F) -> Result<Plugin, LoadError>
    where
        F: Future<Output = Result<Plugin, LoadError>>,
    {
        let flight = self.flight(id, sha256);
        let result = flight.plugin.get_or_init(load).await.clone();
        let mut slots = self.slots();
        let slot = slots.entry(id.to_owned()).or_default();
        // The first to come back puts it away; a later change may have begun another flight.
        if slot.flight.as_ref().is_some_and(|present| Arc::ptr_eq(present, &flight)) {
            slot.flight = None;
            match &result {
                Ok(plugin) => (slot.ready, slot.failed) = (Some(plugin.clone()), None),
                Err(_) => slot.failed = Some((sha256.to_owned(), Instant::now() + PAUSE)),
            }
        }
        result
    }

    /// Puts a component there that was compiled already.
    pub(super) fn put(&self, id: &str, plugin: Plugin) {
        self.slots().entry(id.to_owned()).or_default().ready = Some(plugin);
    }

    /// Lets go of a provider.
    pub(super) fn forget(&self, id: &str) {
        self.slots().remove(id);
    }

    /// Where the component is being compiled, or is ready.
    fn flight(&self, id: &str, sha256: &str) -> Arc<Flight> {
        let mut slots = self.slots();
        let slot = slots.entry(id.to_owned()).or_default();
        if let Some(flight) = slot.flight.as_ref().filter(|flight| flight.sha256 == sha256) {
            return flight.clone();
        }
        // Somebody may have been faster since we looked.
        let ready = slot.ready.clone().filter(|ready| ready.inspection().sha256 == sha256);
        let is_ready = ready.is_some();
        let plugin = OnceCell::new_with(ready.map(Ok));
        let flight = Arc::new(Flight { sha256: sha256.to_owned(), plugin });
        if !is_ready {
            slot.flight = Some(flight.clone());
        }
        flight
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
