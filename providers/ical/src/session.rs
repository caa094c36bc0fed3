//! One call for one account, and the recovery from outdated addresses.
//!
//! The memo may be outdated: iCloud moves accounts between its servers, and administrators rename paths. An outdated address
//! answers 404 like a deleted event, or 401 like a wrong password; if that were believed, meetings would be cancelled or people
//! asked for passwords. So if an outdated address can explain the failure of a step, discovery runs again and the step is
//! repeated, and only the second failure counts. For a single missing event, its calendar is checked first
//! ([`Session::missing`]).

use std::cell::RefCell;

use chronus_sdk::failure::{failure, invalid, not_found, temporary};
use chronus_sdk::http::{self, Url};
use chronus_sdk::icalendar::Zone;
use chronus_sdk::log;
use chronus_sdk::values::{Connection, Failure, Memo, Remedy};

use crate::dav::{self, Trouble, href, requests};
use crate::discovery;
use crate::fields::field;
use crate::memo::{self, Account, ServerTraits};

/// The server of a connection without a server.
pub(crate) const ICLOUD: &str = "https://caldav.icloud.com";

/// The account and the state of one call.
pub(crate) struct Session<'a> {
    pub(crate) account: &'a Account,
    /// The owner's addresses, the main one first.
    pub(crate) own: Vec<String>,
    /// The zone of floating times and whole days.
    pub(crate) zone: Zone,
    /// Whether discovery ran in this call, so that nothing is outdated.
    pub(crate) fresh: bool,
    /// Facts about the server: those of the memo, and those found in this call.
    learned: RefCell<ServerTraits>,
}

/// Runs a step with the connection's account, by the memo or by discovery; also returns the memo if it is new.
pub(crate) fn run<T>(
    connection: &Connection,
    step: impl Fn(&Session<'_>) -> Result<T, Trouble>,
) -> Result<(T, Option<Memo>), Failure> {
    let mut done = None;
    let memo = attempt(connection, &mut |session| step(session).map(|result| done = Some(result)))?;
    done.map(|result| (result, memo)).ok_or_else(|| temporary("the call has no result"))
}

/// Not generic: each call has a step of its own type, and the component would hold a copy for each.
fn attempt(
    connection: &Connection,
    step: &mut dyn FnMut(&Session<'_>) -> Result<(), Trouble>,
) -> Result<Option<Memo>, Failure> {
    let server = server(connection)?;
    let mut first = None;
    if let Some(account) = memo::read(connection, &server) {
        let session = Session::new(connection, &account, false)?;
        match step(&session) {
            Ok(()) => return Ok(session.news(&server)),
            Err(trouble) if !trouble.perhaps_moved => return Err(*trouble.failure),
            Err(trouble) => {
                log::info(
                    "the memo may be outdated; running discovery again",
                    &[("code", &trouble.failure.service_code)],
                );
                first = Some(trouble.failure);
            }
        }
    }
    let account = discovery::discover(connection, &server).map_err(|failure| match (failure.remedy, first) {
        // For an account that was known, the first failure says more than that there is no server.
        (Remedy::Invalid(_), Some(first)) => *first,
        (remedy, _) => Failure { remedy, ..failure },
    })?;
    let session = Session::new(connection, &account, true)?;
    step(&session).map_err(|trouble| *trouble.failure)?;
    Ok(session.news(&server))
}

/// The connection's server.
pub(crate) fn server(connection: &Connection) -> Result<Url, Failure> {
    let server = connection.server.as_deref().unwrap_or(ICLOUD);
    Url::parse(server).map_err(|error| invalid("server", error.to_string()))
}

impl<'a> Session<'a> {
    pub(crate) fn new(connection: &'a Connection, account: &'a Account, fresh: bool) -> Result<Session<'a>, Failure> {
        let zone = Zone::iana(&connection.zone)
            .ok_or_else(|| invalid("connection.zone", format!("{:?} is not an IANA time zone", connection.zone)))?;
        let user = field(connection, "username").filter(|user| user.contains('@'));
        let mut own: Vec<String> = Vec::new();
        for address in account.addresses.iter().map(String::as_str).chain(connection.address.as_deref()).chain(user) {
            if !own.iter().any(|known| known.eq_ignore_ascii_case(address)) {
                own.push(address.to_owned());
            }
        }
        Ok(Session { account, own, zone, fresh, learned: RefCell::new(account.learned.clone()) })
    }

    /// Facts about the server.
    pub(crate) fn learned(&self) -> ServerTraits {
        self.learned.borrow().clone()
    }

    /// Records a fact about the server.
    pub(crate) fn learn(&self, news: impl FnOnce(&mut ServerTraits)) {
        news(&mut self.learned.borrow_mut());
    }

    /// The memo, if it differs from the host's.
    fn news(&self, server: &Url) -> Option<Memo> {
        let learned = self.learned();
        if !self.fresh && learned == self.account.learned {
            return None;
        }
        memo::write(&Account { learned, ..self.account.clone() }, server)
    }

    pub(crate) fn is_own(&self, address: &str) -> bool {
        self.own.iter().any(|own| own.eq_ignore_ascii_case(address))
    }

    pub(crate) fn own_addresses(&self) -> Vec<&str> {
        self.own.iter().map(String::as_str).collect()
    }

    /// The address of a calendar.
    ///
    /// # Errors
    /// `not-found`, if the account has no such calendar; the account may have moved.
    pub(crate) fn calendar(&self, id: &str) -> Result<Url, Trouble> {
        href::calendar_url(&self.account.homes, id).ok_or_else(gone_calendar)
    }

    /// The failure for a missing event, or for its calendar if that is missing too.
    pub(crate) fn missing(&self, calendar: &Url, status: u16) -> Trouble {
        let probe = requests::propfind(calendar, "0", &["d:resourcetype"]);
        let answer = match http::send(&probe) {
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        match dav::read(&answer) {
            // Some servers answer 404 within a multistatus.
            Ok(found) if found.answers.iter().any(|answer| matches!(answer.status, Some(404 | 410))) => {
                return gone_calendar();
            }
            Ok(_) => {}
            Err(trouble) => return trouble,
        }
        let remedy = if status == 410 { Remedy::Gone } else { Remedy::NotFound };
        failure(remedy, status.to_string(), "the calendar has no such event").into()
    }
}

fn gone_calendar() -> Trouble {
    Trouble { failure: Box::new(not_found("this account has no such calendar")), perhaps_moved: true }
}
