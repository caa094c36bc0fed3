//! Faults: a service that fails on demand, between a provider and its real service.
//!
//! Problem: no test account fails on demand, and a second, failing server would have to imitate every service. Decision: a
//! script says which fault each request meets; every other request goes to the service. The script is handed to
//! [`Access::with_interceptor`](crate::plugins::Access::with_interceptor) as an interceptor, so it works for each service,
//! and the provider, the policy and the credential are the same as in production. Rejected: a proxy, which would need the
//! credential and the certificate of the service.

use crate::locks;
use crate::plugins::egress::{Exchange, GuestRequest, Interceptor, ServiceResponse, TransportError};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service responds with this status, and with this `retry-after` if there is one. It has done nothing.
    Status(u16, Option<String>),
    /// The service does not respond in time. It has done nothing.
    Timeout,
    /// The connection is refused.
    Refused,
    /// The service carries out the request, and the connection ends before the response.
    ResponseLost,
    /// Half of the body arrives, then the connection ends.
    Cut,
    /// Half of the body arrives as if it were complete, for example because of a proxy or a wrong content length.
    Truncated,
    /// The body is replaced by the same number of meaningless bytes.
    Garbage,
    /// The body never ends.
    Endless,
    /// Another recorded response takes the place of the right one. The service is not asked.
    Replaced(RecordedResponse),
}

impl Fault {
    /// Whether the service has carried out the request.
    #[must_use]
    pub const fn is_after_the_fact(&self) -> bool {
        matches!(self, Self::ResponseLost | Self::Cut | Self::Truncated | Self::Garbage | Self::Endless)
    }
}

/// A complete response of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers as they arrived.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: Bytes,
}

/// A request that was sent, and its response.
#[derive(Debug, Clone)]
pub struct RecordedExchange {
    /// The request, as the provider sent it.
    pub request: GuestRequest,
    /// The response of the service, if the service was asked and responded.
    pub response: Option<RecordedResponse>,
}

/// A script of faults and a record of all requests. Requests are numbered from 0, across all calls that share the script.
#[derive(Debug, Default)]
pub struct Faults {
    script: BTreeMap<usize, Fault>,
    /// The fault for each request that is not in the script.
    otherwise: Option<Fault>,
    exchanges: Mutex<Vec<RecordedExchange>>,
}

impl Faults {
    /// No fault: requests are only recorded.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// These faults, each at the request of this number.
    #[must_use]
    pub fn at(script: impl IntoIterator<Item = (usize, Fault)>) -> Arc<Self> {
        Arc::new(Self { script: script.into_iter().collect(), ..Self::default() })
    }

    /// This fault at every request.
    #[must_use]
    pub fn always(fault: Fault) -> Arc<Self> {
        Arc::new(Self { otherwise: Some(fault), ..Self::default() })
    }

    /// All requests so far.
    #[must_use]
    pub fn exchanges(&self) -> Vec<RecordedExchange> {
        self.lock().clone()
    }

    /// The interceptor that applies this script.
    #[must_use]
    pub fn interceptor(self: &Arc<Self>) -> Interceptor {
        let faults = self.clone();
        Interceptor::new(move |request, exchange| {
            let (number, fault) = faults.next(request);
            let faults = faults.clone();
            async move { faults.apply(number, fault, exchange).await }.boxed()
        })
    }

    async fn apply(
        &self,
        number: usize,
        fault: Option<Fault>,
        exchange: Exchange,
    ) -> Result<ServiceResponse, TransportError> {
        let response = match &fault {
            Some(Fault::Timeout) => return Err(TransportError::ResponseTimeout),
            Some(Fault::Refused) => return Err(TransportError::ConnectionRefused),
            Some(Fault::Status(status, retry_after)) => RecordedResponse::empty(*status, retry_after.as_deref()),
            Some(Fault::Replaced(other)) => other.clone(),
            _ => {
                let response = RecordedResponse::read(exchange.await?).await?;
                self.record_response(number, &response);
                response
            }
        };
        if fault == Some(Fault::ResponseLost) {
            return Err(TransportError::ConnectionClosed);
        }
        let pieces = response.pieces(fault.as_ref()).map(|piece| piece.ok_or(TransportError::BodyIncomplete));
        Ok(ServiceResponse {
            status: response.status,
            headers: response.headers_without_length(),
            body: Box::pin(stream::iter(pieces)),
        })
    }

    /// Records a request. Returns its number and its fault.
    fn next(&self, request: GuestRequest) -> (usize, Option<Fault>) {
        let mut exchanges = self.lock();
        let number = exchanges.len();
        exchanges.push(RecordedExchange { request, response: None });
        (number, self.script.get(&number).or(self.otherwise.as_ref()).cloned())
    }

    fn record_response(&self, number: usize, response: &RecordedResponse) {
        if let Some(exchange) = self.lock().get_mut(number) {
            exchange.response = Some(response.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<RecordedExchange>> {
        locks::lock(&self.exchanges)
    }
}

impl RecordedResponse {
    /// A response without a body.
    fn empty(status: u16, retry_after: Option<&str>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(http::header::RETRY_AFTER, value);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: Bytes::new() }
    }

    /// Reads a response to its end.
    async fn read(mut response: ServiceResponse) -> Result<Self, TransportError> {
        let mut body = BytesMut::new();
        while let Some(piece) = response.body.next().await {
            body.extend_from_slice(&piece?);
        }
        Ok(Self { status: response.status, headers: response.headers, body: body.freeze() })
    }

    /// The pieces of the body under a fault. `None` is the end of the connection.
    fn pieces(&self, fault: Option<&Fault>) -> Box<dyn Iterator<Item = Option<Bytes>> + Send> {
        let half = || self.body.slice(..self.body.len() / 2);
        match fault {
            Some(Fault::Cut) => Box::new([Some(half()), None].into_iter()),
            Some(Fault::Truncated) => Box::new(std::iter::once(Some(half()))),
            Some(Fault::Garbage) => Box::new(std::iter::once(Some(garbage(self.body.len())))),
            Some(Fault::Endless) => {
                let piece = if self.body.is_empty() { Bytes::from_static(b"0") } else { self.body.clone() };
                // Short bodies are joined to large pieces: a thousand pieces in a millisecond test nothing else.
                let piece = Bytes::from(piece.repeat((64 << 10) / piece.len() + 1));
                Box::new(std::iter::repeat(Some(piece)))
            }
            _ => Box::new(std::iter::once(Some(self.body.clone()))),
        }
    }

    /// The headers without those that tell the length of the body.
    fn headers_without_length(&self) -> HeaderMap {
        let framing = [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING];
        let kept = |name: &HeaderName| !framing.contains(name);
        self.headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// This number of bytes that are neither UTF-8 nor XML nor JSON.
fn garbage(length: usize) -> Bytes {
    (0..length).map(|index| [0xff, 0x00, b'{', b'<', 0xc3, 0x28][index % 6]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn request() -> GuestRequest {
        let url = "https://a.example/x".parse().unwrap();
        GuestRequest { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    #[test]
    fn requests_are_counted_over_all_calls() {
        let faults = Faults::at([(1, Fault::Timeout)]);
        let next = || faults.next(request());
        assert_eq!([next(), next(), next()], [(0, None), (1, Some(Fault::Timeout)), (2, None)]);
        faults.record_response(2, &RecordedResponse::empty(204, None));
        let exchanges = faults.exchanges().into_iter();
        let statuses: Vec<_> = exchanges.map(|one| one.response.map(|response| response.status)).collect();
        assert_eq!(statuses, [None, None, Some(StatusCode::NO_CONTENT)]);
        let always = Faults::always(Fault::Refused);
        assert_eq!(always.next(request()).1, Some(Fault::Refused));
    }

    #[test]
    fn a_spoiled_body_is_what_its_fault_says() {
        let response = RecordedResponse { body: Bytes::from_static(b"abcdef"), ..RecordedResponse::empty(200, None) };
        let all = |fault: &Fault| response.pieces(Some(fault)).take(3).collect::<Vec<_>>();
        assert_eq!(all(&Fault::Cut), [Some(Bytes::from_static(b"abc")), None]);
        assert_eq!(all(&Fault::Truncated), [Some(Bytes::from_static(b"abc"))]);
        assert_eq!(all(&Fault::Endless).len(), 3);
        let [Some(garbage)] = &all(&Fault::Garbage)[..] else { panic!("one piece") };
        assert_eq!((garbage.len(), std::str::from_utf8(garbage).is_err()), (6, true));
    }
}
