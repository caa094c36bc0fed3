//! One call for one account: where its calendars are, and what to do when they are no longer there.
//!
//! The memo may be outdated: iCloud moves accounts between its servers, administrators rename paths. An outdated
//! address answers with 404 like a deleted event, or with 401 like a wrong password, and taking it at its word would
//! cancel meetings or ask people for passwords. So a step that fails in a way that an outdated address explains says
//! so, discovery runs once more and the step again, and only then is the failure believed. A single event that is not
//! found is no such step by itself: its calendar is asked first (see [`Session::missing`]).

use std::cell::RefCell;

use chronus_sdk::failure::{failure, invalid, not_found, temporary};
use chronus_sdk::http::{self, Url};
use chronus_sdk::icalendar::Zone;
use chronus_sdk::log;
use chronus_sdk::types::{Connection, Failure, Memo, Remedy};

use crate::dav::{self, Trouble, href, requests};
use crate::discovery;
use crate::memo::{self, Account, Learned};

/// The server of a connection that names none.
pub(crate) const ICLOUD: &str = "https://caldav.icloud.com";

/// What a step works with.
pub(crate) struct Session<'a> {
    pub(crate) account: &'a Account,
    /// All addresses that mean the owner of the connection, the main one first.
    pub(crate) own: Vec<String>,
    /// In which floating times and whole days are meant.
    pub(crate) zone: Zone,
    /// Whether the account was discovered in this call. Then nothing of it is outdated.
    pub(crate) fresh: bool,
    /// What this call knows of the server's ways, to begin with what the memo says.
    learned: RefCell<Learned>,
}

/// Runs a step with the account behind the connection, known from the memo or discovered now; gives the memo if it is
/// a new one.
pub(crate) fn run<T>(
    connection: &Connection,
    step: impl Fn(&Session<'_>) -> Result<T, Trouble>,
) -> Result<(T, Option<Memo>), Failure> {
    let mut done = None;
    let memo = attempt(connection, &mut |session| step(session).map(|result| done = Some(result)))?;
    done.map(|result| (result, memo)).ok_or_else(|| temporary("the call came to no result"))
}

/// Not generic, because every call has a step of its own type and this would be in the component once for each.
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
                    "what was known of the account may be outdated and is discovered again",
                    &[("code", &trouble.failure.service_code)],
                );
                first = Some(trouble.failure);
            }
        }
    }
    let account = discovery::discover(connection, &server).map_err(|failure| match (failure.remedy, first) {
        // Where an account was known, that there is no server at all is said by what is no longer there.
        (Remedy::Invalid(_), Some(first)) => *first,
        (remedy, _) => Failure { remedy, ..failure },
    })?;
    let session = Session::new(connection, &account, true)?;
    step(&session).map_err(|trouble| *trouble.failure)?;
    Ok(session.news(&server))
}

/// The server that a connection names.
pub(crate) fn server(connection: &Connection) -> Result<Url, Failure> {
    let server = connection.server.as_deref().unwrap_or(ICLOUD);
    Url::parse(server).map_err(|error| invalid("server", error.to_string()))
}

/// The value of a field of the sign-in form.
pub(crate) fn field<'a>(connection: &'a Connection, name: &str) -> Option<&'a str> {
    let field = connection.fields.iter().find(|(key, _)| key == name);
    field.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

impl<'a> Session<'a> {
    pub(crate) fn new(connection: &'a Connection, account: &'a Account, fresh: bool) -> Result<Session<'a>, Failure> {
        let zone = Zone::iana(&connection.zone)
            .ok_or_else(|| invalid("connection.zone", format!("{:?} is no IANA time zone", connection.zone)))?;
        let user = field(connection, "username").filter(|user| user.contains('@'));
        let mut own: Vec<String> = Vec::new();
        for address in account.addresses.iter().map(String::as_str).chain(connection.address.as_deref()).chain(user) {
            if !own.iter().any(|known| known.eq_ignore_ascii_case(address)) {
                own.push(address.to_owned());
            }
        }
        Ok(Session { account, own, zone, fresh, learned: RefCell::new(account.learned.clone()) })
    }

    /// What is known of the server's ways.
    pub(crate) fn learned(&self) -> Learned {
        self.learned.borrow().clone()
    }

    /// Remembers something of the server's ways.
    pub(crate) fn learn(&self, news: impl FnOnce(&mut Learned)) {
        news(&mut self.learned.borrow_mut());
    }

    /// The memo, if there is anything to remember that the host does not have.
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
    /// `not-found`, if it is none of the account's; it may be that the account has moved.
    pub(crate) fn calendar(&self, id: &str) -> Result<Url, Trouble> {
        href::calendar_url(&self.account.homes, id).ok_or_else(gone_calendar)
    }

    /// The trouble with an event that is not there: its calendar is not there either, or just the event.
    pub(crate) fn missing(&self, calendar: &Url, status: u16) -> Trouble {
        let probe = requests::propfind(calendar, "0", &["d:resourcetype"]);
        let answer = match http::send(&probe) {
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        match dav::read(&answer) {
            // Some servers say 404 within a multistatus.
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
