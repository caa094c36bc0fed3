//! The present time.
//!
//! In a component it comes from the host; elsewhere, in tests, from the machine.

use crate::values::Instant;

/// Seconds since 1970-01-01T00:00:00Z.
pub fn now() -> Instant {
    #[cfg(target_arch = "wasm32")]
    let seconds = crate::bindings::wasi::clocks::wall_clock::now().seconds;
    #[cfg(not(target_arch = "wasm32"))]
    #[expect(clippy::disallowed_methods, reason = "outside of a sandbox there is no host to ask")]
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |age| age.as_secs());
    Instant::try_from(seconds).unwrap_or(Instant::MAX)
}
