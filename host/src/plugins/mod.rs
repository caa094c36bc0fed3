//! Providers in a sandbox. This is the only place that knows wasmtime.
//!
//! A provider is a WebAssembly component that a third party may have written. It gets the arguments of a call and one
//! way to send HTTP requests, and no other access to the system; it never sees a credential. [`Sandbox`] holds what all
//! providers share, [`Plugin`] is a component that was admitted, and [`Access`] says for which connection a call is made.
//! Each function of the contract is a method of [`Plugin`].
//!
//! The modules, in the order in which they may use each other: `limits` what a call may use, [`contract`] the types of
//! the contract, [`egress`] which requests may leave, [`endpoints`] the addresses of a sign-in, [`sign_in`] from a form to a
//! credential, `runtime` how a call runs
//! and fails, [`admission`] which components are accepted, [`registry`] which of them are in use and what they were
//! granted.

pub mod admission;
pub mod contract;
pub mod egress;
pub mod endpoints;
mod limits;
pub mod registry;
mod runtime;
pub mod sign_in;

pub use admission::AdmissionError;
pub use contract::{CallTarget, EventRef, Failure, Level, Remedy};
pub use egress::{Access, AccessError, Denial, EgressRule, TokenRenewal};
pub use limits::{Budget, BudgetLimit};
pub use runtime::{
    BareComponent, BareError, CallError, Inspection, Plugin, Sandbox, SandboxConfig, SandboxError, TrapReport,
};
