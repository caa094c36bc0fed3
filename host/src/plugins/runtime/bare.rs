//! A call without the sandbox: the measure of what the sandbox costs.
//!
//! Same engine, pool, component and pre-instantiation as [`Plugin`](super::Plugin), and nothing else: an empty store,
//! no budget, no policy, no log. For benchmarks; nothing of the service calls it, and a component run like this has
//! no way to send a request.

use super::sandbox::Sandbox;
use crate::plugins::contract::bindings::{self, chronus::calendar::types as wit, exports::chronus::calendar::busy};
use wasmtime::{
    Store,
    component::{Component, HasSelf, InstancePre, Linker},
};

/// A component that is run without a sandbox.
pub struct Bare {
    pre: InstancePre<Silent>,
    busy: busy::GuestIndices,
}

/// The empty store's data: a log that goes nowhere.
struct Silent;

impl bindings::chronus::calendar::log::Host for Silent {
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

impl Sandbox {
    /// Compiles a component of which only `busy.query` will be called, without a sandbox. It may import nothing but
    /// the log.
    ///
    /// # Errors
    /// If it imports more, or does not match the contract.
    pub fn bare(&self, bytes: &[u8]) -> Result<Bare, BareError> {
        let types = |error: wasmtime::Error| BareError(format!("{error:#}"));
        let engine = self.engine();
        let component = Component::from_binary(engine, bytes).map_err(types)?;
        let mut linker = Linker::new(engine);
        bindings::chronus::calendar::log::add_to_linker::<_, HasSelf<Silent>>(&mut linker, |silent: &mut Silent| {
            silent
        })
        .map_err(types)?;
        let pre = linker.instantiate_pre(&component).map_err(types)?;
        let busy = busy::GuestIndices::new(&pre).map_err(types)?;
        Ok(Bare { pre, busy })
    }
}

impl Bare {
    /// `busy.query` of one calendar; how many answers it gave.
    ///
    /// # Errors
    /// If the component traps or fails.
    pub async fn busy(&self) -> Result<usize, String> {
        let mut store = Store::new(self.pre.engine(), Silent);
        // The engine counts epochs for all stores; this one is never interrupted.
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
        let whose = wit::Whose::Calendars(vec!["work".into()]);
        let window = wit::Window { start: 0, end: 86_400 };
        let answers = guest.call_query(&mut store, &connection, &whose, window).await.map_err(error)?;
        answers.map(|answers| answers.calendars.len()).map_err(|failure| failure.detail)
    }
}
