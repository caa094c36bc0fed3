//! Points at which a test stops the host, in order to kill it exactly there.
//!
//! Problem: to test what happens when the host is killed between the remote write and the commit, a test must know when
//! the host is there; random kills hit an instant of microseconds too rarely. Decision: such points have names. A host
//! that runs with `CHRONUS_STOP_AT=<name>` prints `stopped at <name>` to standard error when it reaches the point, and
//! waits there forever. Without the variable, a point costs one comparison. In production, the host refuses to start
//! with the variable ([`requested`]). Rejected: a separate build for tests, which would not be the shipped program.

use std::sync::LazyLock;

/// The environment variable with the name of a point.
pub const STOP_AT: &str = "CHRONUS_STOP_AT";

/// All points. A meeting passes each of them; a test kills the host at each.
pub const NAMES: [&str; 7] = [
    // A meeting was created, changed or cancelled, and nothing is committed.
    "meeting.before-commit",
    // The change is committed, and the client has no response yet.
    "meeting.after-commit",
    // A job was claimed, and its handler has not started.
    "job.after-claim",
    // The meeting was read, and nothing was sent to the service.
    "push.before-remote-write",
    // The service has written the event, and its response is not stored.
    "push.after-remote-write",
    // The response is stored, and nothing is committed.
    "push.before-commit",
    // The response is committed.
    "push.after-commit",
];

/// `CHRONUS_STOP_AT` has an unknown name.
#[derive(Debug, thiserror::Error)]
#[error("{STOP_AT}: unknown fail point; use one of {}", NAMES.join(", "))]
pub struct NoSuchPoint;

static WANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(STOP_AT).ok().filter(|name| !name.is_empty()));

/// The point at which this host is to stop, if any.
///
/// # Errors
/// If the name is unknown; a test that waited for the point would wait forever.
pub fn requested() -> Result<Option<&'static str>, NoSuchPoint> {
    match WANTED.as_deref() {
        None => Ok(None),
        Some(name) => NAMES.into_iter().find(|known| *known == name).map(Some).ok_or(NoSuchPoint),
    }
}

/// Stops here forever if this host is to stop at this point.
pub async fn fail_point(name: &'static str) {
    debug_assert!(NAMES.contains(&name), "{name} is not in the list of points");
    if WANTED.as_deref() == Some(name) {
        eprintln!("stopped at {name}");
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn nothing_stops_without_the_variable() {
        assert!(super::requested().unwrap().is_none());
        for name in super::NAMES {
            super::fail_point(name).await;
        }
    }
}
