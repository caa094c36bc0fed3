//! Places at which a test stops the host for ever, in order to kill it exactly there.
//!
//! Problem: "killed between the remote write and the commit" is a promise that can only be tested if a test knows when
//! the host is there, and chance finds an instant of microseconds too rarely. Decision: such places have names; the
//! host that runs with `CHRONUS_STOP_AT=<name>` in its environment says `stopped at <name>` on standard error when it
//! comes to one, and goes no further there. Without the variable a point is one comparison. Production refuses to start
//! with it ([`requested`]). Rejected: a build of its own for tests, which would not be the program that is shipped.

use std::sync::LazyLock;

/// The environment variable that names a point.
pub const STOP_AT: &str = "CHRONUS_STOP_AT";

/// All of them. Each is reached in the life of a meeting; a test kills the host at each.
pub const NAMES: [&str; 7] = [
    // A meeting was made, changed or cancelled, and nothing is committed.
    "meeting.before-commit",
    // All is committed, and whoever asked has no answer.
    "meeting.after-commit",
    // A job was begun, and nobody was asked to do it yet.
    "job.after-claim",
    // The meeting was read; the service knows nothing of what we are about to write.
    "push.before-remote-write",
    // The service has written it; we have not read its answer into the database.
    "push.after-remote-write",
    // All is written, and nothing is committed.
    "push.before-commit",
    // All is committed.
    "push.after-commit",
];

/// `CHRONUS_STOP_AT` names no point.
#[derive(Debug, thiserror::Error)]
#[error("{STOP_AT} names no point at which the host can be stopped; there are {}", NAMES.join(", "))]
pub struct NoSuchPoint;

static WANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(STOP_AT).ok().filter(|name| !name.is_empty()));

/// The point at which this host is to be stopped, for whoever starts it to refuse.
///
/// # Errors
/// If there is no such point: a test that waits for it would wait for ever.
pub fn requested() -> Result<Option<&'static str>, NoSuchPoint> {
    match WANTED.as_deref() {
        None => Ok(None),
        Some(name) => NAMES.into_iter().find(|known| *known == name).map(Some).ok_or(NoSuchPoint),
    }
}

/// Goes on at once, unless this host is to be stopped here.
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
