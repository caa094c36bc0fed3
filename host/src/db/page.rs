//! A page of a long list: the rows after an id, up to a limit.
//!
//! Lists are ordered by id, which is the order of creation ([`crate::ids`]). A page begins after an id rather than at an
//! offset, so rows that are added or removed meanwhile shift no other row to another page.

use std::fmt::Display;

/// Where a page begins and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    after: String,
    limit: i64,
}

impl Page {
    /// The whole list, for lists that people write by hand.
    #[must_use]
    pub const fn all() -> Self {
        Self { after: String::new(), limit: i64::MAX }
    }

    /// At most `limit` rows, after this id or from the beginning.
    #[must_use]
    pub fn new(after: Option<impl Display>, limit: u32) -> Self {
        Self { after: after.map(|id| id.to_string()).unwrap_or_default(), limit: limit.into() }
    }

    /// The operand of `id > $n`. Empty, which sorts before every id, for the beginning.
    pub(crate) fn after(&self) -> &str {
        &self.after
    }

    /// The operand of `limit $n`.
    pub(crate) const fn limit(&self) -> i64 {
        self.limit
    }
}
