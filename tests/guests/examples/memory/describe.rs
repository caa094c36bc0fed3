//! The provider's description.

use chronus_sdk::descriptions::*;
use chronus_test_guests::store;

pub(crate) fn describe() -> Description {
    let limits = Limits {
        busy_window: 366 * 86_400,
        changes_window: 366 * 86_400,
        page_size: 100,
        get_many: 20,
        poll_floor: 1,
        concurrency: 1,
    };
    store::description("memory", "Memory", limits)
}
