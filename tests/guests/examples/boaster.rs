//! A provider of the lowest level that claims every ability.

use chronus_sdk::{Provider, descriptions::*, types::*};

/// The provider.
pub struct Boaster;
chronus_sdk::provider!(Boaster, read_only);

impl Provider for Boaster {
    fn describe() -> Description {
        let none = SignIn { id: "none".into(), label: "None".into(), method: Method::None, attach: Attach::Nothing };
        Description {
            id: "boaster".into(),
            name: "Boaster".into(),
            version: "0.1.0".into(),
            state_format: 1,
            sign_ins: vec![none],
            hosts: vec![],
            read_posts: vec![],
            limits: Limits { busy_window: 86_400, changes_window: 86_400, page_size: 1, get_many: 1, poll_floor: 60 },
        }
    }

    fn open(_: &Connection) -> Result<Opened, Failure> {
        Ok(Opened {
            address: None,
            other_addresses: vec![],
            zone: None,
            calendars: vec![],
            abilities: Abilities::READ_BUSY
                | Abilities::WRITE
                | Abilities::REPORT_CHANGES
                | Abilities::RECURRING_WRITES
                | Abilities::PUSH,
            memo: None,
        })
    }

    fn busy(_: &Connection, _: &Whose, _: Window) -> Result<BusyAnswers, Failure> {
        Ok(BusyAnswers { calendars: vec![], memo: None })
    }
}
