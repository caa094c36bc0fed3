//! The part of a sandbox that its components hold on to.
//!
//! It has a file of its own because both sides use it: the sandbox makes it, and each loaded component keeps it alive.

use super::engine::EpochEngine;
use crate::plugins::egress::{Clients, EgressPolicy};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What all components of a sandbox share.
pub(super) struct SandboxShared {
    pub(super) ticking: EpochEngine,
    pub(super) concurrent_calls: u32,
    pub(super) permits: Arc<Semaphore>,
    /// For calls that send no requests. They have room of their own, so that notifications from unknown senders and calls
    /// to calendars never wait for each other.
    pub(super) offline_permits: Arc<Semaphore>,
    pub(super) policy: Arc<EgressPolicy>,
    pub(super) clients: Arc<Clients>,
}
