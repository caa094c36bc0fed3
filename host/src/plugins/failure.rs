//! Why a call has no result.
//!
//! Two things are kept apart. A [`Failure`] is the provider's own answer, one of the contract's closed remedies, and
//! is about the service. A [`CallError`] is everything that can be wrong with a call: that failure, or a provider
//! that trapped, asked for what it is not granted, or used up its budget. The latter are about the component and
//! never change what is believed of a person's connection.

use crate::calendar::Event;
use serde::Serialize;
use std::{fmt, time::Duration};

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

/// A request that was refused before a packet left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The rule that refused it.
    pub rule: Rule,
    /// Method and origin, or the header: never a path, a query or a value.
    pub what: String,
    /// The line of configuration that would allow it, if an operator can.
    pub remedy: Option<String>,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.rule.reason())?;
        match &self.remedy {
            Some(remedy) => write!(f, "; to allow it: {remedy}"),
            None => Ok(()),
        }
    }
}

/// A rule of egress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Only granted origins.
    Host,
    /// Only HTTPS, but for loopback.
    Scheme,
    /// No address inside private networks.
    Address,
    /// Calls that read send only requests that read; some calls send none.
    Method,
    /// Credentials and routing are the host's.
    Header,
    /// The address of the request makes no sense, or holds a user name.
    Uri,
    /// The answer repeats the credential.
    Leak,
}

impl Rule {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Host => "host-denied",
            Self::Scheme => "scheme-denied",
            Self::Address => "address-denied",
            Self::Method => "method-denied",
            Self::Header => "header-denied",
            Self::Uri => "uri-denied",
            Self::Leak => "leak-denied",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Host => "the origin is not granted",
            Self::Scheme => "plain http is allowed to loopback only",
            Self::Address => "the name leads to a private, loopback, link-local or reserved address",
            Self::Method => "this call may not send such a request",
            Self::Header => "the header is the host's to set",
            Self::Uri => "the address is malformed or holds a user name",
            Self::Leak => "the answer repeats the credential",
        }
    }
}

/// Which part of the budget was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// Time on the processor.
    Cpu(Duration),
    /// Time on the wall, waiting included.
    Wall(Duration),
    /// Memory, summed over all of the component, in bytes.
    Memory(usize),
    /// Requests.
    Requests(u32),
    /// Bytes of one request's body.
    RequestBytes(usize),
    /// Bytes of all answers' bodies.
    ResponseBytes(usize),
    /// Bytes of one request's or one answer's headers.
    HeaderBytes(usize),
    /// Bytes of the result, or of what was handed to the host in one call.
    ResultBytes(usize),
    /// Things of the host held at a time.
    Handles(usize),
}

impl Exhausted {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu-exhausted",
            Self::Wall(_) => "wall-exhausted",
            Self::Memory(_) => "memory-exhausted",
            Self::Requests(_) => "requests-exhausted",
            Self::RequestBytes(_) => "request-bytes-exhausted",
            Self::ResponseBytes(_) => "response-bytes-exhausted",
            Self::HeaderBytes(_) => "header-bytes-exhausted",
            Self::ResultBytes(_) => "result-bytes-exhausted",
            Self::Handles(_) => "handles-exhausted",
        }
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, key) = match self {
            Self::Cpu(limit) => (format!("computed for more than {} ms", limit.as_millis()), "cpu-ms"),
            Self::Wall(limit) => (format!("took more than {} ms", limit.as_millis()), "wall-ms"),
            Self::Memory(limit) => (format!("wanted more than {limit} bytes of memory"), "memory-bytes"),
            Self::Requests(limit) => (format!("sent more than {limit} requests"), "requests"),
            Self::RequestBytes(limit) => (format!("sent a body of more than {limit} bytes"), "request-bytes"),
            Self::ResponseBytes(limit) => (format!("was answered more than {limit} bytes"), "response-bytes"),
            Self::HeaderBytes(limit) => {
                (format!("had more than {limit} bytes of headers in one message"), "header-bytes")
            }
            Self::ResultBytes(limit) => (format!("handed over more than {limit} bytes at once"), "result-bytes"),
            Self::Handles(limit) => (format!("held more than {limit} requests, answers and streams"), "handles"),
        };
        write!(f, "the call {what}; if that is right for this provider, raise `budget.{key}`")
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
