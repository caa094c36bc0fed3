//! All parts of the service together, opened once and handed to whoever answers a request or does a job.
//!
//! Decision: one value that is cheap to clone, with its parts in the open; a part that is not needed in a test is
//! small to make. Rejected: globals, of which two tests in one process would share one.

use crate::{clock::Clock, db::Db};

/// The service's parts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// Where everything is kept.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
}
