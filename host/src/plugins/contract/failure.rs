//! The contract's failure: the provider's own answer, about the service.

use crate::calendar::Event;
use serde::Serialize;
use std::fmt;

/// The contract's `failure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What to do about it.
    pub remedy: Remedy,
    /// The service's own code, for logs.
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
    /// The person's IT administrator must approve, at this address if there is one.
    NeedsAdminApproval(Option<String>),
    /// Approval was asked for and has not come into force.
    AccessPending,
    /// The scope for this was not given.
    NeedsScope,
    /// The service refuses this act.
    NotPermitted,
    /// There is none.
    NotFound,
    /// There was one.
    Gone,
    /// The event of this id holds the place.
    AlreadyExists(String),
    /// The event is not what was believed; as it is now.
    Conflict(Box<Event>),
    /// List again.
    CursorExpired,
    /// The longest window that the service answers for, in seconds.
    WindowTooLarge(u64),
    /// Not again before so many milliseconds.
    SlowDown(u64),
    /// Try again.
    Temporary,
    /// Never as it stands; with the field or rule that it breaks.
    Invalid(String),
    /// There is no such function.
    Unsupported,
}

impl Remedy {
    /// The contract's name for it: stable, for logs, APIs and statistics.
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
