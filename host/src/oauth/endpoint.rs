//! Token and revocation endpoints: one request, and one reply that the host understands.
//!
//! Threat: a reply or an error text with a token in it reaches a log; a refusal is taken for an outage, or the other way
//! round. Decision: the `oauth2` crate builds the requests and the sandbox's HTTP client sends them, under the egress
//! policy. Only the fields that are named here leave this module. A refusal is a reply with an `error` (RFC 6749 §5.2), in
//! the form that the provider's `explain-failure` takes; every other reply without a token counts as an outage. Rejected:
//! the crate's own errors, which contain the reply's body.

use super::{
    clients::Client,
    id_token::{self, IdTokenError},
    token::{is_same_scope, names},
};
use crate::locks;
use crate::plugins::{
    Sandbox,
    contract::{Scope, SignInError},
    egress::{FetchError, RequestOwner},
};
use futures_util::future::BoxFuture;
use http::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use jiff::Timestamp;
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest,
    HttpResponse, RefreshToken, RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse as _,
    TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Fields of a reply that are secrets, whatever a component says about them.
const SECRET_FIELDS: [&str; 3] = ["access_token", ID_TOKEN, "refresh_token"];

/// The field with the id token.
const ID_TOKEN: &str = "id_token";

/// A token endpoint, with the client that talks to it.
#[derive(Clone)]
pub struct TokenEndpoint<'a> {
    /// Sends the requests.
    pub sandbox: &'a Arc<Sandbox>,
    /// The organisation that the requests count for.
    pub organisation: String,
    /// The provider that the requests count for.
    pub provider: &'a str,
    /// The client.
    pub client: &'a Client,
    /// URL of the token endpoint.
    pub url: &'a str,
    /// Names of the claims of the id token that are kept.
    pub keep_claims: &'a [String],
}

/// Tokens that a service issued.
#[derive(Debug)]
pub struct TokenResponse {
    /// The access token.
    pub access: SecretString,
    /// The refresh token, if the service issued one.
    pub refresh: Option<SecretString>,
    /// The lifetime of the access token, if the service said so.
    pub lifetime: Option<Duration>,
    /// The granted scopes. `None` means: as requested (RFC 6749 §5.1).
    pub scopes: Option<Vec<String>>,
    /// All other fields with a text or a number, without secret ones.
    pub fields: BTreeMap<String, String>,
    /// The kept claims of the id token, if the reply has one.
    pub claims: Result<Option<BTreeMap<String, String>>, IdTokenError>,
}

/// A service issued no token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// The service refused the request and gave a reason.
    #[error("the service refused the request: {}", .0.error)]
    Refused(SignInError),
    /// The service did not reply, or its reply is not understood. Another attempt may succeed.
    #[error("the service did not issue a token: {0}")]
    NoAnswer(String),
    /// The stored credential or the grant cannot be used.
    #[error("the {0} cannot be used")]
    Unusable(&'static str),
}

impl TokenResponse {
    /// When the access token expires, if the service said so.
    #[must_use]
    pub fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.lifetime.and_then(|lifetime| now.checked_add(lifetime).ok())
    }

    /// The fields that the provider may see: those that its sign-in names, and the claims that it keeps.
    pub fn visible_fields(
        &self,
        names: &[String],
        granted_scopes: &[String],
    ) -> Result<BTreeMap<String, String>, IdTokenError> {
        let fields = names.iter().filter_map(|name| match name.as_str() {
            "scope" => Some((name.clone(), granted_scopes.join(" "))),
            name => Some((name.to_owned(), self.fields.get(name)?.clone())),
        });
        Ok(fields.chain(self.claims.clone()?.unwrap_or_default()).collect())
    }

    /// The fields of a stored credential after its token was refreshed, if they changed. Without an id token, the claims stay.
    #[must_use]
    pub fn refreshed_fields(&self, stored: &[(String, String)]) -> Option<Vec<(String, String)>> {
        let claims = match &self.claims {
            Ok(claims) => claims.as_ref()?,
            Err(error) => {
                tracing::warn!(%error, "the claims of a refreshed token were not read");
                return None;
            }
        };
        let mut fields: BTreeMap<_, _> = stored.iter().cloned().collect();
        fields.extend(claims.clone());
        let fields: Vec<_> = fields.into_iter().collect();
        (fields != stored).then_some(fields)
    }

    /// The granted scopes, or the requested scopes that are missing among them. A response without scopes grants all
    /// (RFC 6749 §5.1), and so does one that lists the others a scope that the service never lists.
    pub fn granted_scopes(&self, requested: &[Scope]) -> Result<Vec<String>, Vec<String>> {
        let Some(granted) = &self.scopes else { return Ok(names(requested)) };
        let is_missing =
            |scope: &&Scope| scope.echoed && !granted.iter().any(|given| is_same_scope(&scope.name, given));
        let missing: Vec<_> = requested.iter().filter(is_missing).map(|scope| scope.name.clone()).collect();
        if missing.is_empty() { Ok(granted.clone()) } else { Err(missing) }
    }
}

/// The crate's client. `Token` says whether the token endpoint is set.
type CrateClient<Token = EndpointNotSet> = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<ExtraFields, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

/// The result of a token request, as the crate returns it.
type CrateResult =
    Result<StandardTokenResponse<ExtraFields, BasicTokenType>, RequestTokenError<FetchError, BasicErrorResponse>>;

/// The fields of a reply that the standard does not name.
#[derive(Serialize, Deserialize)]
pub(super) struct ExtraFields(BTreeMap<String, Value>);

impl ExtraTokenFields for ExtraFields {}

impl fmt::Debug for ExtraFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtraFields")
    }
}

impl TokenEndpoint<'_> {
    /// Revokes a refresh token or an access token (RFC 7009). A token that the service does not know counts as revoked.
    pub async fn revoke(&self, revocation_url: &str, token: &SecretString) -> Result<(), TokenError> {
        const UNUSABLE: TokenError = TokenError::Unusable("revocation endpoint");
        let url = oauth2::RevocationUrl::new(revocation_url.to_owned()).map_err(|_| UNUSABLE)?;
        let (client, http) = (self.crate_client().set_revocation_url(url), self.http());
        let token = StandardRevocableToken::RefreshToken(RefreshToken::new(token.expose_secret().to_owned()));
        let request = client.revoke_token(token).map_err(|_| UNUSABLE)?;
        match request.request_async(&http).await {
            Ok(()) => Ok(()),
            Err(error) => match token_error(error, &http) {
                // RFC 7009 §2.2 asks for 200 here; services that answer 400 send one of these errors.
                TokenError::Refused(error) if matches!(&*error.error, "invalid_token" | "invalid_grant") => Ok(()),
                error => Err(error),
            },
        }
    }

    /// The crate's client for token requests.
    pub(super) fn client(&self) -> Result<CrateClient<EndpointSet>, TokenError> {
        let url = TokenUrl::new(self.url.to_owned()).map_err(|_| TokenError::Unusable("token endpoint"))?;
        Ok(self.crate_client().set_token_uri(url))
    }

    /// The HTTP client of one request.
    pub(super) fn http(&self) -> EgressHttpClient {
        EgressHttpClient {
            sandbox: self.sandbox.clone(),
            organisation: self.organisation.clone(),
            provider: self.provider.to_owned(),
            refusal: Mutex::default(),
        }
    }

    /// Sends a token request of a grant type that the crate does not know.
    pub(super) async fn post_form(&self, fields: &[(&str, &str)]) -> Result<TokenResponse, TokenError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = http::Request::post(self.url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into_bytes());
        let request = request.map_err(|_| TokenError::Unusable("token endpoint"))?;
        let http = self.http();
        let result = match http.call(request).await {
            Ok(reply) if reply.status() == StatusCode::OK => serde_json::from_slice(reply.body())
                .map_err(|_| RequestTokenError::Other("the reply is not a token response".to_owned())),
            Ok(_) => Err(RequestTokenError::Other("the reply is not a token response".to_owned())),
            Err(error) => Err(RequestTokenError::Request(error)),
        };
        self.response(result, &http)
    }

    /// Converts the crate's result. The error of the crate contains the reply's body, which is dropped; so is the id token.
    pub(super) fn response(&self, result: CrateResult, http: &EgressHttpClient) -> Result<TokenResponse, TokenError> {
        let reply = result.map_err(|error| token_error(error, http))?;
        let fields = &reply.extra_fields().0;
        let id_token = fields.get(ID_TOKEN).filter(|_| !self.keep_claims.is_empty());
        let claims = id_token.map(|id_token| {
            let text = id_token.as_str().ok_or(IdTokenError::Malformed)?;
            id_token::claims(text, &self.client.id, self.keep_claims)
        });
        Ok(TokenResponse {
            access: reply.access_token().secret().as_str().into(),
            refresh: reply.refresh_token().map(|token| token.secret().as_str().into()),
            lifetime: reply.expires_in(),
            scopes: reply.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
            fields: public_fields(fields.clone()),
            claims: claims.transpose(),
        })
    }

    fn crate_client(&self) -> CrateClient {
        // Every service takes the secret in the body (the second way of RFC 6749 §2.3.1).
        let client = CrateClient::new(ClientId::new(self.client.id.clone())).set_auth_type(AuthType::RequestBody);
        match &self.client.secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
            None => client,
        }
    }
}

/// Sends the crate's requests through the sandbox, and keeps the reason of a refusal.
pub(super) struct EgressHttpClient {
    sandbox: Arc<Sandbox>,
    organisation: String,
    provider: String,
    refusal: Mutex<Option<SignInError>>,
}

impl<'c> AsyncHttpClient<'c> for EgressHttpClient {
    type Error = FetchError;
    type Future = BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let owner = RequestOwner { organisation: &self.organisation, provider: &self.provider };
            let reply = self.sandbox.fetch(owner, request).await?;
            let status = reply.status();
            if status.is_client_error() || status.is_server_error() {
                let refusal = refusal(status.as_u16(), reply.body());
                *locks::lock(&self.refusal) = refusal;
            }
            Ok(reply.map(|body| body.to_vec()))
        })
    }
}

fn token_error<E: oauth2::ErrorResponse + 'static>(
    error: RequestTokenError<FetchError, E>,
    http: &EgressHttpClient,
) -> TokenError {
    if let Some(refusal) = locks::lock(&http.refusal).take() {
        return TokenError::Refused(refusal);
    }
    TokenError::NoAnswer(match error {
        RequestTokenError::Request(error) => error.to_string(),
        _ => "the reply is not a token response".to_owned(),
    })
}

/// Parses a refusal (RFC 6749 §5.2).
fn refusal(status: u16, body: &[u8]) -> Option<SignInError> {
    let mut fields: BTreeMap<String, Value> = serde_json::from_slice(body).ok()?;
    let mut take = |name: &str| fields.remove(name).as_ref().and_then(Value::as_str).map(str::to_owned);
    let (error, description) = (take("error")?, take("error_description"));
    let fields = public_fields(fields).into_iter().collect();
    Some(SignInError { status: Some(status), error, description: description.unwrap_or_default(), fields })
}

/// The fields with a text or a number, without secret ones.
fn public_fields(fields: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let public = fields.into_iter().filter(|(name, _)| !SECRET_FIELDS.contains(&name.as_str()));
    public.filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_without_its_secrets() {
        let body = br#"{"error":"invalid_grant","error_description":"Token has been expired or revoked.",
            "error_subtype":"invalid_rapt","code":7,"id_token":"hunter22","deep":{"a":1}}"#;
        let refused = refusal(400, body).unwrap();
        assert_eq!((refused.status, &*refused.error), (Some(400), "invalid_grant"));
        assert_eq!(refused.description, "Token has been expired or revoked.");
        let fields = [("code".to_owned(), "7".to_owned()), ("error_subtype".to_owned(), "invalid_rapt".to_owned())];
        assert_eq!(refused.fields, fields);
    }

    #[test]
    fn other_bodies_are_no_refusal() {
        for body in ["", "<html>", "[]", "{}", r#"{"error":{"code":500}}"#] {
            assert_eq!(refusal(503, body.as_bytes()), None, "{body}");
        }
    }
}
