//! A provider of the lowest level that claims every ability.

use chronus_sdk::{Provider, descriptions::*, types::*};
use chronus_test_guests::{account, description};

/// The provider.
pub struct Boaster;
chronus_sdk::provider!(Boaster, read_only);

impl Provider for Boaster {
    fn describe() -> Description {
        Description {
            limits: Limits { busy_window: 86_400, changes_window: 86_400, page_size: 1, get_many: 1, poll_floor: 60 },
            ..description("boaster", "Boaster")
        }
    }

    fn open(_: &Connection) -> Result<Opened, Failure> {
        let abilities = Abilities::READ_BUSY
            | Abilities::WRITE
            | Abilities::REPORT_CHANGES
            | Abilities::RECURRING_WRITES
            | Abilities::PUSH;
        Ok(Opened { abilities, ..account(vec![]) })
    }

    fn busy(_: &Connection, _: &Whose, _: Window) -> Result<BusyAnswers, Failure> {
        Ok(BusyAnswers { calendars: vec![], memo: None })
    }
}
