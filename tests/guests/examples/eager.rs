//! A provider that sends a request in `plugin.describe`, in which the contract allows no requests.

use chronus_sdk::http::{self, Request};
use chronus_sdk::{Provider, descriptions::*, failure, values::*};
use chronus_test_guests::description;

/// The provider.
pub struct Eager;
chronus_sdk::provider!(Eager, read_only);

impl Provider for Eager {
    fn describe() -> Description {
        // The result is ignored: a valid description follows.
        let _ = http::send(&Request::new("GET", "https://home.example.org/hello"));
        description("eager", "Eager")
    }

    fn open(_: &Connection) -> Result<AccountReply, Failure> {
        Err(failure::unsupported(""))
    }

    fn busy(_: &Connection, _: &BusyTargets, _: Window) -> Result<BusyReply, Failure> {
        Err(failure::unsupported(""))
    }
}
