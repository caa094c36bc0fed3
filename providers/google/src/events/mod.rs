//! Creating, reading, changing, answering and cancelling events.
//!
//! An event may have been changed by another client a moment ago, or by an earlier attempt whose answer was lost. So a change
//! first reads the event, then sends the differences with the precondition that the event is unchanged (`If-Match`), and
//! reads again if Google refuses. Without a difference nothing is written.
//!
//! Google keeps deleted events and returns them by id as cancelled. Here these are `gone`.

mod cancel;
mod create;
mod find;
mod moved;
mod respond;
mod update;

pub(crate) use cancel::cancel;
pub(crate) use create::create;
pub(crate) use find::{find, occurrence};
pub(crate) use respond::respond;
pub(crate) use update::update;

use chronus_sdk::failure::failure;
use chronus_sdk::http::Response;
use chronus_sdk::json::Value;
use chronus_sdk::values::{Connection, Event, EventOutcome, EventReply, EventsReply, Failure, Notify, Remedy};
use chronus_sdk::{EventRef, Write};

use crate::{api, record};

/// The attempts of a change without an etag, if other clients change the event at the same time.
const TRIES: usize = 3;

/// An event, as one connection reaches it.
#[derive(Clone, Copy)]
struct Place<'a> {
    connection: &'a Connection,
    event: EventRef<'a>,
}

/// `events.get`
pub(crate) fn get(connection: &Connection, event: EventRef<'_>) -> Result<EventReply, Failure> {
    let event = record::event_or_failure(&Place { connection, event }.fetch()?, connection)?;
    Ok(EventReply { event, memo: None })
}

/// `events.get-many`. One request for each event: Google's batches are a separate protocol and not faster.
pub(crate) fn get_many(connection: &Connection, calendar: &str, ids: &[String]) -> Result<EventsReply, Failure> {
    let mut events = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match (Place { connection, event: EventRef { calendar, id } }).fetch() {
            Ok(item) => record::event_or_failure(&item, connection).map(|event| Event { id: id.clone(), ..event }),
            // A problem with the service concerns all events.
            Err(failure) if concerns_all(&failure.remedy) => return Err(failure),
            Err(failure) => Err(failure),
        };
        events.push(EventOutcome { id: id.clone(), outcome });
    }
    Ok(EventsReply { events, memo: None })
}

fn concerns_all(remedy: &Remedy) -> bool {
    !matches!(remedy, Remedy::NotFound | Remedy::Gone | Remedy::NotPermitted | Remedy::Invalid(_))
}

impl Place<'_> {
    /// Reads an event that must exist.
    fn fetch(self) -> Result<Value, Failure> {
        let item = self.peek()?;
        if record::is_cancelled(&item) {
            Err(failure(Remedy::Gone, "200 cancelled", "it has been deleted"))
        } else {
            Ok(item)
        }
    }

    /// Reads an event, deleted or not.
    fn peek(self) -> Result<Value, Failure> {
        let item = api::get(&api::event(self.event)?)?;
        if record::id(&item).is_some() { Ok(item) } else { Err(api::nonsense("it is not an event")) }
    }

    /// Sends a patch for the event as it was read; `None` if it has changed since.
    fn patch(self, read: &Value, body: &Value, notify: Notify) -> Result<Option<Value>, Failure> {
        let address = api::event(self.event)?.writing(notify);
        let response = api::send("PATCH", &address, read["etag"].as_str(), Some(body))?;
        if response.status == 412 {
            return Ok(None);
        }
        written(&response).map(Some)
    }

    /// The failure of a write whose etag is not the present one.
    fn conflict(self, present: &Value) -> Failure {
        match record::event_or_failure(present, self.connection) {
            Ok(event) => failure(Remedy::Conflict(event), "412", "the event has been changed in the meantime"),
            Err(failure) => failure,
        }
    }

    /// Reads an event and sends the patch that `change` makes, if any.
    fn rewrite(
        self,
        Write { etag, notify, .. }: Write<'_>,
        change: &dyn Fn(&Value) -> Result<Option<Value>, Failure>,
    ) -> Result<EventReply, Failure> {
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
                return Ok(EventReply { event, memo: None });
            }
        }
        Err(changed_each_time())
    }
}

fn changed_each_time() -> Failure {
    failure(Remedy::Temporary, "412", format!("other clients changed the event during each of {TRIES} attempts"))
}

/// Whether the caller's etag differs from the present one.
fn is_stale(item: &Value, etag: Option<&str>) -> bool {
    etag.is_some_and(|known| item["etag"].as_str() != Some(known))
}

/// The event in the answer to a write.
fn written(response: &Response) -> Result<Value, Failure> {
    let item = api::object(response)?;
    if record::id(&item).is_some() { Ok(item) } else { Err(api::nonsense("it is not an event")) }
}
