//! A service that fails on purpose, between a provider and its real service.
//!
//! Problem: what a provider does when its service fails shows when it fails, which no test account does on demand; and a
//! second, failing server would have to know every service. Decision: faults are made here, behind the policy and the
//! credential, where every request passes: a script says what happens to which request, and what is not in it goes to
//! the service as always. Only who makes an [`Access`](crate::plugins::Access) can put a script into it, and nobody but
//! the conformance suite does. Rejected: a proxy, which would need the credential and the service's certificate.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service answers with this status, and `retry-after` if there is one, and has done nothing.
    Status(u16, Option<String>),
    /// The service has done nothing, and says nothing in time.
    Timeout,
    /// The connection ends before the service has heard anything.
    Refused,
    /// The service does what it is asked; the connection ends before it says so.
    AnswerLost,
    /// Half of the answer's body comes, and then the connection ends.
    Cut,
    /// Half of the answer's body comes, and looks whole: a proxy, or a wrong content length.
    Truncated,
    /// The body has as many bytes as the service's, none of which it wrote.
    Garbage,
    /// The body goes on for ever.
    Endless,
    /// Another answer of the service in place of the right one; the service is not asked.
    Instead(Recorded),
}

impl Fault {
    /// Whether the service has done what it was asked.
    #[must_use]
    pub const fn is_after_the_fact(&self) -> bool {
        matches!(self, Self::AnswerLost | Self::Cut | Self::Truncated | Self::Garbage | Self::Endless)
    }
}

/// An answer of the service, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body, decoded.
    pub body: Bytes,
}

/// A request that went by, and what was answered; nothing if no answer came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How.
    pub method: Method,
    /// Where to, as the provider asked.
    pub url: Url,
    /// What with, but for the credential and the connection's own headers.
    pub headers: HeaderMap,
    /// What with.
    pub body: Bytes,
    /// What the service answered, if it was asked and answered.
    pub answer: Option<Recorded>,
}

/// A script of faults, and a record of what went by. Requests are counted from 0, over all calls that share it.
#[derive(Debug, Default)]
pub struct Faults {
    script: BTreeMap<usize, Fault>,
    /// What happens to all others.
    rest: Option<Fault>,
    seen: Mutex<Vec<Seen>>,
}

impl Faults {
    /// No fault: it only looks.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// These faults, each to the request of its number.
    #[must_use]
    pub fn at(script: impl IntoIterator<Item = (usize, Fault)>) -> Arc<Self> {
        Arc::new(Self { script: script.into_iter().collect(), ..Self::default() })
    }

    /// This fault to every request.
    #[must_use]
    pub fn always(fault: Fault) -> Arc<Self> {
        Arc::new(Self { rest: Some(fault), ..Self::default() })
    }

    /// What went by so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// Counts a request; its number, and what happens to it.
    pub(super) fn next(&self, method: &Method, url: &Url, headers: HeaderMap, body: &Bytes) -> (usize, Option<Fault>) {
        let mut seen = self.lock();
        let number = seen.len();
        let (method, url, body) = (method.clone(), url.clone(), body.clone());
        seen.push(Seen { method, url, headers, body, answer: None });
        (number, self.script.get(&number).or(self.rest.as_ref()).cloned())
    }

    /// Remembers what the service answered to a request.
    pub(super) fn answered(&self, number: usize, answer: &Recorded) {
        if let Some(seen) = self.lock().get_mut(number) {
            seen.answer = Some(answer.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    /// An answer without a body.
    pub(super) fn bare(status: u16, retry_after: Option<&str>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(http::header::RETRY_AFTER, value);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: Bytes::new() }
    }

    /// The body in pieces as a fault makes of it; `None` is where the connection ends.
    pub(super) fn spoiled(&self, fault: Option<&Fault>) -> Box<dyn Iterator<Item = Option<Bytes>> + Send> {
        let half = || self.body.slice(..self.body.len() / 2);
        match fault {
            Some(Fault::Cut) => Box::new([Some(half()), None].into_iter()),
            Some(Fault::Truncated) => Box::new(std::iter::once(Some(half()))),
            Some(Fault::Garbage) => Box::new(std::iter::once(Some(garbage(self.body.len())))),
            Some(Fault::Endless) => {
                let piece = if self.body.is_empty() { Bytes::from_static(b"0") } else { self.body.clone() };
                // A short body as often as makes a large piece: a thousand pieces a millisecond help nobody.
                let piece = Bytes::from(piece.repeat((64 << 10) / piece.len() + 1));
                Box::new(std::iter::repeat(Some(piece)))
            }
            _ => Box::new(std::iter::once(Some(self.body.clone()))),
        }
    }

    /// The headers without what would tell how long the body is.
    pub(super) fn headers(&self) -> HeaderMap {
        let framing = [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING];
        let kept = |name: &HeaderName| !framing.contains(name);
        self.headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// So many bytes that are no UTF-8, no XML and no JSON.
fn garbage(length: usize) -> Bytes {
    (0..length).map(|index| [0xff, 0x00, b'{', b'<', 0xc3, 0x28][index % 6]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_over_all_calls() {
        let url: Url = "https://a.example/x".parse().unwrap();
        let faults = Faults::at([(1, Fault::Timeout)]);
        let next = || faults.next(&Method::GET, &url, HeaderMap::new(), &Bytes::new());
        assert_eq!([next(), next(), next()], [(0, None), (1, Some(Fault::Timeout)), (2, None)]);
        faults.answered(2, &Recorded::bare(204, None));
        let statuses: Vec<_> = faults.seen().into_iter().map(|seen| seen.answer.map(|answer| answer.status)).collect();
        assert_eq!(statuses, [None, None, Some(StatusCode::NO_CONTENT)]);
        let always = Faults::always(Fault::Refused);
        assert_eq!(always.next(&Method::GET, &url, HeaderMap::new(), &Bytes::new()).1, Some(Fault::Refused));
    }

    #[test]
    fn a_spoiled_body_is_what_its_fault_says() {
        let answer = Recorded { body: Bytes::from_static(b"abcdef"), ..Recorded::bare(200, None) };
        let all = |fault: &Fault| answer.spoiled(Some(fault)).take(3).collect::<Vec<_>>();
        assert_eq!(all(&Fault::Cut), [Some(Bytes::from_static(b"abc")), None]);
        assert_eq!(all(&Fault::Truncated), [Some(Bytes::from_static(b"abc"))]);
        assert_eq!(all(&Fault::Endless).len(), 3);
        let [Some(garbage)] = &all(&Fault::Garbage)[..] else { panic!("one piece") };
        assert_eq!((garbage.len(), std::str::from_utf8(garbage).is_err()), (6, true));
    }
}
