//! Requests to the store, which stores texts by id, with an etag for each text and a number for each change.

use chronus_sdk::failure::{failure, not_found, pause, temporary};
use chronus_sdk::http::{self, Request, Response};
use chronus_sdk::values::{Failure, PauseScope, Remedy};
use chronus_test_guests::store::ORIGIN;
use serde_json::{Value, json};

use crate::wrong;

/// An account of the store.
pub(crate) struct Account {
    /// The number of requests that it has received.
    pub(crate) requests: u64,
}

/// A stored text.
#[derive(Clone)]
pub(crate) struct StoredEvent {
    pub(crate) id: String,
    pub(crate) etag: String,
    pub(crate) data: String,
}

/// The last change of an id.
pub(crate) struct EventChange {
    pub(crate) number: u64,
    pub(crate) id: String,
    /// `None` if the text was deleted.
    pub(crate) stored: Option<StoredEvent>,
}

pub(crate) fn account() -> Result<Account, Failure> {
    let answer = read_json(&read("/account")?)?;
    Ok(Account { requests: answer["requests"].as_u64().unwrap_or_default() })
}

/// All that is in a calendar.
pub(crate) fn list(calendar: &str) -> Result<Vec<StoredEvent>, Failure> {
    let answer = read_json(&read(&format!("/calendars/{}/events", http::encode(calendar)))?)?;
    Ok(answer.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(stored).collect())
}

pub(crate) fn get(calendar: &str, id: &str) -> Result<StoredEvent, Failure> {
    let answer = read_json(&read(&place(calendar, id))?)?;
    stored(&answer).ok_or_else(|| temporary("the store gave no event"))
}

/// The precondition of a write.
#[derive(Clone, Copy)]
pub(crate) enum WriteCondition<'a> {
    Absent,
    Is(&'a str),
    Whatever,
}

/// Stores a text. Returns its new etag, or `None` if the precondition fails.
pub(crate) fn put(
    calendar: &str,
    id: &str,
    condition: WriteCondition<'_>,
    data: &str,
) -> Result<Option<String>, Failure> {
    let request = Request::new("PUT", format!("{ORIGIN}{}", place(calendar, id))).body("text/calendar", data);
    let answer = http::send(&conditional(request, condition))?;
    match answer.status {
        412 if wrong("precondition-ignored") => Ok(Some(String::new())),
        412 => Ok(None),
        _ => Ok(Some(read_json(&checked(answer)?)?["etag"].as_str().unwrap_or_default().to_owned())),
    }
}

/// Deletes a text. Returns false if the precondition fails.
pub(crate) fn delete(calendar: &str, id: &str, condition: WriteCondition<'_>) -> Result<bool, Failure> {
    let request = Request::new("DELETE", format!("{ORIGIN}{}", place(calendar, id)));
    let answer = http::send(&conditional(request, condition))?;
    if answer.status == 412 {
        return Ok(wrong("precondition-ignored"));
    }
    checked(answer).map(|_| true)
}

/// The changes after a change.
pub(crate) struct ChangesSince {
    /// The oldest first.
    pub(crate) items: Vec<EventChange>,
    /// The number of the last change of all.
    pub(crate) last: u64,
}

/// The changes after the change with this number; for a listing, only those of events that still exist. `None` if the store
/// never used the number.
pub(crate) fn since(calendar: &str, after: u64, listing: bool) -> Result<Option<ChangesSince>, Failure> {
    let what = if listing { "listing" } else { "changes" };
    let path = format!("/calendars/{}/{what}/{after}", http::encode(calendar));
    let answer = http::send(&Request::new("GET", format!("{ORIGIN}{path}")))?;
    if answer.status == 410 {
        return Ok(None);
    }
    let answer = read_json(&checked(answer)?)?;
    let happened = |item: &Value| {
        let id = item["id"].as_str()?.to_owned();
        Some(EventChange { number: item["number"].as_u64()?, id, stored: stored(item) })
    };
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = answer["last"].as_u64().unwrap_or(after);
    Ok(Some(ChangesSince { items: items.iter().filter_map(happened).collect(), last }))
}

/// Subscribes to notifications of the store about a calendar.
pub(crate) fn subscribe(id: &str, calendar: &str, callback: &str, secret: &str) -> Result<(), Failure> {
    let wanted = json!({ "calendar": calendar, "callback": callback, "secret": secret }).to_string();
    let request = Request::new("PUT", format!("{ORIGIN}/subscriptions/{}", http::encode(id)));
    checked(http::send(&request.body("application/json", wanted))?).map(drop)
}

/// Ends the subscription.
pub(crate) fn unsubscribe(id: &str) -> Result<(), Failure> {
    checked(http::send(&Request::new("DELETE", format!("{ORIGIN}/subscriptions/{}", http::encode(id))))?).map(drop)
}

fn place(calendar: &str, id: &str) -> String {
    format!("/calendars/{}/events/{}", http::encode(calendar), http::encode(id))
}

fn stored(value: &Value) -> Option<StoredEvent> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(StoredEvent { id: text("id")?, etag: text("etag")?, data: text("data")? })
}

fn conditional(request: Request, condition: WriteCondition<'_>) -> Request {
    match condition {
        WriteCondition::Absent => request.header("if-none-match", "*"),
        WriteCondition::Is(etag) => request.header("if-match", etag),
        WriteCondition::Whatever => request,
    }
}

fn read(path: &str) -> Result<Response, Failure> {
    checked(http::send(&Request::new("GET", format!("{ORIGIN}{path}")))?)
}

fn checked(answer: Response) -> Result<Response, Failure> {
    match answer.status {
        200..300 => Ok(answer),
        _ => Err(misread(&answer, answer.failure())),
    }
}

/// Planted errors about the meaning of a status.
fn misread(answer: &Response, right: Failure) -> Failure {
    let told = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
    let remedy = match answer.status {
        401 if wrong("wrong-password-is-temporary") => Remedy::Temporary,
        403 if wrong("refusal-is-a-lost-password") => Remedy::Reconnect,
        404 | 410 if wrong("unknown-is-temporary") => Remedy::Temporary,
        412 if wrong("precondition-is-a-lost-password") => Remedy::Reconnect,
        429 | 503 if wrong("waits-as-it-likes") => pause(2000, PauseScope::Connection),
        429 if wrong("waits-no-longer-than-told") => pause(told.unwrap_or_default() * 1000, PauseScope::Connection),
        429 if wrong("haste-is-temporary") => Remedy::Temporary,
        500 | 502 | 504 if wrong("trouble-is-a-lost-password") => Remedy::Reconnect,
        _ => return right,
    };
    failure(remedy, right.service_code, right.detail)
}

fn read_json(answer: &Response) -> Result<Value, Failure> {
    serde_json::from_slice(&answer.body).or_else(|error| match error {
        _ if wrong("garbage-is-empty") => Ok(Value::Null),
        _ if wrong("garbage-is-gone") => Err(not_found("the store gave nothing that could be read")),
        error => Err(temporary(format!("the store gave no JSON: {error}"))),
    })
}
