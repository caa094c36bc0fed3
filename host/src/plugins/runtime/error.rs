//! Why a call has no result.
//!
//! Two things are kept apart. A [`Failure`] is the provider's own answer, one of the contract's closed remedies, and is
//! about the service. A [`CallError`] is everything that can be wrong with a call: that failure, or a provider that
//! trapped, asked for what it is not granted, or used up its budget. The latter are about the component and never change
//! what is believed of a person's connection.

use crate::plugins::{contract::Failure, egress::Denial, limits::Exhausted};
use serde::Serialize;
use std::fmt;

/// Everything that can be wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The provider's own answer.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The provider asked for a request, or set a header, that the grant does not allow; and then failed.
    #[error("refused: {0}")]
    Denied(Denial),
    /// The call used up its budget.
    #[error("{0}")]
    Exhausted(Exhausted),
    /// The provider crashed.
    #[error("{0}")]
    Trapped(Box<Trap>),
    /// The answer breaks the contract.
    #[error("the provider's answer breaks the contract: {0}")]
    BadAnswer(String),
    /// The component does not export the interface.
    #[error("the component does not export `{0}`: its level is too low for this call")]
    NotExported(&'static str),
    /// All sandboxes are in use.
    #[error("all {0} sandboxes are in use; try again, or raise `sandbox.concurrent-calls`")]
    Busy(u32),
    /// The host itself failed; not the provider's doing.
    #[error("the sandbox failed: {0}")]
    Host(String),
}

impl CallError {
    /// A stable name, for logs, APIs and statistics.
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

/// A crash of a provider: what its author needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trap {
    /// Which provider.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The component's SHA-256, in hex.
    pub digest: String,
    /// Which call; the same as in the log.
    pub call: String,
    /// What happened, in wasmtime's words: `wasm trap: …`.
    pub code: String,
    /// Where, innermost first.
    pub frames: Vec<String>,
    /// The last of what the component wrote to its error output or its log.
    pub tail: String,
}

impl fmt::Display for Trap {
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
