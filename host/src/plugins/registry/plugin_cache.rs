//! The compiled components of this process.
//!
//! Problem: compiling a component takes up to seconds, and calls arrive meanwhile. Decision: the last version that this
//! process compiled is kept for each provider, and calls use it until a newer one is ready. A component is compiled once, also
//! if several calls need it. A replaced version is dropped when its last call ends. Rejected: compiling only when the
//! provider is changed, because another host may have changed it.
//!
//! A provider that was removed must not serve, not even until its successor of the same name is compiled. So what is kept
//! belongs to one generation of a provider, which ends when an operator removes it.

use super::LoadError;
use crate::{locks, plugins::Plugin};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

/// How long loading is not retried after a failure, while an older version serves.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Compiled components by the id of the provider.
#[derive(Default)]
pub(super) struct PluginCache(Mutex<HashMap<String, Slot>>);

#[derive(Default)]
struct Slot {
    generation: String,
    ready: Option<Plugin>,
    compilation: Option<Arc<Compilation>>,
    failure: Option<LoadFailure>,
}

/// A component that could not be loaded.
struct LoadFailure {
    sha256: String,
    retry_at: Instant,
}

/// A component that is being compiled.
struct Compilation {
    sha256: String,
    plugin: OnceCell<Result<Plugin, LoadError>>,
}

/// The result of a look-up by digest.
pub(super) enum CacheLookup {
    /// The component with this digest.
    Current(Plugin),
    /// An older version, which serves meanwhile.
    Older {
        plugin: Plugin,
        /// Whether the requested version should be loaded now.
        load: bool,
    },
    /// No version is loaded.
    Missing,
}

impl PluginCache {
    pub(super) fn find(&self, id: &str, generation: &str, sha256: &str) -> CacheLookup {
        let slots = self.slots();
        let slot = slots.get(id).filter(|slot| slot.generation == generation);
        let Some(slot) = slot else { return CacheLookup::Missing };
        match &slot.ready {
            None => CacheLookup::Missing,
            Some(plugin) if plugin.inspection().sha256 == sha256 => CacheLookup::Current(plugin.clone()),
            Some(plugin) => {
                let is_compiling = slot.compilation.as_ref().is_some_and(|compilation| compilation.sha256 == sha256);
                let failure = slot.failure.as_ref().filter(|failure| failure.sha256 == sha256);
                let is_paused = failure.is_some_and(|failure| Instant::now() < failure.retry_at);
                CacheLookup::Older { plugin: plugin.clone(), load: !is_compiling && !is_paused }
            }
        }
    }

    /// Loads the component with this digest by `load`, or waits for another caller that is loading it. If that caller is
    /// cancelled, the next one takes over.
    pub(super) async fn load<F>(
        &self,
        id: &str,
        generation: &str,
        sha256: &str,
        load: impl FnOnce() -> F,
    ) -> Result<Plugin, LoadError>
    where
        F: Future<Output = Result<Plugin, LoadError>>,
    {
        let compilation = self.compilation(id, generation, sha256);
        let result = compilation.plugin.get_or_init(load).await.clone();
        let mut slots = self.slots();
        let Some(slot) = slot(&mut slots, id, generation) else { return result };
        // The first caller to return stores the result. A later change may have begun another compilation.
        if slot.compilation.as_ref().is_some_and(|present| Arc::ptr_eq(present, &compilation)) {
            slot.compilation = None;
            match &result {
                Ok(plugin) => (slot.ready, slot.failure) = (Some(plugin.clone()), None),
                Err(_) => {
                    let retry_at = Instant::now() + RETRY_PAUSE;
                    slot.failure = Some(LoadFailure { sha256: sha256.to_owned(), retry_at });
                }
            }
        }
        result
    }

    /// Stores a component that is compiled already.
    pub(super) fn insert(&self, id: &str, generation: &str, plugin: Plugin) {
        if let Some(slot) = slot(&mut self.slots(), id, generation) {
            slot.ready = Some(plugin);
        }
    }

    /// Removes a provider.
    pub(super) fn remove(&self, id: &str) {
        self.slots().remove(id);
    }

    /// The compilation of a component, finished if the component is ready.
    fn compilation(&self, id: &str, generation: &str, sha256: &str) -> Arc<Compilation> {
        let mut slots = self.slots();
        let Some(slot) = slot(&mut slots, id, generation) else {
            // The caller has read the row before the provider was removed.
            return Arc::new(Compilation { sha256: sha256.to_owned(), plugin: OnceCell::new() });
        };
        if let Some(present) = slot.compilation.as_ref().filter(|present| present.sha256 == sha256) {
            return present.clone();
        }
        // Another caller may have finished since the look-up.
        let ready = slot.ready.clone().filter(|ready| ready.inspection().sha256 == sha256);
        let is_ready = ready.is_some();
        let plugin = OnceCell::new_with(ready.map(Ok));
        let compilation = Arc::new(Compilation { sha256: sha256.to_owned(), plugin });
        if !is_ready {
            slot.compilation = Some(compilation.clone());
        }
        compilation
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        locks::lock(&self.0)
    }
}

/// The slot of this generation, in place of that of an earlier one. `None` if there is a later one; the ids of generations
/// sort by time.
fn slot<'a>(slots: &'a mut HashMap<String, Slot>, id: &str, generation: &str) -> Option<&'a mut Slot> {
    let slot = slots.entry(id.to_owned()).or_default();
    if *slot.generation < *generation {
        *slot = Slot { generation: generation.to_owned(), ..Slot::default() };
    }
    Some(slot).filter(|slot| slot.generation == generation)
}
