//! The one door: every request of every guest passes [`Egress`].
//!
//! It is the implementation of `wasi:http/outgoing-handler`, the only way out that the linker offers. In order:
//! policy, budget, credential, client; and on the way back: budget, leak scan, headers that are not the guest's
//! business. Nothing of a request is done before the policy has passed it.

use super::{
    EgressPolicy, Purpose, Route,
    access::{Access, Held},
    client::AddressDenied,
    decide,
    denial::{Denial, Rule},
    faults::{Fault, Faults, Recorded},
    leak::LeakScan,
    meter::Meter,
};
use crate::plugins::limits::Exhausted;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited, StreamBody};
use std::{
    error::Error as _,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tracing::Instrument;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The egress of one call.
pub(in crate::plugins) struct Egress(Arc<CallEgress>);

/// Shared with the tasks that carry the call's requests.
struct CallEgress {
    access: Arc<Access>,
    purpose: Purpose,
    policy: Arc<EgressPolicy>,
    clients: Arc<super::Clients>,
    provider: Arc<str>,
    call: Arc<str>,
    meter: Meter,
    denial: Mutex<Option<Denial>>,
}

impl Egress {
    pub(in crate::plugins) fn new(
        access: Arc<Access>,
        purpose: Purpose,
        policy: Arc<EgressPolicy>,
        clients: Arc<super::Clients>,
        (provider, call): (Arc<str>, Arc<str>),
    ) -> Self {
        let (meter, denial) = (Meter::default(), Mutex::default());
        Self(Arc::new(CallEgress { access, purpose, policy, clients, provider, call, meter, denial }))
    }

    /// The meter of the call's network budget.
    pub(in crate::plugins) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// What was refused first, if anything was.
    pub(in crate::plugins) fn denial(&self) -> Option<Denial> {
        self.0.denial.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Headers that a guest may not set: credentials, what would route or frame the request anew, and `range`, with which
/// an answer could be fetched in pieces too small for the leak scan.
fn is_hosts(name: &HeaderName) -> bool {
    const EXACT: [&str; 22] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "if-range",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-api-key",
    ];
    const PREFIXES: [&str; 4] = ["proxy-", "sec-", "x-forwarded-", "x-goog-"];
    EXACT.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// Headers of an answer that the guest does not get: sessions are the host's, and what a guest may not send is of no
/// use to it. (`wasi:http` would ask about each of the latter as if the guest had set it.)
fn is_withheld(name: &HeaderName) -> bool {
    matches!(name.as_str(), "authentication-info" | "set-cookie2") || is_hosts(name) || is_framing(name)
}

/// Headers that describe the connection to the service, and a body that has been decoded since.
fn is_framing(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-encoding"
            | "content-length"
            | "keep-alive"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

impl WasiHttpHooks for Egress {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        // Runtimes set these of their own accord and mean no harm; they are dropped later instead.
        let forbidden = is_hosts(name) && *name != header::CONTENT_LENGTH && *name != header::HOST;
        if forbidden {
            self.0.deny(Denial { rule: Rule::Header, what: format!("header `{name}`"), remedy: None });
        }
        forbidden
    }

    fn is_supported_scheme(&mut self, _: &http::uri::Scheme) -> bool {
        // The policy says which are allowed, and says so when one is not.
        true
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let call = self.0.clone();
        let sending = async move { call.send(request, options.unwrap_or_default()).await };
        Box::new(sending.in_current_span())
    }
}

/// An answer on its way in.
struct Incoming {
    status: StatusCode,
    headers: HeaderMap,
    body: Pin<Box<dyn Stream<Item = Piece> + Send>>,
}

/// A piece of a body, or why there are no more.
type Piece = Result<Bytes, String>;

impl From<reqwest::Response> for Incoming {
    fn from(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes_stream().map(|piece| piece.map_err(|error| root_cause(&error)));
        Self { status, headers, body: Box::pin(body) }
    }
}

/// What comes in when a script of faults has its say.
async fn spoil(
    faults: &Faults,
    number: usize,
    fault: Option<Fault>,
    sending: impl Future<Output = Result<reqwest::Response, Error>>,
) -> Result<Incoming, Error> {
    let answer = match &fault {
        Some(Fault::Timeout) => return Err(Error::HttpResponseTimeout),
        Some(Fault::Refused) => return Err(Error::ConnectionRefused),
        Some(Fault::Status(status, retry_after)) => Recorded::bare(*status, retry_after.as_deref()),
        Some(Fault::Instead(other)) => other.clone(),
        None | Some(_) => {
            let answer = sending.await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.map_err(|_| Error::HttpResponseIncomplete)?;
            let answer = Recorded { status, headers, body };
            faults.answered(number, &answer);
            answer
        }
    };
    if fault == Some(Fault::AnswerLost) {
        return Err(Error::ConnectionTerminated);
    }
    let pieces = answer.spoiled(fault.as_ref()).map(|piece| piece.ok_or_else(|| "a fault of the suite".to_owned()));
    Ok(Incoming { status: answer.status, headers: answer.headers(), body: Box::pin(stream::iter(pieces)) })
}

type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl CallEgress {
    fn deny(&self, denial: Denial) {
        let (provider, call, code) = (&*self.provider, &*self.call, denial.rule.code());
        tracing::warn!(provider, call, code, "egress denied: {denial}");
        self.denial.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(denial);
    }

    async fn send(self: Arc<Self>, request: Request<WasiBody>, options: RequestOptions) -> Result<Answer, Error> {
        let access = self.access.clone();
        let (parts, body) = request.into_parts();
        let asked: Url = parts.uri.to_string().parse().map_err(|_| {
            self.deny(Denial { rule: Rule::Uri, what: format!("{} …", parts.method), remedy: None });
            Error::HttpRequestUriInvalid
        })?;
        let scope = (&access.grant, access.server.as_ref(), access.secret_url.as_ref());
        let route = decide(&parts.method, &asked, self.purpose, scope, &self.policy).map_err(|denial| {
            let error = match denial.rule {
                Rule::Address => Error::DestinationIpProhibited,
                _ => Error::HttpRequestDenied,
            };
            self.deny(denial);
            error
        })?;
        self.meter.request(&access.budget).map_err(|_| Error::ConnectionLimitReached)?;
        // Collected, because old servers refuse chunked bodies and a replay after a token refresh needs it again.
        let body = self.collect(body).await?;

        let pair = self.clients.of(&access.organisation, &self.provider).map_err(|error| {
            tracing::error!(%error, "no client");
            Error::ConfigurationError
        })?;
        let (client, url, mapped) = match route {
            Route::Direct(url) => (pair.guarded, url, false),
            Route::Mapped(url) => (pair.mapped, url, true),
        };
        let mut headers = parts.headers;
        for name in [header::HOST, header::CONTENT_LENGTH, header::ACCEPT_ENCODING] {
            headers.remove(name);
        }
        let faults = access.trial.faults.as_ref();
        let fault = faults.map(|faults| (faults, faults.next(&parts.method, &asked, headers.clone(), &body)));
        let limit = options.first_byte_timeout.unwrap_or(Duration::MAX).min(access.budget.wall());
        let sending = async |held: Arc<Held>| {
            let (mut url, mut headers) = (url.clone(), headers.clone());
            held.credential.attach(&mut url, &mut headers).map_err(|error| {
                tracing::warn!(%error, "credential not attached");
                Error::ConfigurationError
            })?;
            let sending = client.request(parts.method.clone(), url).headers(headers).body(body.clone()).send();
            let answer = tokio::time::timeout(limit, sending).await.map_err(|_| Error::HttpResponseTimeout)?;
            answer.map_err(|error| self.explain(&error, &parts.method, &asked))
        };
        let held = access.held();
        let incoming = match fault {
            None => Incoming::from(sending(held.clone()).await?),
            Some((faults, (number, fault))) => spoil(faults, number, fault, sending(held.clone())).await?,
        };
        if incoming.status != StatusCode::UNAUTHORIZED {
            return self.receive(incoming, mapped, held);
        }
        match access.renewed(&held).await {
            // Once: what is refused anew is refused.
            Some(held) => {
                self.meter.request(&access.budget).map_err(|_| Error::ConnectionLimitReached)?;
                let again = Incoming::from(sending(held.clone()).await?);
                self.receive(again, mapped, held)
            }
            None => self.receive(incoming, mapped, held),
        }
    }

    async fn collect(&self, body: WasiBody) -> Result<Bytes, Error> {
        let limit = self.access.budget.request_bytes;
        match Limited::new(body, limit).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                self.meter.exhaust(Exhausted::RequestBytes(limit));
                Err(Error::HttpRequestBodySize(Some(limit as u64)))
            }
            Err(_) => Err(Error::HttpProtocolError),
        }
    }

    /// The guest's view of the client's error, which tells it nothing of the host's network.
    fn explain(&self, error: &reqwest::Error, method: &Method, asked: &Url) -> Error {
        if let Some(address) = denied_address(error) {
            let what = match asked.host_str() {
                Some(super::SECRET_URL_HOST) | None => format!("{method} the connection's secret address"),
                Some(_) => format!("{method} {}", asked.origin().ascii_serialization()),
            };
            let remedy = Some(super::address::opened(address));
            self.deny(Denial { rule: Rule::Address, what, remedy });
            return Error::DestinationIpProhibited;
        }
        // Without the address: it may hold a secret.
        let kind = root_cause(error);
        tracing::debug!(provider = &*self.provider, %kind, "request failed");
        match () {
            () if error.is_timeout() => Error::ConnectionTimeout,
            () if error.is_connect() && kind.contains("certificate") => Error::TlsCertificateError,
            () if error.is_connect() => Error::ConnectionRefused,
            () => Error::ConnectionTerminated,
        }
    }

    fn receive(self: Arc<Self>, answer: Incoming, mapped: bool, held: Arc<Held>) -> Result<Answer, Error> {
        // What we cannot read, we cannot search, and the guest would not know how it is coded.
        if let Some(coding) = answer.headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
            tracing::warn!(provider = &*self.provider, call = &*self.call, ?coding, "answer in a coding not asked for");
            return Err(Error::HttpResponseContentCoding(None));
        }
        let scan = LeakScan::new(held.secrets.clone());
        let mut response = Response::builder().status(answer.status);
        if let Some(headers) = response.headers_mut() {
            *headers = self.headers(&answer.headers, mapped, &held)?;
        }
        let pieces = answer.body.map(Some).chain(stream::iter([None]));
        let checked = pieces.scan((scan, false), move |(scan, ended), piece| {
            let checked = if *ended { None } else { Some(self.piece(piece, scan)) };
            *ended = matches!(checked, Some(Err(_)));
            std::future::ready(checked)
        });
        let frames = checked.map(|piece| piece.map(http_body::Frame::data));
        let body = StreamBody::new(frames).boxed_unsync();
        let response = response.body(body).map_err(|_| Error::HttpProtocolError)?;
        Ok((response, Box::new(async { Ok(()) })))
    }

    fn headers(&self, headers: &HeaderMap, mapped: bool, held: &Held) -> Result<HeaderMap, Error> {
        let size = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        let limit = self.access.budget.header_bytes;
        if size > limit {
            self.meter.exhaust(Exhausted::HeaderBytes(limit));
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(limit).ok()));
        }
        let mut kept = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers.iter().filter(|(name, _)| !is_withheld(name)) {
            if [name.as_ref(), value.as_bytes()].iter().any(|text| held.secrets.are_in(text)) {
                return Err(self.leaked());
            }
            let back = (mapped && *name == header::LOCATION)
                .then(|| self.policy.map.reverse(&value.to_str().ok()?.parse().ok()?)?.as_str().parse().ok())
                .flatten();
            kept.append(name, back.unwrap_or_else(|| value.clone()));
        }
        Ok(kept)
    }

    /// One piece of an answer's body, or what was held back of it at the end.
    fn piece(&self, piece: Option<Piece>, scan: &mut LeakScan) -> Result<Bytes, Error> {
        let Some(piece) = piece else { return Ok(scan.finish()) };
        let piece = piece.map_err(|kind| {
            tracing::debug!(provider = &*self.provider, kind, "answer cut off");
            Error::HttpResponseIncomplete
        })?;
        let limit = self.access.budget.response_bytes as u64;
        self.meter.response(piece.len(), &self.access.budget).map_err(|_| Error::HttpResponseBodySize(Some(limit)))?;
        scan.pass(piece).map_err(|_| self.leaked())
    }

    fn leaked(&self) -> Error {
        self.deny(Denial { rule: Rule::Leak, what: "an answer".into(), remedy: None });
        Error::HttpRequestDenied
    }
}

fn denied_address(error: &reqwest::Error) -> Option<IpAddr> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(denied) = error.downcast_ref::<AddressDenied>() {
            return Some(denied.address);
        }
        cause = error.source();
    }
    None
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match error.source() {
        Some(cause) => cause,
        None => return "request failed".into(),
    };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_routing_are_the_hosts() {
        for name in
            ["authorization", "cookie", "proxy-authorization", "x-goog-api-key", "x-forwarded-for", "range", "te"]
        {
            assert!(is_hosts(&name.parse().unwrap()), "{name}");
        }
        for name in ["accept", "content-type", "depth", "destination", "if-match", "if-none-match", "prefer", "brief"] {
            assert!(!is_hosts(&name.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn sessions_are_withheld_from_guests() {
        for name in ["set-cookie", "content-encoding", "content-length", "via", "x-goog-hash"] {
            assert!(is_withheld(&name.parse().unwrap()), "{name}");
        }
        for name in ["etag", "www-authenticate", "location", "retry-after", "dav", "schedule-tag"] {
            assert!(!is_withheld(&name.parse().unwrap()), "{name}");
        }
    }
}
