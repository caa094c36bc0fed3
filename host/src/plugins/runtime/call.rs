//! One call: a fresh instance, one budget, and the triage of what went wrong.
//!
//! Threat: a call that leaves something behind for the next one, or that ends in a way that nobody can explain.
//! Decision: the store is made for the call and dropped with it, whatever happened; requests under way are cancelled
//! by that. What ran out, what was refused and where it crashed are read from the store before it is dropped.
//! Rejected: keeping instances warm, which saves some 15 µs and costs the promise that nothing survives a call.

use super::{
    cpu::CpuTime,
    error::{CallError, Trap},
    log::GuestLog,
    memory::MemoryLimit,
    plugin::Loaded,
    state::State,
};
use crate::{
    db,
    plugins::{
        contract::{Failure, Remedy, convert::BadAnswer},
        egress::{Access, Egress, Purpose},
        limits::{Budget, Exhausted, OFFLINE_CALLS},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, error::Elapsed, timeout_at},
};
use wasmtime::{
    PoolConcurrencyLimitError, Store, UpdateDeadline, WasmBacktrace,
    component::{Instance, ResourceTableError},
};
use wasmtime_wasi_http::FieldMapError;

/// A call under way.
pub(super) struct Call<'a> {
    plugin: &'a Loaded,
    access: Arc<Access>,
    id: Arc<str>,
    clock: Clock,
    purpose: Purpose,
    pub(super) store: Store<State>,
    pub(super) instance: Instance,
    _permit: OwnedSemaphorePermit,
}

/// A call's two clocks.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    deadline: Instant,
    cpu: CpuTime,
}

impl Clock {
    /// Runs a part of the call: on its processor time, until its deadline.
    pub(super) async fn run<F: Future>(&self, part: F) -> Result<F::Output, Elapsed> {
        timeout_at(self.deadline, self.cpu.measure(part)).await
    }
}

impl<'a> Call<'a> {
    /// Instantiates the component for one call.
    pub(super) async fn begin(plugin: &'a Loaded, access: &Arc<Access>, purpose: Purpose) -> Result<Self, CallError> {
        if !db::outside_transactions() {
            return Err(CallError::Host(
                "a provider was called while a transaction is open; commit it, call, and begin another".into(),
            ));
        }
        let budget = &access.budget;
        let sandbox = &plugin.sandbox;
        let deadline = Instant::now() + budget.wall();
        let (permits, room) = match purpose {
            Purpose::Offline => (&sandbox.offline_permits, OFFLINE_CALLS),
            Purpose::Read | Purpose::Write => (&sandbox.permits, sandbox.concurrent_calls),
        };
        let permit = match timeout_at(deadline, permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(CallError::Busy(room)),
        };
        let id: Arc<str> = next_id().into();
        let egress = Egress::new(
            access.clone(),
            purpose,
            sandbox.policy.clone(),
            sandbox.clients.clone(),
            (plugin.facts.id.clone(), id.clone()),
        );
        let facts = &plugin.facts;
        let log = GuestLog::new(facts.id.clone(), facts.version.clone(), id.clone(), budget.log_lines);
        let memory = MemoryLimit::new(budget.memory_bytes);
        let mut store = Store::new(&sandbox.ticking.engine, State::new(egress, memory, log, access));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(budget.result_bytes);
        store.set_max_component_handles(budget.handles);
        store.set_epoch_deadline(1);
        let clock = Clock { deadline, cpu: CpuTime::default() };
        let (cpu, most) = (clock.cpu.clone(), budget.cpu());
        store.epoch_deadline_callback(move |_| {
            // Yielding lets the deadline and other calls have their turn.
            Ok(if cpu.spent() > most { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        match clock.run(plugin.pre.instantiate_async(&mut store)).await {
            Ok(Ok(instance)) => {
                Ok(Self { plugin, access: access.clone(), id, clock, purpose, store, instance, _permit: permit })
            }
            Ok(Err(error)) if error.is::<PoolConcurrencyLimitError>() => Err(CallError::Busy(room)),
            Ok(Err(error)) => Err(triage(plugin, access, &id, store, &error)),
            Err(_) => Err(CallError::Exhausted(Exhausted::Wall(budget.wall()))),
        }
    }

    /// The clocks on which the call runs.
    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Ends the call: what the guest answered, or why it did not.
    pub(super) fn end<A, F, T>(
        self,
        outcome: Result<wasmtime::Result<Result<A, F>>, Elapsed>,
        value: impl FnOnce(A) -> Result<T, BadAnswer>,
        failure: impl FnOnce(F) -> Result<Failure, BadAnswer>,
    ) -> Result<T, CallError> {
        let Self { plugin, access, id, purpose, store, .. } = self;
        let answer = match outcome {
            Err(_) => return Err(CallError::Exhausted(Exhausted::Wall(access.budget.wall()))),
            Ok(Err(error)) => return Err(triage(plugin, &access, &id, store, &error)),
            Ok(Ok(answer)) => answer,
        };
        let broken = |error: BadAnswer| CallError::BadAnswer(error.0);
        let egress = &store.data().egress;
        // Functions that send nothing by contract are pure; one that tries is not what it says it is.
        if let (Purpose::Offline, Some(denial)) = (purpose, egress.denial()) {
            return Err(CallError::Denied(denial));
        }
        let error = match answer {
            Ok(answer) => return value(answer).map_err(broken),
            Err(error) => failure(error).map_err(broken)?,
        };
        // A provider that was refused something can only guess why, and what it then says is no news of the service.
        // One that went on and met the service's own refusal knows better than we do.
        let guess = matches!(error.remedy, Remedy::Temporary | Remedy::Invalid(_));
        Err(match (egress.meter().exhausted(), egress.denial()) {
            (Some(exhausted), _) if guess => CallError::Exhausted(exhausted),
            (None, Some(denial)) if guess => CallError::Denied(denial),
            _ => CallError::Failure(error),
        })
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
    if let Some(exhausted) = refused_by_runtime(error, budget) {
        return CallError::Exhausted(exhausted);
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

/// What a limit that wasmtime keeps for us says when it is reached.
fn refused_by_runtime(error: &wasmtime::Error, budget: &Budget) -> Option<Exhausted> {
    if error.is::<ResourceTableError>() {
        return Some(Exhausted::Handles(budget.handles));
    }
    if error.is::<FieldMapError>() {
        return Some(Exhausted::HeaderBytes(budget.header_bytes));
    }
    // These two have no type of their own. If their words change, the tests of `it/sandbox` say so.
    let text = error.root_cause().to_string();
    if text.contains("fuel allocated for hostcalls") {
        return Some(Exhausted::ResultBytes(budget.result_bytes));
    }
    text.contains("store handle limit exceeded").then_some(Exhausted::Handles(budget.handles))
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
