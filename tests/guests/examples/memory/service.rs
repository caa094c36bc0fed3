//! Requests to the store. It keeps texts under ids, with an etag for each and a number for each change.

use chronus_sdk::failure::{failure, temporary};
use chronus_sdk::http::{self, Request, Response};
use chronus_sdk::types::{Failure, Remedy};
use serde_json::Value;

/// Where the store is; tests map it to themselves.
pub(crate) const ORIGIN: &str = "https://memory.example";

/// The account as the store knows it.
pub(crate) struct Account {
    /// How many requests it has been sent.
    pub(crate) requests: u64,
}

/// A text that the store keeps.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) etag: String,
    pub(crate) data: String,
}

/// What last happened to an id.
pub(crate) struct Happened {
    pub(crate) number: u64,
    pub(crate) id: String,
    /// None if it was deleted.
    pub(crate) stored: Option<Stored>,
}

pub(crate) fn account() -> Result<Account, Failure> {
    let answer = json(&read("/account")?)?;
    Ok(Account { requests: answer["requests"].as_u64().unwrap_or_default() })
}

/// All that is in a calendar.
pub(crate) fn list(calendar: &str) -> Result<Vec<Stored>, Failure> {
    let answer = json(&read(&format!("/calendars/{}/events", http::encode(calendar)))?)?;
    Ok(answer.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(stored).collect())
}

pub(crate) fn get(calendar: &str, id: &str) -> Result<Stored, Failure> {
    let answer = json(&read(&place(calendar, id))?)?;
    stored(&answer).ok_or_else(|| temporary("the store gave no event"))
}

/// When a write is to happen.
#[derive(Clone, Copy)]
pub(crate) enum If<'a> {
    Absent,
    Is(&'a str),
    Whatever,
}

/// Stores a text; its new etag, or none if the condition does not hold.
pub(crate) fn put(calendar: &str, id: &str, condition: If<'_>, data: &str) -> Result<Option<String>, Failure> {
    let request = Request::new("PUT", format!("{ORIGIN}{}", place(calendar, id))).body("text/calendar", data);
    let answer = http::send(&conditional(request, condition))?;
    match answer.status {
        412 => Ok(None),
        _ => Ok(Some(json(&checked(answer)?)?["etag"].as_str().unwrap_or_default().to_owned())),
    }
}

/// Deletes a text, and says whether the condition held.
pub(crate) fn delete(calendar: &str, id: &str, condition: If<'_>) -> Result<bool, Failure> {
    let request = Request::new("DELETE", format!("{ORIGIN}{}", place(calendar, id)));
    let answer = http::send(&conditional(request, condition))?;
    if answer.status == 412 {
        return Ok(false);
    }
    checked(answer).map(|_| true)
}

/// What happened after a number, the oldest first; none if the store never gave the number.
pub(crate) fn changes(calendar: &str, after: u64) -> Result<Option<Vec<Happened>>, Failure> {
    let path = format!("/calendars/{}/changes/{after}", http::encode(calendar));
    let answer = http::send(&Request::new("GET", format!("{ORIGIN}{path}")))?;
    if answer.status == 410 {
        return Ok(None);
    }
    let answer = json(&checked(answer)?)?;
    let happened = |item: &Value| {
        let id = item["id"].as_str()?.to_owned();
        Some(Happened { number: item["number"].as_u64()?, id, stored: stored(item) })
    };
    Ok(Some(answer.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(happened).collect()))
}

fn place(calendar: &str, id: &str) -> String {
    format!("/calendars/{}/events/{}", http::encode(calendar), http::encode(id))
}

fn stored(value: &Value) -> Option<Stored> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Stored { id: text("id")?, etag: text("etag")?, data: text("data")? })
}

fn conditional(request: Request, condition: If<'_>) -> Request {
    match condition {
        If::Absent => request.header("if-none-match", "*"),
        If::Is(etag) => request.header("if-match", etag),
        If::Whatever => request,
    }
}

fn read(path: &str) -> Result<Response, Failure> {
    checked(http::send(&Request::new("GET", format!("{ORIGIN}{path}")))?)
}

fn checked(answer: Response) -> Result<Response, Failure> {
    match answer.status {
        200..300 => Ok(answer),
        401 => Err(failure(Remedy::Reconnect, "401", "the store wants the name and the password of one of its users")),
        _ => Err(answer.failure()),
    }
}

fn json(answer: &Response) -> Result<Value, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| temporary(format!("the store gave no JSON: {error}")))
}
