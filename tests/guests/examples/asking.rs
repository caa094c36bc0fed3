//! A provider that asks for what stands in one text of it, so that a test makes another version by writing other bytes
//! of the same length over that text: `tests/it/registry.rs`. Its account's address tells its version, and so does the one problem of its
//! busy times.

use chronus_sdk::{Provider, descriptions::*, types::*};

/// Words `key=value`, filled up with spaces. `hosts` is a list with commas.
static ASKS: [u8; 200] = *b"ASKING id=asking version=1.0.0 hosts=https://one.example.org                                                                                                                                            ";

/// The value of a key.
fn word(key: &str) -> &'static str {
    // Read as it is at run time, and not as it was when this was compiled.
    let text = std::str::from_utf8(std::hint::black_box(&ASKS)).unwrap_or_default();
    let values = text.split(' ').filter_map(|word| word.split_once('='));
    values.into_iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
}

/// The provider.
pub struct Asking;
chronus_sdk::provider!(Asking, read_only);

impl Provider for Asking {
    fn describe() -> Description {
        Description {
            id: word("id").into(),
            name: "Asking".into(),
            version: word("version").into(),
            state_format: 1,
            sign_ins: vec![SignIn {
                id: "none".into(),
                label: "None".into(),
                method: Method::None,
                attach: Attach::Nothing,
            }],
            hosts: word("hosts").split(',').filter(|host| !host.is_empty()).map(Into::into).collect(),
            read_posts: vec![],
            limits: Limits { busy_window: 86_400, changes_window: 86_400, page_size: 1, get_many: 1, poll_floor: 60 },
        }
    }

    fn open(_: &Connection) -> Result<Opened, Failure> {
        Ok(Opened {
            address: Some(word("version").into()),
            other_addresses: vec![],
            zone: None,
            calendars: vec![Calendar {
                id: "one".into(),
                name: "One".into(),
                role: CalendarRole::Owner,
                is_default: true,
                zone: None,
            }],
            abilities: Abilities::READ_BUSY,
            memo: None,
        })
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
