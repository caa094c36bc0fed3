//! Requests that the host itself sends for a provider: to the endpoints of its sign-ins.
//!
//! Threat: a provider that names a token endpoint inside the operator's network, or another machine's, and is sent the
//! secret of the operator's client there. Decision: the addresses come from the grant, and their requests pass the same
//! two layers and the same map as a guest's; so do the addresses that a browser is sent to, or a sandbox service could
//! not stand in. No redirect is followed, and an answer has a size and a time. Rejected: a client beside the policy.

use super::{EgressPolicy, Grant, OriginPattern, Purpose, Route, client::Clients, decide};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{Request, Response};
use std::time::Duration;
use url::Url;

/// The longest answer. A reply with tokens has a few kilobytes.
const LARGEST_ANSWER: usize = 256 * 1024;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no answer. The text holds no address and nothing of the request: either may tell a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The policy refuses the request.
    #[error("the request was not sent: {0}")]
    Denied(String),
    /// The service did not answer, or not in time, or with too much.
    #[error("{0}")]
    NoAnswer(&'static str),
}

/// For whom the host sends a request. Connections are not shared between owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestOwner<'a> {
    /// The organisation.
    pub organisation: &'a str,
    /// The provider.
    pub provider: &'a str,
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
    tokio::time::timeout(PATIENCE, sending).await.unwrap_or(Err(FetchError::NoAnswer("it did not answer in time")))
}

async fn send(
    policy: &EgressPolicy,
    clients: &Clients,
    owner: RequestOwner<'_>,
    request: Request<Vec<u8>>,
) -> Result<Response<Bytes>, FetchError> {
    let RequestOwner { organisation, provider } = owner;
    let denied = |why: String| FetchError::Denied(why);
    let (parts, body) = request.into_parts();
    let url: Url = parts.uri.to_string().parse().map_err(|_| denied("its address is none".into()))?;
    // Which address is granted has been decided by whoever took it from the grant: here it is only looked at.
    let grant = Grant { hosts: exactly(&url).into_iter().collect(), ..Grant::default() };
    let route = decide(&parts.method, &url, Purpose::Write, (&grant, None, None), policy).map_err(|denial| {
        tracing::warn!(provider, code = denial.rule.code(), "egress of the host denied: {denial}");
        denied(denial.to_string())
    })?;
    let pair = clients.of(organisation, provider).map_err(|error| denied(error.to_string()))?;
    let (client, url) = match route {
        Route::Direct(url) => (pair.guarded, url),
        Route::Mapped(url) => (pair.mapped, url),
    };
    let no_answer = |error: reqwest::Error| {
        tracing::debug!(provider, error = %error.without_url(), "no answer");
        FetchError::NoAnswer("it could not be reached")
    };
    let answer = client.request(parts.method, url).headers(parts.headers).body(body).send().await.map_err(no_answer)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let (mut pieces, mut body) = (answer.bytes_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(no_answer)?);
        if body.len() > LARGEST_ANSWER {
            return Err(FetchError::NoAnswer("its answer is too large"));
        }
    }
    let mut answer = Response::new(body.freeze());
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

fn exactly(url: &Url) -> Option<OriginPattern> {
    super::Origin::of(url)?.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::egress::{AddressPolicy, EgressMap, Names, Tls};

    async fn post(url: &str, policy: &EgressPolicy) -> Result<Response<Bytes>, FetchError> {
        let clients = Clients::new(Tls::new(vec![]).unwrap(), Names::System, AddressPolicy::default());
        let request = Request::post(url).body(b"client_secret=hunter22".to_vec()).unwrap();
        let owner = RequestOwner { organisation: "o", provider: "p" };
        fetch(policy, &clients, owner, request).await
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
