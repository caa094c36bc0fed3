//! A provider that answers at once and sends no request: it measures the cost of a call itself.

use chronus_sdk::{Provider, descriptions::*, values::*};
use chronus_test_guests::{account, description};

/// The provider.
pub struct Idle;
chronus_sdk::provider!(Idle, read_only);

impl Provider for Idle {
    fn describe() -> Description {
        Description {
            limits: Limits {
                busy_window: 366 * 86_400,
                changes_window: 366 * 86_400,
                page_size: 1,
                get_many: 1,
                poll_floor: 60,
                concurrency: 1,
            },
            ..description("idle", "Idle")
        }
    }

    fn open(_: &Connection) -> Result<AccountReply, Failure> {
        Ok(account(vec![]))
    }

    fn busy(_: &Connection, targets: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        let (BusyTargets::Calendars(ids) | BusyTargets::Addresses(ids)) = targets;
        let free = |calendar: &String| BusyAnswer {
            target: calendar.clone(),
            outcome: Ok(BusyTimes { intervals: vec![], problems: vec![] }),
        };
        Ok(BusyReply { answers: ids.iter().map(free).collect(), memo: None })
    }
}
