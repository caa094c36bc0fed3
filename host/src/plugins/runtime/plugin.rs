//! An admitted component, ready to be called.

use super::{gate::ComponentRef, shared::SandboxShared, state::CallState};
use crate::plugins::{
    contract::{Description, Level, bindings::exports::chronus::calendar as exports},
    limits::MAX_CONCURRENCY,
};
use serde::Serialize;
use std::sync::Arc;
use wasmtime::component::InstancePre;

/// What admission finds out about a component without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The SHA-256 of the component in hex.
    pub sha256: String,
    /// The size in bytes.
    pub size: usize,
    /// The version of the contract.
    pub contract: String,
    /// The level of the contract, by the exports.
    pub level: Level,
    /// The imported interfaces with their versions.
    pub imports: Vec<String>,
    /// The imports that are linked but deny every access.
    pub inert: Vec<String>,
}

/// An admitted provider. Cheap to clone. A call under way keeps the component that it was made with.
#[derive(Clone)]
pub struct Plugin {
    pub(super) loaded: LoadedComponent,
    inspection: Arc<Inspection>,
    description: Arc<Description>,
}

impl Plugin {
    /// An admitted component.
    pub(in crate::plugins) fn new(loaded: LoadedComponent, inspection: Inspection, description: Description) -> Self {
        let concurrency = description.limits.concurrency.clamp(1, MAX_CONCURRENCY);
        let (id, version) = (description.id.as_str().into(), description.version.as_str().into());
        let identity =
            Arc::new(ComponentIdentity { id, version, sha256: inspection.sha256.as_str().into(), concurrency });
        Self {
            loaded: LoadedComponent { identity, ..loaded },
            inspection: inspection.into(),
            description: description.into(),
        }
    }

    /// What the component says about itself: a request, which the operator's grant answers.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What admission found out about the component.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }
}

/// A component that is ready to be instantiated.
#[derive(Clone)]
pub(in crate::plugins) struct LoadedComponent {
    pub(super) sandbox: Arc<SandboxShared>,
    pub(super) pre: InstancePre<CallState>,
    pub(super) exports: ExportIndices,
    pub(super) identity: Arc<ComponentIdentity>,
}

/// Names the component in log lines and error records.
pub(super) struct ComponentIdentity {
    pub(super) id: Arc<str>,
    pub(super) version: Arc<str>,
    pub(super) sha256: Arc<str>,
    /// How many calls of one connection it takes at once.
    pub(super) concurrency: u32,
}

impl ComponentIdentity {
    pub(super) const fn reference(&self) -> ComponentRef<'_> {
        ComponentRef { id: &self.id, sha256: &self.sha256, concurrency: self.concurrency }
    }
}

/// Where the contract's functions are in a component.
#[derive(Clone)]
pub(super) struct ExportIndices {
    pub(super) plugin: exports::plugin::GuestIndices,
    pub(super) account: exports::account::GuestIndices,
    pub(super) busy: exports::busy::GuestIndices,
    pub(super) events: Option<exports::events::GuestIndices>,
    pub(super) changes: Option<exports::changes::GuestIndices>,
    pub(super) push: Option<exports::push::GuestIndices>,
}

impl ExportIndices {
    pub(super) fn find(pre: &InstancePre<CallState>, level: Level) -> wasmtime::Result<Self> {
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
