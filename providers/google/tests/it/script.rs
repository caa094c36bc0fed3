//! Google as a list of what it will be asked and what it will answer.
//!
//! A request that is not the next of the list fails the test, and so does one that is on it and never sent: what a call
//! costs is part of what is tested.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use chronus_sdk::http::{Request, Response, native};
use chronus_sdk::json::{self, Value};

/// The calendar's events.
pub(crate) const EVENTS: &str = "/calendar/v3/calendars/ann%40example.com/events";

#[derive(Clone, Default)]
pub(crate) struct Script {
    expected: Rc<RefCell<VecDeque<(String, u16, String)>>>,
    seen: Rc<RefCell<Vec<Request>>>,
}

/// What an answer of Google's that refuses something looks like.
pub(crate) fn error(status: u16, reason: &str) -> Value {
    let errors = json::json!([{ "domain": "global", "reason": reason, "message": "…" }]);
    json::json!({ "error": { "code": status, "message": "…", "errors": errors } })
}

impl Script {
    /// Expects `GET /path?query` next, and answers with a status and a value.
    pub(crate) fn expect(self, request: &str, status: u16, body: Value) -> Script {
        self.expected.borrow_mut().push_back((request.to_owned(), status, body.to_string()));
        self
    }

    /// The same for a refusal.
    pub(crate) fn refuse(self, request: &str, status: u16, reason: &str) -> Script {
        self.expect(request, status, error(status, reason))
    }

    /// Runs a call while Google answers.
    pub(crate) fn run<T>(&self, call: impl FnOnce() -> T) -> T {
        let (expected, seen) = (self.expected.clone(), self.seen.clone());
        let answer = move |request: &Request| {
            let place = request.url.strip_prefix("https://www.googleapis.com").unwrap_or(&request.url);
            let asked = format!("{} {place}", request.method);
            let Some((wanted, status, body)) = expected.borrow_mut().pop_front() else {
                panic!("nothing more was expected, and then came {asked}");
            };
            assert_eq!(asked, wanted);
            seen.borrow_mut().push(request.clone());
            Ok(Response::new(&request.url, status).with_body("application/json", body))
        };
        let result = native::answering(answer, call);
        let left: Vec<_> = self.expected.borrow().iter().map(|(wanted, ..)| wanted.clone()).collect();
        assert!(left.is_empty(), "never asked: {left:?}");
        result
    }

    /// The body of a request, by its place in the order sent.
    pub(crate) fn body(&self, place: usize) -> Value {
        let seen = self.seen.borrow();
        let request = seen.get(place).expect("so many requests");
        json::read(&Response::new("", 200).with_body("", request.body.clone())).expect("a value")
    }

    /// The body of the last request.
    pub(crate) fn last(&self) -> Value {
        let place = self.seen.borrow().len().checked_sub(1);
        self.body(place.expect("a request"))
    }

    /// A header of a request.
    pub(crate) fn header(&self, place: usize, name: &str) -> Option<String> {
        let seen = self.seen.borrow();
        let headers = &seen.get(place).expect("so many requests").headers;
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}
