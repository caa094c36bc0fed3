//! A function that stands between a provider and its service.
//!
//! Problem: what a provider does while its service fails can only be tested if the service fails on demand. Decision: an
//! [`Access`](super::Access) may carry an interceptor, which gets each request after the policy has allowed it, and the
//! exchange with the real service as a future that has not started. The interceptor decides whether the service is asked
//! and what the provider gets. It never sees the credential, and the budget and the leak scan still apply to what it
//! returns. The service of this host sets none; the conformance suite brings its own. Rejected: faults in this module,
//! which would be test code in the production path; a proxy, which would need the credential and the certificate of the
//! service.

use super::transport::{ServiceResponse, TransportError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use std::{fmt, sync::Arc};
use url::Url;

/// A request as the provider sent it: without the credential and without the headers that the host sets.
#[derive(Debug, Clone)]
pub struct GuestRequest {
    /// The method.
    pub method: Method,
    /// The address that the provider asked for.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// An exchange with the service. Nothing is sent before it is polled.
pub type Exchange = BoxFuture<'static, Result<ServiceResponse, TransportError>>;

/// Decides what becomes of a request.
#[derive(Clone)]
pub struct Interceptor(Arc<InterceptorFn>);

type InterceptorFn = dyn Fn(GuestRequest, Exchange) -> Exchange + Send + Sync;

impl Interceptor {
    /// An interceptor that calls this function for each request.
    pub fn new(intercept: impl Fn(GuestRequest, Exchange) -> Exchange + Send + Sync + 'static) -> Self {
        Self(Arc::new(intercept))
    }

    pub(super) fn intercept(&self, request: GuestRequest, exchange: Exchange) -> Exchange {
        (self.0)(request, exchange)
    }
}

impl fmt::Debug for Interceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interceptor")
    }
}
