//! One call: a fresh instance, one budget, and an explanation of each failure.
//!
//! Threat: a call that leaves data behind for the next call, or that ends without an explanation. Decision: the store is made
//! for the call and dropped with it, which also cancels its requests. Before that, the limit that was reached, the request
//! that was refused, and the place of a crash are read from the store. Rejected: keeping instances warm, which saves about
//! 15 µs and gives up the promise that nothing survives a call.

use super::{
    cpu::CpuTime,
    error::{CallError, TrapReport},
    gate::{Pass, Signs},
    log::GuestLog,
    memory::MemoryLimit,
    plugin::LoadedComponent,
    state::CallState,
};
use crate::{
    db,
    offload::offload,
    plugins::{
        contract::{
            Failure, Remedy,
            bounds::{BadAnswer, Records},
        },
        egress::{Access, CallerIds, Egress, EgressRule, Purpose},
        limits::{Budget, BudgetLimit},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::time::{Instant, error::Elapsed, timeout_at};
use wasmtime::{
    PoolConcurrencyLimitError, Store, UpdateDeadline, WasmBacktrace,
    component::{Instance, ResourceTableError},
};
use wasmtime_wasi_http::FieldMapError;

/// A call under way.
pub(super) struct Call<'a> {
    plugin: &'a LoadedComponent,
    access: Arc<Access>,
    id: Arc<str>,
    clock: CallClock,
    purpose: Purpose,
    pub(super) store: Store<CallState>,
    pub(super) instance: Instance,
    pass: Pass<'a>,
}

/// The deadline and the CPU time of a call.
#[derive(Debug, Clone)]
pub(super) struct CallClock {
    deadline: Instant,
    cpu: CpuTime,
}

impl CallClock {
    /// Runs a part of the call until the deadline, and counts its CPU time.
    pub(super) async fn run<F: Future>(&self, part: F) -> Result<F::Output, Elapsed> {
        timeout_at(self.deadline, self.cpu.measure(part)).await
    }
}

impl<'a> Call<'a> {
    /// Instantiates the component for one call.
    pub(super) async fn begin(
        plugin: &'a LoadedComponent,
        access: &Arc<Access>,
        purpose: Purpose,
    ) -> Result<Self, CallError> {
        if !db::outside_transactions() {
            return Err(CallError::Host(
                "a provider was called while a transaction is open; commit it, call, and begin another".into(),
            ));
        }
        let budget = &access.budget;
        let sandbox = &plugin.sandbox;
        let deadline = Instant::now() + access.wall();
        let pass = sandbox.gate.enter(access, purpose, plugin.identity.reference()).await?;
        let id: Arc<str> = next_id().into();
        let egress = Egress::new(
            access.clone(),
            purpose,
            sandbox.policy.clone(),
            sandbox.clients.clone(),
            CallerIds { provider: plugin.identity.id.clone(), call: id.clone() },
        );
        let identity = &plugin.identity;
        let log = GuestLog::new(identity.id.clone(), identity.version.clone(), id.clone(), budget.log_lines);
        let memory = MemoryLimit::new(budget.memory_bytes);
        let mut store = Store::new(&sandbox.ticking.engine, CallState::new(egress, memory, log, access));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(budget.result_bytes);
        store.set_max_component_handles(budget.handles);
        store.set_epoch_deadline(1);
        let clock = CallClock { deadline, cpu: CpuTime::default() };
        let (cpu, most) = (clock.cpu.clone(), budget.cpu());
        store.epoch_deadline_callback(move |_| {
            // Yielding lets the deadline and other calls run.
            Ok(if cpu.spent() > most { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        let error = match clock.run(plugin.pre.instantiate_async(&mut store)).await {
            Ok(Ok(instance)) => {
                return Ok(Self { plugin, access: access.clone(), id, clock, purpose, store, instance, pass });
            }
            Ok(Err(error)) if error.is::<PoolConcurrencyLimitError>() => CallError::Busy(sandbox.gate.room(purpose)),
            Ok(Err(error)) => triage(plugin, access, &id, store, &error),
            Err(_) => CallError::Exhausted(access.wall_limit()),
        };
        pass.end(Err(error), |_| Signs::default())
    }

    /// The clock of the call.
    pub(super) fn clock(&self) -> CallClock {
        self.clock.clone()
    }

    /// Ends the call. Returns the guest's result, or why there is none. `signs` reads what a result tells about the service.
    pub(super) fn end<A: Records, F, T>(
        self,
        outcome: Result<wasmtime::Result<Result<A, F>>, Elapsed>,
        value: impl FnOnce(A) -> Result<T, BadAnswer>,
        failure: impl FnOnce(F) -> Result<Failure, BadAnswer>,
        signs: impl FnOnce(&T) -> Signs,
    ) -> Result<T, CallError> {
        let Self { plugin, access, id, purpose, store, pass, .. } = self;
        let ended = EndedCall { plugin, access, id, purpose, store };
        pass.end(ended.result(outcome, value, failure), signs)
    }

    /// Explains the failure of a single item, if the provider cannot know its reason.
    pub(super) fn explain_items(&self) -> impl Fn(&mut Failure) + use<> {
        let refusal = refusal(&self.store.data().egress);
        move |failure| {
            let Some(refusal) = refusal.as_ref().filter(|_| is_guess(failure)) else { return };
            failure.service_code = refusal.code().into();
            failure.detail = match refusal {
                CallError::Denied(denial) => format!("the host refused {}", denial.reason()),
                other => other.to_string(),
            };
            // Trying again helps against every refusal but a leak.
            if matches!(refusal, CallError::Denied(denial) if denial.rule == EgressRule::Leak) {
                failure.remedy = Remedy::Invalid("credential".into());
            }
        }
    }
}

/// A call whose guest has returned, or never will.
struct EndedCall<'a> {
    plugin: &'a LoadedComponent,
    access: Arc<Access>,
    id: Arc<str>,
    purpose: Purpose,
    store: Store<CallState>,
}

impl EndedCall<'_> {
    /// The guest's result, or why there is none.
    fn result<A: Records, F, T>(
        self,
        outcome: Result<wasmtime::Result<Result<A, F>>, Elapsed>,
        value: impl FnOnce(A) -> Result<T, BadAnswer>,
        failure: impl FnOnce(F) -> Result<Failure, BadAnswer>,
    ) -> Result<T, CallError> {
        let Self { plugin, access, id, purpose, store } = self;
        let answer = match outcome {
            Err(_) => return Err(CallError::Exhausted(access.wall_limit())),
            Ok(Err(error)) => return Err(triage(plugin, &access, &id, store, &error)),
            Ok(Ok(answer)) => answer,
        };
        let broken = |error: BadAnswer| CallError::BadAnswer(error.to_string());
        let egress = &store.data().egress;
        // Functions that send no requests by contract are pure. A provider that tried to send one breaks the contract.
        if let (Purpose::Offline, Some(denial)) = (purpose, egress.denial()) {
            return Err(CallError::Denied(denial));
        }
        let error = match answer {
            Ok(answer) => {
                let (needed, limit) = (answer.records(), access.budget.records);
                if needed > limit {
                    return Err(CallError::Exhausted(BudgetLimit::Records { limit, needed }));
                }
                return offload(needed, || value(answer)).map_err(broken);
            }
            Err(error) => failure(error).map_err(broken)?,
        };
        Err(match refusal(egress) {
            Some(refusal) if is_guess(&error) => refusal,
            _ => CallError::Failure(error),
        })
    }
}

/// Whether the provider may not know the reason of a failure: it cannot know why the host refused a request, so its
/// `temporary` or `invalid` is a guess. Every other remedy comes from the service and is kept.
fn is_guess(failure: &Failure) -> bool {
    matches!(failure.remedy, Remedy::Temporary | Remedy::Invalid(_))
}

/// Why the host refused a request of the call, if it did.
fn refusal(egress: &Egress) -> Option<CallError> {
    egress.meter().exhausted().map(CallError::Exhausted).or_else(|| egress.denial().map(CallError::Denied))
}

/// Why a guest did not return.
fn triage(
    plugin: &LoadedComponent,
    access: &Access,
    id: &str,
    store: Store<CallState>,
    error: &wasmtime::Error,
) -> CallError {
    let (state, budget) = (store.data(), &access.budget);
    if let Some(exhausted) = state.egress.meter().exhausted() {
        return CallError::Exhausted(exhausted);
    }
    if state.memory.refused {
        return CallError::Exhausted(BudgetLimit::Memory(budget.memory_bytes));
    }
    let trap = error.downcast_ref::<wasmtime::Trap>();
    if trap == Some(&wasmtime::Trap::Interrupt) {
        return CallError::Exhausted(BudgetLimit::Cpu(budget.cpu()));
    }
    if let Some(exhausted) = refused_by_runtime(error, budget) {
        return CallError::Exhausted(exhausted);
    }
    if let (None, None, Some(denial)) = (trap, error.downcast_ref::<WasmBacktrace>(), state.egress.denial()) {
        return CallError::Denied(denial);
    }
    let identity = &plugin.identity;
    let record = TrapReport {
        plugin: identity.id.to_string(),
        version: identity.version.to_string(),
        digest: identity.sha256.to_string(),
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

/// The limit that wasmtime enforced, if the error is about one.
fn refused_by_runtime(error: &wasmtime::Error, budget: &Budget) -> Option<BudgetLimit> {
    if error.is::<ResourceTableError>() {
        return Some(BudgetLimit::Handles(budget.handles));
    }
    if error.is::<FieldMapError>() {
        return Some(BudgetLimit::HeaderBytes(budget.header_bytes));
    }
    // These two errors have no type. If wasmtime changes their texts, tests in `it/sandbox` fail.
    let text = error.root_cause().to_string();
    if text.contains("fuel allocated for hostcalls") {
        return Some(BudgetLimit::ResultBytes(budget.result_bytes));
    }
    text.contains("store handle limit exceeded").then_some(BudgetLimit::Handles(budget.handles))
}

/// The names of the innermost functions. A component may give its functions names of any length.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    const LONGEST: usize = 256;
    let name = |frame: &wasmtime::FrameInfo| {
        let mut name = match frame.func_name() {
            Some(name) => demangled(name),
            None => format!("function {} of {}", frame.func_index(), frame.module().name().unwrap_or("?")),
        };
        name.truncate(name.floor_char_boundary(LONGEST));
        name
    };
    backtrace.frames().iter().take(16).map(name).collect()
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// A call id that is unique within the process, and short enough to be read aloud.
fn next_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("c{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
