//! What one call's store holds. It lives as long as the call.

use super::{log::GuestLog, memory::MemoryLimit};
use crate::{
    clock::Clock,
    plugins::egress::{Access, Egress},
};
use jiff::SignedDuration;
use std::time::Duration;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub(super) struct State {
    table: ResourceTable,
    /// Made when something of WASI is first used, which many calls never do.
    wasi: Option<WasiCtx>,
    http: WasiHttpCtx,
    clock_ahead: SignedDuration,
    pub(super) egress: Egress,
    pub(super) memory: MemoryLimit,
    pub(super) log: GuestLog,
}

impl State {
    pub(super) fn new(egress: Egress, memory: MemoryLimit, log: GuestLog, access: &Access) -> Self {
        let budget = &access.budget;
        let mut table = ResourceTable::new();
        table.set_max_capacity(budget.handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(budget.header_bytes);
        Self { table, wasi: None, http, clock_ahead: access.trial.clock_ahead, egress, memory, log }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // No environment, arguments, directories, input or network; error output ends in the log's tail.
        let ctx = self.wasi.get_or_insert_with(|| {
            WasiCtxBuilder::new()
                .stderr(self.log.tail.clone())
                .stdout(self.log.tail.clone())
                .max_random_size(64 << 10)
                .wall_clock(WallClock { ahead: self.clock_ahead })
                .build()
        });
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The time that a provider is told.
struct WallClock {
    ahead: SignedDuration,
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        let now = Clock::System.now().as_duration().saturating_add(self.ahead);
        Duration::try_from(now).unwrap_or_default()
    }
}
