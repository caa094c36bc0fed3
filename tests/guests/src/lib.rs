//! What the guests have in common: a description that asks for nothing, an account without details, and words inside a
//! component, which a test overwrites to make another version of it.

pub mod store;

use chronus_sdk::descriptions::*;
use chronus_sdk::values::{Abilities, Account, AccountReply, Calendar};

/// A description with no hosts, the least limits and a sign-in without a credential.
pub fn description(id: &str, name: &str) -> Description {
    Description {
        id: id.into(),
        name: name.into(),
        version: "0.1.0".into(),
        state_format: 1,
        sign_ins: vec![SignIn {
            id: "none".into(),
            label: "None".into(),
            method: Method::None,
            attach: Attach::Nothing,
            subject_paths: vec![],
        }],
        hosts: vec![],
        read_only_posts: vec![],
        limits: Limits { busy_window: 1, changes_window: 1, page_size: 1, get_many: 1, poll_floor: 1, concurrency: 1 },
    }
}

/// An account of which only busy times can be read.
pub fn account(calendars: Vec<Calendar>) -> AccountReply {
    let account =
        Account { address: None, other_addresses: vec![], zone: None, calendars, abilities: Abilities::READ_BUSY };
    AccountReply { account, memo: None }
}

/// The value of a key in a text of words `key=value`; empty if there is none.
pub fn word<'a>(text: &'a [u8], key: &str) -> &'a str {
    // Read at run time; the compiler must not use the value of the build.
    let text = std::str::from_utf8(std::hint::black_box(text)).unwrap_or_default();
    let mut values = text.split(' ').filter_map(|word| word.split_once('='));
    values.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
}
