//! The one place that reads requests and writes answers.
//!
//! Each request is read whole, meets its fault if one is planned, is served under the lock, and is recorded with how it
//! ended. The discovery document, where it is at hand, looks at both the request and the answer.

use chronus_host::locks;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http_body_util::{BodyExt, Limited};

use super::call::{Answer, Call};
use super::discovery::Discovery;
use super::errors::Refusal;
use super::faults::Fault;
use super::records::RecordedCall;
use super::state::State;
use super::{fields, methods, oauth};

/// The largest request that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Service {
    state: Mutex<State>,
    /// None where the document is not at hand.
    discovery: Option<Discovery>,
}

/// What becomes of a request.
enum Outcome {
    Answered(Response),
    Cut,
    Never,
}

impl Service {
    pub(super) fn new(state: State, discovery: Option<Discovery>) -> Self {
        Self { state: Mutex::new(state), discovery }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        locks::lock(&self.state)
    }

    /// Answers a request, or does not.
    pub(super) async fn handle(self: Arc<Self>, request: Request) -> Response {
        let mut call = match read(request).await {
            Ok(call) => call,
            Err(response) => return response,
        };
        match self.outcome(&mut call) {
            Outcome::Answered(response) => response,
            Outcome::Cut => cut(),
            Outcome::Never => std::future::pending().await,
        }
    }

    fn outcome(&self, call: &mut Call) -> Outcome {
        let mut state = self.state();
        let state = &mut *state;
        if state.stopped {
            return Outcome::Cut;
        }
        let fault = state.faults.take(call);
        // A request that is refused by a fault must be a right one all the same.
        let wrong = self.look(state, |discovery| discovery.request(call));
        let outcome = match &fault {
            _ if wrong.is_some() => None,
            Some(Fault::Hang) => Some(Outcome::Never),
            Some(Fault::Cut) => Some(Outcome::Cut),
            Some(Fault::Garbage { status, body }) => Some(Outcome::Answered(garbage(*status, body))),
            Some(Fault::Refuse { .. } | Fault::DoneButCut) | None => None,
        };
        if let Some(outcome) = outcome {
            let status =
                if let Outcome::Answered(response) = &outcome { Some(response.status().as_u16()) } else { None };
            state.recorded.push(RecordedCall::of(call, status));
            return outcome;
        }
        if let Some(wrong) = wrong {
            let refusal = Refusal::bad_request("badRequest", format!("Invalid request: {wrong}"));
            return Outcome::Answered(self.finish(state, call, refusal.answer()));
        }
        if let Some(Fault::Refuse { status, reason, headers }) = fault.as_ref().filter(|_| oauth::is_here(&call.path)) {
            state.recorded.push(RecordedCall::of(call, Some(*status)));
            return Outcome::Answered(oauth::planned(*status, reason, headers));
        }
        match fault.as_ref().and_then(Fault::refusal) {
            Some(refusal) => Outcome::Answered(self.finish(state, call, refusal.answer())),
            None if oauth::is_here(&call.path) => {
                let response = oauth::serve(state, call);
                state.recorded.push(RecordedCall::of(call, Some(response.status().as_u16())));
                if fault.is_some() { Outcome::Cut } else { Outcome::Answered(response) }
            }
            None => {
                let answer = methods::serve(state, call);
                let response = self.finish(state, call, answer);
                if fault.is_some() { Outcome::Cut } else { Outcome::Answered(response) }
            }
        }
    }

    /// Looks at an answer of the API, selects the fields that were asked for, and records it.
    fn finish(&self, state: &mut State, call: &Call, answer: Answer) -> Response {
        let wrong = self.look(state, |discovery| discovery.answer(call, &answer));
        let answer = match wrong {
            Some(wrong) => {
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internalError", format!("Invalid answer: {wrong}"))
                    .answer()
            }
            None => fields::select(call, answer).unwrap_or_else(Refusal::answer),
        };
        state.recorded.push(RecordedCall::of(call, Some(answer.status.as_u16())));
        written(answer)
    }

    /// What the document finds wrong, which is also kept.
    fn look(&self, state: &mut State, look: impl FnOnce(&Discovery) -> Result<(), String>) -> Option<String> {
        let wrong = look(self.discovery.as_ref()?).err()?;
        state.violations.push(wrong.clone());
        Some(wrong)
    }
}

async fn read(request: Request) -> Result<Call, Response> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Err(garbage(413, "Request Entity Too Large"));
    };
    let query = parts.uri.query().unwrap_or_default();
    Ok(Call {
        verb: parts.method,
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body: body.to_bytes(),
        places: Vec::new(),
    })
}

/// An answer as bytes. What has a body is JSON; what has none says that its length is 0, as Google does.
fn written(answer: Answer) -> Response {
    let body = answer.body.map(|body| body.to_string());
    let has_body = body.is_some();
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = answer.status;
    if has_body {
        let json = HeaderValue::from_static("application/json; charset=UTF-8");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response.headers_mut().extend(answer.headers);
    response
}

/// An answer that is not Google's, such as a load balancer's.
fn garbage(status: u16, body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    response
}

/// An answer whose connection ends before the body does.
fn cut() -> Response {
    let ended = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("cut on purpose"))]);
    let mut response = Response::new(Body::from_stream(ended));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("4096"));
    response
}
