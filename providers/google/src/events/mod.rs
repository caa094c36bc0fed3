//! Events: made, read, changed, answered and taken away.
//!
//! A write may meet an event that somebody changed a moment ago, or its own earlier try whose answer was lost. So
//! whatever changes an event first reads it, sends what differs under the precondition that what was read still holds
//! (`If-Match`), and reads again when Google refuses. A change of nothing is no write.
//!
//! Google keeps what was deleted and gives it back as cancelled when it is asked for by its id. Here that is `gone`.

mod cancel;
mod create;
mod respond;
mod update;

pub(crate) use cancel::cancel;
pub(crate) use create::create;
pub(crate) use respond::respond;
pub(crate) use update::update;

use chronus_sdk::failure::failure;
use chronus_sdk::http::Response;
use chronus_sdk::json::Value;
use chronus_sdk::types::{Connection, Event, Failure, Fetched, FetchedEvents, Notify, OneEvent, Remedy};

use crate::{api, record};

/// How often a change without an etag is tried against an event that others change at the same time.
const TRIES: usize = 3;

/// Where an event is.
#[derive(Clone, Copy)]
struct Place<'a> {
    connection: &'a Connection,
    calendar: &'a str,
    id: &'a str,
}

/// `events.get`
pub(crate) fn get(connection: &Connection, calendar: &str, id: &str) -> Result<OneEvent, Failure> {
    let event = record::event_or_failure(&Place { connection, calendar, id }.fetch()?, connection)?;
    Ok(OneEvent { event, memo: None })
}

/// `events.get-many`. One request for each: Google's batches are a protocol of their own, and no faster.
pub(crate) fn get_many(connection: &Connection, calendar: &str, ids: &[String]) -> Result<FetchedEvents, Failure> {
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match (Place { connection, calendar, id }).fetch() {
            Ok(item) => record::event_or_failure(&item, connection).map(|event| Event { id: id.clone(), ..event }),
            // What is wrong with the service, and not with one event, is wrong for all.
            Err(failure) if concerns_all(&failure.remedy) => return Err(failure),
            Err(failure) => Err(failure),
        };
        items.push(Fetched { id: id.clone(), outcome });
    }
    Ok(FetchedEvents { items, memo: None })
}

fn concerns_all(remedy: &Remedy) -> bool {
    !matches!(remedy, Remedy::NotFound | Remedy::Gone | Remedy::NotPermitted | Remedy::Invalid(_))
}

impl Place<'_> {
    /// Reads an event that should be there.
    fn fetch(self) -> Result<Value, Failure> {
        let item = self.peek()?;
        if record::is_cancelled(&item) {
            Err(failure(Remedy::Gone, "200 cancelled", "it has been deleted"))
        } else {
            Ok(item)
        }
    }

    /// Reads what is there, deleted or not.
    fn peek(self) -> Result<Value, Failure> {
        let item = api::get(&api::event(self.calendar, self.id)?)?;
        if record::id(&item).is_some() { Ok(item) } else { Err(api::nonsense("it is no event")) }
    }

    /// Sends a patch for what was read; none if it has changed since.
    fn patch(self, read: &Value, body: &Value, notify: Notify) -> Result<Option<Value>, Failure> {
        let address = api::event(self.calendar, self.id)?.writing(notify);
        let response = api::send("PATCH", &address, read["etag"].as_str(), Some(body))?;
        if response.status == 412 {
            return Ok(None);
        }
        written(&response).map(Some)
    }

    /// The failure of whoever knows another state of an event than the present one.
    fn conflict(self, present: &Value) -> Failure {
        match record::event_or_failure(present, self.connection) {
            Ok(event) => failure(Remedy::Conflict(event), "412", "the event has been changed in the meantime"),
            Err(failure) => failure,
        }
    }

    /// Reads an event, and sends what `change` makes of it, if that is anything.
    fn rewrite(
        self,
        etag: Option<&str>,
        notify: Notify,
        change: &dyn Fn(&Value) -> Result<Option<Value>, Failure>,
    ) -> Result<OneEvent, Failure> {
        for _ in 0..TRIES {
            let item = self.fetch()?;
            if is_stale(&item, etag) {
                return Err(self.conflict(&item));
            }
            let now = match change(&item)? {
                Some(body) => self.patch(&item, &body, notify)?,
                None => Some(item),
            };
            if let Some(now) = now {
                let event = record::event_or_failure(&now, self.connection)?;
                return Ok(OneEvent { event, memo: None });
            }
        }
        Err(changed_each_time())
    }
}

fn changed_each_time() -> Failure {
    failure(Remedy::Temporary, "412", format!("the event was changed by others at each of {TRIES} tries"))
}

/// Whether the caller knows another state of the event than the present one.
fn is_stale(item: &Value, etag: Option<&str>) -> bool {
    etag.is_some_and(|known| item["etag"].as_str() != Some(known))
}

/// The event that a write gives back.
fn written(response: &Response) -> Result<Value, Failure> {
    let item = api::object(response)?;
    if record::id(&item).is_some() { Ok(item) } else { Err(api::nonsense("it is no event")) }
}
