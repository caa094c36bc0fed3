//! A provider that reads its request from one text inside the component. A test makes another version by overwriting this
//! text with other bytes of the same length: `tests/it/registry.rs`. The address of the account is the version, and so is
//! the one problem of the busy times.

use chronus_sdk::{Provider, descriptions::*, types::*};
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
            limits: Limits { busy_window: 86_400, changes_window: 86_400, page_size: 1, get_many: 1, poll_floor: 60 },
            ..description(word("id"), "Asking")
        }
    }

    fn open(_: &Connection) -> Result<Opened, Failure> {
        let one =
            Calendar { id: "one".into(), name: "One".into(), role: CalendarRole::Owner, is_default: true, zone: None };
        Ok(Opened { address: Some(word("version").into()), ..account(vec![one]) })
    }

    fn busy(_: &Connection, whose: &Whose, _: Window) -> Result<BusyAnswers, Failure> {
        let (Whose::Calendars(ids) | Whose::Addresses(ids)) = whose;
        let version = || Problem { id: "version".into(), what: word("version").into() };
        let free = |calendar: &String| BusyAnswer {
            calendar: calendar.clone(),
            outcome: Ok(BusyTimes { intervals: vec![], problems: vec![version()] }),
        };
        Ok(BusyAnswers { calendars: ids.iter().map(free).collect(), memo: None })
    }
}
