//! Running providers: the only place that knows wasmtime, and the only way out of it is typed.
//!
//! A provider is a WebAssembly component that somebody else may have written. It gets a call's arguments and a door
//! for HTTP requests, and nothing else of the system; it never sees a credential. [`Sandbox`] holds what all
//! providers share, [`Plugin`] is one that was admitted, [`Access`] is for whom and with what a call is made. Each
//! function of the contract is a method of [`Plugin`].
//!
//! Where to look: what gets in, [`admission`]; what may leave, [`egress`]; what a call may use, [`budget`]; how it
//! runs and how it fails, `call`.

mod access;
pub mod admission;
mod bare;
mod bindings;
pub mod budget;
mod call;
pub mod contract;
mod convert;
mod cpu;
pub mod egress;
pub mod engine;
pub mod failure;
mod functions;
mod log;
pub mod push;
pub mod registry;
pub mod sign_in;
mod state;

pub use access::{Access, AccessError, Renewal, Trial};
pub use admission::{AdmissionError, Inspection, Level};
pub use bare::Bare;
pub use budget::Budget;
pub use contract::Connection;
pub use failure::{CallError, Denial, Exhausted, Failure, Remedy, Rule, Trap};

use bindings::exports::chronus::calendar as exports;
use contract::Description;
use egress::{Clients, EgressPolicy, Names, Tls};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

/// What all providers of a host share.
pub struct Sandbox {
    shared: Arc<Shared>,
    linker: Linker<state::State>,
}

struct Shared {
    ticking: engine::Ticking,
    concurrent_calls: u32,
    permits: Arc<Semaphore>,
    /// For calls that send nothing: what strangers bring to the callback waits for no calendar, and no calendar for it.
    offline_permits: Arc<Semaphore>,
    policy: Arc<EgressPolicy>,
    clients: Arc<Clients>,
}

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The most calls at once; more wait, within their own time.
    pub concurrent_calls: u32,
    /// Where compiled code is kept between starts. The directory must be the host's alone: what is in it is executed.
    pub cache: Option<PathBuf>,
    /// What holds for requests of all providers.
    pub egress: EgressPolicy,
    /// Whom TLS trusts.
    pub tls: Tls,
    /// Where names are looked up.
    pub names: Names,
}

/// The sandbox cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cannot be set up: {0}")]
pub struct SandboxError(String);

impl Sandbox {
    /// A sandbox.
    ///
    /// # Errors
    /// If the machine cannot give what the configuration asks for, for instance the address space of the pool.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let error = |error: wasmtime::Error| SandboxError(format!("{error:#}"));
        let ticking = engine::Ticking::new(config.concurrent_calls, config.cache).map_err(error)?;
        let mut linker = Linker::new(&ticking.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(error)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(error)?;
        bindings::chronus::calendar::log::add_to_linker::<_, HasSelf<log::GuestLog>>(
            &mut linker,
            |state: &mut state::State| &mut state.log,
        )
        .map_err(error)?;
        let clients = Clients::new(config.tls, config.names, config.egress.addresses.clone());
        let shared = Arc::new(Shared {
            ticking,
            concurrent_calls: config.concurrent_calls,
            permits: Arc::new(Semaphore::new(config.concurrent_calls as usize)),
            offline_permits: Arc::new(Semaphore::new(engine::OFFLINE_CALLS as usize)),
            policy: Arc::new(config.egress),
            clients: Arc::new(clients),
        });
        Ok(Self { shared, linker })
    }

    /// How many instances of components there are: those of the calls under way.
    #[must_use]
    pub fn instances(&self) -> u64 {
        self.shared.ticking.engine.pooling_allocator_metrics().map_or(0, |metrics| metrics.component_instances())
    }

    /// Admits a component: checks it, compiles it, and asks it to describe itself.
    ///
    /// # Errors
    /// If it cannot be a provider for this host.
    pub async fn admit(&self, bytes: &[u8]) -> Result<Plugin, AdmissionError> {
        let inspection = admission::inspect(bytes)?;
        // Compiling takes seconds for a component that carries an interpreter: not on a thread that serves calls.
        let (engine, copy) = (self.shared.ticking.engine.clone(), bytes.to_vec());
        let compiled = tokio::task::spawn_blocking(move || Component::from_binary(&engine, &copy)).await;
        let component = compiled
            .map_err(|error| AdmissionError::Compile(error.to_string()))?
            .map_err(|error| AdmissionError::Compile(format!("{error:#}")))?;
        if let Some(need) = component.resources_required() {
            for (what, need, most) in [
                ("memories", need.num_memories, engine::MOST_MEMORIES),
                ("tables", need.num_tables, engine::MOST_TABLES),
            ] {
                let (need, most) = (u64::from(need), u64::from(most));
                if need > most {
                    return Err(AdmissionError::Resources { what, need, most });
                }
            }
        }
        let types = |error: wasmtime::Error| AdmissionError::Types(format!("{error:#}"));
        let pre = self.linker.instantiate_pre(&component).map_err(types)?;
        let found = Exports::find(&pre, inspection.level).map_err(types)?;
        let sha256 = inspection.sha256.clone();
        let facts = |id: &str, version: &str| Facts { id: id.into(), version: version.into(), sha256: sha256.clone() };
        let mut loaded =
            Loaded { sandbox: self.shared.clone(), pre, exports: found, facts: facts("unnamed", "0").into() };
        let described = functions::describe(&loaded).await;
        let description = described.map_err(|error| AdmissionError::Describe(Box::new(error)))?;
        admission::check_description(&description).map_err(AdmissionError::Description)?;
        loaded.facts = facts(&description.id, &description.version).into();
        Ok(Plugin { loaded, inspection: inspection.into(), description: description.into() })
    }
}

/// An admitted provider. Cheap to clone; calls under way keep their own.
#[derive(Clone)]
pub struct Plugin {
    loaded: Loaded,
    inspection: Arc<Inspection>,
    description: Arc<Description>,
}

impl Plugin {
    /// What it says of itself: a request, which the operator's grant answers.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What is known of the component itself.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }
}

/// A component, ready to be instantiated.
#[derive(Clone)]
struct Loaded {
    sandbox: Arc<Shared>,
    pre: InstancePre<state::State>,
    exports: Exports,
    facts: Arc<Facts>,
}

/// What log lines and records of a provider carry.
struct Facts {
    id: Arc<str>,
    version: Arc<str>,
    sha256: String,
}

/// Where the contract's functions are in a component.
#[derive(Clone)]
struct Exports {
    plugin: exports::plugin::GuestIndices,
    account: exports::account::GuestIndices,
    busy: exports::busy::GuestIndices,
    events: Option<exports::events::GuestIndices>,
    changes: Option<exports::changes::GuestIndices>,
    push: Option<exports::push::GuestIndices>,
}

impl Exports {
    fn find(pre: &InstancePre<state::State>, level: Level) -> wasmtime::Result<Self> {
        let (two_way, pushes) = (level >= Level::TwoWay, level >= Level::TwoWayPush);
        Ok(Self {
            plugin: exports::plugin::GuestIndices::new(pre)?,
            account: exports::account::GuestIndices::new(pre)?,
            busy: exports::busy::GuestIndices::new(pre)?,
            events: two_way.then(|| exports::events::GuestIndices::new(pre)).transpose()?,
            changes: two_way.then(|| exports::changes::GuestIndices::new(pre)).transpose()?,
            push: pushes.then(|| exports::push::GuestIndices::new(pre)).transpose()?,
        })
    }
}
