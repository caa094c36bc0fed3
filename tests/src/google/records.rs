//! What was asked, without the secrets in it.

use super::call::Call;

/// A request and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// `GET`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Decoded, in order; secrets are replaced by `…`.
    pub query: Vec<(String, String)>,
    /// In lower case; secrets are replaced by `…`.
    pub headers: Vec<(String, String)>,
    /// The body of a request to the calendar API. `None` for other requests, whose bodies are secret.
    pub body: Option<serde_json::Value>,
    /// `None` if there was no answer.
    pub status: Option<u16>,
}

/// Parameters whose values are secrets.
const SECRET: [&str; 6] = ["token", "access_token", "code", "client_secret", "refresh_token", "code_verifier"];

impl RecordedCall {
    pub(super) fn of(call: &Call, status: Option<u16>) -> Self {
        let hidden = |is_secret: bool, value: &str| if is_secret { "…".to_owned() } else { value.to_owned() };
        let query =
            call.query.iter().map(|(name, value)| (name.clone(), hidden(SECRET.contains(&name.as_str()), value)));
        let headers = call.headers.iter().map(|(name, value)| {
            let is_secret = matches!(name.as_str(), "authorization" | "cookie");
            (name.as_str().to_owned(), hidden(is_secret, &String::from_utf8_lossy(value.as_bytes())))
        });
        let is_api = call.path.starts_with("/calendar/");
        Self {
            method: call.verb.to_string(),
            path: call.path.clone(),
            query: query.collect(),
            headers: headers.collect(),
            body: if is_api { serde_json::from_slice(&call.body).ok().map(without_token) } else { None },
            status,
        }
    }
}

/// A channel's token is a secret too.
fn without_token(mut body: serde_json::Value) -> serde_json::Value {
    if let Some(token) = body.get_mut("token") {
        *token = "…".into();
    }
    body
}
