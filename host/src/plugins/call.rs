//! One call: a fresh instance, one budget, and the triage of what went wrong.
//!
//! Threat: a call that leaves something behind for the next one, or that ends in a way that nobody can explain.
//! Decision: the store is made for the call and dropped with it, whatever happened; requests under way are cancelled
//! by that. What ran out, what was refused and where it crashed are read from the store before it is dropped.
//! Rejected: keeping instances warm, which saves some 15 µs and costs the promise that nothing survives a call.

use super::{
    Access, Loaded,
    budget::MemoryLimit,
    convert::BadAnswer,
    egress::{Egress, Purpose},
    engine::TICK,
    failure::{CallError, Exhausted, Trap},
    log::GuestLog,
    state::State,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};
use wasmtime::{PoolConcurrencyLimitError, Store, UpdateDeadline, WasmBacktrace, component::Instance};

/// A call under way.
pub(super) struct Call<'a> {
    plugin: &'a Loaded,
    access: Arc<Access>,
    id: Arc<str>,
    deadline: Instant,
    pub(super) store: Store<State>,
    pub(super) instance: Instance,
    _permit: OwnedSemaphorePermit,
}

impl<'a> Call<'a> {
    /// Instantiates the component for one call.
    pub(super) async fn begin(plugin: &'a Loaded, access: &Arc<Access>, purpose: Purpose) -> Result<Self, CallError> {
        let budget = &access.budget;
        let sandbox = &plugin.sandbox;
        let deadline = Instant::now() + budget.wall();
        let permit = match timeout_at(deadline, sandbox.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(CallError::Busy(sandbox.concurrent_calls)),
        };
        let id: Arc<str> = next_id().into();
        let egress = Egress::new(
            access.clone(),
            purpose,
            sandbox.policy.clone(),
            sandbox.clients.clone(),
            plugin.facts.id.clone(),
        );
        let facts = &plugin.facts;
        let log = GuestLog::new(facts.id.clone(), facts.version.clone(), id.clone(), budget.log_lines);
        let memory = MemoryLimit::new(budget.memory_bytes);
        let mut store = Store::new(&sandbox.ticking.engine, State::new(egress, memory, log));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(budget.result_bytes);
        store.set_epoch_deadline(1);
        let most = budget.cpu().as_millis() / TICK.as_millis();
        store.epoch_deadline_callback(move |mut store| {
            let state = store.data_mut();
            state.ticks += 1;
            // One tick may have begun long before the call, so that many and one more.
            Ok(if u128::from(state.ticks) > most + 1 { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        match timeout_at(deadline, plugin.pre.instantiate_async(&mut store)).await {
            Ok(Ok(instance)) => {
                Ok(Self { plugin, access: access.clone(), id, deadline, store, instance, _permit: permit })
            }
            Ok(Err(error)) if error.is::<PoolConcurrencyLimitError>() => Err(CallError::Busy(sandbox.concurrent_calls)),
            Ok(Err(error)) => Err(triage(plugin, access, &id, store, &error)),
            Err(_) => Err(CallError::Exhausted(Exhausted::Wall(budget.wall()))),
        }
    }

    /// The time at which the call is cut off.
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Ends the call: what the guest answered, or why it did not.
    pub(super) fn end<A, F, T>(
        self,
        outcome: Result<wasmtime::Result<Result<A, F>>, tokio::time::error::Elapsed>,
        value: impl FnOnce(A) -> Result<T, BadAnswer>,
        failure: impl FnOnce(F) -> Result<super::Failure, BadAnswer>,
    ) -> Result<T, CallError> {
        let Self { plugin, access, id, store, .. } = self;
        let answer = match outcome {
            Err(_) => return Err(CallError::Exhausted(Exhausted::Wall(access.budget.wall()))),
            Ok(Err(error)) => return Err(triage(plugin, &access, &id, store, &error)),
            Ok(Ok(answer)) => answer,
        };
        let broken = |error: BadAnswer| CallError::BadAnswer(error.0);
        match answer {
            Ok(answer) => value(answer).map_err(broken),
            // What the host refused is why the provider failed, and says more than the provider can know.
            Err(error) => match (store.data().egress.meter().exhausted(), store.data().egress.denial()) {
                (Some(exhausted), _) => Err(CallError::Exhausted(exhausted)),
                (None, Some(denial)) => Err(CallError::Denied(denial)),
                (None, None) => Err(CallError::Failure(failure(error).map_err(broken)?)),
            },
        }
    }
}

/// Why a guest did not come back.
fn triage(plugin: &Loaded, access: &Access, id: &str, store: Store<State>, error: &wasmtime::Error) -> CallError {
    let (state, budget) = (store.data(), &access.budget);
    if let Some(exhausted) = state.egress.meter().exhausted() {
        return CallError::Exhausted(exhausted);
    }
    if state.memory.refused {
        return CallError::Exhausted(Exhausted::Memory(budget.memory_bytes));
    }
    let trap = error.downcast_ref::<wasmtime::Trap>();
    if trap == Some(&wasmtime::Trap::Interrupt) {
        return CallError::Exhausted(Exhausted::Cpu(budget.cpu()));
    }
    let text = format!("{error:#}");
    if text.contains("fuel allocated for hostcalls") {
        return CallError::Exhausted(Exhausted::ResultBytes(budget.result_bytes));
    }
    if let (None, None, Some(denial)) = (trap, error.downcast_ref::<WasmBacktrace>(), state.egress.denial()) {
        return CallError::Denied(denial);
    }
    let facts = &plugin.facts;
    let record = Trap {
        plugin: facts.id.to_string(),
        version: facts.version.to_string(),
        digest: facts.sha256.clone(),
        call: id.into(),
        code: trap.map_or_else(|| error.root_cause().to_string(), ToString::to_string),
        frames: error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default(),
        tail: state.log.tail.text(),
    };
    tracing::error!(
        plugin = record.plugin, version = record.version, digest = record.digest, call = record.call,
        code = record.code, frames = ?record.frames, tail = record.tail, "provider crashed"
    );
    CallError::Trapped(Box::new(record))
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => demangled(name),
        None => format!("function {} of {}", frame.func_index(), frame.module().name().unwrap_or("?")),
    };
    backtrace.frames().iter().take(16).map(name).collect()
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Unique within the process, and with the process's start among those of a host: short enough to be read aloud.
fn next_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("c{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
