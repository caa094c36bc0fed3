//! Requests of providers: every request of every guest passes [`Egress`].
//!
//! Threat: a request that goes out without a check, or a response that tells a provider what it must not know. Decision:
//! this is the implementation of `wasi:http/outgoing-handler`, the only way out that the linker offers. It prepares a
//! request (policy, budget, body), sends it with the credential, and receives the response (budget, leak scan, headers
//! that the provider does not get). Nothing is done with a request before the policy has allowed it. Each request has one
//! tracing span, whose fields follow OpenTelemetry's conventions for HTTP clients and hold no path, query or header.
//! Rejected: streaming request bodies, because old servers refuse chunked bodies and a replay with a renewed token needs
//! the body again.

use super::{
    Clients, EgressPolicy, EgressScope, Purpose, Route, SECRET_URL_HOST,
    access::{Access, CurrentCredential},
    address,
    client::{ClientPair, RequestOwner},
    decide,
    denial::{Denial, Denials, EgressRule},
    headers::{is_host_controlled, is_withheld},
    interceptor::{Exchange, GuestRequest},
    leak::LeakScan,
    meter::Meter,
    transport::{self, ServiceResponse, Timeouts, TransportError},
};
use crate::{
    locks,
    plugins::limits::{Budget, BudgetLimit, REQUESTS_IN_FLIGHT},
};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited, StreamBody};
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument as _, Span, field::Empty};
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The egress of one call.
pub(in crate::plugins) struct Egress(Arc<CallEgress>);

/// Shared with the tasks that carry the call's requests.
struct CallEgress {
    access: Arc<Access>,
    purpose: Purpose,
    policy: Arc<EgressPolicy>,
    clients: Arc<Clients>,
    caller: CallerIds,
    meter: Arc<Meter>,
    in_flight: Arc<Semaphore>,
    denials: Mutex<Denials>,
}

/// The provider and the call, as log lines name them.
#[derive(Debug, Clone)]
pub(in crate::plugins) struct CallerIds {
    pub(in crate::plugins) provider: Arc<str>,
    pub(in crate::plugins) call: Arc<str>,
}

/// A request that may leave.
struct PreparedRequest {
    request: GuestRequest,
    client: reqwest::Client,
    /// Where the request really goes.
    destination: Url,
    /// Whether `egress.map` chose the destination.
    is_mapped: bool,
    timeouts: Timeouts,
    /// The place of the request among those that wait for a response.
    _place: OwnedSemaphorePermit,
}

/// The body of a request. It counts as held until its last copy is dropped, which may be after the response: a service can
/// answer before it has read the body.
struct HeldBody {
    collected: BytesMut,
    meter: Arc<Meter>,
    counted: usize,
}

impl HeldBody {
    fn new(meter: Arc<Meter>) -> Self {
        Self { collected: BytesMut::new(), meter, counted: 0 }
    }

    fn add(&mut self, data: &[u8], budget: &Budget) -> Result<(), Error> {
        self.counted += data.len();
        let held = self.meter.hold(data.len(), budget);
        held.map_err(|_| Error::HttpRequestBodySize(Some(budget.held_bytes as u64)))?;
        self.collected.extend_from_slice(data);
        Ok(())
    }
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.collected
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.meter.release(self.counted);
    }
}

/// A response as wasmtime passes it to the guest, and the work that must go on meanwhile (none).
type GuestResponse = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Egress {
    pub(in crate::plugins) fn new(
        access: Arc<Access>,
        purpose: Purpose,
        policy: Arc<EgressPolicy>,
        clients: Arc<Clients>,
        caller: CallerIds,
    ) -> Self {
        let (meter, denials) = (Arc::default(), Mutex::default());
        let in_flight = Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT));
        Self(Arc::new(CallEgress { access, purpose, policy, clients, caller, meter, in_flight, denials }))
    }

    /// The meter of the call's network budget.
    pub(in crate::plugins) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// The first request or header that was refused.
    pub(in crate::plugins) fn denial(&self) -> Option<Denial> {
        locks::lock(&self.0.denials).first().cloned()
    }
}

impl WasiHttpHooks for Egress {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        // Language runtimes set these two themselves; they are dropped later.
        let forbidden = is_host_controlled(name) && *name != header::CONTENT_LENGTH && *name != header::HOST;
        if forbidden {
            self.0.deny(Denial { rule: EgressRule::Header, what: format!("header `{name}`"), remedy: None });
        }
        forbidden
    }

    fn is_supported_scheme(&mut self, _: &http::uri::Scheme) -> bool {
        // The policy decides, and its denial names the scheme.
        true
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<GuestResponse, Error>> + Send> {
        let call = self.0.clone();
        let sending = async move {
            // A guest that goes on when it has no request left costs nothing more than this.
            if let Some(BudgetLimit::Requests(_)) = call.meter.exhausted() {
                return Err(Error::ConnectionLimitReached);
            }
            let prepared = call.prepare(request, options.unwrap_or_default()).await?;
            let span = call.span(&prepared);
            call.send(prepared).instrument(span).await
        };
        Box::new(sending.in_current_span())
    }
}

impl Drop for CallEgress {
    fn drop(&mut self) {
        let CallerIds { provider, call } = &self.caller;
        let number = locks::lock(&self.denials).not_logged();
        if number > 0 {
            tracing::warn!(
                provider = &**provider,
                call = &**call,
                number,
                "further refusals of egress were not logged"
            );
        }
    }
}

impl CallEgress {
    /// Checks a request against the policy and the budget, and collects its body.
    async fn prepare(&self, request: Request<WasiBody>, options: RequestOptions) -> Result<PreparedRequest, Error> {
        let (parts, body) = request.into_parts();
        let url: Url = parts.uri.to_string().parse().map_err(|_| {
            self.deny(Denial { rule: EgressRule::Uri, what: format!("{} …", parts.method), remedy: None });
            Error::HttpRequestUriInvalid
        })?;
        let access = &self.access;
        let scope = EgressScope {
            grant: &access.grant,
            server: access.server.as_ref(),
            secret_url: access.secret_url.as_ref(),
            subject: access.target.subject.as_deref(),
            subject_paths: access.grant.subject_paths.get(&access.target.sign_in).map_or(&[], Vec::as_slice),
        };
        let route = decide(&parts.method, &url, self.purpose, scope, &self.policy).map_err(|denial| {
            let error = match denial.rule {
                EgressRule::Address => Error::DestinationIpProhibited,
                _ => Error::HttpRequestDenied,
            };
            self.deny(denial);
            error
        })?;
        self.meter.request(&access.budget).map_err(|_| Error::ConnectionLimitReached)?;
        let body = self.collect(body).await?;
        // After the body: the guest may write the bodies of many requests in any order.
        let place = self.in_flight.clone().acquire_owned().await.map_err(|_| Error::InternalError(None))?;
        let owner = RequestOwner { organisation: &access.organisation, provider: &self.caller.provider };
        let ClientPair { guarded, mapped } = self.clients.for_owner(owner).map_err(|error| {
            tracing::error!(%error, "the HTTP client cannot be set up");
            Error::ConfigurationError
        })?;
        let (client, destination, is_mapped) = match route {
            Route::Direct(url) => (guarded, url, false),
            Route::Mapped(url) => (mapped, url, true),
        };
        let mut headers = parts.headers;
        for name in [header::HOST, header::CONTENT_LENGTH, header::ACCEPT_ENCODING] {
            headers.remove(name);
        }
        let wall = access.wall();
        let timeouts = Timeouts {
            connect: options.connect_timeout,
            first_byte: Some(options.first_byte_timeout.map_or(wall, |limit| limit.min(wall))),
            between_bytes: options.between_bytes_timeout,
        };
        let request = GuestRequest { method: parts.method, url, headers, body };
        Ok(PreparedRequest { request, client, destination, is_mapped, timeouts, _place: place })
    }

    /// The span of a request. Its address is the one that the provider asked for: a placeholder where the connection's
    /// address is the secret.
    fn span(&self, prepared: &PreparedRequest) -> Span {
        let GuestRequest { method, url, .. } = &prepared.request;
        tracing::info_span!(
            "guest_request",
            otel.kind = "client",
            http.request.method = %method,
            http.request.resend_count = Empty,
            http.response.status_code = Empty,
            server.address = url.host_str(),
            server.port = url.port_or_known_default(),
            error.r#type = Empty,
            provider = &*self.caller.provider,
            call = &*self.caller.call,
        )
    }

    /// Sends a request. If the service refuses the token (401), sends it once more with a renewed token.
    async fn send(self: Arc<Self>, prepared: PreparedRequest) -> Result<GuestResponse, Error> {
        let credential = self.access.current_credential();
        let response = self.exchange(&prepared, &credential).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return self.receive(response, &prepared, &credential);
        }
        let Some(renewed) = self.access.renewed(&credential).await else {
            return self.receive(response, &prepared, &credential);
        };
        self.meter.request(&self.access.budget).map_err(|_| Error::ConnectionLimitReached)?;
        Span::current().record("http.request.resend_count", 1);
        let response = self.exchange(&prepared, &renewed).await?;
        self.receive(response, &prepared, &renewed)
    }

    /// Sends a request once, through the interceptor if there is one.
    async fn exchange(
        &self,
        prepared: &PreparedRequest,
        credential: &CurrentCredential,
    ) -> Result<ServiceResponse, Error> {
        let GuestRequest { method, headers, body, .. } = &prepared.request;
        let (mut url, mut headers) = (prepared.destination.clone(), headers.clone());
        let attached = credential.credential.attach(&mut url, &mut headers);
        let request = prepared.client.request(method.clone(), url).headers(headers).body(body.clone());
        let timeouts = prepared.timeouts;
        let sending = async move {
            attached?;
            transport::send(request, timeouts).await
        };
        let result = match &self.access.interceptor {
            None => sending.await,
            Some(interceptor) => {
                let exchange: Exchange = sending.boxed();
                interceptor.intercept(prepared.request.clone(), exchange).await
            }
        };
        match &result {
            Ok(response) => Span::current().record("http.response.status_code", response.status.as_u16()),
            Err(error) => Span::current().record("error.type", error.code()),
        };
        result.map_err(|error| self.explain(error, &prepared.request))
    }

    async fn collect(&self, body: WasiBody) -> Result<Bytes, Error> {
        let budget = &self.access.budget;
        let limit = budget.request_bytes;
        let (mut body, mut held) = (Limited::new(body, limit), HeldBody::new(self.meter.clone()));
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    // Trailers are dropped.
                    held.add(&frame.into_data().unwrap_or_default(), budget)?;
                }
                Err(error) if error.is::<LengthLimitError>() => {
                    self.meter.exhaust(BudgetLimit::RequestBytes(limit));
                    return Err(Error::HttpRequestBodySize(Some(limit as u64)));
                }
                Err(_) => return Err(Error::HttpProtocolError),
            }
        }
        Ok(Bytes::from_owner(held))
    }

    /// The error that the guest gets. It says nothing about the host's network.
    fn explain(&self, error: TransportError, request: &GuestRequest) -> Error {
        match error {
            TransportError::AddressDenied(address) => {
                let what = format!("{} {}", request.method, origin(&request.url));
                let remedy = Some(address::opened(address));
                self.deny(Denial { rule: EgressRule::Address, what, remedy });
                Error::DestinationIpProhibited
            }
            TransportError::Credential(error) => {
                tracing::warn!(%error, "the credential cannot be attached");
                Error::ConfigurationError
            }
            TransportError::NameNotFound => Error::DnsError { rcode: None, info_code: None },
            TransportError::Unroutable => Error::DestinationIpUnroutable,
            TransportError::ConnectionRefused => Error::ConnectionRefused,
            TransportError::ConnectTimeout => Error::ConnectionTimeout,
            TransportError::Certificate => Error::TlsCertificateError,
            TransportError::Tls => Error::TlsProtocolError,
            TransportError::ConnectionClosed => Error::ConnectionTerminated,
            TransportError::ResponseTimeout => Error::HttpResponseTimeout,
            TransportError::BodyIncomplete => Error::HttpResponseIncomplete,
            TransportError::BodyTimeout => Error::ConnectionReadTimeout,
        }
    }

    /// Checks a response while it streams to the guest.
    fn receive(
        self: Arc<Self>,
        response: ServiceResponse,
        prepared: &PreparedRequest,
        credential: &CurrentCredential,
    ) -> Result<GuestResponse, Error> {
        // A body that is still encoded cannot be searched for secrets, and the guest could not decode it.
        if let Some(coding) = response.headers.get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
            tracing::warn!(?coding, "the response has a content encoding that the host did not ask for");
            return Err(Error::HttpResponseContentCoding(None));
        }
        let mut answer = Response::builder().status(response.status);
        if let Some(headers) = answer.headers_mut() {
            *headers = self.headers(&response.headers, prepared, credential)?;
        }
        let scan = LeakScan::of_body(response.status, &credential.secrets);
        // The end of the stream is an item of its own, at which the scan gives back what it held.
        let pieces = response.body.map(Some).chain(stream::iter([None]));
        let url = prepared.request.url.clone();
        let checked = pieces.scan((scan, false), move |(scan, ended), piece| {
            let checked = if *ended { None } else { Some(self.piece(piece, scan, &url)) };
            *ended = matches!(checked, Some(Err(_)));
            std::future::ready(checked)
        });
        let frames = checked.map(|piece| piece.map(http_body::Frame::data));
        let answer = answer.body(StreamBody::new(frames).boxed_unsync()).map_err(|_| Error::HttpProtocolError)?;
        Ok((answer, Box::new(async { Ok(()) })))
    }

    /// The headers of a response that the guest gets.
    fn headers(
        &self,
        headers: &HeaderMap,
        prepared: &PreparedRequest,
        credential: &CurrentCredential,
    ) -> Result<HeaderMap, Error> {
        let size = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        let limit = self.access.budget.header_bytes;
        if size > limit {
            self.meter.exhaust(BudgetLimit::HeaderBytes(limit));
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(limit).ok()));
        }
        let mut kept = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers.iter().filter(|(name, _)| !is_withheld(name)) {
            if [name.as_ref(), value.as_bytes()].iter().any(|text| credential.secrets.are_in(text)) {
                return Err(self.leaked(&prepared.request.url));
            }
            let original = if prepared.is_mapped && *name == header::LOCATION { self.unmapped(value) } else { None };
            kept.append(name, original.unwrap_or_else(|| value.clone()));
        }
        Ok(kept)
    }

    /// The address that the provider knows, for a `location` of a mapped service.
    fn unmapped(&self, location: &HeaderValue) -> Option<HeaderValue> {
        let location = location.to_str().ok()?.parse().ok()?;
        self.policy.map.reverse(&location)?.as_str().parse().ok()
    }

    /// Checks one piece of the body of a response from this address. `None` is the end of the body.
    fn piece(
        &self,
        piece: Option<Result<Bytes, TransportError>>,
        scan: &mut LeakScan,
        url: &Url,
    ) -> Result<Bytes, Error> {
        let piece = match piece {
            None => return Ok(scan.finish()),
            Some(Err(TransportError::BodyTimeout)) => return Err(Error::ConnectionReadTimeout),
            Some(Err(_)) => return Err(Error::HttpResponseIncomplete),
            Some(Ok(piece)) => piece,
        };
        let limit = self.access.budget.response_bytes as u64;
        self.meter.response(piece.len(), &self.access.budget).map_err(|_| Error::HttpResponseBodySize(Some(limit)))?;
        scan.pass(piece).map_err(|_| self.leaked(url))
    }

    fn deny(&self, denial: Denial) {
        let CallerIds { provider, call } = &self.caller;
        self.meter.refusal(&self.access.budget);
        let mut denials = locks::lock(&self.denials);
        if denials.is_new(denial.rule) {
            tracing::warn!(
                provider = &**provider,
                call = &**call,
                code = denial.rule.code(),
                "egress denied: {denial}"
            );
        }
        denials.add(denial);
    }

    fn leaked(&self, url: &Url) -> Error {
        self.deny(Denial { rule: EgressRule::Leak, what: format!("the response of {}", origin(url)), remedy: None });
        Error::HttpRequestDenied
    }
}

/// Where a request goes, for logs.
fn origin(url: &Url) -> String {
    match url.host_str() {
        Some(SECRET_URL_HOST) | None => "the connection's secret address".to_owned(),
        Some(_) => url.origin().ascii_serialization(),
    }
}
