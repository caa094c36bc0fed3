//! The limit of a component's memory, summed over all its memories and tables.

use crate::plugins::limits::LARGEST_MEMORY;
use wasmtime::ResourceLimiter;

/// Limits the sum of all memories and tables of a component.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    used: usize,
    limit: usize,
    /// Whether growth was refused. A component that cannot continue without it traps.
    pub(super) refused: bool,
}

impl MemoryLimit {
    pub(super) const fn new(limit: usize) -> Self {
        Self { used: 0, limit, refused: false }
    }

    /// Allows and counts growth. Growth beyond `most` is refused here, because it would fail after it was counted.
    fn grow(&mut self, current: usize, desired: usize, most: Option<usize>, unit: usize) -> bool {
        let more = desired.saturating_sub(current).saturating_mul(unit);
        let allowed = self.used.checked_add(more).filter(|&used| used <= self.limit);
        let allowed = allowed.filter(|_| most.is_none_or(|most| desired <= most));
        match allowed {
            Some(used) => self.used = used,
            None => self.refused = true,
        }
        allowed.is_some()
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        let most = most.unwrap_or(LARGEST_MEMORY).min(LARGEST_MEMORY);
        Ok(self.grow(current, desired, Some(most), 1))
    }

    fn table_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, most, size_of::<usize>()))
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_summed_over_memories() {
        let mut limit = MemoryLimit::new(128 << 10);
        assert!(limit.memory_growing(0, 64 << 10, None).unwrap());
        assert!(limit.memory_growing(0, 64 << 10, None).unwrap());
        assert!(!limit.refused);
        assert!(!limit.memory_growing(0, 1, None).unwrap());
        assert!(limit.refused);
    }

    #[test]
    fn growth_that_did_not_happen_is_not_counted() {
        let mut limit = MemoryLimit::new(usize::MAX);
        assert!(!limit.memory_growing(0, 41, Some(40)).unwrap());
        assert!(!limit.memory_growing(0, LARGEST_MEMORY + 1, None).unwrap());
        assert!(limit.refused);
        assert!(limit.memory_growing(0, 40, Some(40)).unwrap());
        assert_eq!(limit.used, 40);
    }

    #[test]
    fn a_table_counts_by_its_elements() {
        let mut limit = MemoryLimit::new(1024);
        assert!(limit.table_growing(0, 128, None).unwrap());
        assert!(!limit.table_growing(128, 129, None).unwrap());
    }
}
