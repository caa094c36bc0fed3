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

/// How often the engine checks a guest that computes.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// The largest memory that the pool can give to one component, in bytes.
pub(super) const LARGEST_MEMORY: usize = 256 << 20;

/// The maximum number of memories of one component, over all its core modules. Admission checks it.
pub(super) const MOST_MEMORIES: u32 = 4;

/// The maximum number of tables of one component. Admission checks it.
pub(super) const MOST_TABLES: u32 = 16;

/// The maximum number of core modules that one component runs.
pub(super) const MOST_CORE_INSTANCES: u32 = 32;

/// The maximum number of requests of one call that wait for a response at once. Further ones are sent later.
pub(super) const REQUESTS_IN_FLIGHT: usize = 16;

/// The maximum number of calls at once that send no requests. Each computes for milliseconds, so few slots are enough.
pub(super) const OFFLINE_CALLS: u32 = 8;

/// The most calls of one connection at once, even if its provider takes more.
pub(super) const MAX_CONCURRENCY: u32 = 8;

/// How long a call waits for a sandbox before it is refused: longer than most calls take, and shorter than people wait.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// When to come back after such a refusal.
pub(super) const BUSY_PAUSE: Duration = Duration::from_secs(5);

/// The features of WebAssembly that providers may use: the same in admission, in the engine and in the builder.
///
/// The second release without reference types, which need a garbage collector that is not compiled in.
pub(super) fn features() -> WasmFeatures {
    (WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::EXTENDED_CONST) - WasmFeatures::GC_TYPES
}

/// What one call may use. Every part is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// CPU time in milliseconds, of the guest and of the host's work for it. Checked every [`TICK`], so that a call ends
    /// at most one tick late.
    pub cpu_ms: u64,
    /// Elapsed time in milliseconds, including waiting.
    pub wall_ms: u64,
    /// The same for a call that nobody waits for.
    pub background_wall_ms: u64,
    /// All memories and tables of the component together, in bytes.
    pub memory_bytes: usize,
    /// The number of requests and of refused requests and headers.
    pub requests: u32,
    /// The body of one request, in bytes.
    pub request_bytes: usize,
    /// The bodies of all requests that the host holds at a time, in bytes.
    pub held_bytes: usize,
    /// The headers of one request or one response, in bytes.
    pub header_bytes: usize,
    /// The bodies of all responses together, uncompressed, in bytes.
    pub response_bytes: usize,
    /// The number of log lines. Further lines are counted and dropped.
    pub log_lines: u32,
    /// The size of the result, and of the arguments of one call to the host, in bytes.
    pub result_bytes: usize,
    /// The number of records in the result: intervals, events, attendees, calendars.
    pub records: usize,
    /// The number of host resources that the component holds at a time: requests, responses, streams, headers.
    pub handles: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            cpu_ms: 10_000,
            wall_ms: 60_000,
            background_wall_ms: 20_000,
            memory_bytes: 128 << 20,
            requests: 500,
            request_bytes: 4 << 20,
            held_bytes: 16 << 20,
            header_bytes: 64 << 10,
            response_bytes: 64 << 20,
            log_lines: 200,
            result_bytes: 32 << 20,
            records: 200_000,
            handles: 4096,
        }
    }
}

impl Budget {
    /// For input from unknown senders: no network and very little time.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self {
            cpu_ms: 50,
            wall_ms: 100,
            background_wall_ms: 100,
            memory_bytes: 16 << 20,
            requests: 0,
            request_bytes: 0,
            held_bytes: 0,
            header_bytes: 0,
            response_bytes: 0,
            log_lines: 10,
            result_bytes: 64 << 10,
            records: 1000,
            handles: 16,
        }
    }

    /// The CPU time.
    #[must_use]
    pub const fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms)
    }

    /// The elapsed time.
    #[must_use]
    pub const fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }

    /// The elapsed time of a call that nobody waits for, if that is shorter.
    #[must_use]
    pub fn background_wall(&self) -> Duration {
        Duration::from_millis(self.background_wall_ms.min(self.wall_ms))
    }
}

/// The part of the budget that was used up, with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetLimit {
    /// CPU time.
    Cpu(Duration),
    /// Elapsed time, including waiting.
    Wall(Duration),
    /// Elapsed time of a call that nobody waits for.
    BackgroundWall(Duration),
    /// Memory of the whole component, in bytes.
    Memory(usize),
    /// The number of requests and refusals.
    Requests(u32),
    /// Bytes of the body of one request.
    RequestBytes(usize),
    /// Bytes of all request bodies that the host holds at a time.
    HeldBytes(usize),
    /// Bytes of the bodies of all responses.
    ResponseBytes(usize),
    /// Bytes of the headers of one request or response.
    HeaderBytes(usize),
    /// Bytes of the result, or of the arguments of one call to the host.
    ResultBytes(usize),
    /// Records of the result.
    Records {
        /// The budget.
        limit: usize,
        /// The number in the result.
        needed: usize,
    },
    /// Host resources held at a time.
    Handles(usize),
}

impl BudgetLimit {
    /// A stable name, for logs, the API and statistics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu-exhausted",
            Self::Wall(_) | Self::BackgroundWall(_) => "wall-exhausted",
            Self::Memory(_) => "memory-exhausted",
            Self::Requests(_) => "requests-exhausted",
            Self::RequestBytes(_) => "request-bytes-exhausted",
            Self::HeldBytes(_) => "held-bytes-exhausted",
            Self::ResponseBytes(_) => "response-bytes-exhausted",
            Self::HeaderBytes(_) => "header-bytes-exhausted",
            Self::ResultBytes(_) => "result-bytes-exhausted",
            Self::Records { .. } => "records-exhausted",
            Self::Handles(_) => "handles-exhausted",
        }
    }
}

impl fmt::Display for BudgetLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, key) = match self {
            Self::Cpu(limit) => (format!("computed for more than {} ms", limit.as_millis()), "cpu-ms"),
            Self::Wall(limit) => (format!("took more than {} ms", limit.as_millis()), "wall-ms"),
            Self::BackgroundWall(limit) => {
                (format!("took more than {} ms in the background", limit.as_millis()), "background-wall-ms")
            }
            Self::Memory(limit) => (format!("wanted more than {limit} bytes of memory"), "memory-bytes"),
            Self::Requests(limit) => (format!("sent more than {limit} requests, refused ones included"), "requests"),
            Self::RequestBytes(limit) => (format!("sent a body of more than {limit} bytes"), "request-bytes"),
            Self::HeldBytes(limit) => {
                (format!("made the host hold more than {limit} bytes of request bodies at once"), "held-bytes")
            }
            Self::ResponseBytes(limit) => (format!("received more than {limit} bytes"), "response-bytes"),
            Self::HeaderBytes(limit) => {
                (format!("had more than {limit} bytes of headers in one message"), "header-bytes")
            }
            Self::ResultBytes(limit) => (format!("returned more than {limit} bytes at once"), "result-bytes"),
            Self::Records { limit, needed } => {
                (format!("returned {needed} records; at most {limit} are accepted"), "records")
            }
            Self::Handles(limit) => (format!("held more than {limit} requests, responses and streams"), "handles"),
        };
        write!(f, "the call {what}; if the provider needs more, raise `budget.{key}`")
    }
}
