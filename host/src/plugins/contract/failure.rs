//! The contract's failure: the provider's own answer, about the service.

use crate::calendar::Event;
use serde::Serialize;
use std::{fmt, time::Duration};

/// The contract's `failure`: the service refused, or did not do, what the provider asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What the host does about it.
    pub remedy: Remedy,
    /// The service's own error code, for logs.
    pub service_code: String,
    /// A sentence for the operator's log.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.remedy.code())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if !self.service_code.is_empty() {
            write!(f, " [{}]", self.service_code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The contract's `remedy`: what the host does about a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// The person must connect again.
    Reconnect,
    /// The person's IT administrator must approve.
    NeedsAdminApproval(AdminApproval),
    /// An approval was requested and is not effective yet.
    AccessPending,
    /// The person did not grant the scope for this.
    NeedsScope,
    /// The service refuses this action.
    NotPermitted,
    /// The object does not exist.
    NotFound,
    /// The object existed and was deleted.
    Gone,
    /// The event with this id exists already.
    AlreadyExists(String),
    /// The event has changed; this is its present state.
    Conflict(Box<Event>),
    /// The cursor has expired; list all events again.
    CursorExpired,
    /// The longest window that the service answers for, in seconds.
    WindowTooLarge(u64),
    /// Too many requests: wait.
    SlowDown(Pause),
    /// Try again later.
    Temporary,
    /// The request is invalid; the text names the field or rule.
    Invalid(String),
    /// The service has no such function.
    Unsupported,
}

/// Who must approve, and where; the contract's `admin-approval`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AdminApproval {
    /// The tenant, if the service named it.
    pub tenant: Option<String>,
    /// The page where the administrator approves, if there is one.
    pub page: Option<String>,
}

/// A wait that the service asks for; the contract's `pause`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// The least wait, in milliseconds.
    pub milliseconds: u64,
    /// The calls that wait.
    pub scope: PauseScope,
}

impl Pause {
    /// The wait.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

/// The calls that a pause concerns, from few to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseScope {
    /// Those of the connection.
    Connection,
    /// Those of all connections through the same service account.
    Organisation,
    /// Those of the provider.
    Provider,
}

impl Remedy {
    /// Whether the service denies the access, and somebody must give it again: the person, their IT, or an operator.
    #[must_use]
    pub const fn denies_access(&self) -> bool {
        matches!(self, Self::NeedsAdminApproval(_) | Self::NeedsScope | Self::NotPermitted)
    }

    /// The contract's name of the remedy: stable, for logs, the API and statistics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::NeedsAdminApproval(_) => "needs-admin-approval",
            Self::AccessPending => "access-pending",
            Self::NeedsScope => "needs-scope",
            Self::NotPermitted => "not-permitted",
            Self::NotFound => "not-found",
            Self::Gone => "gone",
            Self::AlreadyExists(_) => "already-exists",
            Self::Conflict(_) => "conflict",
            Self::CursorExpired => "cursor-expired",
            Self::WindowTooLarge(_) => "window-too-large",
            Self::SlowDown(_) => "slow-down",
            Self::Temporary => "temporary",
            Self::Invalid(_) => "invalid",
            Self::Unsupported => "unsupported",
        }
    }
}
