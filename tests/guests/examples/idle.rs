//! A provider that answers at once and sends no request: it measures the cost of a call itself.

use chronus_sdk::{Provider, descriptions::*, types::*};
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
            },
            ..description("idle", "Idle")
        }
    }

    fn open(_: &Connection) -> Result<Opened, Failure> {
        Ok(account(vec![]))
    }

    fn busy(_: &Connection, whose: &Whose, _: Window) -> Result<BusyAnswers, Failure> {
        let (Whose::Calendars(ids) | Whose::Addresses(ids)) = whose;
        let free = |calendar: &String| BusyAnswer {
            calendar: calendar.clone(),
            outcome: Ok(BusyTimes { intervals: vec![], problems: vec![] }),
        };
        Ok(BusyAnswers { calendars: ids.iter().map(free).collect(), memo: None })
    }
}
