//! The service of the guest `directory`: sign-in for each tenant in two clouds, and an API.
//!
//! A code or a token is good only in the cloud and the tenant that issued it.

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Form, Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::net::TcpListener;
use url::Url;

/// The client that is registered at all tenants.
pub(super) const CLIENT: &str = "chronus-at-directory";
pub(super) const CLIENT_SECRET: &str = "hunter22-of-the-directory";

/// The mailbox of everybody who signs in.
pub(super) const MAIL: &str = "ann@school.example";

type Fields = BTreeMap<String, String>;

/// A running service. Clones are the same service.
#[derive(Clone)]
pub(super) struct Directory {
    origin: String,
    state: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    count: usize,
    /// The place that issued each code, refresh token and access token.
    issued: BTreeMap<String, String>,
    /// What was asked for at each place: `login/school/token refresh_token`.
    requests: Vec<String>,
    /// What a token reply has as its id token.
    id_token: IdToken,
}

/// The id token of a reply.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum IdToken {
    /// For our client, with this number as one of its claims.
    Ours(u32),
    /// For another client.
    Foreign,
    /// None.
    #[default]
    None,
}

impl Directory {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let directory = Self { origin, state: Arc::default() };
        let routes = Router::new()
            .route("/api/me", get(me))
            .route("/{cloud}/{tenant}/authorize", get(authorize))
            .route("/{cloud}/{tenant}/revoke", post(revoke))
            .route("/{cloud}/{tenant}/{endpoint}", post(token))
            .with_state(directory.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(directory)
    }

    /// Where the hosts of the provider are led.
    pub(super) fn map(&self) -> [(String, String); 3] {
        let to = |path: &str| format!("{}/{path}", self.origin);
        [
            ("https://login.directory.example".to_owned(), to("login")),
            ("https://gov.directory.example".to_owned(), to("gov")),
            ("https://api.directory.example".to_owned(), to("api")),
        ]
    }

    /// From now on, replies have this id token.
    pub(super) fn set_id_token(&self, id_token: IdToken) {
        self.book().id_token = id_token;
    }

    /// The requests since this was last asked.
    pub(super) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.book().requests)
    }

    /// What the service sends a browser back with, after the person has agreed.
    pub(super) async fn agree(&self, page: &Url) -> anyhow::Result<Fields> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let answer = client.get(page.clone()).send().await?;
        let back = answer.headers().get(header::LOCATION).with_context(|| format!("{page}: {}", answer.status()))?;
        let back: Url = back.to_str()?.parse()?;
        Ok(back.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn issue(&mut self, kind: &str, place: &str) -> String {
        self.count += 1;
        let token = format!("{kind}-{}-s3cret", self.count);
        self.issued.insert(token.clone(), place.to_owned());
        token
    }
}

async fn authorize(
    State(directory): State<Directory>,
    Path((cloud, tenant)): Path<(String, String)>,
    Query(asked): Query<Fields>,
) -> Result<Redirect, StatusCode> {
    let mut book = directory.book();
    book.requests.push(format!("{cloud}/{tenant}/authorize"));
    let code = book.issue("code", &format!("{cloud}/{tenant}"));
    let back = asked.get("redirect_uri").and_then(|back| Url::parse(back).ok());
    let (Some(mut back), Some(state)) = (back, asked.get("state")) else { return Err(StatusCode::BAD_REQUEST) };
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", state);
    Ok(Redirect::to(back.as_str()))
}

async fn token(
    State(directory): State<Directory>,
    Path((cloud, tenant, endpoint)): Path<(String, String, String)>,
    Form(asked): Form<Fields>,
) -> Response {
    let field = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let (place, grant) = (format!("{cloud}/{tenant}"), field("grant_type"));
    let mut book = directory.book();
    book.requests.push(format!("{place}/{endpoint} {grant}"));
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if (field("client_id"), field("client_secret")) != (CLIENT, CLIENT_SECRET) {
        return refuse("invalid_client");
    }
    let given = match grant {
        "authorization_code" => Some(field("code")),
        "refresh_token" => Some(field("refresh_token")),
        "client_credentials" => None,
        _ => return refuse("unsupported_grant_type"),
    };
    if given.is_some_and(|given| book.issued.get(given) != Some(&place)) {
        return refuse("invalid_grant");
    }
    let mut reply = json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": book.issue("access", &place) });
    reply["scope"] = if given.is_some() { "busy".into() } else { "all".into() };
    if grant == "authorization_code" {
        reply["refresh_token"] = book.issue("refresh", &place).into();
    }
    let claims = |audience: &str, number: u32| json!({ "aud": audience, "tid": tenant, "guest": number, "name": "Ann claim-of-the-directory" });
    match book.id_token {
        IdToken::Ours(number) => reply["id_token"] = signed(&claims(CLIENT, number)).into(),
        IdToken::Foreign => reply["id_token"] = signed(&claims("another-client", 1)).into(),
        IdToken::None => {}
    }
    Json(reply).into_response()
}

/// Claims in the form of RFC 7515 §7.1. Nobody checks the signature.
fn signed(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({ "alg": "RS256" })), part(claims), URL_SAFE_NO_PAD.encode("signature"))
}

async fn revoke(
    State(directory): State<Directory>,
    Path((cloud, tenant)): Path<(String, String)>,
    Form(asked): Form<Fields>,
) -> StatusCode {
    let mut book = directory.book();
    book.requests.push(format!("{cloud}/{tenant}/revoke"));
    match asked.get("token").and_then(|token| book.issued.remove(token)) {
        Some(_) => StatusCode::OK,
        None => StatusCode::BAD_REQUEST,
    }
}

async fn me(State(directory): State<Directory>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
    match directory.book().issued.contains_key(token) {
        true => Ok(Json(json!({ "mail": MAIL }))),
        false => Err(StatusCode::UNAUTHORIZED),
    }
}
