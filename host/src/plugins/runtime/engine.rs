//! The engine: the features of WebAssembly, the pool of memories, and the epoch clock that interrupts guests.
//!
//! Threat: an upgrade of wasmtime that enables a proposal and widens the sandbox; a guest that computes without end.
//! Decision: one function makes the only configuration. It enables the features that admission accepts and disables all
//! others, and tests try components with the disabled ones. Instances come from a pool that is allocated once. One thread
//! advances the epoch for all calls. Rejected: component-model async, which adds 0.8 µs to each call and all of WASI 0.3 to
//! the attack surface; one timer for each call, which other hosts found two orders of magnitude slower.

use crate::plugins::limits::{
    LARGEST_MEMORY, MOST_CORE_INSTANCES, MOST_MEMORIES, MOST_TABLES, OFFLINE_CALLS, TICK, features,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// An engine and the thread that advances its epoch.
pub(super) struct EpochEngine {
    pub(super) engine: Engine,
    stop: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl EpochEngine {
    /// Makes an engine for this number of calls at once, plus [`OFFLINE_CALLS`]. Compiled code is kept in the directory, if
    /// there is one.
    pub(super) fn new(concurrent_calls: u32, cache: Option<PathBuf>) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(concurrent_calls.saturating_add(OFFLINE_CALLS), cache)?)?;
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

impl Drop for EpochEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            // The thread cannot panic; if it did, it has stopped already.
            let _ = ticker.join();
        }
    }
}

/// The only configuration. Admission and the builder validate components with the same set of features.
pub(super) fn config(concurrent_calls: u32, cache: Option<PathBuf>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    // All other features are off, including those that a later version enables by default.
    config
        .wasm_features(features(), true)
        .wasm_features(!features(), false)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_reservation(reservation(concurrent_calls))
        .memory_guard_size(32 << 20)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(concurrent_calls)));
    if let Some(directory) = cache {
        let mut files = CacheConfig::new();
        files.with_directory(directory);
        config.cache(Some(Cache::new(files)?));
    }
    Ok(config)
}

/// The address space that each memory reserves, in bytes. With 4 GiB, no access of a 32-bit memory needs a bounds check,
/// which saves an eighth of the computing time. For thousands of calls at once, the address space of 2^47 bytes is too
/// small, and each access is checked.
fn reservation(concurrent_calls: u32) -> u64 {
    const ALL: u64 = 4 << 30;
    const MOST: u64 = 1 << 45;
    let memories = u64::from(concurrent_calls) * u64::from(MOST_MEMORIES);
    if memories * ALL <= MOST { ALL } else { LARGEST_MEMORY as u64 }
}

/// A pool for this number of calls. A component with a language runtime has several core modules.
fn pool(concurrent_calls: u32) -> PoolingAllocationConfig {
    // A call with a permit must always get an instance, so the pool has the maximum of one component for each call. Unused
    // slots cost only address space.
    let calls = concurrent_calls;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(MOST_CORE_INSTANCES))
        .total_memories(calls.saturating_mul(MOST_MEMORIES))
        .total_tables(calls.saturating_mul(MOST_TABLES))
        .total_stacks(calls)
        .max_core_instances_per_component(MOST_CORE_INSTANCES)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(LARGEST_MEMORY)
        .table_elements(50_000)
        // Keeping more memory resident makes no call faster, and triples the memory of a thousand waiting calls.
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(16 << 10)
        .max_unused_warm_slots(64);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::Validator;
    use wasmtime::component::Component;

    /// A component around one core module.
    fn around(module: &str) -> Vec<u8> {
        wat::parse_str(format!("(component (core module {module}))")).unwrap()
    }

    fn engine() -> Engine {
        Engine::new(&config(1, None).unwrap()).unwrap()
    }

    #[test]
    fn what_no_provider_needs_is_refused_twice() {
        let engine = engine();
        for (feature, module) in [
            ("memory64", "(memory i64 1)"),
            ("multi-memory", "(memory 1) (memory 1)"),
            ("threads", "(memory 1 1 shared)"),
            ("atomics", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
            ("gc", "(type (struct (field i32)))"),
            ("externref", "(func (param externref))"),
            ("function references", "(type $f (func)) (func (param (ref $f)))"),
            ("exceptions", "(tag (param i32))"),
            ("legacy exceptions", "(func try catch_all end)"),
            ("tail calls", "(func $f return_call $f)"),
            ("relaxed SIMD", "(func (param v128 v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))"),
            ("wide arithmetic", "(func (param i64 i64) (drop (drop (i64.mul_wide_u (local.get 0) (local.get 1)))))"),
            ("custom page sizes", "(memory 1 (pagesize 1))"),
            ("stack switching", "(type $f (func)) (type (cont $f))"),
        ] {
            let bytes = around(module);
            assert!(
                Validator::new_with_features(features()).validate_all(&bytes).is_err(),
                "admission lets {feature} in"
            );
            assert!(Component::from_binary(&engine, &bytes).is_err(), "the engine runs {feature}");
        }
    }

    #[test]
    fn what_is_not_final_of_the_component_model_is_refused_twice() {
        let engine = engine();
        for (feature, component) in [
            ("async", r#"(component (import "f" (func async)))"#),
            ("streams", r#"(component (type (stream u8)))"#),
            ("error contexts", r#"(component (type (func (param "e" error-context))))"#),
            ("values", r#"(component (import "v" (value string)))"#),
            ("fixed-size lists", r#"(component (type (list u8 4)))"#),
        ] {
            let bytes = wat::parse_str(component).unwrap();
            assert!(
                Validator::new_with_features(features()).validate_all(&bytes).is_err(),
                "admission lets {feature} in"
            );
            assert!(Component::from_binary(&engine, &bytes).is_err(), "the engine runs {feature}");
        }
    }

    #[test]
    fn memories_have_all_their_addresses_as_long_as_there_are_enough() {
        assert_eq!([1, 100, 2048].map(reservation), [4 << 30; 3]);
        assert_eq!([2049, 10_000].map(reservation), [LARGEST_MEMORY as u64; 2]);
        // What the largest of both takes is less than half of what a process has.
        for calls in [2048, 10_000] {
            assert!(u64::from(calls * MOST_MEMORIES) * (reservation(calls) + (32 << 20)) < 1 << 46, "{calls}");
        }
    }

    /// Without this, a mistake in the tests above would look like a refusal.
    #[test]
    fn what_providers_use_is_taken_by_both() {
        let engine = engine();
        for module in [
            "(memory 1)",
            "(func (result i32 i32) i32.const 1 i32.const 2)",
            "(func (param v128) (drop (i8x16.popcnt (local.get 0))))",
            "(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
            "(table 1 funcref) (func (drop (ref.null func)))",
            "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        ] {
            let bytes = around(module);
            Validator::new_with_features(features()).validate_all(&bytes).unwrap();
            Component::from_binary(&engine, &bytes).unwrap();
        }
    }
}
