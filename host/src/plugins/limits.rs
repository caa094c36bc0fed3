//! The limits of a sandbox: what WebAssembly a component may use, and what one call may use up.
//!
//! Problem: a provider that spins, hoards memory, never finishes waiting, or makes the host hoard for it. Decision: all
//! limits are in this file, which uses nothing else of the sandbox. Each call has one [`Budget`]; every part of it is
//! enforced, and an error names the part that ran out and the key that raises it. Rejected: wasmtime's own
//! `StoreLimits`, which limits each memory separately, so that a component with eight memories gets eight times the limit;
//! and fuel, which costs as much as epochs and counts in a unit that cannot be compared with a deadline.

use serde::Deserialize;
use std::{fmt, time::Duration};
use wasmparser::WasmFeatures;

/// How often a computing guest is looked at.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// The largest memory that the pool can give to one component, in bytes.
pub(super) const LARGEST_MEMORY: usize = 256 << 20;

/// The most memories that the core modules of one component have together. Admission sees to it.
pub(super) const MOST_MEMORIES: u32 = 4;

/// The most tables that they have. Admission sees to it.
pub(super) const MOST_TABLES: u32 = 16;

/// The most core modules that one component runs.
pub(super) const MOST_CORE_INSTANCES: u32 = 32;

/// How many calls there may be at once that send nothing. They compute for milliseconds, so that few do for many.
pub(super) const OFFLINE_CALLS: u32 = 8;

/// What providers may use of WebAssembly; the same as in the engine's configuration and in the builder.
///
/// Not all of the second release: references to things outside need a collector, which is not compiled in.
pub(super) fn features() -> WasmFeatures {
    (WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::EXTENDED_CONST) - WasmFeatures::GC_TYPES
}

/// What one call may use. Every part is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Time on the processor, in milliseconds, of the guest and of what the host does for it meanwhile. Looked at
    /// every [`TICK`], so that a call ends at most one tick later.
    pub cpu_ms: u64,
    /// Time on the wall, waiting included, in milliseconds.
    pub wall_ms: u64,
    /// All memories and tables of the component together, in bytes.
    pub memory_bytes: usize,
    /// Requests sent.
    pub requests: u32,
    /// The body of one request, in bytes.
    pub request_bytes: usize,
    /// The headers of one request or of one answer, in bytes.
    pub header_bytes: usize,
    /// The bodies of all answers together, uncompressed, in bytes.
    pub response_bytes: usize,
    /// Lines written to the log; what is more is counted and dropped.
    pub log_lines: u32,
    /// What the component hands over at once, in bytes: its result, or the arguments of one call to the host.
    pub result_bytes: usize,
    /// Things of the host that the component holds at a time: requests, answers, streams, headers.
    pub handles: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            cpu_ms: 10_000,
            wall_ms: 60_000,
            memory_bytes: 128 << 20,
            requests: 500,
            request_bytes: 4 << 20,
            header_bytes: 64 << 10,
            response_bytes: 64 << 20,
            log_lines: 200,
            result_bytes: 32 << 20,
            handles: 4096,
        }
    }
}

impl Budget {
    /// For input that anybody may have sent: no network, next to no time.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self {
            cpu_ms: 50,
            wall_ms: 100,
            memory_bytes: 16 << 20,
            requests: 0,
            request_bytes: 0,
            header_bytes: 0,
            response_bytes: 0,
            log_lines: 10,
            result_bytes: 64 << 10,
            handles: 16,
        }
    }

    /// Time on the processor.
    #[must_use]
    pub const fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }

    /// Time on the wall.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
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
