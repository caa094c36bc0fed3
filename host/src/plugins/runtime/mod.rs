//! Running a component: one engine for all, one fresh instance for each call.

mod bare;
mod call;
mod cpu;
mod engine;
mod error;
mod functions;
mod gate;
mod io_error;
mod log;
mod memory;
mod plugin;
mod push;
mod sandbox;
mod shared;
mod state;
mod zones;

pub use bare::{BareComponent, BareError};
pub use error::{CallError, TrapReport};
pub use plugin::{Inspection, Plugin};
pub use sandbox::{Sandbox, SandboxConfig, SandboxError};
