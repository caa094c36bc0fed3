//! A part of a long list: what comes after an id, and no more than so many.
//!
//! Lists are in the order of ids, which is that of making. A page begins after an id and not at a number, so that a
//! thing that is added or taken away meanwhile moves none across the edge of a page.

use std::fmt::Display;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    after: String,
    limit: i64,
}

impl Page {
    /// All of it: for lists that people make by hand.
    #[must_use]
    pub const fn all() -> Self {
        Self { after: String::new(), limit: i64::MAX }
    }

    /// What comes after this id, or from the beginning, and at most so many.
    #[must_use]
    pub fn new(after: Option<impl Display>, limit: u32) -> Self {
        Self { after: after.map(|id| id.to_string()).unwrap_or_default(), limit: limit.into() }
    }

    /// For `id > $n`; empty, which is before every id, for the beginning.
    pub(crate) fn after(&self) -> &str {
        &self.after
    }

    /// For `limit $n`.
    pub(crate) const fn limit(&self) -> i64 {
        self.limit
    }
}
