//! A provider of the lowest level that claims every ability.

use chronus_sdk::{Provider, descriptions::*, values::*};
use chronus_test_guests::{account, description};

/// The provider.
pub struct Boaster;
chronus_sdk::provider!(Boaster, read_only);

impl Provider for Boaster {
    fn describe() -> Description {
        Description {
            limits: Limits {
                busy_window: 86_400,
                changes_window: 86_400,
                page_size: 1,
                get_many: 1,
                poll_floor: 60,
                concurrency: 1,
            },
            ..description("boaster", "Boaster")
        }
    }

    fn open(_: &Connection) -> Result<AccountReply, Failure> {
        let abilities = Abilities::READ_BUSY
            | Abilities::WRITE
            | Abilities::REPORT_CHANGES
            | Abilities::RECURRING_WRITES
            | Abilities::PUSH;
        let reply = account(vec![]);
        Ok(AccountReply { account: Account { abilities, ..reply.account }, memo: None })
    }

    fn busy(_: &Connection, _: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        Ok(BusyReply { answers: vec![], memo: None })
    }
}
