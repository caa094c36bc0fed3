//! The engine: what WebAssembly a guest may use, where its memory comes from, and the clock that interrupts it.
//!
//! Threat: an upgrade of wasmtime that turns on a proposal and widens the sandbox; a guest that computes without end.
//! Decision: one function makes the only configuration, and what no provider needs is switched off by name; a test
//! feeds components that use it. Instances come from a pool that is set up once. One thread ticks for all calls.
//! Rejected: component-model async (it adds 0.8 µs to each call and the whole of WASI 0.3 to the surface), and a
//! timer for each call, which cost others two orders of magnitude.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a computing guest is looked at.
pub const TICK: Duration = Duration::from_millis(5);

/// The largest memory that the pool can give to one component, in bytes.
pub(super) const LARGEST_MEMORY: usize = 256 << 20;

/// An engine and its clock.
pub(super) struct Ticking {
    pub(super) engine: Engine,
    stop: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Ticking {
    /// An engine for so many calls at once; compiled code is kept in the directory, if one is given.
    pub(super) fn new(concurrent_calls: u32, cache: Option<PathBuf>) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(concurrent_calls, cache)?)?;
        let stop = Arc::new(AtomicBool::new(false));
        let ticker = std::thread::Builder::new().name("epoch".into()).spawn({
            let (engine, stop) = (engine.weak(), stop.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::park_timeout(TICK);
                    let Some(engine) = engine.upgrade() else { break };
                    engine.increment_epoch();
                }
            }
        })?;
        Ok(Self { engine, stop, ticker: Some(ticker) })
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            // A ticker cannot panic; if it did, there is nothing left to stop.
            let _ = ticker.join();
        }
    }
}

/// The only configuration there is. The builder of components validates with the same set of features.
pub(super) fn config(concurrent_calls: u32, cache: Option<PathBuf>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_reservation(LARGEST_MEMORY as u64)
        .memory_guard_size(32 << 20)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(concurrent_calls)));
    if let Some(directory) = cache {
        let mut files = CacheConfig::new();
        files.with_directory(directory);
        config.cache(Some(Cache::new(files)?));
    }
    Ok(config)
}

/// Room for so many calls. A component of a language with a runtime of its own has several core modules in it.
fn pool(concurrent_calls: u32) -> PoolingAllocationConfig {
    let calls = concurrent_calls;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(4))
        .total_memories(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(4))
        .total_stacks(calls)
        .max_core_instances_per_component(32)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(LARGEST_MEMORY)
        .table_elements(50_000)
        // Keeping more resident makes a call no faster and triples the memory of a thousand waiting ones.
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(16 << 10)
        .max_unused_warm_slots(64);
    pool
}
