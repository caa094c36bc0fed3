//! Calls without the sandbox, to measure what the sandbox costs.
//!
//! It uses the same engine, pool, component and pre-instantiation as [`Plugin`](super::Plugin), with an empty store and no
//! budget, policy or log. Only benchmarks use it. A component cannot send requests here.

use super::{error::CallError, gate::Signs, plugin::Plugin, sandbox::Sandbox};
use crate::plugins::{
    contract::bindings::{self, chronus::calendar::values as wit, exports::chronus::calendar::busy},
    egress::{Access, Purpose},
};
use wasmtime::{
    Store,
    component::{Component, HasSelf, InstancePre, Linker},
};

/// A component that runs without a sandbox.
pub struct BareComponent {
    pre: InstancePre<NoLog>,
    busy: busy::GuestIndices,
}

/// The data of the empty store: a log that discards its lines.
struct NoLog;

impl bindings::chronus::calendar::log::Host for NoLog {
    fn write(
        &mut self,
        _: bindings::chronus::calendar::log::Severity,
        _: String,
        _: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// A component cannot be run without a sandbox.
#[derive(Debug, thiserror::Error)]
#[error("the component cannot be run without a sandbox: {0}")]
pub struct BareError(String);

impl Plugin {
    /// Enters and leaves the gate, without a call.
    ///
    /// # Errors
    /// If a call would not be let in.
    pub async fn pass_gate(&self, access: &Access) -> Result<(), CallError> {
        let pass = self.loaded.sandbox.gate.enter(access, Purpose::Read, self.loaded.identity.reference()).await?;
        pass.end(Ok(()), |()| Signs::default())
    }
}

impl Sandbox {
    /// Compiles a component for calls of `busy.query` without a sandbox. Its only import may be the log.
    ///
    /// # Errors
    /// If it has other imports, or does not match the contract.
    pub fn bare(&self, bytes: &[u8]) -> Result<BareComponent, BareError> {
        let types = |error: wasmtime::Error| BareError(format!("{error:#}"));
        let engine = self.engine();
        let component = Component::from_binary(engine, bytes).map_err(types)?;
        let mut linker = Linker::new(engine);
        bindings::chronus::calendar::log::add_to_linker::<_, HasSelf<NoLog>>(&mut linker, |silent: &mut NoLog| silent)
            .map_err(types)?;
        let pre = linker.instantiate_pre(&component).map_err(types)?;
        let busy = busy::GuestIndices::new(&pre).map_err(types)?;
        Ok(BareComponent { pre, busy })
    }
}

impl BareComponent {
    /// Calls `busy.query` for one calendar. Returns the number of answers.
    ///
    /// # Errors
    /// If the component traps or fails.
    pub async fn busy(&self) -> Result<usize, String> {
        let mut store = Store::new(self.pre.engine(), NoLog);
        // The epoch advances for all stores of the engine; this store is never interrupted.
        store.set_epoch_deadline(u64::MAX / 2);
        let error = |error: wasmtime::Error| error.to_string();
        let instance = self.pre.instantiate_async(&mut store).await.map_err(error)?;
        let guest = self.busy.load(&mut store, &instance).map_err(error)?;
        let connection = wit::Connection {
            sign_in: "none".into(),
            server: None,
            subject: None,
            address: None,
            zone: "UTC".into(),
            fields: vec![],
            memo: None,
        };
        let targets = wit::BusyTargets::Calendars(vec!["work".into()]);
        let window = wit::Window { start: 0, end: 86_400 };
        let answers = guest.call_query(&mut store, &connection, &targets, window).await.map_err(error)?;
        answers.map(|reply| reply.answers.len()).map_err(|failure| failure.detail)
    }
}
