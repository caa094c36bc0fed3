//! Claims of an id token (OpenID Connect Core 1.0 §2).
//!
//! Threat: an id token, which says who somebody is, is stored, logged or given to a provider; a token that was made for another
//! application says something about this person. Decision: the token is read where the reply is read, and only the claims that
//! the operator's grant names leave this file. Its audience must be our client. Its signature is not checked: it came straight
//! from the token endpoint over TLS, and §3.1.3.7 (6) of that standard then takes the server's certificate in place of the
//! signature. Claims authenticate no person: they are fields for the provider, like those of the token response. Rejected: a
//! crate for JSON Web Tokens, and the keys of every service, for a signature that proves nothing more.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest value of a claim in bytes. Longer ones are dropped.
const MAX_CLAIM: usize = 1024;

/// An id token cannot be used. The text repeats no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// The token is not a JSON Web Token.
    #[error("the id token is malformed")]
    Malformed,
    /// The token was made for another client.
    #[error("the id token is for another application")]
    Audience,
}

/// The claims with these names: texts, and numbers and truth values as JSON writes them.
pub(super) fn claims(
    id_token: &str,
    client_id: &str,
    names: &[String],
) -> Result<BTreeMap<String, String>, IdTokenError> {
    let parts: Vec<_> = id_token.split('.').collect();
    let &[_, payload, _] = parts.as_slice() else { return Err(IdTokenError::Malformed) };
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| IdTokenError::Malformed)?;
    let all: Map<String, Value> = serde_json::from_slice(&payload).map_err(|_| IdTokenError::Malformed)?;
    let is_ours = match all.get("aud") {
        Some(Value::String(audience)) => audience == client_id,
        Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience == client_id),
        _ => false,
    };
    if !is_ours {
        return Err(IdTokenError::Audience);
    }
    let claim = |name: &String| {
        let text = match all.get(name)? {
            Value::String(text) => text.clone(),
            value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        (text.len() <= MAX_CLAIM).then(|| (name.clone(), text))
    };
    Ok(names.iter().filter_map(claim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(&json!({ "alg": "RS256" })), part(payload), "c2lnbmF0dXJl")
    }

    fn read(payload: &Value, names: &[&str]) -> Result<Vec<(String, String)>, IdTokenError> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        claims(&token(payload), "ours", &names).map(|claims| claims.into_iter().collect())
    }

    #[test]
    fn only_named_claims_are_kept_as_short_texts() {
        let payload = json!({ "aud": "ours", "tid": "7f3a", "n": 1.5, "v": true, "o": {"a": 1}, "l": ["a"], "z": null,
            "long": "x".repeat(MAX_CLAIM + 1), "sub": "hunter22" });
        let kept = read(&payload, &["tid", "n", "v", "o", "l", "z", "long", "absent"]).unwrap();
        let kept: Vec<_> = kept.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(kept, [("n", "1.5"), ("tid", "7f3a"), ("v", "true")]);
    }

    #[test]
    fn a_token_for_another_application_says_nothing() {
        assert!(read(&json!({ "aud": ["theirs", "ours"], "tid": "a" }), &["tid"]).is_ok());
        for payload in [json!({ "aud": "theirs" }), json!({ "aud": ["theirs"] }), json!({ "aud": 1 }), json!({})] {
            assert_eq!(read(&payload, &["tid"]), Err(IdTokenError::Audience), "{payload}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_repeated() {
        let good = token(&json!({ "aud": "ours" }));
        let encoded = URL_SAFE_NO_PAD.encode("[1]");
        for bad in ["", "hunter22", "a.b", "a.!.c", &format!("{good}.x"), &format!("a.{encoded}.c")] {
            let error = claims(bad, "ours", &[]).unwrap_err();
            assert!(error == IdTokenError::Malformed && !error.to_string().contains("hunter22"), "{bad}");
        }
    }
}
