//! A toy service for the provider of `tests/guests/examples/memory`: texts under ids, in this process.
//!
//! A proof that the conformance suite finds errors needs a provider that makes them on demand, and that provider needs a
//! memory. The store is as simple as possible, so that an error is the provider's and not the store's: it checks
//! preconditions (RFC 9110 §13.1), numbers changes, and never reads the stored texts. Each user sees only their own account.
//! Rejected: a CalDAV server, which has a behaviour of its own and starts too slowly for forty variants.

use chronus_host::locks;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The password of every user.
pub const PASSWORD: &str = "open sesame, store";

/// A running store. It ends when this is dropped.
#[derive(Debug)]
pub struct Store {
    origin: String,
    accounts: Accounts,
    server: JoinHandle<()>,
}

type Accounts = Arc<Mutex<HashMap<String, Account>>>;

#[derive(Debug, Default)]
struct Account {
    requests: u64,
    subscriptions: BTreeMap<String, Subscription>,
    calendars: BTreeMap<String, Calendar>,
}

/// Where the store reports changes of a calendar.
#[derive(Debug, Clone, Deserialize)]
struct Subscription {
    calendar: String,
    callback: String,
    secret: String,
}

/// The texts of a calendar, and their changes.
#[derive(Debug, Default)]
struct Calendar {
    texts: BTreeMap<String, Text>,
    /// The number of the last change.
    last: u64,
    /// The last change of each id that was ever used.
    happened: BTreeMap<String, u64>,
}

#[derive(Debug, Clone)]
struct Text {
    etag: String,
    data: String,
}

impl Store {
    /// Starts a store without users, at a port that the system chooses.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("binding a port for the store")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let accounts = Accounts::default();
        let routes = Router::new()
            .route("/account", get(account))
            .route("/calendars/{calendar}/events", get(list))
            .route("/calendars/{calendar}/pages/{number}", get(page))
            .route("/calendars/{calendar}/events/{id}", get(read).put(write).delete(delete))
            .route("/calendars/{calendar}/changes/{after}", get(changes))
            .route("/calendars/{calendar}/listing/{after}", get(listing))
            .route("/subscriptions/{id}", put(subscribe).delete(unsubscribe))
            .with_state(accounts.clone());
        let server = tokio::spawn(async move {
            // It ends with the listener, which ends with the task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { origin, accounts, server })
    }

    /// `http://127.0.0.1:` and its port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Makes a user with the calendars `home`, `team` and `broken`; in the last is a text that is no calendar.
    pub fn add_user(&self, name: &str) {
        let mut account = Account::default();
        for calendar in ["home", "team", "broken"] {
            account.calendars.insert(calendar.to_owned(), Calendar::default());
        }
        if let Some(broken) = account.calendars.get_mut("broken") {
            broken.keep("bad", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:cut o");
        }
        locks::lock(&self.accounts).insert(name.to_owned(), account);
    }

    /// Puts a text into a calendar of a user, and tells subscribers.
    pub fn put(&self, user: &str, calendar: &str, id: &str, data: &str) {
        let mut accounts = locks::lock(&self.accounts);
        let Some(account) = accounts.get_mut(user) else { return };
        if let Some(stored) = account.calendars.get_mut(calendar) {
            stored.keep(id, data);
            account.notify(calendar);
        }
    }

    /// How many texts a user has in a calendar.
    pub fn count(&self, user: &str, calendar: &str) -> Option<usize> {
        let accounts = locks::lock(&self.accounts);
        Some(accounts.get(user)?.calendars.get(calendar)?.texts.len())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Account {
    /// Tells the subscribers of a calendar that it has changed.
    fn notify(&self, calendar: &str) {
        self.subscriptions.iter().filter(|(_, one)| one.calendar == calendar).for_each(notify);
    }
}

impl Calendar {
    fn keep(&mut self, id: &str, data: &str) -> String {
        let etag = format!("\"{}\"", self.touch(id));
        self.texts.insert(id.to_owned(), Text { etag: etag.clone(), data: data.to_owned() });
        etag
    }

    fn touch(&mut self, id: &str) -> u64 {
        self.last += 1;
        self.happened.insert(id.to_owned(), self.last);
        self.last
    }

    fn shown(&self, id: &str) -> Option<Value> {
        let Text { etag, data } = self.texts.get(id)?;
        Some(json!({ "id": id, "etag": etag, "data": data }))
    }

    fn since(&self, after: u64, counts: impl Fn(&str) -> bool) -> Response {
        if after > self.last {
            return StatusCode::GONE.into_response();
        }
        let happened = self.happened.iter().map(|(id, number)| (*number, id));
        let mut later: Vec<(u64, &String)> = happened.filter(|(number, id)| *number > after && counts(id)).collect();
        later.sort_unstable();
        let shown = |(number, id): (u64, &String)| {
            let mut item = self.shown(id).unwrap_or_else(|| json!({ "id": id }));
            item["number"] = number.into();
            item
        };
        let items: Vec<Value> = later.into_iter().map(shown).collect();
        Json(json!({ "last": self.last, "items": items })).into_response()
    }

    /// The response if the preconditions of a write fail.
    fn refuses(&self, id: &str, headers: &HeaderMap) -> Option<Response> {
        let present = self.texts.get(id).map(|text| text.etag.as_str());
        let expected = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        let wanted_absent = headers.contains_key(header::IF_NONE_MATCH);
        let holds = expected.is_none_or(|etag| present == Some(etag)) && !(wanted_absent && present.is_some());
        (!holds).then(|| StatusCode::PRECONDITION_FAILED.into_response())
    }
}

/// Answers from a calendar of the user, if the password is right and the calendar exists.
fn within(
    accounts: &Accounts,
    headers: &HeaderMap,
    name: &str,
    answer: impl FnOnce(&mut Calendar) -> Response,
) -> Response {
    with_account(accounts, headers, |account| match account.calendars.get_mut(name) {
        Some(calendar) => {
            let before = calendar.last;
            let response = answer(calendar);
            if calendar.last != before {
                account.notify(name);
            }
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

/// Sends a notification. One that does not arrive is not repeated.
fn notify((id, to): (&String, &Subscription)) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
    let (id, to) = (id.clone(), to.clone());
    tokio::spawn(async move {
        let request = client?.post(&to.callback).header("x-subscription", id).header("x-secret", to.secret);
        request.send().await.map(drop)
    });
}

fn with_account(accounts: &Accounts, headers: &HeaderMap, answer: impl FnOnce(&mut Account) -> Response) -> Response {
    let mut accounts = locks::lock(accounts);
    let user = user(headers);
    match user.and_then(|user| accounts.get_mut(&user)) {
        Some(account) => {
            account.requests += 1;
            answer(account)
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// The user that the Basic credentials (RFC 7617) name, if the password is right.
fn user(headers: &HeaderMap) -> Option<String> {
    let pair = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    (password == PASSWORD).then(|| user.to_owned())
}

async fn account(State(accounts): State<Accounts>, headers: HeaderMap) -> Response {
    with_account(&accounts, &headers, |account| Json(json!({ "requests": account.requests })).into_response())
}

async fn list(State(accounts): State<Accounts>, Path(calendar): Path<String>, headers: HeaderMap) -> Response {
    within(&accounts, &headers, &calendar, |calendar| {
        let all: Vec<Value> = calendar.texts.keys().filter_map(|id| calendar.shown(id)).collect();
        Json(all).into_response()
    })
}

/// The number of texts on a page.
const PAGE: usize = 5;

/// One page of the texts, in the order of their ids.
async fn page(
    State(accounts): State<Accounts>,
    Path((calendar, number)): Path<(String, usize)>,
    headers: HeaderMap,
) -> Response {
    within(&accounts, &headers, &calendar, |calendar| {
        let first = number.saturating_mul(PAGE);
        let items: Vec<Value> =
            calendar.texts.keys().skip(first).take(PAGE).filter_map(|id| calendar.shown(id)).collect();
        let more = calendar.texts.len() > first.saturating_add(PAGE);
        Json(json!({ "items": items, "more": more })).into_response()
    })
}

type Place = Path<(String, String)>;

async fn read(State(accounts): State<Accounts>, Path((calendar, id)): Place, headers: HeaderMap) -> Response {
    within(&accounts, &headers, &calendar, |calendar| match calendar.shown(&id) {
        Some(shown) => Json(shown).into_response(),
        None if calendar.happened.contains_key(&id) => StatusCode::GONE.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

async fn write(
    State(accounts): State<Accounts>,
    Path((calendar, id)): Place,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(data) = std::str::from_utf8(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    within(&accounts, &headers, &calendar, |calendar| match calendar.refuses(&id, &headers) {
        Some(refusal) => refusal,
        None => Json(json!({ "etag": calendar.keep(&id, data) })).into_response(),
    })
}

async fn delete(State(accounts): State<Accounts>, Path((calendar, id)): Place, headers: HeaderMap) -> Response {
    within(&accounts, &headers, &calendar, |calendar| match calendar.refuses(&id, &headers) {
        Some(refusal) => refusal,
        None if calendar.texts.remove(&id).is_none() => StatusCode::NOT_FOUND.into_response(),
        None => {
            calendar.touch(&id);
            StatusCode::NO_CONTENT.into_response()
        }
    })
}

async fn subscribe(
    State(accounts): State<Accounts>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(wanted): Json<Subscription>,
) -> Response {
    with_account(&accounts, &headers, |account| {
        account.subscriptions.insert(id, wanted);
        StatusCode::CREATED.into_response()
    })
}

async fn unsubscribe(State(accounts): State<Accounts>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    with_account(&accounts, &headers, |account| match account.subscriptions.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

type Point = Path<(String, u64)>;

/// The changes after a number, in order, and the number of the last change; 410 if no change had that number.
async fn changes(State(accounts): State<Accounts>, Path((calendar, after)): Point, headers: HeaderMap) -> Response {
    within(&accounts, &headers, &calendar, |calendar| calendar.since(after, |_| true))
}

/// The same without deletions.
async fn listing(State(accounts): State<Accounts>, Path((calendar, after)): Point, headers: HeaderMap) -> Response {
    within(&accounts, &headers, &calendar, |calendar| calendar.since(after, |id| calendar.texts.contains_key(id)))
}
