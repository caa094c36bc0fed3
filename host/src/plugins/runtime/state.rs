//! The data of one call's store. It lives as long as the call.

use super::{log::GuestLog, memory::MemoryLimit};
use crate::{
    clock::Clock,
    plugins::egress::{Access, Egress},
};
use std::time::Duration;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub(super) struct CallState {
    pub(super) table: ResourceTable,
    /// Made at the first use of WASI, which many calls never use.
    wasi: Option<WasiCtx>,
    http: WasiHttpCtx,
    clock: Clock,
    pub(super) egress: Egress,
    pub(super) memory: MemoryLimit,
    pub(super) log: GuestLog,
}

impl CallState {
    pub(super) fn new(egress: Egress, memory: MemoryLimit, log: GuestLog, access: &Access) -> Self {
        let budget = &access.budget;
        let mut table = ResourceTable::new();
        table.set_max_capacity(budget.handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(budget.header_bytes);
        Self { table, wasi: None, http, clock: access.clock().clone(), egress, memory, log }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // No environment, arguments, directories, input or network. Standard output and error go to the tail of the log.
        let ctx = self.wasi.get_or_insert_with(|| {
            WasiCtxBuilder::new()
                .stderr(self.log.tail.clone())
                .stdout(self.log.tail.clone())
                .max_random_size(64 << 10)
                .wall_clock(WallClock(self.clock.clone()))
                .build()
        });
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The clock that the provider sees.
struct WallClock(Clock);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        // Before 1970 there is no time that WASI can express.
        Duration::try_from(self.0.now().as_duration()).unwrap_or_default()
    }
}
