//! Why a call has no result.
//!
//! Problem: an error of a component must not be mistaken for an error of the service. Decision: a [`Failure`] is the
//! provider's own result, with one of the contract's remedies, and is about the service. A [`CallError`] is any reason why a
//! call has no result: a failure, or a provider that trapped, was refused a request, or used up its budget. Only a failure
//! changes the state of a person's connection.

use crate::plugins::{contract::Failure, egress::Denial, limits::BudgetLimit};
use serde::Serialize;
use std::fmt;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The provider's own result.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The provider sent a request or set a header that the policy refuses, and then failed.
    #[error("refused: {0}")]
    Denied(Denial),
    /// The call used up its budget.
    #[error("{0}")]
    Exhausted(BudgetLimit),
    /// The provider crashed.
    #[error("{0}")]
    Trapped(Box<TrapReport>),
    /// The result breaks the contract.
    #[error("the provider's answer breaks the contract: {0}")]
    BadAnswer(String),
    /// The component does not export the interface.
    #[error("the component does not export `{0}`: its level is too low for this call")]
    NotExported(&'static str),
    /// All sandboxes are in use.
    #[error("all {0} sandboxes are in use; try again, or raise `sandbox.concurrent-calls`")]
    Busy(u32),
    /// The host itself failed.
    #[error("the sandbox failed: {0}")]
    Host(String),
}

impl CallError {
    /// A stable name, for logs, the API and statistics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.remedy.code(),
            Self::Denied(denial) => denial.rule.code(),
            Self::Exhausted(exhausted) => exhausted.code(),
            Self::Trapped(_) => "provider-trapped",
            Self::BadAnswer(_) => "provider-bad-answer",
            Self::NotExported(_) => "not-exported",
            Self::Busy(_) => "sandbox-busy",
            Self::Host(_) => "sandbox-failed",
        }
    }
}

/// A crash of a provider, with the details that its author needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrapReport {
    /// The provider.
    pub plugin: String,
    /// The version of the provider.
    pub version: String,
    /// The SHA-256 of the component in hex.
    pub digest: String,
    /// The id of the call, as in the log.
    pub call: String,
    /// wasmtime's description: `wasm trap: …`.
    pub code: String,
    /// The call stack, innermost frame first.
    pub frames: Vec<String>,
    /// The end of the component's standard output and log.
    pub tail: String,
}

impl fmt::Display for TrapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "provider {} {} crashed in call {}: {}", self.plugin, self.version, self.call, self.code)?;
        if let Some(frame) = self.frames.first() {
            write!(f, " at {frame}")?;
        }
        if let Some(last) = self.tail.lines().last() {
            write!(f, " ({last})")?;
        }
        Ok(())
    }
}
