//! Sending one request that the policy has allowed, and naming what can go wrong with it.
//!
//! Problem: the HTTP client reports failures as chains of errors, whose texts may hold addresses with secrets and change
//! with each version. Decision: the chain is searched for error *types*, and one [`TransportError`] without any text of
//! the client leaves this module. The three timeouts of `wasi:http` are applied here, each to its own part of the
//! exchange. Rejected: the client's own timeouts, which are set for each client and not for each request.

use super::credential::NotSendable;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, StatusCode};
use std::{error::Error, io, net::IpAddr, pin::Pin, time::Duration};
use tower::BoxError;

/// How long the parts of an exchange may take. `None`: until the call's own deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// Until a connection is established: name resolution, TCP and TLS. Not used on a pooled connection.
    pub(super) connect: Option<Duration>,
    /// Until the status and headers of the response have arrived; this includes connecting.
    pub(super) first_byte: Option<Duration>,
    /// Between two pieces of the response's body.
    pub(super) between_bytes: Option<Duration>,
}

/// A response on its way in.
pub struct ServiceResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers as the service sent them.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: BodyStream,
}

/// The pieces of a body. It ends with the first error.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// The policy allows none of the addresses of a host name.
#[derive(Debug, thiserror::Error)]
#[error("every address of the host name is private or reserved, for example {address}")]
pub(super) struct AddressDenied {
    pub(super) address: IpAddr,
}

/// A host name cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[error("the host name cannot be resolved: {0}")]
pub(super) struct NameNotFound(pub(super) io::Error);

/// Why an exchange with a service failed. No variant holds text of the request, of the response or of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The credential cannot be attached to the request.
    #[error(transparent)]
    Credential(#[from] NotSendable),
    /// The policy allows none of the addresses of the host name.
    #[error("the host name resolves to {0}, which the policy does not allow")]
    AddressDenied(IpAddr),
    /// The host name cannot be resolved.
    #[error("the host name is not known")]
    NameNotFound,
    /// There is no route to the address.
    #[error("there is no route to the address")]
    Unroutable,
    /// No connection could be established.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// No connection was established in time.
    #[error("the connection was not established in time")]
    ConnectTimeout,
    /// The certificate of the service is not trusted.
    #[error("the certificate of the service is not trusted")]
    Certificate,
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed")]
    Tls,
    /// The connection ended before the response began.
    #[error("the connection ended before the response began")]
    ConnectionClosed,
    /// The response did not begin in time.
    #[error("the response did not begin in time")]
    ResponseTimeout,
    /// The connection ended in the middle of the body.
    #[error("the connection ended in the middle of the response")]
    BodyIncomplete,
    /// The next piece of the body did not arrive in time.
    #[error("the next piece of the response did not arrive in time")]
    BodyTimeout,
}

impl TransportError {
    /// A stable name, for the span field `error.type`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Credential(_) => "credential",
            Self::AddressDenied(_) => "address_denied",
            Self::NameNotFound => "name_not_found",
            Self::Unroutable => "unroutable",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Certificate => "certificate",
            Self::Tls => "tls",
            Self::ConnectionClosed => "connection_closed",
            Self::ResponseTimeout => "response_timeout",
            Self::BodyIncomplete => "body_incomplete",
            Self::BodyTimeout => "body_timeout",
        }
    }
}

/// Sends a request and waits for the beginning of its response.
pub(super) async fn send(
    request: reqwest::RequestBuilder,
    timeouts: Timeouts,
) -> Result<ServiceResponse, TransportError> {
    let sending = CONNECT_TIMEOUT.scope(timeouts.connect, request.send());
    let response = within(timeouts.first_byte, sending).await.ok_or(TransportError::ResponseTimeout)?;
    let response = response.map_err(|error| classify(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(ServiceResponse { status, headers, body: body(response, timeouts.between_bytes) })
}

/// The body of a response, with a limit of time for each piece.
fn body(response: reqwest::Response, between_bytes: Option<Duration>) -> BodyStream {
    let pieces = response.bytes_stream();
    Box::pin(stream::unfold(Some(pieces), move |pieces| async move {
        let mut pieces = pieces?;
        match within(between_bytes, pieces.next()).await {
            Some(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Some(Some(Err(error))) => {
                // Without the address, which may hold a secret.
                tracing::debug!(error = root_cause(&error), "the response was cut off");
                Some((Err(TransportError::BodyIncomplete), None))
            }
            Some(None) => None,
            None => Some((Err(TransportError::BodyTimeout), None)),
        }
    }))
}

/// The output of a future, or `None` if it took longer than the limit.
async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

tokio::task_local! {
    /// The connect timeout of the request that this task is sending. A client connects while the request is polled, and
    /// has no setting for one request.
    static CONNECT_TIMEOUT: Option<Duration>;
}

/// A connection was not established within the request's own timeout.
#[derive(Debug, thiserror::Error)]
#[error("the connect timeout of the request has passed")]
struct ConnectTimedOut;

/// Applies the connect timeout of the present request to a connection attempt. The layer of every client's connector.
pub(super) fn limit_connect<F, C>(connecting: F) -> impl Future<Output = Result<C, BoxError>> + Send
where
    F: Future<Output = Result<C, BoxError>> + Send,
    C: Send,
{
    // Read here, where the request is polled, and not within the future, which the client may finish in the background.
    let limit = CONNECT_TIMEOUT.try_with(|limit| *limit).ok().flatten();
    async move { within(limit, connecting).await.unwrap_or_else(|| Err(ConnectTimedOut.into())) }
}

/// What went wrong, by the types of the errors in the chain.
fn classify(error: &reqwest::Error) -> TransportError {
    // Without the address, which may hold a secret.
    tracing::debug!(error = root_cause(error), "the request failed");
    if let Some(denied) = find::<AddressDenied>(error) {
        return TransportError::AddressDenied(denied.address);
    }
    if find::<NameNotFound>(error).is_some() {
        return TransportError::NameNotFound;
    }
    if find::<ConnectTimedOut>(error).is_some() || error.is_timeout() {
        return TransportError::ConnectTimeout;
    }
    if !error.is_connect() {
        return TransportError::ConnectionClosed;
    }
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => return TransportError::Certificate,
        Some(_) => return TransportError::Tls,
        None => {}
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => TransportError::Unroutable,
        _ => TransportError::ConnectionRefused,
    }
}

/// The first error of this type in a chain. `source()` of an I/O error skips the error that it wraps, so that one is asked for
/// separately.
fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The text of the innermost error.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = match error.source() {
        Some(cause) => cause,
        None => return "no cause".into(),
    };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
