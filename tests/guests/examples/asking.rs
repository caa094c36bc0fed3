//! A provider that reads its request from one text inside the component. A test makes another version by overwriting this
//! text with other bytes of the same length: `tests/it/registry.rs`. The address of the account is the version, and so is
//! the one problem of the busy times.

use chronus_sdk::{Provider, descriptions::*, values::*};
use chronus_test_guests::{account, description};

/// Words `key=value`, filled up with spaces. `hosts` is a list with commas.
static ASKS: [u8; 200] = *b"ASKING id=asking version=1.0.0 hosts=https://one.example.org                                                                                                                                            ";

/// The value of a key.
fn word(key: &str) -> &'static str {
    chronus_test_guests::word(&ASKS, key)
}

/// The provider.
pub struct Asking;
chronus_sdk::provider!(Asking, read_only);

impl Provider for Asking {
    fn describe() -> Description {
        Description {
            version: word("version").into(),
            hosts: word("hosts").split(',').filter(|host| !host.is_empty()).map(Into::into).collect(),
            limits: Limits {
                busy_window: 86_400,
                changes_window: 86_400,
                page_size: 1,
                get_many: 1,
                poll_floor: 60,
                concurrency: 1,
            },
            ..description(word("id"), "Asking")
        }
    }

    fn open(_: &Connection) -> Result<AccountReply, Failure> {
        let one = Calendar {
            id: "one".into(),
            name: "One".into(),
            role: CalendarRole::Owner,
            is_default: true,
            takes_meetings: false,
            zone: None,
        };
        let account = Account { address: Some(word("version").into()), ..account(vec![one]).account };
        Ok(AccountReply { account, memo: None })
    }

    fn busy(_: &Connection, targets: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        let (BusyTargets::Calendars(ids) | BusyTargets::Addresses(ids)) = targets;
        let version = || Problem { id: "version".into(), what: word("version").into(), span: None };
        let free = |calendar: &String| BusyAnswer {
            target: calendar.clone(),
            outcome: Ok(BusyTimes { intervals: vec![], problems: vec![version()] }),
        };
        Ok(BusyReply { answers: ids.iter().map(free).collect(), memo: None })
    }
}
