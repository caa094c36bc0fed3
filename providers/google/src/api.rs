//! Requests to the Calendar API, and their answers.
//!
//! Ids come from outside and become part of an address, so they are percent-encoded. An id that could lead elsewhere (`..`, or
//! an empty one) is not found. An answer must be one complete JSON object (`sdk::json`); [`reasons`](crate::reasons) explains
//! refusals.

use chronus_sdk::EventRef;
use chronus_sdk::failure::{not_found, temporary};
use chronus_sdk::http::{self, Request, Response, encode};
use chronus_sdk::json::{self, Value};
use chronus_sdk::values::{Failure, Notify};

use crate::reasons;

pub(crate) const ORIGIN: &str = "https://www.googleapis.com";

/// The longest id. Google's are shorter (1024 characters).
const MAX_ID: usize = 4096;

/// An address with its query.
#[derive(Clone, Debug)]
pub(crate) struct Address(String);

impl Address {
    fn new(path: &str) -> Address {
        Address(format!("{ORIGIN}/calendar/v3/{path}"))
    }

    /// Adds a parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Address {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&encode(value));
        self
    }

    /// Adds a parameter if there is a value for it.
    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Address {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds the parameters of each write: which people are notified, and that this client understands conference data. Without
    /// the latter, Google removes the conference from the event.
    #[must_use]
    pub(crate) fn writing(self, notify: Notify) -> Address {
        self.telling(notify).with("conferenceDataVersion", "1")
    }

    /// Adds the parameter that says which people are notified.
    #[must_use]
    pub(crate) fn telling(self, notify: Notify) -> Address {
        self.with(
            "sendUpdates",
            match notify {
                Notify::All => "all",
                Notify::None => "none",
            },
        )
    }
}

/// `freebusy.query`
pub(crate) fn free_busy() -> String {
    Address::new("freeBusy").0
}

/// `calendarList.list`
pub(crate) fn calendar_list() -> Address {
    Address::new("users/me/calendarList")
}

/// `channels.stop`
pub(crate) fn stop() -> Address {
    Address::new("channels/stop")
}

/// The account's address and name; needs one of the identity scopes.
pub(crate) fn user_info() -> Address {
    Address(format!("{ORIGIN}/oauth2/v2/userinfo"))
}

/// `events.list` and `events.insert`
pub(crate) fn events(calendar: &str) -> Result<Address, Failure> {
    let calendar = segment(calendar).ok_or_else(|| not_found("no calendar can have this id"))?;
    Ok(Address::new(&format!("calendars/{calendar}/events")))
}

/// `events.watch`
pub(crate) fn watch(calendar: &str) -> Result<Address, Failure> {
    Ok(Address(events(calendar)?.0 + "/watch"))
}

/// `events.get`, `patch` and `delete`
pub(crate) fn event(event: EventRef<'_>) -> Result<Address, Failure> {
    let events = events(event.calendar)?.0;
    let id =
        segment(event.id).filter(|_| is_event_id(event.id)).ok_or_else(|| not_found("no event can have this id"))?;
    Ok(Address(format!("{events}/{id}")))
}

fn segment(id: &str) -> Option<String> {
    let is_some = !id.is_empty() && id.len() <= MAX_ID && id.bytes().any(|byte| byte != b'.');
    is_some.then(|| encode(id))
}

/// Whether an id has the form of Google's ids: base32hex, with the start of an occurrence after an underscore; imported
/// events have capitals and hyphens. `watch` and the like, which are paths below events, are not ids.
fn is_event_id(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@' | b'.'))
}

/// Sends a GET request.
pub(crate) fn get(address: &Address) -> Result<Value, Failure> {
    object(&http::send(&Request::new("GET", address.0.as_str()))?)
}

/// Sends a value and returns the answer as it is.
pub(crate) fn send(
    method: &str,
    address: &Address,
    if_match: Option<&str>,
    body: Option<&Value>,
) -> Result<Response, Failure> {
    let mut request = Request::new(method, address.0.as_str());
    if let Some(etag) = if_match {
        request = request.header("if-match", etag);
    }
    if let Some(body) = body {
        request = request.body("application/json", body.to_string());
    }
    Ok(http::send(&request)?)
}

/// Sends a value and returns the object of the answer.
pub(crate) fn post(address: &Address, body: &Value) -> Result<Value, Failure> {
    object(&send("POST", address, None, Some(body))?)
}

/// Asks for free/busy.
pub(crate) fn ask_free_busy(body: &Value) -> Result<Value, Failure> {
    post(&Address(free_busy()), body)
}

/// The object in a successful answer.
pub(crate) fn object(response: &Response) -> Result<Value, Failure> {
    if !response.is_success() {
        return Err(reasons::failure(response));
    }
    let value = json::read(response)?;
    if value.is_object() { Ok(value) } else { Err(nonsense("it is not an object")) }
}

/// The failure of an answer that is JSON and has an unexpected content.
pub(crate) fn nonsense(what: &str) -> Failure {
    temporary(format!("Google's answer is not as expected: {what}"))
}

/// A field of an answer that is a list.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, Failure> {
    value[name].as_array().ok_or_else(|| nonsense(&format!("it has no `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chronus_sdk::values::Remedy;

    #[test]
    fn ids_stay_in_their_place() {
        let address = event(EventRef { calendar: "ann@example.com", id: "abc_20260302T080000Z" }).expect("an address");
        assert_eq!(
            address.0,
            "https://www.googleapis.com/calendar/v3/calendars/ann%40example.com/events/abc_20260302T080000Z"
        );
        let holidays = events("en.italian#holiday@group.v.calendar.google.com").expect("an address");
        assert!(holidays.0.contains("en.italian%23holiday%40"), "{holidays:?}");
        for id in ["", ".", "..", "a/b", "../x", "no where?x=1#y%00é", &"x".repeat(5000)] {
            assert_eq!(
                event(EventRef { calendar: "primary", id }).expect_err("none").remedy,
                Remedy::NotFound,
                "{id:.20}"
            );
        }
        for id in ["", ".", ".."] {
            assert_eq!(events(id).expect_err("none").remedy, Remedy::NotFound, "{id}");
        }
    }

    #[test]
    fn parameters_are_encoded() {
        let address = calendar_list().with("pageToken", "a&b=c +").with_some("x", None).telling(Notify::None);
        assert!(address.0.ends_with("/calendarList?pageToken=a%26b%3Dc%20%2B&sendUpdates=none"), "{address:?}");
    }
}
