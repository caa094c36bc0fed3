//! A provider that sends a request in `plugin.describe`, in which the contract allows no requests.

use chronus_sdk::http::{self, Request};
use chronus_sdk::{Provider, descriptions::*, failure, types::*};

/// The provider.
pub struct Eager;
chronus_sdk::provider!(Eager, read_only);

impl Provider for Eager {
    fn describe() -> Description {
        // The result is ignored: a valid description follows.
        let _ = http::send(&Request::new("GET", "https://home.example.org/hello"));
        Description {
            id: "eager".into(),
            name: "Eager".into(),
            version: "0.1.0".into(),
            state_format: 1,
            sign_ins: vec![SignIn {
                id: "none".into(),
                label: "None".into(),
                method: Method::None,
                attach: Attach::Nothing,
            }],
            hosts: vec![],
            read_posts: vec![],
            limits: Limits { busy_window: 1, changes_window: 1, page_size: 1, get_many: 1, poll_floor: 1 },
        }
    }

    fn open(_: &Connection) -> Result<Opened, Failure> {
        Err(failure::unsupported(""))
    }

    fn busy(_: &Connection, _: &Whose, _: Window) -> Result<BusyAnswers, Failure> {
        Err(failure::unsupported(""))
    }
}
