//! The part of a sandbox that its components hold on to.
//!
//! It has a file of its own because both sides use it: the sandbox makes it, and each loaded component keeps it alive.

use super::{engine::EpochEngine, gate::Gate};
use crate::plugins::egress::{Clients, EgressPolicy};
use std::sync::Arc;

/// What all components of a sandbox share.
pub(super) struct SandboxShared {
    pub(super) ticking: EpochEngine,
    pub(super) gate: Gate,
    pub(super) policy: Arc<EgressPolicy>,
    pub(super) clients: Arc<Clients>,
}
