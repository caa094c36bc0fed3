//! Tokens for an application that acts as itself: the client credentials grant (RFC 6749 §4.4).

use super::endpoint::{TokenEndpoint, TokenError, TokenResponse};
use crate::plugins::contract::Scope as RequestedScope;
use oauth2::Scope;

/// Name of the application's secret among the sealed secrets of a service account.
pub const CLIENT_SECRET: &str = "client-secret";

/// Requests a token with the endpoint's client id and secret.
pub async fn request_token(
    endpoint: &TokenEndpoint<'_>,
    scopes: &[RequestedScope],
) -> Result<TokenResponse, TokenError> {
    let (client, http) = (endpoint.client()?, endpoint.http());
    let request =
        client.exchange_client_credentials().add_scopes(scopes.iter().map(|scope| Scope::new(scope.name.clone())));
    endpoint.response(request.request_async(&http).await, &http)
}
