//! Token and revocation endpoints: one request, one answer that is understood.
//!
//! Threat: a reply or an error text with a token in it that gets into a log; a refusal that is taken for a disturbance, or
//! the other way round. Decision: the requests are those of the `oauth2` crate, carried by the sandbox's client; of an
//! answer only what is named here leaves this module. A refusal is an answer with an `error` (RFC 6749 §5.2), kept as the
//! provider's `explain-failure` wants it; everything else that is no token is no answer. Rejected: the crate's own errors,
//! which hold the answer's body.

use super::{SECRET_FIELDS, clients::Client};
use crate::plugins::{
    Sandbox,
    contract::SignInError,
    egress::{FetchError, RequestOwner},
};
use futures_util::future::BoxFuture;
use http::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, ExtraTokenFields, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    StandardTokenResponse, TokenResponse as _, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What a token endpoint gave.
pub(in crate::connections) struct TokenResponse {
    pub(in crate::connections) access: SecretString,
    pub(in crate::connections) refresh: Option<SecretString>,
    pub(in crate::connections) lasts: Option<Duration>,
    /// None: as asked (RFC 6749 §5.1).
    pub(in crate::connections) scopes: Option<Vec<String>>,
    /// Other fields that are texts or numbers, without those that are secrets.
    pub(in crate::connections) fields: BTreeMap<String, String>,
}

/// Why there is no token.
#[derive(Debug, Clone)]
pub(in crate::connections) enum TokenError {
    /// The service says no, and why.
    Refused(SignInError),
    /// It says nothing that makes sense: nothing is known to be wrong for good.
    NoAnswer(String),
    /// The grant or the client cannot be used.
    Unusable(&'static str),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "the service refuses: {}", error.error),
            Self::NoAnswer(why) => write!(f, "the service gave no token: {why}"),
            Self::Unusable(what) => write!(f, "the {what} cannot be used"),
        }
    }
}

/// A service, as the client of an operator talks to it.
pub(in crate::connections) struct Endpoint<'a> {
    pub(in crate::connections) sandbox: &'a Arc<Sandbox>,
    pub(in crate::connections) organisation: String,
    pub(in crate::connections) provider: &'a str,
    pub(in crate::connections) client: &'a Client,
    /// The address of the token endpoint.
    pub(in crate::connections) token: &'a str,
}

type Oauth = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<Fields, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// The fields of a reply that the standard does not name.
#[derive(Serialize, Deserialize)]
struct Fields(BTreeMap<String, Value>);

impl ExtraTokenFields for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")
    }
}

impl Endpoint<'_> {
    /// RFC 6749 §4.1.3 with RFC 7636 §4.5.
    pub(in crate::connections) async fn exchange(
        &self,
        code: &str,
        verifier: &SecretString,
        redirect: &str,
    ) -> Result<TokenResponse, TokenError> {
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|_| TokenError::Unusable("redirect address"))?;
        let (oauth, door) = (self.oauth(), self.door());
        let token = TokenUrl::new(self.token.to_owned()).map_err(|_| TokenError::Unusable("token endpoint"))?;
        let oauth = oauth.set_token_uri(token).set_redirect_uri(redirect);
        let request = oauth.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        let answer = request.request_async(&door).await;
        given(answer, &door)
    }

    /// RFC 6749 §6.
    pub(in crate::connections) async fn refresh(&self, refresh: &SecretString) -> Result<TokenResponse, TokenError> {
        let (oauth, door) = (self.oauth(), self.door());
        let token = TokenUrl::new(self.token.to_owned()).map_err(|_| TokenError::Unusable("token endpoint"))?;
        let oauth = oauth.set_token_uri(token);
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let answer = oauth.exchange_refresh_token(&refresh).request_async(&door).await;
        given(answer, &door)
    }

    /// RFC 6749 §4.4.
    pub(in crate::connections) async fn client_credentials(
        &self,
        scopes: &[String],
    ) -> Result<TokenResponse, TokenError> {
        let (oauth, door) = (self.oauth(), self.door());
        let token = TokenUrl::new(self.token.to_owned()).map_err(|_| TokenError::Unusable("token endpoint"))?;
        let oauth = oauth.set_token_uri(token);
        let request = oauth.exchange_client_credentials().add_scopes(scopes.iter().cloned().map(Scope::new));
        let answer = request.request_async(&door).await;
        given(answer, &door)
    }

    /// RFC 7523 §2.1, with the scopes in the assertion. The crate does not know this grant.
    pub(in crate::connections) async fn assert(&self, assertion: &SecretString) -> Result<TokenResponse, TokenError> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", assertion.expose_secret())
            .finish();
        let request = http::Request::post(self.token)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into_bytes());
        let request = request.map_err(|_| TokenError::Unusable("token endpoint"))?;
        let door = self.door();
        let answer = match door.call(request).await {
            Ok(answer) if answer.status() == StatusCode::OK => serde_json::from_slice(answer.body())
                .map_err(|_| RequestTokenError::Other("its answer makes no sense".to_owned())),
            Ok(_) => Err(RequestTokenError::Other("its answer makes no sense".to_owned())),
            Err(error) => Err(RequestTokenError::Request(error)),
        };
        given(answer, &door)
    }

    /// RFC 7009. A token that the service does not know any more is revoked.
    pub(in crate::connections) async fn revoke(&self, at: &str, token: &SecretString) -> Result<(), TokenError> {
        let at = oauth2::RevocationUrl::new(at.to_owned()).map_err(|_| TokenError::Unusable("revocation endpoint"))?;
        let (oauth, door) = (self.oauth().set_revocation_url(at), self.door());
        let token = StandardRevocableToken::RefreshToken(RefreshToken::new(token.expose_secret().to_owned()));
        let request = oauth.revoke_token(token).map_err(|_| TokenError::Unusable("revocation endpoint"))?;
        match request.request_async(&door).await {
            Ok(()) => Ok(()),
            Err(error) => match not_given(error, &door) {
                // RFC 7009 §2.2 wants 200 here; services that answer 400 name one of these.
                TokenError::Refused(error) if matches!(&*error.error, "invalid_token" | "invalid_grant") => Ok(()),
                error => Err(error),
            },
        }
    }

    fn oauth(&self) -> Oauth {
        // In the body, which every service takes (RFC 6749 §2.3.1 has it as the second way).
        let oauth = Oauth::new(ClientId::new(self.client.id.clone())).set_auth_type(AuthType::RequestBody);
        match &self.client.secret {
            Some(secret) => oauth.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
            None => oauth,
        }
    }

    fn door(&self) -> EgressHttpClient {
        let owner = (self.organisation.clone(), self.provider.to_owned());
        EgressHttpClient { sandbox: self.sandbox.clone(), owner, refused: Mutex::default() }
    }
}

/// Carries the crate's requests, and keeps what a refusal said.
struct EgressHttpClient {
    sandbox: Arc<Sandbox>,
    owner: (String, String),
    refused: Mutex<Option<SignInError>>,
}

impl<'c> AsyncHttpClient<'c> for EgressHttpClient {
    type Error = FetchError;
    type Future = BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let owner = RequestOwner { organisation: &self.owner.0, provider: &self.owner.1 };
            let answer = self.sandbox.fetch(owner, request).await?;
            let status = answer.status();
            if status.is_client_error() || status.is_server_error() {
                let refused = refusal(status.as_u16(), answer.body());
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
            }
            Ok(answer.map(|body| body.to_vec()))
        })
    }
}

/// A refusal in the form of RFC 6749 §5.2.
fn refusal(status: u16, body: &[u8]) -> Option<SignInError> {
    let mut fields: BTreeMap<String, Value> = serde_json::from_slice(body).ok()?;
    let mut take = |name: &str| fields.remove(name).as_ref().and_then(Value::as_str).map(str::to_owned);
    let (error, description) = (take("error")?, take("error_description"));
    let fields = plain(fields).into_iter().collect();
    Some(SignInError { status: Some(status), error, description: description.unwrap_or_default(), fields })
}

/// Fields that are texts or numbers, and no secrets.
fn plain(fields: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let known = fields.into_iter().filter(|(name, _)| !SECRET_FIELDS.contains(&name.as_str()));
    known.filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

fn given(
    answer: Result<StandardTokenResponse<Fields, BasicTokenType>, RequestTokenError<FetchError, BasicErrorResponse>>,
    door: &EgressHttpClient,
) -> Result<TokenResponse, TokenError> {
    let reply = answer.map_err(|error| not_given(error, door))?;
    Ok(TokenResponse {
        access: reply.access_token().secret().as_str().into(),
        refresh: reply.refresh_token().map(|token| token.secret().as_str().into()),
        lasts: reply.expires_in(),
        scopes: reply.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
        fields: plain(reply.extra_fields().0.clone()),
    })
}

/// Without the answer's body, which the crate's error holds.
fn not_given<E: oauth2::ErrorResponse + 'static>(
    error: RequestTokenError<FetchError, E>,
    door: &EgressHttpClient,
) -> TokenError {
    if let Some(refused) = door.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return TokenError::Refused(refused);
    }
    TokenError::NoAnswer(match error {
        RequestTokenError::Request(error) => error.to_string(),
        _ => "its answer makes no sense".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_and_its_secrets_are_not() {
        let body = br#"{"error":"invalid_grant","error_description":"Token has been expired or revoked.",
            "error_subtype":"invalid_rapt","code":7,"id_token":"hunter22","deep":{"a":1}}"#;
        let refused = refusal(400, body).unwrap();
        assert_eq!((refused.status, &*refused.error), (Some(400), "invalid_grant"));
        assert_eq!(refused.description, "Token has been expired or revoked.");
        let fields = [("code".to_owned(), "7".to_owned()), ("error_subtype".to_owned(), "invalid_rapt".to_owned())];
        assert_eq!(refused.fields, fields);
    }

    #[test]
    fn what_is_no_refusal_is_no_answer() {
        for body in ["", "<html>", "[]", "{}", r#"{"error":{"code":500}}"#] {
            assert_eq!(refusal(503, body.as_bytes()), None, "{body}");
        }
    }
}
