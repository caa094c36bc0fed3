//! A provider that sends a request in `plugin.describe`, in which the contract allows no requests.

use chronus_sdk::http::{self, Request};
use chronus_sdk::{Provider, descriptions::*, failure, types::*};
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

    fn open(_: &Connection) -> Result<Opened, Failure> {
        Err(failure::unsupported(""))
    }

    fn busy(_: &Connection, _: &Whose, _: Window) -> Result<BusyAnswers, Failure> {
        Err(failure::unsupported(""))
    }
}
