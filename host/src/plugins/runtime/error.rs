//! Why a call has no result.
//!
//! Problem: an error of a component must not be mistaken for an error of the service. Decision: a [`Failure`] is the
//! provider's own result, with one of the contract's remedies, and is about the service. A [`CallError`] is any reason why a
//! call has no result: a failure, or a provider that trapped, was refused a request, or used up its budget. Only a failure
//! changes the state of a person's connection.

use crate::plugins::{
    contract::Failure,
    egress::Denial,
    limits::{BUSY_PAUSE, BudgetLimit},
};
use serde::Serialize;
use std::{fmt, time::Duration};

/// Why a call has no result.
#[derive(Debug, Clone, thiserror::Error)]
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
    /// The call got no sandbox in time.
    #[error(
        "the call got none of {0} sandboxes in time: other calls of its connection or organisation are under way, or all \
         are in use; try again, or raise `sandbox.concurrent-calls`"
    )]
    Busy(u32),
    /// The service has asked for a wait, which is not over for this long.
    #[error("the calendar service has asked for a wait; the next attempt is in {} s", seconds(*.0))]
    Paused(Duration),
    /// The calls of the connection failed again and again, and none begins for this long.
    #[error("the calendar failed again and again; the next attempt is in {} s", seconds(*.0))]
    ConnectionSuspended(Duration),
    /// The service of the connection failed again and again, and is left alone for this long.
    #[error("the calendar service failed again and again; the next attempt is in {} s", seconds(*.0))]
    ServiceSuspended(Duration),
    /// This version of the provider failed again and again, and is not called for this long.
    #[error("the provider failed again and again; the next attempt is in {} s", seconds(*.0))]
    VersionSuspended(Duration),
    /// The host itself failed.
    #[error("the sandbox failed: {0}")]
    Host(String),
}

impl CallError {
    /// How long to wait before trying again, if the call did not begin. Nothing is wrong with it.
    #[must_use]
    pub const fn pause(&self) -> Option<Duration> {
        match self {
            Self::Busy(_) => Some(BUSY_PAUSE),
            Self::Paused(wait)
            | Self::ConnectionSuspended(wait)
            | Self::ServiceSuspended(wait)
            | Self::VersionSuspended(wait) => Some(*wait),
            _ => None,
        }
    }

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
            Self::Paused(_) => "slow-down",
            Self::ConnectionSuspended(_) => "calendar-suspended",
            Self::ServiceSuspended(_) => "service-suspended",
            Self::VersionSuspended(_) => "provider-suspended",
            Self::Host(_) => "sandbox-failed",
        }
    }
}

/// The seconds that a person waits.
const fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
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
