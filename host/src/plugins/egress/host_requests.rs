//! Requests that the host itself sends for a provider: to the endpoints of its sign-ins.
//!
//! Threat: a provider that names a token endpoint inside the operator's network, or on another machine, and so receives the
//! secret of the operator's OAuth client. Decision: the addresses come from the grant, and the requests pass the same two
//! layers and the same map as those of a guest; so do the addresses that a browser is sent to, or a sandbox service could
//! not take the place of the real one. Redirects are not followed; the response is limited in size and time. Rejected: a
//! client without the policy.

use super::{
    EgressGrant, EgressPolicy, EgressScope, Origin, OriginPattern, Purpose, Route,
    client::{ClientPair, Clients, RequestOwner},
    decide,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{Request, Response};
use std::time::Duration;
use url::Url;

/// The maximum size of a response. A response with tokens has a few kilobytes.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// The maximum time for a whole exchange.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no response. The text holds no address and nothing of the request, because either may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The policy refuses the request.
    #[error("the request was not sent: {0}")]
    Denied(String),
    /// The service did not send a whole response.
    #[error("{0}")]
    NoAnswer(&'static str),
}

/// Sends a request to an address that an operator granted.
///
/// # Errors
/// If the request may not be sent, or the response is not complete in time.
pub(in crate::plugins) async fn fetch(
    policy: &EgressPolicy,
    clients: &Clients,
    owner: RequestOwner<'_>,
    request: Request<Vec<u8>>,
) -> Result<Response<Bytes>, FetchError> {
    let sending = send(policy, clients, owner, request);
    tokio::time::timeout(RESPONSE_TIMEOUT, sending)
        .await
        .unwrap_or(Err(FetchError::NoAnswer("it did not respond in time")))
}

async fn send(
    policy: &EgressPolicy,
    clients: &Clients,
    owner: RequestOwner<'_>,
    request: Request<Vec<u8>>,
) -> Result<Response<Bytes>, FetchError> {
    let provider = owner.provider;
    let denied = |why: String| FetchError::Denied(why);
    let (parts, body) = request.into_parts();
    let url: Url = parts.uri.to_string().parse().map_err(|_| denied("its address is malformed".into()))?;
    // The caller has taken the address from the operator's grant, so this grant covers exactly that origin. What is
    // checked here is the scheme and the network address.
    let grant = EgressGrant { hosts: exactly(&url).into_iter().collect(), ..EgressGrant::default() };
    let scope = EgressScope::new(&grant);
    let route = decide(&parts.method, &url, Purpose::Write, scope, policy).map_err(|denial| {
        tracing::warn!(provider, code = denial.rule.code(), "egress of the host denied: {denial}");
        denied(denial.to_string())
    })?;
    let ClientPair { guarded, mapped } = clients.for_owner(owner).map_err(|error| denied(error.to_string()))?;
    let (client, url) = match route {
        Route::Direct(url) => (guarded, url),
        Route::Mapped(url) => (mapped, url),
    };
    let no_answer = |error: reqwest::Error| {
        tracing::debug!(provider, error = %error.without_url(), "the service did not respond");
        FetchError::NoAnswer("it could not be reached")
    };
    let response =
        client.request(parts.method, url).headers(parts.headers).body(body).send().await.map_err(no_answer)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let (mut pieces, mut body) = (response.bytes_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(no_answer)?);
        if body.len() > MAX_RESPONSE_BYTES {
            return Err(FetchError::NoAnswer("its response is too large"));
        }
    }
    let mut response = Response::new(body.freeze());
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}

/// The pattern that covers the origin of this address and no other.
fn exactly(url: &Url) -> Option<OriginPattern> {
    Origin::of(url)?.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::egress::{AddressPolicy, EgressMap, NameResolver, TlsTrust};

    async fn post(url: &str, policy: &EgressPolicy) -> Result<Response<Bytes>, FetchError> {
        let clients = Clients::new(TlsTrust::new(vec![]).unwrap(), NameResolver::System, AddressPolicy::default());
        let request = Request::post(url).body(b"client_secret=hunter22".to_vec()).unwrap();
        fetch(policy, &clients, RequestOwner { organisation: "o", provider: "p" }, request).await
    }

    #[tokio::test]
    async fn an_endpoint_inside_is_not_called() {
        for url in ["https://10.0.0.1/token", "https://[::1]/token", "http://token.example.net/", "ftp://a.example/"] {
            let refused = post(url, &EgressPolicy::default()).await.unwrap_err();
            assert!(matches!(&refused, FetchError::Denied(_)), "{url}: {refused}");
        }
    }

    #[tokio::test]
    async fn an_error_does_not_repeat_the_request() {
        // Port 9 of this machine: nobody listens there.
        let map = EgressMap::new([("https://token.example.net", "http://127.0.0.1:9")]).unwrap();
        let policy = EgressPolicy { map, ..EgressPolicy::default() };
        let error = post("https://token.example.net/token?code=hunter22", &policy).await.unwrap_err();
        assert_eq!(error, FetchError::NoAnswer("it could not be reached"));
    }
}
