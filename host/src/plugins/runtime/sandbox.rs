//! What all providers of a host share: the engine, the linker, the room for calls, and the way out.

use super::{
    engine::EpochEngine,
    gate::Gate,
    io_error,
    log::GuestLog,
    plugin::{ComponentIdentity, ExportIndices, LoadedComponent},
    shared::SandboxShared,
    state::CallState,
    zones::Zones,
};
use crate::plugins::{
    contract::{Level, bindings},
    egress::{Clients, EgressPolicy, FetchError, NameResolver, RequestOwner, TlsTrust, fetch},
};
use bytes::Bytes;
use http::{Request, Response};
use std::{path::PathBuf, sync::Arc};
use url::Url;
use wasmtime::component::{Component, HasSelf, Linker};

/// Runs components.
pub struct Sandbox {
    shared: Arc<SandboxShared>,
    linker: Linker<CallState>,
}

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The maximum number of calls at once, which organisations share fairly. Further calls wait for a moment; their wall
    /// time runs meanwhile.
    pub concurrent_calls: u32,
    /// The directory where compiled code is kept between starts. Only the host may have access to it: its files are
    /// executed.
    pub cache: Option<PathBuf>,
    /// The egress policy for all providers.
    pub egress: EgressPolicy,
    /// TLS trust anchors.
    pub tls: TlsTrust,
    /// How host names are resolved.
    pub names: NameResolver,
}

/// The sandbox cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox cannot be set up: {0}")]
pub struct SandboxError(String);

impl Sandbox {
    /// Sets up a sandbox.
    ///
    /// # Errors
    /// If the machine lacks what the configuration asks for, for example address space for the pool.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let error = |error: wasmtime::Error| SandboxError(format!("{error:#}"));
        let ticking = EpochEngine::new(config.concurrent_calls, config.cache).map_err(error)?;
        let mut linker = Linker::new(&ticking.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(error)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(error)?;
        io_error::add_to_linker(&mut linker).map_err(error)?;
        bindings::chronus::calendar::log::add_to_linker::<_, HasSelf<GuestLog>>(
            &mut linker,
            |state: &mut CallState| &mut state.log,
        )
        .map_err(error)?;
        bindings::chronus::calendar::zones::add_to_linker::<_, Zones>(&mut linker, |_| Zones).map_err(error)?;
        let clients = Clients::new(config.tls, config.names, config.egress.addresses.clone());
        let shared = Arc::new(SandboxShared {
            ticking,
            gate: Gate::new(config.concurrent_calls),
            policy: Arc::new(config.egress),
            clients: Arc::new(clients),
        });
        Ok(Self { shared, linker })
    }

    /// The number of component instances, which is the number of calls under way.
    #[must_use]
    pub fn instances(&self) -> u64 {
        self.engine().pooling_allocator_metrics().map_or(0, |metrics| metrics.component_instances())
    }

    /// Sends a request of the host itself, for a provider of an organisation, to an address that an operator granted.
    ///
    /// # Errors
    /// If the request may not be sent, or the response is not complete in time.
    pub async fn fetch(
        &self,
        owner: RequestOwner<'_>,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Bytes>, FetchError> {
        fetch(&self.shared.policy, &self.shared.clients, owner, request).await
    }

    /// The address to which a browser is sent in place of one that an operator granted: another one only while
    /// `egress.map` is active.
    #[must_use]
    pub fn for_browsers(&self, url: &Url) -> Url {
        self.shared.policy.map.apply(url).unwrap_or_else(|| url.clone())
    }

    pub(super) fn engine(&self) -> &wasmtime::Engine {
        &self.shared.ticking.engine
    }

    /// Compiles a component.
    pub(in crate::plugins) async fn compile(&self, bytes: Vec<u8>) -> Result<Component, String> {
        // A component that carries an interpreter takes seconds to compile: not on a thread that serves calls.
        let engine = self.engine().clone();
        let compiled = tokio::task::spawn_blocking(move || Component::from_binary(&engine, &bytes)).await;
        compiled.map_err(|error| error.to_string())?.map_err(|error| format!("{error:#}"))
    }

    /// Links a component to the imports that providers get, and finds the exports of its level.
    pub(in crate::plugins) fn link(
        &self,
        component: &Component,
        level: Level,
        sha256: &str,
    ) -> Result<LoadedComponent, String> {
        let error = |error: wasmtime::Error| format!("{error:#}");
        let pre = self.linker.instantiate_pre(component).map_err(error)?;
        let exports = ExportIndices::find(&pre, level).map_err(error)?;
        let identity =
            ComponentIdentity { id: "unnamed".into(), version: "0".into(), sha256: sha256.into(), concurrency: 1 };
        Ok(LoadedComponent { sandbox: self.shared.clone(), pre, exports, identity: identity.into() })
    }
}
